//! Quotes as texts that only we can write: the buyer carries the promise, we store nothing.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use marketplace_engine::Refusal;
use marketplace_fees::{Price, Quote};
use marketplace_money::{Amount, ListingId, Multiplier, Timestamp};
use sha2::Sha256;
use uuid::Uuid;

/// Changed with the layout.
const VERSION: &[u8] = b"marketplace-quote-v1";
const MAC: usize = 32;
/// A DID of 255 bytes fits.
const LONGEST: usize = 512;

fn mac(key: &[u8; 32], payload: &[u8]) -> Hmac<Sha256> {
    let mac = Hmac::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.chain_update(VERSION).chain_update(payload)
}

/// The signed form of a quote.
#[must_use]
pub fn sign(key: &[u8; 32], quote: &Quote) -> String {
    let price = &quote.price;
    let mut bytes = Vec::with_capacity(160);
    bytes.extend_from_slice(quote.listing.uuid().as_bytes());
    bytes.extend_from_slice(&quote.listing_version.to_be_bytes());
    bytes.extend_from_slice(&price.multiplier.ppm().to_be_bytes());
    for amount in [price.base, price.price, price.fee, price.total] {
        bytes.extend_from_slice(&amount.nano().to_be_bytes());
    }
    bytes.extend_from_slice(&quote.valid_until.micros().to_be_bytes());
    bytes.extend_from_slice(quote.buyer.as_str().as_bytes());
    let mac = mac(key, &bytes).finalize().into_bytes();
    bytes.extend_from_slice(&mac);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Takes fields off the front.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*field)
    }

    fn amount(&mut self) -> Option<Amount> {
        self.take().map(i64::from_be_bytes).map(Amount::from_nano)
    }
}

fn read(key: &[u8; 32], text: &str) -> Option<Quote> {
    if text.len() > LONGEST {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (payload, sum) = bytes.split_last_chunk::<MAC>()?;
    mac(key, payload).verify_slice(sum).ok()?;
    let mut reader = Reader(payload);
    let listing = ListingId::new(Uuid::from_bytes(reader.take()?));
    let listing_version = reader.take().map(u64::from_be_bytes)?;
    let multiplier = reader.take().map(u32::from_be_bytes).map(Multiplier::from_ppm)?;
    let (base, price) = (reader.amount()?, reader.amount()?);
    let (fee, total) = (reader.amount()?, reader.amount()?);
    let price = Price { base, multiplier, price, fee, total };
    let valid_until = Timestamp::from_micros(i64::from_be_bytes(reader.take()?));
    let buyer = std::str::from_utf8(reader.0).ok()?.parse().ok()?;
    Some(Quote { listing, listing_version, buyer, price, valid_until })
}

/// Reads a quote that we signed.
///
/// # Errors
/// When it is not one.
/// The quote in its signed form.
///
/// # Errors
/// When we did not sign it.
pub fn verify(key: &[u8; 32], text: &str) -> Result<Quote, Refusal> {
    read(key, text).ok_or_else(|| Refusal::InvalidInput {
        field: "quote",
        problem: "is not a quote of this marketplace, ask for a new one".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [5; 32];

    fn quote() -> Quote {
        let amount = Amount::from_avt;
        Quote {
            listing: "0197f3a2-7c1e-7aaa-8b1b-0242ac120002".parse().unwrap(),
            listing_version: 3,
            buyer: "did:buyer".parse().unwrap(),
            price: Price {
                base: amount(5),
                multiplier: Multiplier::ONE,
                price: amount(5),
                fee: Amount::from_nano(125_000_000),
                total: Amount::from_nano(5_125_000_000),
            },
            valid_until: Timestamp::from_micros(1_790_000_000_000_000),
        }
    }

    #[test]
    fn survives_the_trip() {
        assert_eq!(verify(&KEY, &sign(&KEY, &quote())).unwrap(), quote());
    }

    #[test]
    fn nobody_else_writes_one() {
        let good = sign(&KEY, &quote());
        assert!(verify(&[6; 32], &good).is_err());
        for at in 0..good.len() {
            let other = if good.as_bytes()[at] == b'A' { "B" } else { "A" };
            let mut forged = good.clone();
            forged.replace_range(at..=at, other);
            assert!(verify(&KEY, &forged).is_err(), "character {at}");
        }
        for text in ["", "AAAA", "é", &good[1..], &"A".repeat(600)] {
            assert!(verify(&KEY, text).is_err(), "{text}");
        }
    }
}
