//! The embedded node from outside: its rules, its file, its books.

#[cfg(test)]
mod books;
#[cfg(test)]
mod common;
#[cfg(test)]
mod persistence;
#[cfg(test)]
mod rules;
