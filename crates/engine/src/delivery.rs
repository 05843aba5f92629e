//! A delivery on its way into a command: hashed, and checked where the order wants it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use marketplace_acceptance::{Checks, Report};
use marketplace_escrow::{ChecksOutcome, DeliveryInput, FailedCheck, Order};
use marketplace_listings::AcceptancePolicy;
use sha2::{Digest, Sha256};

use crate::refusal::{Error, Refusal};

/// What a seller hands in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryRequest {
    /// The bytes, or where they are, or nothing.
    pub content: DeliveryContent,
    /// What they hash to; required with a URI.
    pub sha256: Option<[u8; 32]>,
    /// As the seller says.
    pub media_type: Option<String>,
    /// As the seller says.
    pub note: Option<String>,
}

/// Where the work is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum DeliveryContent {
    /// Delivered outside.
    #[default]
    None,
    /// Here.
    Inline(Vec<u8>),
    /// There.
    Uri(String),
}

/// The input of a command, and the bytes where they are here.
pub(crate) type Prepared = (DeliveryInput, Option<Arc<[u8]>>);

/// All checks of a delivery together.
pub(crate) const CHECKS_TIME: Duration = Duration::from_millis(100);
const LONGEST_MEDIA_TYPE: usize = 120;
const LONGEST_URI: usize = 2_048;

fn invalid(field: &'static str, problem: &str) -> Refusal {
    Refusal::InvalidInput { field, problem: problem.to_owned() }
}

impl DeliveryRequest {
    /// Checks the form and hashes inline bytes.
    pub(crate) fn prepare(self) -> Result<Prepared, Refusal> {
        let media_type = self.media_type.map(Arc::<str>::from);
        let plain = |text: &Arc<str>| text.len() <= LONGEST_MEDIA_TYPE && text.is_ascii();
        if media_type.as_ref().is_some_and(|text| !plain(text) || text.contains(char::is_control)) {
            return Err(invalid("delivery.media_type", "must be at most 120 plain characters"));
        }
        let note = self.note.map(Arc::<str>::from);
        match self.content {
            DeliveryContent::None => Ok((DeliveryInput::Nothing { note }, None)),
            DeliveryContent::Inline(bytes) => {
                if bytes.len() > DeliveryInput::LARGEST_INLINE {
                    return Err(invalid("delivery.inline", "must be at most 256 KiB, use a uri"));
                }
                let (input, bytes) = from_bytes(bytes, self.sha256, None, media_type, note);
                Ok((input, Some(bytes)))
            }
            DeliveryContent::Uri(uri) => {
                let sha256 = self.sha256;
                let sha256 =
                    sha256.ok_or_else(|| invalid("delivery.sha256", "must come with a uri"))?;
                let scheme = uri.starts_with("https://") || uri.starts_with("http://");
                if !scheme || uri.len() > LONGEST_URI || uri.contains(char::is_control) {
                    let problem = "must be an http or https URL of at most 2048 bytes";
                    return Err(invalid("delivery.uri", problem));
                }
                let uri = Arc::from(uri);
                Ok((DeliveryInput::Uri { sha256, uri, media_type, note }, None))
            }
        }
    }
}

/// Bytes that are here, with their hash.
pub(crate) fn from_bytes(
    bytes: Vec<u8>,
    claimed_sha256: Option<[u8; 32]>,
    uri: Option<Arc<str>>,
    media_type: Option<Arc<str>>,
    note: Option<Arc<str>>,
) -> (DeliveryInput, Arc<[u8]>) {
    let sha256 = Sha256::digest(&bytes).into();
    let size = bytes.len() as u64;
    let checks = None;
    let input =
        DeliveryInput::Bytes { sha256, claimed_sha256, size, uri, media_type, note, checks };
    (input, bytes.into())
}

/// Runs the order's executable checks, where it has them, on a thread that may block.
pub(crate) async fn check(
    order: &Order,
    input: DeliveryInput,
    bytes: &Arc<[u8]>,
) -> Result<DeliveryInput, Error> {
    if order.terms.acceptance != AcceptancePolicy::Verified {
        return Ok(input);
    }
    let outcome = outcome(&run_checks(order, bytes).await?);
    Ok(match input {
        DeliveryInput::Bytes { sha256, claimed_sha256, size, uri, media_type, note, .. } => {
            let checks = Some(outcome);
            DeliveryInput::Bytes { sha256, claimed_sha256, size, uri, media_type, note, checks }
        }
        other => other,
    })
}

/// Runs an order's checks again on what is kept of its delivery: whether they pass, where the run
/// came to an answer.
pub(crate) async fn recheck(order: &Order, bytes: &Arc<[u8]>) -> Result<Option<bool>, Error> {
    if order.terms.checks.is_empty() {
        return Ok(None);
    }
    let report = run_checks(order, bytes).await?;
    Ok(report.stopped.is_none().then(|| report.passed()))
}

async fn run_checks(order: &Order, bytes: &Arc<[u8]>) -> Result<Report, Error> {
    let text = order.terms.checks.clone();
    let bytes = bytes.clone();
    let run_them = move || {
        let checks = Checks::parse(&text)?;
        // The time limit is the second fence; the first is the count of steps, which gives the
        // same verdict on every machine.
        let started = Instant::now();
        let report = checks.run(&bytes, &|| started.elapsed() > CHECKS_TIME);
        Ok::<_, marketplace_acceptance::CheckError>(report)
    };
    let report = tokio::task::spawn_blocking(run_them).await;
    let report = report.map_err(|error| Error::Fault(format!("a check died: {error}")))?;
    report.map_err(|error| Error::Fault(format!("stored checks: {error}")))
}

/// What of a report goes into the order: the verdict, its hash, and what failed.
fn outcome(report: &Report) -> ChecksOutcome {
    let failed = report.results.iter().enumerate().filter(|(_, result)| !result.passed);
    let failed = failed.map(|(index, result)| FailedCheck {
        index: u8::try_from(index).unwrap_or(u8::MAX),
        kind: result.kind.as_str().into(),
        reason: result
            .detail
            .chars()
            .take(DeliveryInput::LONGEST_REASON)
            .collect::<String>()
            .into(),
    });
    ChecksOutcome {
        passed: report.passed(),
        hash: *report.hash().bytes(),
        failed: failed.collect(),
    }
}

/// A listing's checks must be readable before anybody buys. Reading them may take a fifth of a
/// second, so it happens on a thread that may block.
pub(crate) async fn validate(checks: &Arc<str>) -> Result<(), Error> {
    if checks.is_empty() {
        return Ok(());
    }
    let text = checks.clone();
    let parsed = tokio::task::spawn_blocking(move || Checks::parse(&text).map(|_| ())).await;
    let parsed = parsed.map_err(|error| Error::Fault(format!("a check died: {error}")))?;
    Ok(parsed.map_err(|error| invalid("terms.checks", &error.to_string()))?)
}
