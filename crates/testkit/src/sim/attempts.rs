//! The clients' side of history: what was sent, what was answered, and what must follow from it.

use std::collections::{BTreeMap, BTreeSet};

use marketplace_engine::{DeliveryContent, DeliveryRequest, Done, Error};
use marketplace_money::{Did, OrderId, Seconds, Timestamp};
use sha2::{Digest, Sha256};

use super::ops::{Op, Promise};

/// Answers are remembered for so long.
const RECORD_LIFE: Seconds = Seconds::from_hours(7 * 24);

/// What became of one sending.
pub(crate) type Outcome = Result<Done<String>, Error>;

/// Signers and what they have used up.
type Nonces = BTreeSet<(Did, String)>;

/// One thing that an agent wants. It may be sent several times, also with another body under the
/// same key, which must not be done beside the first.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) agent: Did,
    /// The wish, and perhaps another body for the same key.
    pub(crate) bodies: Vec<Op>,
    pub(crate) key: Option<String>,
    pub(crate) at: Timestamp,
    /// Sendings of each body.
    pub(crate) sent: [u32; 2],
    /// Of these, those that were sent before the attempt was acknowledged.
    early: [u32; 2],
    /// Sendings that were answered with a refusal: they did nothing.
    refused: [u32; 2],
    /// Fresh answers to each body.
    pub(crate) done: [u32; 2],
    /// Which body was acknowledged under the key, and in which words.
    pub(crate) acknowledged: Option<(usize, String)>,
    pub(crate) under_way: u32,
    /// Its key has U+0000 in it, which no store takes. The edge refuses such texts; here one gets
    /// through, to see that its neighbours in the batch do not suffer.
    pub(crate) poison: bool,
    /// Sendings that were answered.
    answered: u32,
    /// A sending of it was under way when its key may have been forgotten: then it may be a new
    /// command.
    stale: bool,
}

/// One sending of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Sending {
    pub(crate) attempt: usize,
    pub(crate) body: usize,
    /// The attempt was acknowledged before this was sent.
    pub(crate) after_answer: bool,
}

/// An attempt, and which of its bodies.
pub(crate) type Cause = (usize, usize);

/// All attempts of all agents.
#[derive(Debug, Default)]
pub(crate) struct History {
    pub(crate) attempts: Vec<Attempt>,
    /// Orders that purchases were answered with: which attempt, which body.
    pub(crate) purchases: Vec<(OrderId, usize, usize)>,
    /// Nonces that were accepted.
    nonces: Nonces,
}

impl History {
    pub(crate) fn add(&mut self, agent: Did, bodies: Vec<Op>, key: Option<String>, at: Timestamp) {
        let poison = key.as_ref().is_some_and(|key| key.contains('\0'));
        self.attempts.push(Attempt {
            agent,
            bodies,
            key,
            at,
            sent: [0; 2],
            early: [0; 2],
            refused: [0; 2],
            done: [0; 2],
            acknowledged: None,
            under_way: 0,
            poison,
            answered: 0,
            stale: false,
        });
    }

    /// Notes that an attempt is sent, and says what to send.
    pub(crate) fn send(&mut self, attempt: usize, body: usize) -> (Sending, Op, Promise) {
        let known = &mut self.attempts[attempt];
        known.sent[body] += 1;
        known.early[body] += u32::from(known.acknowledged.is_none());
        known.under_way += 1;
        let op = known.bodies[body].clone();
        let promise = known.key.as_ref().map(|key| {
            let mut sha256 = [0; 32];
            let text = format!("{attempt}.{body}");
            sha256.iter_mut().zip(text.bytes()).for_each(|(byte, from)| *byte = from);
            (op.key(&known.agent, key), sha256)
        });
        let after_answer = known.acknowledged.is_some();
        (Sending { attempt, body, after_answer }, op, promise)
    }

    /// Notes what lives longer than answers are remembered.
    pub(crate) fn age(&mut self, now: Timestamp) {
        for known in self.attempts.iter_mut().filter(|known| known.key.is_some()) {
            let waits = known.sent[0] + known.sent[1] > known.answered;
            known.stale |= waits && now >= known.at.plus(RECORD_LIFE);
        }
    }

    /// Notes that nobody will hear of a sending any more.
    pub(crate) fn forget(&mut self, sending: Sending) {
        let known = &mut self.attempts[sending.attempt];
        known.under_way = known.under_way.saturating_sub(1);
    }

    /// Notes an answer; says what is wrong with it.
    pub(crate) fn answer(&mut self, sending: Sending, outcome: &Outcome) -> Result<(), String> {
        self.forget(sending);
        let known = &mut self.attempts[sending.attempt];
        known.answered += 1;
        if known.stale {
            return Ok(());
        }
        let body = sending.body;
        if known.poison && outcome.is_ok() {
            return Err("what no store can write was done".to_owned());
        }
        let text = match outcome {
            Ok(Done::Fresh(text)) => {
                check_done(known, body, &mut self.nonces)?;
                known.done[body] += 1;
                text
            }
            Ok(Done::Repeated(text)) => {
                if known.key.is_none() {
                    return Err("a command without a key was answered from memory".to_owned());
                }
                text
            }
            Err(error) => {
                // A deposit may have fetched its tokens before the other body won the key.
                let deposit = matches!(known.bodies[body], Op::Deposit(_));
                let definite =
                    matches!(error, Error::Refused(_)) || (*error == Error::KeyReused && !deposit);
                known.refused[body] += u32::from(definite);
                return check_error(known, sending, error);
            }
        };
        let known_before = known.acknowledged.is_some();
        match &known.acknowledged {
            Some((before, _)) if *before != body => {
                return Err("two bodies were done under one key".to_owned());
            }
            Some((_, before)) if before != text => {
                return Err(format!("the answer was {before:?} and is now {text:?}"));
            }
            Some(_) => {}
            None if known.key.is_some() => known.acknowledged = Some((body, text.clone())),
            None => {}
        }
        let first = known.key.is_none() || !known_before;
        if matches!(known.bodies[body], Op::Buy(_)) && first {
            let id = text.split(' ').nth(1).and_then(|id| id.parse::<OrderId>().ok());
            let id = id.ok_or_else(|| format!("{text:?} names no order"))?;
            if self.purchases.iter().any(|(before, _, _)| *before == id) {
                return Err(format!("order {id} was given to two purchases"));
            }
            self.purchases.push((id, sending.attempt, body));
        }
        Ok(())
    }
}

/// What must not be done, or not once more.
fn check_done(known: &Attempt, body: usize, nonces: &mut Nonces) -> Result<(), String> {
    match &known.bodies[body] {
        Op::UseNonce(value, _) if !nonces.insert((known.agent.clone(), value.clone())) => {
            Err(format!("nonce {value} was accepted twice"))
        }
        Op::Deliver(_, request) if is_lie(request) => {
            Err("bytes were taken that do not fit their hash".to_owned())
        }
        _ if known.key.is_some() && known.done != [0, 0] => {
            Err("an attempt was done twice under one key".to_owned())
        }
        _ => Ok(()),
    }
}

/// Whether the seller names another hash than that of its bytes. What is behind a URL is looked at
/// later.
fn is_lie(request: &DeliveryRequest) -> bool {
    let DeliveryContent::Inline(bytes) = &request.content else { return false };
    request.sha256.is_some_and(|claimed| claimed != <[u8; 32]>::from(Sha256::digest(bytes)))
}

fn check_error(known: &Attempt, sending: Sending, error: &Error) -> Result<(), String> {
    let acknowledged = known.acknowledged.as_ref().map(|(body, _)| *body);
    match error {
        Error::Fault(_) if known.poison => Ok(()),
        Error::Fault(what) => Err(format!("the marketplace failed: {what}")),
        Error::Unavailable { .. } => Ok(()),
        Error::KeyReused if acknowledged == Some(sending.body) => {
            Err("the same body was taken for another".to_owned())
        }
        Error::KeyReused if known.sent[1 - sending.body] == 0 => {
            Err("a key was said to be reused that was not".to_owned())
        }
        Error::KeyReused => Ok(()),
        Error::Refused(refusal) if sending.after_answer && known.key.is_some() => {
            Err(format!("an attempt that was done is now refused: {refusal}"))
        }
        Error::Refused(_) => Ok(()),
    }
}

impl Attempt {
    /// How often a body may have been done.
    fn bounds(&self, body: usize) -> (u64, u64) {
        let possible = u64::from(self.sent[body] - self.refused[body]);
        match (&self.key, &self.acknowledged) {
            (None, _) => (u64::from(self.done[body]), possible),
            (Some(_), Some((done, _))) if *done == body => (1, 1),
            // Tokens that were fetched before the other body won stay in the agent's balance.
            (Some(_), Some(_)) if matches!(self.bodies[body], Op::Deposit(_)) => {
                (0, u64::from(self.early[body]).min(1))
            }
            (Some(_), Some(_)) => (0, 0),
            (Some(_), None) => (0, possible.min(1)),
        }
    }
}

impl History {
    /// What was not done as often as the answers promised. `acts` counts commits, `pulls` transfers
    /// at the TEG; a deposit is one of those.
    pub(crate) fn compare(
        &self,
        acts: &BTreeMap<Cause, u64>,
        pulls: &BTreeMap<Cause, u64>,
    ) -> Vec<String> {
        let mut breaches = Vec::new();
        for (number, attempt) in self.attempts.iter().enumerate() {
            if attempt.stale {
                continue;
            }
            for (body, op) in attempt.bodies.iter().enumerate() {
                let counts = if matches!(op, Op::Deposit(_)) { pulls } else { acts };
                let times = counts.get(&(number, body)).copied().unwrap_or_default();
                let (least, most) = attempt.bounds(body);
                if times < least || times > most {
                    let (agent, name) = (&attempt.agent, op.name());
                    breaches.push(format!(
                        "{agent} {name} (attempt {number}.{body}) was done {times} times, not \
                         {least} to {most}"
                    ));
                }
            }
        }
        breaches
    }
}
