//! What a transfer costs: asked, checked against the TEG's own calculator, and kept for a while.

use std::sync::{Mutex, PoisonError};

use marketplace_money::{Amount, Seconds, Timestamp};
use marketplace_ports::{TegError, TransferFee};
use serde::Deserialize;
use serde_json::Value;

use super::HttpTeg;
use super::atto::Atto;
use super::call::Call;
use super::error::CallError;

/// Fees change by governance: seldom, and not unseen for longer than this.
const FRESH: Seconds = Seconds(60);
/// The calculator is asked for the fee of this.
const PROBE: Amount = Amount::from_avt(100);
const ATTO_PER_AVT: i128 = 1_000_000_000_000_000_000;

#[derive(Deserialize)]
struct Config {
    fee_active: bool,
    #[serde(default)]
    fee_percentage: Value,
    #[serde(default)]
    min_fee_amount: Value,
    #[serde(default)]
    max_fee_amount: Value,
    #[serde(default)]
    transfer_fee_amount: Value,
}

/// The last answer, and when it was given.
#[derive(Debug, Default)]
pub(super) struct FeeCache(Mutex<Option<(Timestamp, TransferFee)>>);

impl FeeCache {
    fn get(&self, now: Timestamp) -> Option<TransferFee> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.filter(|(at, _)| now < at.plus(FRESH)).map(|(_, fee)| fee)
    }

    fn put(&self, now: Timestamp, fee: TransferFee) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, fee));
    }
}

impl HttpTeg {
    /// See [`marketplace_ports::Teg::transfer_fee`].
    pub(super) async fn fee(&self) -> Result<TransferFee, TegError> {
        let now = self.caller.now();
        if let Some(fee) = self.fees.get(now) {
            return Ok(fee);
        }
        let call = Call::get("/token/fees/config").of_anybody();
        let config: Config = self.caller.read(call).await.map_err(CallError::of_reading)?;
        let readings = config.readings();
        let probed = self.calculated(PROBE).await?;
        // Texts disagree on what a "percentage" is, and on whether there is a flat fee beside it:
        // the reading by which the TEG itself calculates is the right one.
        let agreeing = readings.iter().find(|fee| probed.is_none() || fee.on(PROBE) == probed);
        let fee = match (agreeing, probed) {
            (Some(fee), _) => *fee,
            (None, Some(probed)) => {
                tracing::warn!(%probed, "the TEG calculates fees unlike its own configuration");
                TransferFee::flat(probed)
            }
            (None, None) => TransferFee::default(),
        };
        self.fees.put(now, fee);
        Ok(fee)
    }

    /// The fee of a transfer of `amount` by the TEG's own calculator, where it has one.
    async fn calculated(&self, amount: Amount) -> Result<Option<Amount>, TegError> {
        let call = Call::get("/token/fees/calculate").query("amount", &amount).of_anybody();
        let answer: Option<Value> = self.caller.find(call).await?;
        let Some(answer) = answer else { return Ok(None) };
        let fee = answer.get("fee_amount").or_else(|| answer.get("fee"));
        Ok(fee.and_then(Atto::of).and_then(Atto::ceiling).map(|(fee, _)| fee))
    }
}

impl Config {
    /// What the configuration may mean, the likeliest first.
    fn readings(&self) -> Vec<TransferFee> {
        if !self.fee_active {
            return vec![TransferFee::default()];
        }
        let amount = |value: &Value| Atto::of(value).and_then(Atto::ceiling).map(|(fee, _)| fee);
        let flat = amount(&self.transfer_fee_amount).unwrap_or_default();
        let bounded = |flat: Amount, millionths: u32| TransferFee {
            flat,
            millionths,
            least: amount(&self.min_fee_amount).unwrap_or_default(),
            most: amount(&self.max_fee_amount).filter(|most| most.is_positive()),
        };
        // A per cent is ten thousand millionths.
        let share = |whole: u32| {
            let atto = Atto::of(&self.fee_percentage)?.0;
            let millionths = atto.checked_mul(whole.into())?.div_euclid(ATTO_PER_AVT);
            u32::try_from(millionths).ok()
        };
        let (percent, fraction) = (share(10_000).unwrap_or(0), share(1_000_000).unwrap_or(0));
        let mut readings = vec![
            bounded(Amount::ZERO, percent),
            bounded(Amount::ZERO, fraction),
            TransferFee::flat(flat),
            bounded(flat, percent),
            bounded(flat, fraction),
            TransferFee::default(),
        ];
        if percent == 0 {
            readings.rotate_left(2);
        }
        readings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configurations_are_read_as_the_calculator_reads_them() {
        let check = |config: &str, calculated: &str, expect: &str| {
            let config: Config = serde_json::from_str(config).unwrap();
            let calculated: Amount = calculated.parse().unwrap();
            let readings = config.readings();
            let fee = readings.iter().find(|fee| fee.on(PROBE) == Some(calculated));
            let shown = fee.map(|fee| {
                let most = fee.most.map_or("-".to_owned(), |most| most.to_string());
                format!("{} {} {} {most}", fee.flat, fee.millionths, fee.least)
            });
            assert_eq!(shown.unwrap_or_default(), expect);
        };
        let config = |percentage: &str, flat: &str| {
            format!(
                r#"{{"fee_active":true,"fee_percentage":{percentage},"min_fee_amount":"0.001",
                    "max_fee_amount":"10","fee_recipient":"x","transfer_fee_amount":{flat}}}"#
            )
        };
        check(&config("0.1", "null"), "0.1", "0 1000 0.001 10");
        check(&config("0.001", "null"), "0.1", "0 1000 0.001 10");
        check(&config("0.0", "\"1\""), "1", "1 0 0 -");
        check(&config("0.5", "\"1\""), "1.5", "1 5000 0.001 10");
        check(&config("0.1", "\"0E-18\""), "0.1", "0 1000 0.001 10");
        check(&config("0.1", "null"), "7", "");
        check(r#"{"fee_active":false,"fee_percentage":5}"#, "0", "0 0 0 -");
    }
}
