//! Rows as arrays: one statement, prepared once, for any number of rows.

use crate::session::Params;

/// Rows of one shape, column by column.
pub(crate) trait Arrays: Sync {
    /// The statement that writes them.
    fn text(&self) -> &'static str;

    /// The same statement before its columns are filled in, with the columns and their types.
    fn parts(&self) -> (&'static str, &'static [(&'static str, &'static str)]);

    fn is_empty(&self) -> bool;

    /// The columns, in the order of the statement's parameters.
    fn params(&self) -> Params<'_>;
}

/// Fills a statement in, its parameters counted from `first` on: `{columns}` are the names of the
/// columns, `{others}` all but the first as columns of `u`, `{arrays}` the parameters,
/// `{array.NAME}` the one of a column, and `{rows}` all of them side by side, as `u`. `{few}` is the
/// same for rows that are looked up in a table.
///
/// The arrays are unfolded in a list of columns, not by one function in FROM, which would keep each
/// of them in a store of its own. With a limit that it cannot know the planner takes them for few
/// and looks each up by its key in all tables but those that were empty when they were analysed.
pub(crate) fn statement(text: &str, columns: &[(&str, &str)], first: usize) -> String {
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let arrays: Vec<String> = (first..)
        .zip(columns)
        .map(|(place, (_, sql)): (usize, &(&str, &str))| format!("${place}::{sql}[]"))
        .collect();
    let others: Vec<String> = names.iter().skip(1).map(|name| format!("u.{name}")).collect();
    let unfolded: Vec<String> = names
        .iter()
        .zip(&arrays)
        .map(|(name, array)| format!("unnest({array}) AS {name}"))
        .collect();
    let (unfolded, one) = (unfolded.join(", "), arrays.first().map_or("", String::as_str));
    let mut text = text
        .replace("{columns}", &names.join(", "))
        .replace("{others}", &others.join(", "))
        .replace("{arrays}", &arrays.join(", "))
        .replace("{rows}", &format!("(SELECT {unfolded}) AS u"))
        .replace("{few}", &format!("(SELECT {unfolded} LIMIT cardinality({one})) AS u"));
    for (name, array) in names.iter().zip(&arrays) {
        text = text.replace(&format!("{{array.{name}}}"), array);
    }
    text
}

/// `arrays! { Name => "statement" { column: RustType as "sqltype", … } }`
macro_rules! arrays {
    ($(#[$doc:meta])* $name:ident => $text:literal {
        $($column:ident: $type:ty as $sql:literal),+ $(,)?
    }) => {
        $(#[$doc])*
        #[derive(Debug, Default)]
        pub(crate) struct $name {
            $(pub(crate) $column: Vec<$type>,)+
        }

        impl $name {
            /// The next row: its columns in the order of the statement.
            pub(crate) fn push(&mut self, ($($column,)+): ($($type,)+)) {
                $(self.$column.push($column);)+
            }
        }

        impl $crate::arrays::Arrays for $name {
            fn text(&self) -> &'static str {
                static TEXT: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
                    $crate::arrays::statement($text, &[$((stringify!($column), $sql),)+], 1)
                });
                &TEXT
            }

            fn parts(&self) -> (&'static str, &'static [(&'static str, &'static str)]) {
                ($text, &[$((stringify!($column), $sql),)+])
            }

            fn is_empty(&self) -> bool {
                [$(self.$column.len()),+][0] == 0
            }

            fn params(&self) -> $crate::session::Params<'_> {
                vec![$(&self.$column),+]
            }
        }
    };
}
pub(crate) use arrays;
