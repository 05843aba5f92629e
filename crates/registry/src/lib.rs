//! Who is who: keys of agents, proofs of a DID, our own access tokens, the embedded directory.
//!
//! - A `did:key` is its own proof; any other DID is bound to a key by a claim signed with that key.
//! - A did-jwt is accepted only in one shape, signed with Ed25519; whatever is unusual is refused.
//! - An access token is short-lived and cheap to verify: it is on the way of every request.

mod access_token;
mod agent_key;
mod bound;
mod cards;
mod claim;
mod client;
mod courier;
mod did_jwt;
mod did_key;
mod did_web;
mod directory;
mod fetch;
mod identity;
mod jws;
mod notifier;
mod own_keys;
mod p256;
mod server;

pub use access_token::{ACCESS_TOKEN_LIFE, AccessTokens};
pub use agent_key::{
    AgentKey, NoRandomness, fresh_nonce, random_key, secret_from_text, verify_signature,
};
pub use client::{Credentials, HttpRegistry, RegistryMemory, RegistryObserver, RegistrySettings};
pub use courier::HttpCourier;
pub use did_jwt::{CLOCK_SKEW, LONGEST_LIFE, LONGEST_TOKEN, ProofClaims, mint};
pub use did_key::{DidKeyError, decode_did_key, encode_did_key};
pub use directory::{EmbeddedRegistry, OpenError};
pub use fetch::{FetchSettings, FetcherError, HttpFetcher, install_tls_provider};
pub use identity::LocalIdentity;
pub use notifier::{Clock, HttpNotifier};
pub use own_keys::{KeySource, OwnKeyError, OwnKeys, RETIRED_KEY_LIFE, SharedKey, share_key_file};
pub use reqwest::Url;
pub use server::{Account, RegistryServer};
