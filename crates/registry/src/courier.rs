//! Posting letters to endpoints of strangers: what holds for fetching ([`crate::HttpFetcher`])
//! holds here.
//!
//! Signed as Standard Webhooks says: over `id.seconds.body`, `v1` with the secret that the
//! receiver shares with us, `v1a` with our own key, which is in our key set.

use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use marketplace_money::Seconds;
use marketplace_ports::{Courier, FetchError, Letter, PostError};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};
use sha2::Sha256;

use crate::fetch::{check, failure, guarded};
use crate::{FetchSettings, FetcherError, OwnKeys};

/// Of secrets that we made.
const SECRET_PREFIX: &str = "whsec_";

/// Posts over HTTP.
pub struct HttpCourier {
    client: Client,
    allow_private: bool,
    keys: Arc<OwnKeys>,
}

impl std::fmt::Debug for HttpCourier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpCourier").finish_non_exhaustive()
    }
}

impl HttpCourier {
    /// A courier with a client of its own. It follows no redirects: a letter is for one address.
    ///
    /// # Errors
    /// When no HTTPS client can be built.
    pub fn new(settings: FetchSettings, keys: Arc<OwnKeys>) -> Result<Self, FetcherError> {
        let client = guarded(settings, Policy::none())?;
        Ok(Self { client, allow_private: settings.allow_private, keys })
    }

    fn headers(&self, letter: &Letter) -> Result<HeaderMap, PostError> {
        let seconds = letter.at.micros() / 1_000_000;
        let said = format!("{}.{seconds}.{}", letter.id, letter.body);
        let own = STANDARD.encode(self.keys.current().sign(said.as_bytes()));
        let mut signatures = format!("v1a,{own}");
        if let Some(secret) = &letter.secret {
            signatures = format!("v1,{} {signatures}", by_secret(secret, said.as_bytes()));
        }
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let ours = [
            ("webhook-id", letter.id.clone()),
            ("webhook-timestamp", seconds.to_string()),
            ("webhook-signature", signatures),
        ];
        let given = letter.headers.iter().map(|(name, value)| (name.as_str(), value.clone()));
        for (name, value) in given.chain(ours) {
            let named = HeaderName::try_from(name).ok().zip(HeaderValue::try_from(value).ok());
            let (name, value) = named.ok_or_else(|| {
                PostError::Refused(format!("{name} cannot be a header with this value"))
            })?;
            headers.insert(name, value);
        }
        Ok(headers)
    }
}

/// The secret's bytes are in base64 behind the prefix; a text without one is itself the secret.
fn by_secret(secret: &str, said: &[u8]) -> String {
    let bytes = secret.strip_prefix(SECRET_PREFIX).and_then(|text| STANDARD.decode(text).ok());
    let key = bytes.unwrap_or_else(|| secret.as_bytes().to_vec());
    let mac = Hmac::<Sha256>::new_from_slice(&key).expect("HMAC takes keys of any length");
    STANDARD.encode(mac.chain_update(said).finalize().into_bytes())
}

#[async_trait]
impl Courier for HttpCourier {
    async fn post(&self, letter: &Letter) -> Result<u16, PostError> {
        let url = check(&letter.url, self.allow_private)
            .map_err(|forbidden| PostError::Refused(forbidden.to_string()))?;
        let request = self.client.post(url).headers(self.headers(letter)?);
        let sent = request.body(letter.body.clone()).send().await;
        let response = sent.map_err(|error| match failure(&error) {
            FetchError::Refused(reason) => PostError::Refused(reason),
            FetchError::Unavailable(reason) => PostError::Unavailable { reason, retry_after: None },
        })?;
        let status = response.status();
        if status.is_success() {
            return Ok(status.as_u16());
        }
        if status == StatusCode::GONE {
            return Err(PostError::Refused("it is gone for good".to_owned()));
        }
        let after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = after.and_then(|text| text.trim().parse().ok()).map(Seconds);
        Err(PostError::Unavailable { reason: format!("it answered {status}"), retry_after })
    }
}

#[cfg(test)]
mod tests {
    use marketplace_money::Timestamp;

    use super::*;
    use crate::KeySource;

    #[tokio::test]
    async fn letters_go_to_public_addresses_only() {
        let (did, now) = ("did:web:market.example".parse().unwrap(), Timestamp::from_micros(0));
        let keys = OwnKeys::open(did, KeySource::Fixed([7; 32]), now).await.unwrap();
        let courier = HttpCourier::new(FetchSettings::default(), Arc::new(keys)).unwrap();
        // An address, and a name that is looked up when the connection is made.
        for url in ["http://127.0.0.1:9/", "http://localhost:9/"] {
            let letter = Letter {
                id: "1".to_owned(),
                at: now,
                url: url.to_owned(),
                body: "{}".to_owned(),
                secret: None,
                headers: Vec::new(),
            };
            let refused = PostError::Refused("the host has no public address".to_owned());
            assert_eq!(courier.post(&letter).await, Err(refused), "{url}");
        }
    }

    #[test]
    fn signatures_are_those_of_the_standard() {
        // The example of the specification of Standard Webhooks.
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let said = br#"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}"#;
        assert_eq!(by_secret(secret, said), "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
