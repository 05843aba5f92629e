//! Jurors on the wire.

use marketplace_engine::{JurorView, Refusal};
use marketplace_listings::ServiceType;
use marketplace_money::{Amount, Did, DisputeId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::refusal::invalid;
use crate::{Money, NumberText, Rfc3339, Text};

/// What makes a juror, or adds to its stake.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JurorInput {
    /// What is locked now, on top of what is locked: 250 AVT in all at least.
    pub stake: NumberText,
    /// What it can judge; everything when absent or empty.
    #[serde(default)]
    pub service_types: Vec<String>,
}

impl JurorInput {
    /// The stake and the kinds of service.
    ///
    /// # Errors
    /// When a field cannot be read.
    pub fn read(&self) -> Result<(Amount, Vec<ServiceType>), Refusal> {
        let kind = |name: &String| {
            name.parse().map_err(|problem: marketplace_listings::Invalid| {
                invalid("service_types", problem.to_string())
            })
        };
        let kinds = self.service_types.iter().map(kind).collect::<Result<_, _>>()?;
        Ok((self.stake.amount("stake")?, kinds))
    }
}

/// Whether a juror takes seats.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OptOutInput {
    /// `true`: no new seats until it says otherwise.
    pub opted_out: bool,
}

/// A juror.
#[derive(Debug, Serialize, ToSchema)]
pub struct JurorBody {
    /// Who.
    #[schema(value_type = String)]
    pub did: Text<Did>,
    /// What it has locked.
    pub stake: Money,
    /// Since when: the first seat comes seven days later.
    pub since: Rfc3339,
    /// Whether it takes no seats for now.
    pub opted_out: bool,
    /// Since when it wants to leave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leaving_since: Option<Rfc3339>,
    /// What it judges; everything when empty.
    #[schema(value_type = Vec<String>)]
    pub service_types: Vec<Text<ServiceType>>,
    /// Disputes on whose panels it sits.
    #[schema(value_type = Vec<String>)]
    pub duties: Vec<Text<DisputeId>>,
}

impl From<&JurorView> for JurorBody {
    fn from(view: &JurorView) -> Self {
        let juror = &view.juror;
        Self {
            did: Text(juror.did.clone()),
            stake: Money(view.stake),
            since: Rfc3339(juror.since),
            opted_out: juror.opted_out,
            leaving_since: juror.leaving.map(Rfc3339),
            service_types: juror.service_types.iter().copied().map(Text).collect(),
            duties: juror.benches.iter().copied().map(Text).collect(),
        }
    }
}
