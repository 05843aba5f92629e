//! What came of a market, in numbers that anybody can add up.

use marketplace_money::Amount;

/// Sums over a whole market.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Orders with an honest party.
    pub orders: u64,
    /// Their totals, in nano-AVT.
    pub value: i64,
    /// What honest agents lost to malicious ones on them: paid for rubbish, or not paid for good
    /// work, with the costs of disputes and without what others gained.
    pub lost: i64,
    /// Of that, by lazy buyers who never looked.
    pub lost_by_silence: i64,
    /// The same by who took it: exit scammers, isolated rings, rings with bridges, serial disputers,
    /// bad-mouthers.
    pub lost_to: [i64; 5],
    /// Purchases that were refused because enough waited on the seller.
    pub refused: u64,
    /// All disputes.
    pub disputes: u64,
    /// By tier: rulings that stood, and those of them that were wrong.
    pub rulings: [(u64, u64); 3],
    /// From opening to the first ruling, in minutes.
    pub minutes: Vec<i64>,
    /// The insurance at the end of each tenth of the time.
    pub insurance: Vec<Amount>,
    /// What isolated rings paid in fees to look good, in nano-AVT, and the points all their members
    /// had for it, in thousandths.
    pub isolated: (i64, i64),
    /// The same of rings with bridges.
    pub bridged: (i64, i64),
    /// Names that scammers left behind.
    pub names: u64,
}

impl Figures {
    /// What honest agents lost, in thousandths of a percent of what they traded.
    #[must_use]
    pub fn loss(&self) -> i64 {
        self.part(self.lost)
    }

    /// So much of what honest agents traded, in thousandths of a percent.
    #[must_use]
    pub fn part(&self, nano: i64) -> i64 {
        let part = i128::from(nano) * 100_000 / i128::from(self.value.max(1));
        i64::try_from(part).unwrap_or(i64::MAX)
    }

    /// The time to the first ruling that so many of a hundred disputes stayed below, in minutes.
    #[must_use]
    pub fn minutes_at(&self, percent: usize) -> i64 {
        let mut minutes = self.minutes.clone();
        minutes.sort_unstable();
        let at = minutes.len().saturating_sub(1) * percent / 100;
        minutes.get(at).copied().unwrap_or(0)
    }
}
