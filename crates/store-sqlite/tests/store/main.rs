//! What this store promises beyond the contract of all stores.

#[cfg(test)]
mod file;
#[cfg(test)]
mod history;
#[cfg(test)]
mod market;
#[cfg(test)]
mod refusal;
