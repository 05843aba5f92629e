//! Registries over HTTP: our client against our server, both against strangers.

#[cfg(test)]
mod common;
#[cfg(test)]
mod messages;
#[cfg(test)]
mod our_keys;
#[cfg(test)]
mod peers;
#[cfg(test)]
mod schemas;
#[cfg(test)]
mod strangers;
