//! Query parameters: typed, with a problem that names the parameter.

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use marketplace_engine::Refusal;
use marketplace_wire::{NumberText, Problem, codes};
use serde::de::DeserializeOwned;

use crate::failure::Failure;
use crate::shell::Shell;

/// Orders or entries on a page when the caller does not say.
const PAGE: u32 = 100;
const LARGEST_PAGE: u32 = 1_000;

/// The parameters of a request. Unknown ones are refused: a misspelled filter would silently
/// answer another question.
pub(crate) struct Params<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<Shell> for Params<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Shell) -> Result<Self, Failure> {
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(params)) => Ok(Self(params)),
            Err(error) => {
                let detail: String = error.body_text().chars().take(300).collect();
                Err(Failure::new(&codes::INVALID_QUERY, detail))
            }
        }
    }
}

/// A parameter that cannot be read.
pub(crate) fn unreadable(refusal: &Refusal) -> Failure {
    let problem = Problem::new(&codes::INVALID_QUERY, refusal.to_string());
    match refusal {
        Refusal::InvalidInput { field, .. } => problem.at(*field).into(),
        _ => problem.into(),
    }
}

/// A number, if the parameter says something.
pub(crate) fn whole(
    field: &'static str,
    text: Option<&NumberText>,
    bounds: std::ops::RangeInclusive<u32>,
) -> Result<Option<u32>, Failure> {
    let text = text.filter(|text| !text.is_blank());
    text.map(|text| text.whole(field, bounds)).transpose().map_err(|refusal| unreadable(&refusal))
}

/// How many on a page.
pub(crate) fn limit(text: Option<&NumberText>) -> Result<u32, Failure> {
    Ok(whole("limit", text, 1..=LARGEST_PAGE)?.unwrap_or(PAGE))
}

/// Where a page begins.
pub(crate) fn cursor(text: Option<&str>) -> Result<Option<u64>, Failure> {
    parsed("cursor", text, "must be next_cursor of the page before")
}

/// Whatever can be parsed, if the parameter says something.
pub(crate) fn parsed<T: std::str::FromStr>(
    field: &'static str,
    text: Option<&str>,
    problem: &'static str,
) -> Result<Option<T>, Failure> {
    let text = text.filter(|text| !text.is_empty());
    let parse = |text: &str| text.parse().map_err(|_| problem);
    let read = text.map(parse).transpose();
    read.map_err(|problem| {
        unreadable(&Refusal::InvalidInput { field, problem: problem.to_owned() })
    })
}
