//! Where tokens come from: the owner's genesis, and play money for everybody else.

use diesel::prelude::*;
use marketplace_money::{Amount, Did};
use marketplace_ports::{TegBalance, TegError};

use crate::book::{self, Account, Movement, Verb};
use crate::failure::Failure;
use crate::schema::{agents, node};
use crate::settings::EmbeddedTegSettings;
use crate::stake;

/// What the faucet gives, once for each agent.
pub const FAUCET_GIFT: Amount = Amount::from_avt(1_000);

/// Whose books these are; nothing in a new file.
pub(crate) fn owner(conn: &mut SqliteConnection) -> QueryResult<Option<String>> {
    node::table.select(node::owner).first(conn).optional()
}

/// Makes a new file the owner's.
pub(crate) fn found(
    conn: &mut SqliteConnection,
    settings: &EmbeddedTegSettings,
) -> QueryResult<()> {
    diesel::insert_into(node::table)
        .values((node::node_id.eq(1), node::owner.eq(settings.owner.as_str())))
        .execute(conn)?;
    book::make_known(conn, &settings.owner)?;
    book::find_or_open(conn, &Account::Treasury)?;
    book::find_or_open(conn, &Account::Issuer)?;
    if settings.genesis.is_positive() {
        issue(conn, settings, &settings.owner, settings.genesis)?;
    }
    Ok(())
}

/// Play money. Refusals, in this order: faucet closed, faucet used.
pub(crate) fn give(
    conn: &mut SqliteConnection,
    settings: &EmbeddedTegSettings,
    agent: &Did,
) -> Result<TegBalance, Failure> {
    if !settings.faucet_open {
        let reason = "the faucet of this TEG is closed";
        return Err(Failure::refused(TegError::FAUCET_CLOSED, reason));
    }
    // What the owner holds must be explained by its own books, and this is in no history.
    if *agent == settings.owner {
        let reason = "the faucet gives nothing to the owner of the node";
        return Err(Failure::refused(TegError::FAUCET_CLOSED, reason));
    }
    let issued = book::balance(conn, &Account::Issuer)?;
    if issued.checked_sub(FAUCET_GIFT).is_none_or(|after| after < smallest()) {
        let reason = "no more tokens can be counted";
        return Err(Failure::refused(TegError::FAUCET_CLOSED, reason));
    }
    book::make_known(conn, agent)?;
    let first = diesel::update(agents::table.find(agent.as_str()))
        .filter(agents::faucet_at.is_null())
        .set(agents::faucet_at.eq((settings.clock)().micros()))
        .execute(conn)?;
    if first == 0 {
        let reason = format!("{agent} has had its tokens from the faucet");
        return Err(Failure::refused(TegError::FAUCET_USED, reason));
    }
    issue(conn, settings, agent, FAUCET_GIFT)?;
    stake::balance_of(conn, agent)
}

fn issue(
    conn: &mut SqliteConnection,
    settings: &EmbeddedTegSettings,
    agent: &Did,
    amount: Amount,
) -> QueryResult<()> {
    let from = book::find_or_open(conn, &Account::Issuer)?.id;
    let to = book::find_or_open(conn, &Account::Available(agent.clone()))?.id;
    let step = Movement { from, to, amount };
    book::post(conn, Verb::Issue, None, (settings.clock)(), &[step]).map(drop)
}

/// The issuer's balance must have an opposite.
const fn smallest() -> Amount {
    Amount::from_nano(-i64::MAX)
}
