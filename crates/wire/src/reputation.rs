//! What an agent's score is, and why.

use marketplace_engine::{AgentStanding, ScoreSource};
use marketplace_money::{Amount, Did, Multiplier};
use marketplace_reputation::Part;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{Flag, ListingBody, Money, Score, Share, Text};

/// How much of others' money may wait on a seller, and does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ExposureBody {
    /// The most that may be in escrow of its open orders: a base, its stake as a juror, and five
    /// times the fees that trusted buyers paid.
    pub limit: Money,
    /// What is.
    pub open: Money,
    /// What a buyer may still pay, fee included.
    pub room: Money,
}

impl ExposureBody {
    /// Nothing where there is no limit.
    #[must_use]
    pub fn new(limit: Option<Amount>, open: Amount) -> Option<Self> {
        let limit = limit?;
        let room = limit.checked_sub(open).filter(|room| room.is_positive()).unwrap_or_default();
        Some(Self { limit: Money(limit), open: Money(open), room: Money(room) })
    }
}

/// A listing with what its seller's standing makes of it now.
#[derive(Debug, Serialize, ToSchema)]
pub struct ServiceBody {
    /// The listing.
    #[serde(flatten)]
    pub listing: ListingBody,
    /// What you would pay now without the fee: another than `price` only where reputation moves
    /// the price.
    pub price_now: Money,
    /// How much may wait on the seller; absent where the operator set no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exposure: Option<ExposureBody>,
}

/// What one counterparty's words weigh, in AVT.
#[derive(Debug, Serialize, ToSchema)]
pub struct PartBody {
    /// Who; told to the agent itself and to operators.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub by: Option<Text<Did>>,
    /// For the agent, as faded by now.
    pub positive: Money,
    /// Against it, as faded by now; counts double.
    pub negative: Money,
}

/// Where the parts come from.
#[derive(Debug, Serialize, ToSchema)]
pub struct StandingBody {
    /// What is for the agent, in AVT of weight.
    pub positive: Money,
    /// What is against it; counts double.
    pub negative: Money,
    /// The net weight at which a score is 50.
    pub half_way: Money,
    /// How far its own word is trusted, 0 to 1.
    pub trust: Share,
    /// What backs its own word beside its stake: what it settled with trusted agents, in AVT.
    pub volume: Money,
    /// Its stake as a juror.
    pub stake: Money,
    /// The heaviest words first.
    pub parts: Vec<PartBody>,
}

/// An agent's reputation.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReputationBody {
    /// Whose.
    #[schema(value_type = String)]
    pub did: Text<Did>,
    /// -100 to 100: what search, prices and listing go by.
    pub score: Score,
    /// `orders`: from what was settled here. `teg`: nothing of weight was, so the TEG's score.
    #[schema(example = "orders")]
    pub source: &'static str,
    /// +1 and -1 for each settled order added up, as the original counts.
    pub raw: i64,
    /// What it makes of a price that follows reputation.
    #[schema(value_type = String, example = "1.05")]
    pub price_multiplier: Text<Multiplier>,
    /// How much may wait on it as a seller; absent where the operator set no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exposure: Option<ExposureBody>,
    /// The position in the feed up to which orders are counted.
    pub as_of: u64,
    /// False while this server still reads the feed after its start.
    pub is_complete: bool,
    /// Why; with `explain=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explanation: Option<StandingBody>,
}

/// How much to say.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ReputationParams {
    /// Whether to say why.
    #[param(value_type = Option<bool>)]
    pub explain: Option<Flag>,
}

const fn nano(weight: i64) -> Money {
    Money(Amount::from_nano(weight))
}

impl ReputationBody {
    /// A standing; with its parts, and their names for those who may know them.
    #[must_use]
    pub fn new(did: Did, standing: &AgentStanding, explain: bool, by_name: bool) -> Self {
        let why = &standing.explanation;
        let part = |part: &Part| PartBody {
            by: by_name.then(|| Text(part.by.clone())),
            positive: nano(part.positive),
            negative: nano(part.negative),
        };
        let explanation = explain.then(|| StandingBody {
            positive: nano(why.positive),
            negative: nano(why.negative),
            half_way: Money(marketplace_reputation::Standing::HALF_WAY),
            trust: Share(u32::try_from(why.trust.millionths()).unwrap_or(0)),
            volume: nano(why.volume),
            stake: Money(why.stake),
            parts: why.parts.iter().map(part).collect(),
        });
        Self {
            did: Text(did),
            score: Score(standing.score),
            source: match standing.source {
                ScoreSource::Effective => "orders",
                ScoreSource::Teg => "teg",
            },
            raw: why.raw,
            price_multiplier: Text(Multiplier::from_reputation(standing.score)),
            exposure: ExposureBody::new(standing.exposure_limit, standing.open_escrow),
            as_of: standing.position,
            is_complete: standing.is_complete,
            explanation,
        }
    }
}
