//! The market at a glance, on the wire.

use marketplace_engine::{Day, Overview, SETTLE_BOUNDS};
use marketplace_money::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{Money, NumberText, Rfc3339};

/// Which days.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OverviewParams {
    /// How many, today included: 1 to 400; 30 when absent.
    #[param(value_type = Option<u32>)]
    pub days: Option<NumberText>,
}

/// The market now, and day by day.
#[derive(Debug, Serialize, ToSchema)]
pub struct OverviewBody {
    /// Of which moment.
    pub at: Rfc3339,
    /// Up to which event of the feed everything is counted.
    pub position: u64,
    /// `false` while a server that has just started still reads the feed.
    pub complete: bool,
    /// As it is now.
    pub now: MarketNowBody,
    /// The oldest day first; none is left out.
    pub days: Vec<DayBody>,
    /// All orders that ended on these days, by the time from purchase to end.
    pub settle_times: Vec<SettleTimeBody>,
}

/// The market now.
#[derive(Debug, Serialize, ToSchema)]
pub struct MarketNowBody {
    /// Listings that can be bought.
    pub active_listings: usize,
    /// Orders that are not over.
    pub open_orders: u64,
    /// Disputes that are not over.
    pub open_disputes: u64,
    /// What open orders hold.
    pub escrow: Money,
}

/// A day in UTC.
#[derive(Debug, Serialize, ToSchema)]
pub struct DayBody {
    /// Which.
    #[schema(format = Date, example = "2026-11-22")]
    pub day: String,
    /// New listings.
    pub listings: u64,
    /// Orders that were placed.
    pub orders: u64,
    /// Orders that ended with something for the provider.
    pub settled: u64,
    /// Orders that ended with everything back to the buyer.
    pub refunded: u64,
    /// What providers were paid.
    pub volume: Money,
    /// What the marketplace earned by listings and trades.
    pub fees: Money,
    /// What open orders held when the day ended; today: at its last order.
    pub escrow: Money,
    /// Disputes that were opened.
    pub disputes_opened: u64,
    /// Disputes that ended.
    pub disputes_closed: u64,
    /// How long the orders that ended took on average, in seconds; absent where none ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean_settle_seconds: Option<u64>,
}

/// Ended orders of a class.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SettleTimeBody {
    /// They took less than so many seconds, and not less than the class before; absent for the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub below_seconds: Option<u32>,
    /// How many.
    pub count: u64,
}

impl DayBody {
    fn new(begin: Timestamp, day: &Day) -> Self {
        Self {
            day: Rfc3339(begin).to_string().chars().take("2026-11-22".len()).collect(),
            listings: day.listings,
            orders: day.orders,
            settled: day.settled,
            refunded: day.refunded,
            volume: Money(day.volume),
            fees: Money(day.fees),
            escrow: Money(day.escrow),
            disputes_opened: day.disputes_opened,
            disputes_closed: day.disputes_closed,
            mean_settle_seconds: day.mean_settle_seconds(),
        }
    }
}

fn settle_times(days: &[(Timestamp, Day)]) -> Vec<SettleTimeBody> {
    let bounds = SETTLE_BOUNDS.into_iter().map(Some).chain([None]);
    let class = |(at, below_seconds)| {
        let counts = days.iter().filter_map(|(_, day)| day.settle_times.get(at));
        SettleTimeBody { below_seconds, count: counts.sum() }
    };
    bounds.enumerate().map(class).collect()
}

impl From<&Overview> for OverviewBody {
    fn from(overview: &Overview) -> Self {
        Self {
            at: Rfc3339(overview.at),
            position: overview.position,
            complete: overview.is_complete,
            now: MarketNowBody {
                active_listings: overview.active_listings,
                open_orders: overview.open_orders,
                open_disputes: overview.open_disputes,
                escrow: Money(overview.escrow),
            },
            days: overview.days.iter().map(|(begin, day)| DayBody::new(*begin, day)).collect(),
            settle_times: settle_times(&overview.days),
        }
    }
}
