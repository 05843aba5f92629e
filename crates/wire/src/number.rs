//! Numbers on the wire: read from their text, written in canonical form. No float in between.

use marketplace_engine::Refusal;
use marketplace_money::{Amount, AmountError, Reputation};
use serde::de::{Deserializer, Error as _, Unexpected};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::refusal::invalid;

/// An amount of AVT as a decimal string.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, example = "5.125", pattern = r"^-?[0-9]{1,10}(\.[0-9]{1,9})?$")]
pub struct Money(pub Amount);

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// A standing from -100 to 100, as a JSON number with at most three decimals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ToSchema)]
#[schema(value_type = f64, example = 12.5, minimum = -100, maximum = 100)]
pub struct Score(pub Reputation);

impl Serialize for Score {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw = RawValue::from_string(self.0.to_string());
        raw.map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

/// A number as the caller wrote it, in a JSON string or as a JSON number: `"5.125"` or `5.125`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberText(String);

impl PartialSchema for NumberText {
    fn schema() -> RefOr<Schema> {
        let kinds = SchemaType::Array(vec![Type::String, Type::Number]);
        let words = "A decimal string, or a JSON number; at most 9 decimals.";
        let object = ObjectBuilder::new().schema_type(kinds).description(Some(words));
        RefOr::T(object.examples([Value::from("5.125")]).into())
    }
}

impl ToSchema for NumberText {}

impl<'de> Deserialize<'de> for NumberText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // `Number` keeps its text (arbitrary_precision).
        let other = match Value::deserialize(deserializer)? {
            Value::String(text) => return Ok(Self(text)),
            Value::Number(number) => return Ok(Self(number.to_string())),
            Value::Null => Unexpected::Unit,
            Value::Bool(value) => Unexpected::Bool(value),
            Value::Array(_) => Unexpected::Seq,
            Value::Object(_) => Unexpected::Map,
        };
        Err(D::Error::invalid_type(other, &"a number like \"5.125\" or 5.125"))
    }
}

/// Yes or no: `true` and `false`, in a JSON string too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(value_type = bool)]
pub struct Flag(pub bool);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Bool(value) => Ok(Self(value)),
            Value::String(text) if text == "true" => Ok(Self(true)),
            Value::String(text) if text == "false" => Ok(Self(false)),
            _ => Err(D::Error::custom("must be true or false")),
        }
    }
}

impl From<Amount> for NumberText {
    fn from(amount: Amount) -> Self {
        Self(amount.to_string())
    }
}

impl Serialize for NumberText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl NumberText {
    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Nothing was written: an HTML form sends its empty fields.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.0.is_empty()
    }

    /// As an amount.
    ///
    /// # Errors
    /// When it is not one; the refusal names `field`.
    pub fn amount(&self, field: &'static str) -> Result<Amount, Refusal> {
        self.0.parse().map_err(|error: AmountError| invalid(field, error.to_string()))
    }

    /// As a standing.
    ///
    /// # Errors
    /// When it is not one; the refusal names `field`.
    pub fn reputation(&self, field: &'static str) -> Result<Reputation, Refusal> {
        const NANO_PER_MILLI: i64 = 1_000_000;
        let problem = "must be a number from -100 to 100 with at most 3 decimals";
        let points: Amount = self.0.parse().map_err(|_| invalid(field, problem))?;
        let limit = Amount::from_avt(100);
        let within = points <= limit && points.nano() >= -limit.nano();
        if !within || points.nano() % NANO_PER_MILLI != 0 {
            return Err(invalid(field, problem));
        }
        Ok(Reputation::from_milli(points.nano() / NANO_PER_MILLI))
    }

    /// As a whole number within bounds.
    ///
    /// # Errors
    /// When it is not one; the refusal names `field`.
    pub fn whole(
        &self,
        field: &'static str,
        bounds: std::ops::RangeInclusive<u32>,
    ) -> Result<u32, Refusal> {
        let digits = self.0.bytes().all(|byte| byte.is_ascii_digit());
        let number = self.0.parse().ok().filter(|number| digits && bounds.contains(number));
        let (low, high) = (bounds.start(), bounds.end());
        number.ok_or_else(|| invalid(field, format!("must be a whole number from {low} to {high}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<NumberText, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn numbers_keep_their_text() {
        let check = |json: &str, expect: &str| {
            assert_eq!(read(json).unwrap().as_str(), expect, "{json}");
        };
        check("5.0", "5.0");
        check("\"5.0\"", "5.0");
        check("0.1000000000000000001", "0.1000000000000000001");
        check("123456789012345678901234567890", "123456789012345678901234567890");
        for json in ["null", "true", "[]", "[1]", "{}", "{\"amount\":1}"] {
            assert!(read(json).is_err(), "{json}");
        }
    }

    #[test]
    fn amounts_are_exact_or_refused() {
        let amount = |json: &str| {
            let text = read(json).unwrap();
            text.amount("price").map(Amount::nano).map_err(|refusal| refusal.to_string())
        };
        assert_eq!(amount("0.1"), Ok(100_000_000));
        assert_eq!(amount("1e2"), Ok(100_000_000_000));
        assert_eq!(
            amount("0.1000000000000000001"),
            Err("price has more than 9 decimals, the smallest unit is 0.000000001 AVT".to_owned())
        );
        assert!(amount("1e30").unwrap_err().starts_with("price is out of range"));
        assert!(amount("\"five\"").unwrap_err().starts_with("price is not a decimal number"));
    }

    #[test]
    fn standings_and_counts() {
        let reputation = |text: &str| NumberText(text.to_owned()).reputation("r").ok();
        assert_eq!(reputation("12.5"), Some(Reputation::from_milli(12_500)));
        assert_eq!(reputation("-100"), Some(Reputation::from_milli(-100_000)));
        for text in ["100.001", "1e3", "0.0001", "x", ""] {
            assert_eq!(reputation(text), None, "{text}");
        }
        let whole = |text: &str| NumberText(text.to_owned()).whole("limit", 1..=10).ok();
        assert_eq!(whole("10"), Some(10));
        for text in ["0", "11", "+1", "1.0", "-1", "", "99999999999"] {
            assert_eq!(whole(text), None, "{text}");
        }
    }

    #[test]
    fn scores_are_numbers() {
        let json = |milli| serde_json::to_string(&Score(Reputation::from_milli(milli))).unwrap();
        assert_eq!(json(-1_500), "-1.5");
        assert_eq!(json(0), "0");
        assert_eq!(json(100_000), "100");
    }
}
