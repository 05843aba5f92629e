//! The macro behind every word of this crate that has a name on the wire.

macro_rules! names {
    ($type:ty, $hint:literal, [$(($value:ident, $name:literal)),* $(,)?]) => {
        impl $type {
            /// All values, with their names on the wire.
            pub const NAMES: &[(Self, &'static str)] = &[$((Self::$value, $name)),*];

            /// The name on the wire.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$value => $name),* }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }

        impl std::str::FromStr for $type {
            type Err = &'static str;

            fn from_str(text: &str) -> Result<Self, &'static str> {
                let found = Self::NAMES.iter().find(|(_, name)| *name == text);
                found.map(|(value, _)| *value).ok_or($hint)
            }
        }
    };
}
pub(crate) use names;
