//! How long functions are, read from formatted code: rustfmt puts the closing brace of a function
//! where its first line begins.

/// A function and the lines from its `fn` to its closing brace.
pub(super) struct Function<'a> {
    pub(super) name: &'a str,
    /// Counted from 1.
    pub(super) line: usize,
    pub(super) lines: usize,
}

/// The functions of a file, closures and macros not counted.
pub(super) fn functions(text: &str) -> Vec<Function<'_>> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let Some(name) = declared(line) else { continue };
        let indent = line.len() - line.trim_start().len();
        let rest = &lines[index..];
        let at_indent = |line: &&str| line.len() - line.trim_start().len() == indent;
        // A method of a trait may end without a body; a one-liner ends where it begins.
        let end = rest.iter().position(|line| {
            at_indent(line) && (line.trim_start() == "}" || line.ends_with([';', '}']))
        });
        if let Some(end) = end {
            found.push(Function { name, line: index + 1, lines: end + 1 });
        }
    }
    found
}

/// The name of the function that this line begins.
fn declared(line: &str) -> Option<&str> {
    let mut rest = line.trim_start();
    loop {
        let word = rest.split([' ', '(']).next()?;
        match word {
            "fn" => {
                let name = rest.strip_prefix("fn ")?;
                return name.split(['(', '<']).next();
            }
            "pub" if rest.starts_with("pub(") => rest = rest.split_once(") ")?.1,
            "pub" | "const" | "async" | "unsafe" | "default" => rest = rest.split_once(' ')?.1,
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths() {
        let text = "\
fn one() {}
pub(crate) const fn three(
    a: u8,
) -> u8 {
    a
}
impl X {
    async fn four(&self) {
        if x {
        }
    }
    fn declared_only(&self);
    pub fn where_clause<T>(t: T)
    where
        T: Y,
    {
        t();
    }
}
const fnord: u8 = 3;
";
        let found: Vec<_> = functions(text).iter().map(|f| (f.name, f.line, f.lines)).collect();
        let expect = [
            ("one", 1, 1),
            ("three", 2, 5),
            ("four", 8, 4),
            ("declared_only", 12, 1),
            ("where_clause", 13, 6),
        ];
        assert_eq!(found, expect);
    }
}
