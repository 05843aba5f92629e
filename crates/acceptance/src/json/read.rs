//! From text to the flat list. Strict (RFC 8259): no comments, no trailing commas, no byte order
//! mark, no half surrogate pairs.

use super::MAX_NESTING;
use std::borrow::Cow;
use std::collections::BTreeSet;

use super::tree::{At, Kind, Node, Tree};
use crate::budget::{Budget, Stop};

/// Why a text could not be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ReadError {
    /// What is wrong, and at which byte, counted from 0.
    NotJson { byte: usize, problem: &'static str },
    /// The run ended before the text did.
    Stopped(Stop),
}

impl From<Stop> for ReadError {
    fn from(stop: Stop) -> Self {
        Self::Stopped(stop)
    }
}

/// What to do about a name that an object has twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeated {
    /// The last one counts, as for nearly every reader of JSON.
    LastCounts,
    /// Nobody writes that on purpose.
    Refused,
}

/// Reads one JSON value and nothing after it.
pub(crate) fn read<'a>(
    text: &'a str,
    repeated: Repeated,
    budget: &mut Budget<'_>,
) -> Result<Tree<'a>, ReadError> {
    let tree = Tree { text, nodes: Vec::new() };
    let mut reader = Reader { tree, bytes: text.as_bytes(), position: 0, repeated, budget };
    reader.skip_space();
    reader.value(0)?;
    reader.skip_space();
    if reader.position < reader.bytes.len() {
        return Err(reader.problem("nothing may follow the value"));
    }
    Ok(reader.tree)
}

struct Reader<'a, 'b, 'c> {
    tree: Tree<'a>,
    bytes: &'a [u8],
    position: usize,
    repeated: Repeated,
    budget: &'b mut Budget<'c>,
}

impl Reader<'_, '_, '_> {
    fn value(&mut self, depth: usize) -> Result<(), ReadError> {
        self.budget.spend(2)?;
        match self.peek() {
            Some(b'{') => self.object(depth + 1),
            Some(b'[') => self.array(depth + 1),
            Some(b'"') => self.string(),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Kind::True),
            Some(b'f') => self.word("false", Kind::False),
            Some(b'n') => self.word("null", Kind::Null),
            _ => Err(self.problem("expected a value")),
        }
    }

    fn array(&mut self, depth: usize) -> Result<(), ReadError> {
        let array = self.open(Kind::Array, depth)?;
        let mut count = 0;
        if !self.eat(b']') {
            loop {
                self.value(depth)?;
                count += 1;
                self.skip_space();
                if self.eat(b']') {
                    break;
                }
                self.expect(b',', "expected a comma or the end of the array")?;
            }
        }
        self.close(array, count);
        Ok(())
    }

    fn object(&mut self, depth: usize) -> Result<(), ReadError> {
        let object = self.open(Kind::Object, depth)?;
        let mut names = Vec::new();
        if !self.eat(b'}') {
            loop {
                names.push(At::new(self.tree.nodes.len()));
                if self.peek() != Some(b'"') {
                    return Err(self.problem("expected a name in double quotes"));
                }
                self.string()?;
                self.skip_space();
                self.expect(b':', "expected a colon")?;
                self.value(depth)?;
                self.skip_space();
                if self.eat(b'}') {
                    break;
                }
                self.expect(b',', "expected a comma or the end of the object")?;
            }
        }
        let dropped = self.drop_repeated(&names)?;
        self.close(object, names.len() - dropped);
        Ok(())
    }

    /// Takes members whose name comes again later out of the list, so that nobody has to step over
    /// them. Returns how many there were.
    fn drop_repeated(&mut self, names: &[At]) -> Result<usize, ReadError> {
        let [first, _, ..] = names else { return Ok(0) };
        let bytes: usize = names.iter().map(|name| self.tree.length(*name)).sum();
        self.budget.spend(4 * names.len() + bytes / 8)?;
        let mut sorted: Vec<_> = names.iter().map(|at| (self.tree.string(*at), *at)).collect();
        sorted.sort_unstable();
        let is_pair = |pair: &&[(Cow<'_, str>, At)]| pair[0].0 == pair[1].0;
        let dropped: BTreeSet<At> =
            sorted.windows(2).filter(is_pair).map(|pair| pair[0].1).collect();
        if dropped.is_empty() {
            return Ok(0);
        }
        if self.repeated == Repeated::Refused {
            let problem = "the object that ends here has a name twice: leave one out";
            return Err(ReadError::NotJson { byte: self.position - 1, problem });
        }
        let members = self.tree.nodes.split_off(first.index());
        self.budget.spend(members.len())?;
        let ends = names[1..].iter().map(|name| name.index() - first.index());
        let mut start = 0;
        for (name, end) in names.iter().zip(ends.chain([members.len()])) {
            if !dropped.contains(name) {
                let moved = first.index() + start - self.tree.nodes.len();
                let moved = u32::try_from(moved).unwrap_or(u32::MAX);
                let kept = members[start..end].iter();
                self.tree.nodes.extend(kept.map(|node| Node { next: node.next - moved, ..*node }));
            }
            start = end;
        }
        Ok(dropped.len())
    }

    fn string(&mut self) -> Result<(), ReadError> {
        self.position += 1;
        let start = self.position;
        let mut escaped = false;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.position += 1;
                    self.escape()?;
                }
                Some(0..=0x1f) => return Err(self.problem("a control character must be escaped")),
                Some(_) => self.position += 1,
                None => return Err(self.problem("the string does not end")),
            }
        }
        self.push(Kind::String, start)?;
        if let Some(node) = self.tree.nodes.last_mut() {
            node.escaped = escaped;
        }
        self.position += 1;
        Ok(())
    }

    /// What follows a backslash.
    fn escape(&mut self) -> Result<(), ReadError> {
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.position += 1,
            Some(b'u') => match self.code_unit() {
                Some(0xd800..=0xdbff) => {
                    let low = self.eat(b'\\') && self.peek() == Some(b'u');
                    if !low || !matches!(self.code_unit(), Some(0xdc00..=0xdfff)) {
                        return Err(self.problem("half of a surrogate pair"));
                    }
                }
                Some(0xdc00..=0xdfff) => return Err(self.problem("half of a surrogate pair")),
                Some(_) => {}
                None => return Err(self.problem("expected four hexadecimal digits")),
            },
            _ => return Err(self.problem("not an escape that JSON knows")),
        }
        Ok(())
    }

    /// Reads `uXXXX`.
    fn code_unit(&mut self) -> Option<u32> {
        let digits = self.bytes.get(self.position + 1..self.position + 5)?;
        let mut unit = 0;
        for digit in digits {
            unit = unit * 16 + char::from(*digit).to_digit(16)?;
        }
        self.position += 5;
        Some(unit)
    }

    fn number(&mut self) -> Result<(), ReadError> {
        let start = self.position;
        self.eat(b'-');
        if !self.eat(b'0') {
            self.digits()?;
        }
        if self.eat(b'.') {
            self.digits()?;
        }
        if self.eat(b'e') || self.eat(b'E') {
            if !self.eat(b'+') {
                self.eat(b'-');
            }
            self.digits()?;
        }
        self.push(Kind::Number, start)
    }

    fn digits(&mut self) -> Result<(), ReadError> {
        let rest = &self.bytes[self.position..];
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if count == 0 {
            return Err(self.problem("expected a digit"));
        }
        self.position += count;
        Ok(())
    }

    fn word(&mut self, word: &str, kind: Kind) -> Result<(), ReadError> {
        if !self.bytes[self.position..].starts_with(word.as_bytes()) {
            return Err(self.problem("expected a value"));
        }
        let start = self.position;
        self.position += word.len();
        self.push(kind, start)
    }

    /// A scalar that ends here.
    fn push(&mut self, kind: Kind, start: usize) -> Result<(), ReadError> {
        self.budget.spend((self.position - start) / 4)?;
        let node = self.node(kind, start, self.position - start);
        self.tree.nodes.push(node);
        Ok(())
    }

    fn open(&mut self, kind: Kind, depth: usize) -> Result<usize, ReadError> {
        if depth > MAX_NESTING {
            return Err(self.problem("nested more than 64 deep"));
        }
        let node = self.node(kind, self.position, 0);
        self.tree.nodes.push(node);
        self.position += 1;
        self.skip_space();
        Ok(self.tree.nodes.len() - 1)
    }

    fn close(&mut self, container: usize, count: usize) {
        let next = self.tree.nodes.len();
        let node = &mut self.tree.nodes[container];
        node.length = u32::try_from(count).unwrap_or(u32::MAX);
        node.next = u32::try_from(next).unwrap_or(u32::MAX);
    }

    fn node(&self, kind: Kind, start: usize, length: usize) -> Node {
        let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let next = small(self.tree.nodes.len() + 1);
        let (start, length) = (small(start), small(length));
        Node { kind, escaped: false, start, length, next }
    }
}

impl Reader<'_, '_, '_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.position).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.position += usize::from(found);
        found
    }

    /// Eats `byte` and the space after it.
    fn expect(&mut self, byte: u8, problem: &'static str) -> Result<(), ReadError> {
        if !self.eat(byte) {
            return Err(self.problem(problem));
        }
        self.skip_space();
        Ok(())
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.position += 1;
        }
    }

    fn problem(&self, problem: &'static str) -> ReadError {
        ReadError::NotJson { byte: self.position, problem }
    }
}

#[cfg(test)]
mod tests {
    use super::super::canonical;
    use super::*;
    use proptest::prelude::*;

    fn canonical_of(text: &str) -> Result<String, ReadError> {
        let mut budget = Budget::unlimited();
        let tree = read(text, Repeated::LastCounts, &mut budget)?;
        Ok(canonical(&tree, tree.root(), &mut budget)?)
    }

    #[test]
    fn texts() {
        let check = |text: &str, expect: &str| {
            assert_eq!(canonical_of(text).as_deref(), Ok(expect), "{text}");
        };
        check(" null\n", "null");
        check("[1, 2.50,-0.0 ,1e2,true,false]", "[1,25e-1,0,1e2,true,false]");
        check(r#"{"b":1,"a":{"y":[],"x":{}}}"#, r#"{"a":{"x":{},"y":[]},"b":1}"#);
        check(r#"{"a":1,"\u0061":2,"b":0,"a":3}"#, r#"{"a":3,"b":0}"#);
        check(
            r#"[{"a":[1,2],"b":{"c":1,"c":[[]]},"a":{"d":[3,4]}},5]"#,
            r#"[{"a":{"d":[3,4]},"b":{"c":[[]]}},5]"#,
        );
        check(
            r#"{"x":{"a":[[1]],"b":2,"a":[[3]]},"y":[4],"x":{"z":[5],"z":6}}"#,
            r#"{"x":{"z":6},"y":[4]}"#,
        );
        check(r#""\u00e9\ud83d\ude00\/\n\u0001\"\\""#, "\"é😀/\\u000a\\u0001\\\"\\\\\"");
    }

    #[test]
    fn what_is_not_json() {
        let check = |text: &str, byte: usize, part: &str| match canonical_of(text) {
            Err(ReadError::NotJson { byte: found, problem }) => {
                assert_eq!(found, byte, "{text}");
                assert!(problem.contains(part), "{text}: {problem}");
            }
            other => panic!("{text}: {other:?}"),
        };
        check("", 0, "a value");
        check("tru", 0, "a value");
        check("[1,]", 3, "a value");
        check("[1 2]", 3, "comma");
        check(r#"{"a" 1}"#, 5, "colon");
        check("{a:1}", 1, "double quotes");
        check(r#"{"a":1,}"#, 7, "double quotes");
        check("01", 1, "follow");
        check("1.", 2, "digit");
        check("-", 1, "digit");
        check("1e+", 3, "digit");
        check("\"a", 2, "does not end");
        check("\"\\x\"", 2, "escape");
        check("\"\\u12g4\"", 2, "hexadecimal");
        check("\"\\ud800\"", 7, "surrogate");
        check("\"\\udc00\"", 7, "surrogate");
        check("\"\n\"", 1, "control");
        check("\u{feff}1", 0, "a value");
        check(&("[".repeat(65) + &"]".repeat(65)), 64, "64 deep");
        assert!(canonical_of(&("[".repeat(64) + &"]".repeat(64))).is_ok());
        assert!(canonical_of(&"[".repeat(1 << 20)).is_err());
    }

    #[test]
    fn pointers() {
        let check = |text: &str, name: &str, expect: &str| {
            let tree = read(text, Repeated::Refused, &mut Budget::unlimited()).unwrap();
            let is_target = |at: &At| tree.written(*at) == name;
            let target = (0..tree.nodes.len()).map(At::new).find(is_target).unwrap();
            assert_eq!(tree.pointer(target), expect, "{text}");
        };
        check("7", "7", "");
        check("[[1,2],[3,7]]", "7", "/1/1");
        check(r#"{"a":[1],"b/~":{"c":7}}"#, "7", "/b~1~0/c");
        check(r#"{"a":[1],"b":{"c":7}}"#, "c", "/b/c");
        let key = "k".repeat(1_000);
        let deep = format!(r#"{{"{key}":{{"{key}":{{"{key}":{{"last":7}}}}}}}}"#);
        let tree = read(&deep, Repeated::Refused, &mut Budget::unlimited()).unwrap();
        let pointer = tree.pointer(At::new(8));
        assert_eq!(pointer.chars().count(), 120);
        assert!(pointer.starts_with('…') && pointer.ends_with("/last"), "{pointer}");
    }

    proptest! {
        #[test]
        fn agrees_with_serde_json(text in r#"([\[\]{}:,"\\ua-e01.\-+ \n]|true|null|"a":|\\u00e9|\\ud83d\\ude00){0,30}"#) {
            let expect = serde_json::from_str::<serde_json::Value>(&text);
            let found = canonical_of(&text);
            prop_assert_eq!(found.is_ok(), expect.is_ok(), "{}", text);
            if let (Ok(found), Ok(expect)) = (found, expect) {
                let again = canonical_of(&expect.to_string());
                prop_assert_eq!(Ok(found), again);
            }
        }
    }
}
