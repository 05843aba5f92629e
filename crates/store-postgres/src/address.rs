//! Where the database is: the URL of an operator, and how far its server is trusted.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::SslMode;

use crate::OpenError;

/// An attempt to connect to one host that takes longer has failed: another host, or another
/// moment, may be better.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Sent data that nobody acknowledges for so long is lost, and so is the connection.
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(10);
const KEEPALIVES_IDLE: Duration = Duration::from_secs(10);

/// Whether the server must prove who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// No TLS at all.
    Plain,
    /// Encrypted; anybody may answer.
    Anybody,
    /// The server's certificate is good for its host: by these roots, else by the system's.
    Verified(Option<PathBuf>),
}

/// A parsed `postgres://` URL.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    /// With the mode that the protocol asks for: `disable`, `prefer` or `require`.
    pub(crate) config: Config,
    pub(crate) trust: Trust,
}

impl FromStr for Address {
    type Err = OpenError;

    /// As libpq reads it, with several hosts and `target_session_attrs`. `sslmode` is `disable`,
    /// `prefer` (default), `require` or `verify-full`; `require` with an `sslrootcert` verifies.
    fn from_str(url: &str) -> Result<Self, OpenError> {
        let invalid = |reason: String| OpenError::Url { reason };
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(invalid("it must begin with postgres://".to_owned()));
        }
        let (mut mode, mut roots) = (None, None);
        let (place, query) = url.split_once('?').unwrap_or((url, ""));
        let mut others = Vec::new();
        for option in query.split('&').filter(|option| !option.is_empty()) {
            match option.split_once('=') {
                Some(("sslmode", value)) => mode = Some(value),
                Some(("sslrootcert", value)) => roots = Some(PathBuf::from(decoded(value)?)),
                _ => others.push(option),
            }
        }
        let plain = format!("{place}?{}", others.join("&"));
        let mut config: Config = plain.parse().map_err(|error: tokio_postgres::Error| {
            let source = std::error::Error::source(&error).map(ToString::to_string);
            invalid(source.unwrap_or_else(|| error.to_string()))
        })?;
        let (wire, trust) = match (mode.unwrap_or("prefer"), roots) {
            ("disable", _) => (SslMode::Disable, Trust::Plain),
            ("prefer", None) => (SslMode::Prefer, Trust::Anybody),
            ("require", None) => (SslMode::Require, Trust::Anybody),
            ("prefer" | "require" | "verify-full", roots) => {
                (SslMode::Require, Trust::Verified(roots))
            }
            (other, _) => {
                let known = "use disable, prefer, require or verify-full";
                return Err(invalid(format!("sslmode={other} is unknown: {known}")));
            }
        };
        config.ssl_mode(wire).tcp_user_timeout(TCP_USER_TIMEOUT).keepalives_idle(KEEPALIVES_IDLE);
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        if config.get_application_name().is_none() {
            config.application_name("marketplace");
        }
        Ok(Self { config, trust })
    }
}

/// Percent signs away.
fn decoded(text: &str) -> Result<String, OpenError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let hex = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match (first, hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    let reason = "sslrootcert is no UTF-8".to_owned();
    String::from_utf8(bytes).map_err(|_| OpenError::Url { reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_as_libpq_does() {
        let check = |query: &str, mode: SslMode, trust: Trust| {
            let url = format!("postgres://u:p%40s@db.example:5433/market{query}");
            let address: Address = url.parse().unwrap();
            assert_eq!(address.config.get_ssl_mode(), mode, "{query}");
            assert_eq!(address.trust, trust, "{query}");
            assert_eq!(address.config.get_password(), Some(&b"p@s"[..]));
            assert_eq!(address.config.get_ports(), [5433]);
            assert_eq!(address.config.get_dbname(), Some("market"));
        };
        check("", SslMode::Prefer, Trust::Anybody);
        check("?sslmode=disable&application_name=a", SslMode::Disable, Trust::Plain);
        check("?sslmode=require", SslMode::Require, Trust::Anybody);
        check("?sslmode=verify-full", SslMode::Require, Trust::Verified(None));
        let roots = Trust::Verified(Some(PathBuf::from("/a b/root.pem")));
        check("?sslrootcert=/a%20b/root.pem&sslmode=require", SslMode::Require, roots.clone());
        check("?sslmode=verify-full&sslrootcert=/a%20b/root.pem", SslMode::Require, roots);
    }

    #[test]
    fn what_is_no_address_says_why() {
        let check = |url: &str, expect: &str| {
            let text = url.parse::<Address>().unwrap_err().to_string();
            assert!(text.contains(expect), "{url}: {text}");
        };
        check("mysql://x/y", "must begin with postgres://");
        check("postgres://x/y?sslmode=verify", "use disable, prefer");
        check("postgres://x/y?color=blue", "color");
    }
}
