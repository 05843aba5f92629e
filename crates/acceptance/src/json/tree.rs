//! The flat list and how to walk it.

use std::borrow::Cow;

use super::Decimal;
use crate::excerpt::excerpt;

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Null,
    False,
    True,
    Number,
    String,
    Array,
    Object,
}

/// Where a value stands in its tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct At(u32);

/// One value. Members of an object are two neighbours: the name, a string, and the value.
///
/// Sixteen bytes: 1 MiB of text holds half a million values.
#[derive(Clone, Copy)]
pub(super) struct Node {
    pub(super) kind: Kind,
    /// A string with escapes: its text has to be rebuilt.
    pub(super) escaped: bool,
    /// First byte in the text; strings begin after their quote.
    pub(super) start: u32,
    /// Bytes of a scalar; items of an array; members of an object.
    pub(super) length: u32,
    /// The node after this one and everything in it.
    pub(super) next: u32,
}

/// A JSON text and its values in the order of the text.
pub(crate) struct Tree<'a> {
    pub(super) text: &'a str,
    pub(super) nodes: Vec<Node>,
}

impl<'a> Tree<'a> {
    pub(crate) fn root(&self) -> At {
        At(0)
    }

    pub(crate) fn kind(&self, at: At) -> Kind {
        self.node(at).kind
    }

    /// Items of an array, members of an object, bytes of a scalar as written.
    pub(crate) fn length(&self, at: At) -> usize {
        self.node(at).length as usize
    }

    /// The text of a string, escapes resolved. For any other value: as [`Self::written`].
    pub(crate) fn string(&self, at: At) -> Cow<'a, str> {
        let written = self.written(at);
        if self.node(at).escaped { Cow::Owned(unescape(written)) } else { Cow::Borrowed(written) }
    }

    /// Whether the text of a string has to be rebuilt each time that it is asked for.
    pub(crate) fn is_escaped(&self, at: At) -> bool {
        self.node(at).escaped
    }

    /// The value of a number.
    pub(crate) fn number(&self, at: At) -> Decimal<'a> {
        Decimal::from_json(self.written(at))
    }

    /// A scalar as it stands in the text, a string without its quotes.
    pub(crate) fn written(&self, at: At) -> &'a str {
        let node = self.node(at);
        if matches!(node.kind, Kind::Array | Kind::Object) {
            return "";
        }
        let start = node.start as usize;
        &self.text[start..start + node.length as usize]
    }

    /// The items of an array.
    pub(crate) fn items(&self, at: At) -> impl Iterator<Item = At> {
        self.children(at, Kind::Array)
    }

    /// Names and values of an object in the order of the text, no name twice.
    pub(crate) fn members(&self, at: At) -> impl Iterator<Item = (At, At)> {
        self.children(at, Kind::Object).step_by(2).map(|name| (name, At(name.0 + 1)))
    }

    /// The value of the member called `name`.
    pub(crate) fn member(&self, at: At, name: &str) -> Option<At> {
        self.members(at).find(|(key, _)| self.string(*key) == name).map(|(_, value)| value)
    }

    /// Whether `inner` is `outer` or a part of it.
    pub(crate) fn holds(&self, outer: At, inner: At) -> bool {
        (outer.0..self.node(outer).next).contains(&inner.0)
    }

    /// The way from the root, as a JSON pointer of at most 120 characters without deceiving ones.
    /// Long ones lose their beginning, because the end tells more.
    pub(crate) fn pointer(&self, target: At) -> String {
        let mut steps = Vec::new();
        let mut here = self.root();
        while here < target {
            let Some((step, child)) = self.step_towards(here, target) else { break };
            steps.push(step);
            here = child;
        }
        let whole: String = steps.iter().map(|step| format!("/{step}")).collect();
        let length = whole.chars().count();
        if length <= 120 {
            return whole;
        }
        let end: String = whole.chars().skip(length - 119).collect();
        format!("…{end}")
    }

    /// The child that holds `target`, and its name or position.
    fn step_towards(&self, parent: At, target: At) -> Option<(String, At)> {
        let holds = |child: At| self.holds(child, target);
        match self.kind(parent) {
            Kind::Object => self
                .children(parent, Kind::Object)
                .step_by(2)
                .find(|name| *name == target || holds(At(name.0 + 1)))
                .map(|name| {
                    let child = if name == target { name } else { At(name.0 + 1) };
                    let step = self.string(name).replace('~', "~0").replace('/', "~1");
                    (excerpt(&step, 40), child)
                }),
            _ => self
                .items(parent)
                .enumerate()
                .find(|(_, child)| holds(*child))
                .map(|(position, child)| (position.to_string(), child)),
        }
    }

    fn children(&self, at: At, kind: Kind) -> impl Iterator<Item = At> {
        let parent = self.node(at);
        let end = if parent.kind == kind { parent.next } else { at.0 + 1 };
        let mut position = at.0 + 1;
        std::iter::from_fn(move || {
            let child = At(position);
            if position >= end {
                return None;
            }
            position = self.node(child).next;
            Some(child)
        })
    }

    fn node(&self, at: At) -> Node {
        self.nodes[at.index()]
    }
}

impl At {
    pub(super) fn new(position: usize) -> Self {
        // Texts are at most 1 MiB, so that positions always fit.
        Self(u32::try_from(position).unwrap_or(u32::MAX))
    }

    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

/// Resolves the escapes of a string that the reader accepted.
fn unescape(written: &str) -> String {
    let mut text = String::with_capacity(written.len());
    let mut rest = written;
    while let Some(backslash) = rest.find('\\') {
        text.push_str(&rest[..backslash]);
        let escape = &rest[backslash + 1..];
        let (character, used) = match escape.as_bytes().first() {
            Some(b'b') => ('\u{8}', 1),
            Some(b'f') => ('\u{c}', 1),
            Some(b'n') => ('\n', 1),
            Some(b'r') => ('\r', 1),
            Some(b't') => ('\t', 1),
            Some(b'u') => unicode_escape(escape),
            Some(&same) => (char::from(same), 1),
            None => break,
        };
        text.push(character);
        rest = &escape[used..];
    }
    text.push_str(rest);
    text
}

/// The character of `uXXXX`, or of `uXXXX\uXXXX` for a surrogate pair, and the bytes it takes.
pub(super) fn unicode_escape(escape: &str) -> (char, usize) {
    let unit = |from: usize| {
        escape.get(from..from + 4).and_then(|digits| u32::from_str_radix(digits, 16).ok())
    };
    let first = unit(1).unwrap_or(0xfffd);
    if let Some(character) = char::from_u32(first) {
        return (character, 5);
    }
    let second = unit(7).unwrap_or(0).wrapping_sub(0xdc00) & 0x3ff;
    let joined = 0x10000 + ((first & 0x3ff) << 10) + second;
    (char::from_u32(joined).unwrap_or(char::REPLACEMENT_CHARACTER), 11)
}
