//! Which protocol a client speaks.

use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};

use crate::error::{A2aError, VERSION_NOT_SUPPORTED};

/// A protocol's generation. Remembered with a task, which is spelled for its maker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// A2A 1.0.
    #[default]
    V1,
    /// A2A 0.3.
    V03,
    /// AgentVault 0.2, on the protocol's first draft.
    Vault,
    /// TheProtocol, between the two.
    Protocol,
}

/// What `A2A-Version` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// 1.0.
    One,
    /// 0.3, or nothing, which means the same.
    Older,
}

const HEADER: &str = "a2a-version";

/// The version that a request asks for, in its header or in its query.
///
/// # Errors
/// When it is one that nobody speaks here.
pub(crate) fn version(headers: &HeaderMap, query: Option<&str>) -> Result<Version, A2aError> {
    let header = headers.get(HEADER).map(|value| value.to_str().unwrap_or("?").trim());
    let asked = header.filter(|text| !text.is_empty()).or_else(|| in_query(query)).unwrap_or("");
    // Patch numbers do not count.
    let mut numbers = asked.split('.');
    match (numbers.next(), numbers.next()) {
        (Some(""), None) | (Some("0"), Some("3")) => Ok(Version::Older),
        (Some("1"), Some("0")) => Ok(Version::One),
        _ => {
            let shown: String = asked.chars().take(20).collect();
            let detail = format!("A2A-Version {shown} is not spoken here; 1.0 and 0.3 are");
            Err(A2aError::new(VERSION_NOT_SUPPORTED, detail))
        }
    }
}

fn in_query(query: Option<&str>) -> Option<&str> {
    let pairs = query?.split('&').filter_map(|pair| pair.split_once('='));
    let mut found = pairs.filter(|(name, _)| name.eq_ignore_ascii_case(HEADER));
    found.next().map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_means_older_and_unknown_is_refused() {
        let check = |header: Option<&str>, query: Option<&str>, expect: Option<Version>| {
            let mut headers = HeaderMap::new();
            if let Some(value) = header {
                headers.insert(HEADER, value.parse().unwrap());
            }
            assert_eq!(version(&headers, query).ok(), expect, "{header:?} {query:?}");
        };
        check(None, None, Some(Version::Older));
        check(Some(""), None, Some(Version::Older));
        check(Some("0.3"), None, Some(Version::Older));
        check(Some("1.0"), None, Some(Version::One));
        check(Some(" 1.0.3 "), None, Some(Version::One));
        check(None, Some("x=1&A2A-Version=1.0"), Some(Version::One));
        for wrong in ["99.0", "1", "2.0", "0.2", "one", "1.1"] {
            check(Some(wrong), None, None);
        }
    }
}
