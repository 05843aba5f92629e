//! Reading what registries say of agents: keys as JWK, endpoints in cards of several generations.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use marketplace_money::Did;
use serde_json::Value;

/// Names under which a JWK hides in a larger reply.
const JWK_PLACES: [&str; 4] = ["/public_key_jwk", "/publicKeyJwk", "/public_key", "/jwk"];
/// Names under which a card hides in a larger reply.
const CARD_PLACES: [&str; 4] = ["/card_data", "/agent_card/card_data", "/agent_card", "/card"];

/// The Ed25519 key of a reply: a JWK (RFC 8037), bare or under one of its usual names.
pub(crate) fn ed25519_key(body: &Value) -> Option<[u8; 32]> {
    let nested = JWK_PLACES.iter().filter_map(|place| body.pointer(place));
    std::iter::once(body).chain(nested).find_map(jwk)
}

fn jwk(value: &Value) -> Option<[u8; 32]> {
    // Some registries keep the JWK as a text.
    if let Some(text) = value.as_str() {
        return serde_json::from_str(text).ok().filter(Value::is_object).and_then(|v| jwk(&v));
    }
    let is = |name: &str, expect: &str| value[name].as_str() == Some(expect);
    if !is("kty", "OKP") || !is("crv", "Ed25519") {
        return None;
    }
    URL_SAFE_NO_PAD.decode(value["x"].as_str()?.trim_end_matches('=')).ok()?.try_into().ok()
}

/// The A2A endpoint of a profile or a card: the interface for JSON-RPC where interfaces are listed,
/// else `url`.
pub(crate) fn endpoint(body: &Value) -> Option<String> {
    let nested = CARD_PLACES.iter().filter_map(|place| body.pointer(place));
    nested.chain(std::iter::once(body)).find_map(of_card)
}

fn of_card(card: &Value) -> Option<String> {
    let interfaces = card["supportedInterfaces"].as_array().map(Vec::as_slice).unwrap_or_default();
    let speaks = |interface: &&Value| {
        interface["protocolBinding"]
            .as_str()
            .is_some_and(|name| name.eq_ignore_ascii_case("JSONRPC"))
    };
    let listed = interfaces.iter().find(speaks).and_then(|interface| interface["url"].as_str());
    let plain = ["a2a_endpoint", "endpoint", "url"].iter().find_map(|name| card[*name].as_str());
    listed.or(plain).filter(|url| !url.is_empty()).map(str::to_owned)
}

/// Whether a card says that it is this agent's.
pub(crate) fn card_names(card: &Value, did: &Did) -> bool {
    let tags = card["tags"].as_array().map(Vec::as_slice).unwrap_or_default();
    card["did"].as_str() == Some(did.as_str())
        || tags.iter().any(|tag| tag.as_str() == Some(did.as_str()))
}

/// When a token ends, in seconds of Unix time, as far as it is a JWT that says so.
pub(crate) fn expiry(token: &str) -> Option<i64> {
    let claims = token.split('.').nth(1)?;
    let claims = URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?;
    serde_json::from_slice::<Value>(&claims).ok()?["exp"].as_i64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys() {
        let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode([7; 32])});
        let good = [
            jwk.clone(),
            json!({"did": "did:a:b", "public_key_jwk": jwk}),
            json!({"public_key_jwk": jwk.to_string()}),
            json!({"publicKeyJwk": jwk}),
        ];
        for body in good {
            assert_eq!(ed25519_key(&body), Some([7; 32]), "{body}");
        }
        let x = |x: &str| json!({"kty": "OKP", "crv": "Ed25519", "x": x});
        let bad = [
            Value::Null,
            json!({}),
            json!("text"),
            json!([jwk]),
            x("AA"),
            x("%%"),
            x(&URL_SAFE_NO_PAD.encode([7; 33])),
            json!({"kty": "OKP", "crv": "X25519", "x": URL_SAFE_NO_PAD.encode([7; 32])}),
            json!({"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}),
            json!({"public_key_jwk": "not json"}),
        ];
        for body in bad {
            assert_eq!(ed25519_key(&body), None, "{body}");
        }
    }

    #[test]
    fn endpoints() {
        let check = |body: Value, expect: Option<&str>| {
            assert_eq!(endpoint(&body).as_deref(), expect, "{body}");
        };
        let old = json!({"url": "https://old.example/a2a"});
        let new = json!({"url": "https://old.example", "supportedInterfaces": [
            {"url": "https://grpc.example", "protocolBinding": "GRPC"},
            {"url": "https://rpc.example", "protocolBinding": "jsonrpc"},
        ]});
        check(old.clone(), Some("https://old.example/a2a"));
        check(new.clone(), Some("https://rpc.example"));
        check(json!({"id": "1", "card_data": new}), Some("https://rpc.example"));
        check(
            json!({"did": "did:a:b", "agent_card": {"card_data": old}}),
            Some("https://old.example/a2a"),
        );
        check(json!({"did": "did:a:b", "endpoint": "http://x"}), Some("http://x"));
        check(json!({"url": ""}), None);
        check(json!({"url": 7, "supportedInterfaces": "x"}), None);
        check(Value::Null, None);
    }

    #[test]
    fn ends_of_tokens() {
        let token = |claims: &str| format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(claims));
        assert_eq!(expiry(&token(r#"{"sub":"did:a","exp":17}"#)), Some(17));
        for token in ["", "x", "a.b.c", &token("{}"), &token(r#"{"exp":"soon"}"#)] {
            assert_eq!(expiry(token), None, "{token}");
        }
    }
}
