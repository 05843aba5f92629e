//! Identity and the embedded directory from outside.

#[cfg(test)]
mod bindings;
#[cfg(test)]
mod bound;
#[cfg(test)]
mod proofs;
