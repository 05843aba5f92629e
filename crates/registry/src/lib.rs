//! Embedded agent directory; did:key and did-jwt.
