//! Executable checks, tried on a sample.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use marketplace_engine::{CheckReport, Refusal};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::refusal::invalid;

/// Checks, and something to try them on.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DryRunInput {
    /// As in a listing's terms, such as `[{"kind":"size","max_bytes":1000}]`.
    #[schema(value_type = Vec<Object>)]
    pub checks: Vec<Value>,
    /// The sample as text, at most 256 KiB in UTF-8.
    #[serde(default)]
    pub inline: Option<String>,
    /// The sample in base64, at most 256 KiB of it.
    #[serde(default)]
    pub inline_base64: Option<String>,
}

impl DryRunInput {
    /// The checks as a listing keeps them, and the sample.
    ///
    /// # Errors
    /// When there is no sample, or two.
    pub fn read(self) -> Result<(String, Vec<u8>), Refusal> {
        let sample = match (self.inline, self.inline_base64) {
            (Some(text), None) => text.into_bytes(),
            (None, Some(text)) => {
                STANDARD.decode(text).map_err(|_| invalid("inline_base64", "must be base64"))?
            }
            _ => return Err(invalid("inline", "or inline_base64 must hold the sample")),
        };
        // What was read from JSON can be written as JSON.
        Ok((serde_json::to_string(&self.checks).unwrap_or_default(), sample))
    }
}

/// How the sample did.
#[derive(Debug, Serialize, ToSchema)]
pub struct DryRunBody {
    /// Whether a delivery of these bytes would pass.
    pub passed: bool,
    /// Each check, in its order.
    pub results: Vec<CheckBody>,
    /// Of the checks; it names them in every order.
    pub checks_hash: String,
    /// SHA-256 of the sample.
    pub delivery_hash: String,
}

/// How one check went.
#[derive(Debug, Serialize, ToSchema)]
pub struct CheckBody {
    /// What kind of check it is.
    #[schema(example = "json_schema")]
    pub kind: String,
    /// Whether the sample passed it.
    pub passed: bool,
    /// What was found; may quote the sample: inert text.
    pub detail: String,
}

impl From<&CheckReport> for DryRunBody {
    fn from(report: &CheckReport) -> Self {
        let check = |result: &marketplace_engine::CheckResult| CheckBody {
            kind: result.kind.to_string(),
            passed: result.passed,
            detail: result.detail.clone(),
        };
        Self {
            passed: report.passed(),
            results: report.results.iter().map(check).collect(),
            checks_hash: report.checks_hash.to_string(),
            delivery_hash: report.delivery_hash.to_string(),
        }
    }
}
