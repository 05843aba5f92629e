//! Fetching bytes from a URL that a stranger named, such as a delivery.
//!
//! The URL is hostile: it may name our own machine, a neighbour in the cloud, an endless stream, or
//! a host whose address changes between a check and its use. So addresses are checked where the
//! connection takes them from, and everything is bounded.

mod address;

use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use marketplace_ports::{FetchError, Fetcher};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, Response, StatusCode, Url};

/// Of a name, before somebody is answered who named it.
const LONGEST_LOOKUP: Duration = Duration::from_secs(3);

/// How far a fetch may go.
#[derive(Clone, Copy, Debug)]
pub struct FetchSettings {
    /// Whether addresses that only we can reach are allowed: for development and tests.
    pub allow_private: bool,
    /// For name and connection, TLS included.
    pub connect_timeout: Duration,
    /// For everything, redirects and the last byte included.
    pub total_timeout: Duration,
}

impl Default for FetchSettings {
    fn default() -> Self {
        Self {
            allow_private: false,
            connect_timeout: Duration::from_secs(5),
            total_timeout: Duration::from_secs(30),
        }
    }
}

/// Why there is no fetcher.
#[derive(Debug, thiserror::Error)]
pub enum FetcherError {
    /// Mostly: the system has no CA certificates, without which no HTTPS server can be trusted.
    #[error("no HTTPS client can be built; are the CA certificates installed (ca-certificates)?")]
    Client(#[source] reqwest::Error),
}

/// Fetches over HTTP and HTTPS, from public addresses only.
#[derive(Clone, Debug)]
pub struct HttpFetcher {
    client: Client,
    allow_private: bool,
}

impl HttpFetcher {
    /// A URL longer than this is not fetched.
    pub const LONGEST_URL: usize = 2_048;
    /// Redirects followed, all to the same scheme, host and port.
    pub const MOST_REDIRECTS: usize = 3;

    /// A fetcher with its own client. Installs a TLS provider ([`install_tls_provider`]) when the
    /// process has none.
    ///
    /// # Errors
    /// When there are no CA certificates.
    pub fn new(settings: FetchSettings) -> Result<Self, FetcherError> {
        let client = guarded(settings, Policy::custom(follow_at_home))?;
        Ok(Self { client, allow_private: settings.allow_private })
    }

    fn check(&self, uri: &str) -> Result<Url, Forbidden> {
        check(uri, self.allow_private)
    }
}

/// A client for strangers' servers: it connects to public addresses only, unless told otherwise,
/// and never for long.
pub(crate) fn guarded(settings: FetchSettings, redirects: Policy) -> Result<Client, FetcherError> {
    install_tls_provider();
    Client::builder()
        .user_agent("agentvault-marketplace")
        .dns_resolver(Arc::new(PublicNames { allow_private: settings.allow_private }))
        .redirect(redirects)
        // A proxy of the environment would resolve names for us, unchecked.
        .no_proxy()
        .referer(false)
        // The next request has another stranger.
        .pool_max_idle_per_host(0)
        .connect_timeout(settings.connect_timeout)
        .timeout(settings.total_timeout)
        .build()
        .map_err(FetcherError::Client)
}

/// Whether the URL may be asked at all. Names are checked when they are resolved.
pub(crate) fn check(uri: &str, allow_private: bool) -> Result<Url, Forbidden> {
    if uri.len() > HttpFetcher::LONGEST_URL {
        return Err(Forbidden("the URL is longer than 2048 bytes"));
    }
    let url = Url::parse(uri).map_err(|_| Forbidden("this is not a URL"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Forbidden("only http and https are fetched"));
    }
    if has_credentials(&url) {
        return Err(Forbidden("the URL has credentials in it"));
    }
    // The parser has brought all ways to write an address (127.1, 0x7f000001) into one form.
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    match host.parse::<IpAddr>() {
        Ok(address) if !allow_private && !address::is_public(address) => Err(NOT_PUBLIC),
        _ => Ok(url),
    }
}

/// Makes ring the TLS provider of this process unless it has one. With this crate in a program,
/// every `reqwest` client wants a provider, also one that only speaks HTTP: call this first.
pub fn install_tls_provider() {
    // The error only says that there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

#[async_trait]
impl Fetcher for HttpFetcher {
    async fn fetch(&self, uri: &str, limit: u64) -> Result<Vec<u8>, FetchError> {
        let url =
            self.check(uri).map_err(|forbidden| FetchError::Refused(forbidden.to_string()))?;
        let response = self.client.get(url).send().await.map_err(|error| failure(&error))?;
        match response.status() {
            StatusCode::OK => {}
            status if may_pass(status) => {
                return Err(FetchError::Unavailable(format!("the server answered {status}")));
            }
            status => return Err(FetchError::Refused(format!("the server answered {status}"))),
        }
        read(response, limit).await
    }

    async fn check(&self, url: &str) -> Result<(), FetchError> {
        let url =
            self.check(url).map_err(|forbidden| FetchError::Refused(forbidden.to_string()))?;
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        // An address was looked at already, and a lookup of one is free.
        let lookup = tokio::net::lookup_host((host, 0));
        let found = tokio::time::timeout(LONGEST_LOOKUP, lookup).await;
        let found = found.ok().and_then(Result::ok).ok_or_else(|| {
            FetchError::Unavailable("the name of the host means nothing now".to_owned())
        })?;
        let allowed = allowed(found, self.allow_private);
        allowed.map(drop).map_err(|forbidden| FetchError::Refused(forbidden.to_string()))
    }
}

/// Whether a status says that the server may answer otherwise in a while.
pub(crate) fn may_pass(status: StatusCode) -> bool {
    status.is_server_error()
        || matches!(
            status,
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS
        )
}

/// The body, never more of it in memory than `limit` and one piece.
async fn read(mut response: Response, limit: u64) -> Result<Vec<u8>, FetchError> {
    let too_large = || FetchError::Refused(format!("the content is larger than {limit} bytes"));
    if response.content_length().is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failure(&error))? {
        if (bytes.len() as u64).saturating_add(chunk.len() as u64) > limit {
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// A rule of ours that the URL breaks; final.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Forbidden(pub(crate) &'static str);

const NOT_PUBLIC: Forbidden = Forbidden("the host has no public address");

fn has_credentials(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

/// Our own refusals come back wrapped by the layers that they passed through.
pub(crate) fn failure(error: &reqwest::Error) -> FetchError {
    let mut cause: &(dyn Error + 'static) = error;
    loop {
        if let Some(forbidden) = cause.downcast_ref::<Forbidden>() {
            return FetchError::Refused(forbidden.to_string());
        }
        match cause.source() {
            Some(source) => cause = source,
            None if error.is_timeout() => {
                return FetchError::Unavailable("the server took too long".to_owned());
            }
            None => return FetchError::Unavailable(cause.to_string()),
        }
    }
}

/// A redirect may lead to another place of the same server, and nowhere else.
pub(crate) fn follow_at_home(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let origin = |url: &Url| {
        (url.scheme().to_owned(), url.host_str().map(str::to_owned), url.port_or_known_default())
    };
    let first = attempt.previous().first().map(origin);
    if first != Some(origin(attempt.url())) {
        return attempt.error(Forbidden("the server redirects to another host"));
    }
    if has_credentials(attempt.url()) {
        return attempt.error(Forbidden("the server redirects to a URL with credentials in it"));
    }
    if attempt.previous().len() > HttpFetcher::MOST_REDIRECTS {
        return attempt.error(Forbidden("the server redirects more than 3 times"));
    }
    attempt.follow()
}

/// Resolves names to the addresses that a stranger may send us to. The connection is made to what
/// this returns: a name that resolves differently a moment later gains nothing.
#[derive(Debug)]
struct PublicNames {
    allow_private: bool,
}

impl Resolve for PublicNames {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_private = self.allow_private;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed = allowed(found, allow_private)?;
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

fn allowed(
    found: impl Iterator<Item = SocketAddr>,
    allow_private: bool,
) -> Result<Vec<SocketAddr>, Forbidden> {
    let public = |found: &SocketAddr| allow_private || address::is_public(found.ip());
    let kept: Vec<_> = found.filter(public).collect();
    if kept.is_empty() { Err(NOT_PUBLIC) } else { Ok(kept) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fetcher(allow_private: bool) -> HttpFetcher {
        HttpFetcher::new(FetchSettings { allow_private, ..FetchSettings::default() }).unwrap()
    }

    #[test]
    fn urls() {
        let check = |url: &str, expect: Option<&str>| {
            let got = fetcher(false).check(url).err().map(|forbidden| forbidden.0);
            assert_eq!(got, expect, "{url}");
        };
        check("https://seller.example/a?b=c#d", None);
        check("http://seller.example:8080", None);
        check("HTTPS://1.1.1.1/", None);
        check("http://[2606:4700:4700::1111]/", None);
        check("http://[64:ff9b::8.8.8.8]/", None);
        // Names are judged by what they resolve to.
        check("http://localhost/", None);
        check(
            &format!("http://seller.example/{}", "x".repeat(2_048)),
            Some("the URL is longer than 2048 bytes"),
        );
        for url in [
            "",
            "seller.example",
            "/etc/passwd",
            "http://",
            "http://[::1",
            "http://a b/",
            "http://1.2.3.4.5/",
            "http://256.1.1.1/",
        ] {
            check(url, Some("this is not a URL"));
        }
        for url in [
            "file:///etc/passwd",
            "ftp://seller.example/",
            "gopher://127.0.0.1:6379/",
            "data:,x",
            "ws://seller.example/",
            "unix:/run/docker.sock",
        ] {
            check(url, Some("only http and https are fetched"));
        }
        for url in [
            "http://a@seller.example/",
            "http://a:b@seller.example/",
            "http://:b@seller.example/",
            "https://1.1.1.1@127.0.0.1/",
        ] {
            check(url, Some("the URL has credentials in it"));
        }
    }

    #[test]
    fn addresses_in_all_their_spellings() {
        let spellings = [
            "http://127.0.0.1/",
            "http://127.1/",
            "http://127.0.0.1./",
            "http://2130706433/",
            "http://0x7f000001/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://0/",
            "http://0.0.0.0/",
            "http://%31%32%37.0.0.1/",
            "http://１２７.０.０.１/",
            "http://169.254.169.254/latest/meta-data/",
            "http://10.0.0.1:22/",
            "http://[::1]/",
            "http://[::]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:7f00:1]/",
            "http://[0:0:0:0:0:0:0:1]/",
            "http://[fe80::1]/",
            "http://[fd00::1]/",
            "http://[64:ff9b::7f00:1]/",
        ];
        for url in spellings {
            let refused = fetcher(false).check(url).err().map(|forbidden| forbidden.0);
            assert_eq!(refused, Some(NOT_PUBLIC.0), "{url}");
            assert!(fetcher(true).check(url).is_ok(), "{url}");
        }
    }

    #[tokio::test]
    async fn what_we_would_not_call_is_known_before_it_is_called() {
        for (url, allow_private, expect) in [
            ("https://1.1.1.1/hook", false, None),
            ("http://127.0.0.1:9/hook", false, Some(NOT_PUBLIC.0)),
            ("http://localhost:9/hook", false, Some(NOT_PUBLIC.0)),
            ("http://localhost:9/hook", true, None),
            ("http://[::1]/hook", false, Some(NOT_PUBLIC.0)),
            ("http://[::1]/hook", true, None),
            ("ftp://localhost/hook", true, Some("only http and https are fetched")),
            ("http://me:secret@1.1.1.1/", true, Some("the URL has credentials in it")),
        ] {
            let got = Fetcher::check(&fetcher(allow_private), url).await;
            let expect = expect.map_or(Ok(()), |rule| Err(FetchError::Refused(rule.to_owned())));
            assert_eq!(got, expect, "{url}, private ones allowed: {allow_private}");
        }
        // A name of RFC 6761 that never means anything.
        let got = Fetcher::check(&fetcher(true), "https://nobody.invalid/").await;
        assert!(matches!(got, Err(FetchError::Unavailable(_))), "{got:?}");
    }

    #[test]
    fn only_public_addresses_of_a_name_are_used() {
        let check = |found: &str, allow_private: bool, expect: Option<&str>| {
            let list = |text: &str| -> Vec<SocketAddr> {
                text.split_whitespace()
                    .map(|ip| (ip.parse::<IpAddr>().unwrap(), 0).into())
                    .collect()
            };
            let got = allowed(list(found).into_iter(), allow_private).ok();
            assert_eq!(got, expect.map(list), "{found}");
        };
        check("1.1.1.1 2606:4700::1", false, Some("1.1.1.1 2606:4700::1"));
        check("10.0.0.1 1.1.1.1 ::1", false, Some("1.1.1.1"));
        check("10.0.0.1 ::1", false, None);
        check("10.0.0.1 ::1", true, Some("10.0.0.1 ::1"));
        check("", false, None);
        check("", true, None);
    }
}
