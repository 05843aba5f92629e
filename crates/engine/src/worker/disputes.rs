//! Disputes that go on by themselves: what a step needs is read here, and decided in its commit.

use marketplace_disputes::{Caller, Command, OrderFacts, SeedSource, TimerKind};
use marketplace_money::{DisputeId, Timestamp};
use marketplace_ports::{Docket, Timer};
use sha2::{Digest, Sha256};

use super::Worker;
use crate::delivery::recheck;
use crate::pool::{pool_bytes, pool_from};
use crate::refusal::{Error, Refusal};
use crate::verbs::{Bench, Inputs, PutOff, TickDispute};

/// A call that is not sealed yet is looked at again after this, in microseconds.
const UNSEALED: i64 = 100_000;
/// How often others may draw a panel while a step is made ready.
const ATTEMPTS: usize = 5;

/// What a step is decided on; nothing where it must wait.
struct Step {
    bench: Bench,
    caller: Caller,
    command: Command,
    inputs: Inputs,
    pool: Option<std::sync::Arc<[u8]>>,
}

impl Step {
    fn of_timer(docket: &Docket, command: Command) -> Self {
        let (bench, caller) = (Bench::of(docket), Caller::Timer);
        Self { bench, caller, command, inputs: Inputs::default(), pool: None }
    }

    fn ours(docket: &Docket, command: Command, inputs: Inputs) -> Self {
        let (bench, caller) = (Bench::of(docket), Caller::Arbitration);
        Self { bench, caller, command, inputs, pool: None }
    }
}

impl Worker {
    /// Makes a dispute whose clock has run out go on.
    pub(super) async fn tick_dispute(&self, id: DisputeId, timer: Timer) -> Result<(), Error> {
        let market = &self.marketplace;
        for _ in 0..ATTEMPTS {
            let Some(docket) = market.store().docket(id).await? else {
                return Err(Error::Fault(format!("a timer of dispute {id}, which there is not")));
            };
            let Some(step) = self.step(&docket).await? else {
                let (bench, micros) = (Bench::of(&docket), UNSEALED);
                return market.execute(PutOff { timer, bench, micros }, None).await.map(|_| ());
            };
            let Step { bench, caller, command, inputs, pool } = step;
            let operators = market.config().operators.clone();
            let timer = timer.clone();
            let tick = TickDispute { timer, bench, caller, command, inputs, pool, operators };
            match market.execute(tick, None).await {
                Err(Error::Refused(Refusal::BenchChanged)) => {}
                done => return done.map(|_| ()),
            }
        }
        Err(Error::unavailable("the dispute is changing too fast", 1))
    }

    async fn step(&self, docket: &Docket) -> Result<Option<Step>, Error> {
        let (now, gaps) = self.marketplace.clock().await?;
        let dispute = &docket.dispute;
        if dispute.life().passed(now, &gaps) {
            return Ok(Some(Step::of_timer(docket, Command::LapseLife)));
        }
        let late = dispute.ruling_due().passed(now, &gaps);
        Ok(match dispute.next_timer().map(|timer| timer.kind) {
            Some(TimerKind::Rules) => {
                let facts = self.facts(docket).await?;
                let inputs = Inputs { facts: Some(facts.clone()), ..Inputs::default() };
                let command = Command::ApplyRules { facts: Box::new(facts) };
                Some(Step::ours(docket, command, inputs))
            }
            Some(TimerKind::Call) if !late => Some(self.call(docket, now).await?),
            Some(TimerKind::Draw) if !late => self.draw(docket).await?,
            _ => Some(Step::of_timer(docket, Command::Lapse)),
        })
    }

    async fn call(&self, docket: &Docket, now: Timestamp) -> Result<Step, Error> {
        let pool = self.marketplace.pool(docket, now).await?;
        let inputs = Inputs { pool: Some(pool.hash()), ..Inputs::default() };
        let bytes = pool_bytes(&pool);
        let step = Step::ours(docket, Command::CallPanel { pool }, inputs);
        Ok(Step { pool: Some(bytes), ..step })
    }

    /// Once the call is sealed, the hash of its batch is the seed's source.
    async fn draw(&self, docket: &Docket) -> Result<Option<Step>, Error> {
        let store = self.marketplace.store();
        let id = docket.dispute.id;
        let seals = store.dispute_seals(id).await?;
        let called = docket.called_in();
        let Some((_, link)) = seals.into_iter().find(|(version, _)| Some(*version) == called)
        else {
            return Ok(None);
        };
        let gone = || Error::Fault(format!("the pool of dispute {id} is gone"));
        let (_, name) = docket.pools.last().ok_or_else(gone)?;
        let bytes = store.exhibit(id, *name).await?.ok_or_else(gone)?;
        let pool = pool_from(&bytes).ok_or_else(gone)?;
        let source = SeedSource { position: link.position, hash: link.hash, beacon: None };
        // Those who will be drawn, so that their rows can be loaded.
        let (round, attempt) = docket.dispute.place();
        let size = docket.dispute.panel().map_or(0, |panel| panel.size);
        let jurors = pool.draw(&source.seed(id, round, attempt), size);
        let command = Command::DrawPanel { pool, source };
        let step = Step::ours(docket, command, Inputs::default());
        let bench = step.bench.clone().with(&jurors);
        Ok(Some(Step { bench, ..step }))
    }

    /// What tier 1 may see: what the order knows, and what looking at the delivery again shows.
    async fn facts(&self, docket: &Docket) -> Result<OrderFacts, Error> {
        let (store, dispute) = (self.marketplace.store(), &docket.dispute);
        let (_, gaps) = store.clock().await?;
        let order = store.order(dispute.order).await?;
        let facts = order.as_ref().and_then(|order| OrderFacts::of(order, &gaps));
        let (Some(order), Some(mut facts)) = (order, facts) else {
            return Err(Error::Fault(format!("the order of dispute {} is not", dispute.id)));
        };
        let Some(delivery) = facts.delivery.as_mut() else { return Ok(facts) };
        if facts.exclusive {
            let (seller, buyer) = (&order.seller, &order.buyer);
            let other = store.delivered_to_another(seller, buyer, delivery.recorded).await?;
            facts.also_delivered_to = other;
        }
        if let Some(bytes) = store.blob(order.id, delivery.recorded).await? {
            delivery.hashed_again = Some(Sha256::digest(&bytes).into());
            delivery.checks = recheck(&order, &bytes).await?;
        }
        // What was delivered after an earlier dispute had the time of that dispute on top.
        let earlier = store.disputes_of(order.id).await?;
        for other in earlier.iter().filter(|other| other.dispute.id != dispute.id) {
            let marketplace_disputes::State::Closed(closed) = &other.dispute.state else {
                continue;
            };
            if closed.at <= delivery.first_at {
                facts.due = facts.due.plus_micros(closed.at.since(other.dispute.opened_at));
            }
        }
        Ok(facts)
    }
}
