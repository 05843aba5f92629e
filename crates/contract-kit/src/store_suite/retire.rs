//! History that policy puts away: the books stay right without it. A store may keep it all.

use std::num::NonZeroU64;

use marketplace_escrow::{Actor, Command};
use marketplace_ledger::{Account, FeeKind};
use marketplace_money::{Amount, Did, OrderId, Seconds, Timestamp};

use super::World;
use super::fixtures::{agent_account, did};
use super::flow::{act, delivery, purchase, total};

const DAY: Seconds = Seconds::from_hours(24);

/// One order from its purchase to its end, and one that stays open.
async fn some_trade(world: &mut World, buyer: &Did, seller: &Did) -> OrderId {
    world.fund(buyer, 2 * total()).await;
    let (order, set) = purchase(world, buyer, seller).await;
    world.write(set).await;
    let set = act(world, order, Actor::Seller, &delivery()).await;
    world.write(set).await;
    let set = act(world, order, Actor::Buyer, &Command::Accept).await;
    world.write(set).await;
    let (open, set) = purchase(world, buyer, seller).await;
    world.write(set).await;
    world.settle().await;
    open
}

/// What the journal says of every account of the trade.
async fn sums(world: &World, agents: &[Did], open: OrderId) -> Vec<Amount> {
    let mut accounts: Vec<Account> = agents.iter().map(agent_account).collect();
    accounts.extend([Account::Order(open), Account::Fees(FeeKind::Transaction), Account::Teg]);
    let mut sums = Vec::new();
    for account in accounts {
        sums.push(world.sum(&account).await);
    }
    sums
}

/// Puts away everything before an instant, two commits at a time; says of how many commits.
async fn retire(world: &World, before: Timestamp) -> u64 {
    let mut retired = 0;
    loop {
        let step = world.store().retire(before, 2).await.expect("retire");
        let Some(step) = NonZeroU64::new(step) else { return retired };
        retired += step.get();
    }
}

/// Months of trade: after each, what is older than two of them is put away. Sums, balances,
/// wallets and audits do not notice; what is left of statements and of the feed is as it was.
pub(crate) async fn history_that_is_put_away_stays_in_the_books(mut world: World) {
    let agents = [did("buyer"), did("seller")];
    let mut retired = 0;
    for _ in 0..6 {
        let open = some_trade(&mut world, &agents[0], &agents[1]).await;
        // It is part of the housekeeping, which gets the next months ready.
        world.store().forget(100).await.expect("forget");
        let before = sums(&world, &agents, open).await;
        let totals = world.audit().await.totals;
        let wallet = world.store().wallet(&agents[0]).await.expect("wallet");
        let events = world.store().events_after(0, 1_000).await.expect("events_after");
        let lines = world.store().statement(&agents[0], None, 1_000).await.expect("statement");
        let now = world.now().await;
        retired += retire(&world, now.minus(Seconds(60 * DAY.0))).await;
        assert_eq!(sums(&world, &agents, open).await, before);
        let audit = world.audit().await;
        assert_eq!((audit.breaches(), audit.totals), (Vec::new(), totals));
        assert_eq!(world.store().wallet(&agents[0]).await, Ok(wallet));
        let later = world.store().events_after(0, 1_000).await.expect("events_after");
        assert!(events.ends_with(&later) && later.len() >= 4, "{later:?}");
        let of_buyer = world.store().events_for(&agents[0], 0, 1_000).await.expect("events_for");
        assert_eq!(of_buyer, later);
        let page = world.store().statement(&agents[0], None, 1_000).await.expect("statement");
        assert!(lines.items.starts_with(&page.items) && page.items.len() >= 3, "{page:?}");
        let first = world.store().statement(&agents[0], None, 3).await.expect("statement");
        assert_eq!(first.items[..], lines.items[..3]);
        world.advance(31 * DAY.0);
    }
    // Whoever puts history away puts away what is old, and only that.
    assert!(retired == 0 || (15..=20).contains(&retired), "{retired}");
    world.reopen().await;
    let open = some_trade(&mut world, &agents[0], &agents[1]).await;
    let before = sums(&world, &agents, open).await;
    assert_eq!(before[0], world.balance(&agents[0]).await);
    assert_eq!(world.audit().await.breaches(), [""; 0]);
}

/// Nothing before its time, and never the newest commit.
pub(crate) async fn what_is_not_old_stays(mut world: World) {
    let agents = [did("buyer"), did("seller")];
    let start = world.now().await;
    some_trade(&mut world, &agents[0], &agents[1]).await;
    let events = world.store().events_after(0, 1_000).await.expect("events_after");
    assert_eq!(retire(&world, start).await, 0);
    assert_eq!(world.store().events_after(0, 1_000).await, Ok(events.clone()));
    world.advance(90 * DAY.0);
    let now = world.now().await;
    let retired = retire(&world, now).await;
    assert!(retired == 0 || retired == 4, "{retired}");
    let later = world.store().events_after(0, 1_000).await.expect("events_after");
    assert!(events.ends_with(&later) && !later.is_empty(), "{later:?}");
    world.reopen().await;
    assert_eq!(world.store().events_after(0, 1_000).await, Ok(later));
    assert_eq!(world.audit().await.breaches(), [""; 0]);
}
