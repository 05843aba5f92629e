//! Lists come page by page, complete, without repetition, in a lasting order.

use std::collections::BTreeSet;
use std::sync::Arc;

use marketplace_escrow::{Order, OrderStatus, State};
use marketplace_listings::{Listing, ListingStatus};
use marketplace_money::{Deadline, OrderId};
use marketplace_ports::{Agent, ChangeSet, OrderFilter, Page};

use super::World;
use super::fixtures::{agent, did, insert, listing, order, states, update, with_agent, with_order};

/// Follows the cursors to the end. Each page but the last is full.
macro_rules! all_pages {
    ($limit:expr, |$cursor:ident| $page:expr) => {{
        let (mut items, mut $cursor, limit) = (Vec::new(), None, $limit);
        loop {
            let page: Page<_> = $page;
            assert!(page.items.len() <= limit as usize);
            items.extend(page.items);
            match page.next {
                Some(next) => {
                    assert_eq!(items.len() % limit as usize, 0, "a page before the last is short");
                    $cursor = Some(next);
                }
                None => break items,
            }
            assert!(items.len() < 1_000, "the pages never end");
        }
    }};
}

/// `count` orders, one batch for every three, made one microsecond apart; every state of an order.
async fn fill(world: &mut World, count: usize) -> Vec<Order> {
    let states = states(world.now().await);
    let parties = [("a", "b"), ("b", "a"), ("a", "c")];
    let mut orders: Vec<Order> = Vec::new();
    for index in 0..count {
        world.clock().advance_micros(1);
        let (buyer, seller) = parties[index % 3];
        let mut order = order(world.order_id(), &did(buyer), &did(seller), world.clock().now());
        order.state = states[(index * 7) % states.len()].clone();
        orders.push(order);
    }
    for chunk in orders.chunks(3) {
        let sets = chunk.iter().cloned().map(|order| with_order(insert(order))).collect();
        world.commit(sets).await;
    }
    orders
}

fn newest_first(orders: &[Order], keep: impl Fn(&Order) -> bool) -> Vec<Arc<Order>> {
    orders.iter().rev().filter(|order| keep(order)).cloned().map(Arc::new).collect()
}

/// For both roles, with and without a status, in pages of every size.
pub(crate) async fn an_agents_orders_come_newest_first(mut world: World) {
    let orders = fill(&mut world, 60).await;
    let store = world.store();
    let statuses = OrderStatus::NAMES.iter().map(|(status, _)| Some(*status)).chain([None]);
    let mut found = 0;
    for status in statuses {
        for (name, as_seller) in
            [("a", false), ("a", true), ("b", false), ("c", true), ("c", false)]
        {
            let agent = did(name);
            let expect = newest_first(&orders, |order| {
                let party = if as_seller { &order.seller } else { &order.buyer };
                *party == agent && status.is_none_or(|status| order.status() == status)
            });
            found += expect.len();
            for limit in [1, 2, 5, 100] {
                let items = all_pages!(limit, |cursor| {
                    let filter =
                        OrderFilter { agent: agent.clone(), as_seller, status, cursor, limit };
                    store.orders(&filter).await.expect("orders")
                });
                assert_eq!(items, expect, "{name} as_seller={as_seller} {status:?} by {limit}");
            }
        }
    }
    assert!(found >= 100, "only {found} orders were listed");
}

/// For operators: everybody's.
pub(crate) async fn all_orders_come_newest_first(mut world: World) {
    let orders = fill(&mut world, 30).await;
    let store = world.store();
    let statuses = OrderStatus::NAMES.iter().map(|(status, _)| Some(*status)).chain([None]);
    for status in statuses {
        let expect =
            newest_first(&orders, |order| status.is_none_or(|status| order.status() == status));
        for limit in [1, 4, 30] {
            let items = all_pages!(limit, |cursor| {
                store.all_orders(status, cursor, limit).await.expect("all_orders")
            });
            assert_eq!(items, expect, "{status:?} by {limit}");
        }
    }
}

/// An order that changes stays where it was made, and moves from one status to the other.
pub(crate) async fn a_changed_order_keeps_its_place(mut world: World) {
    let mut orders = fill(&mut world, 9).await;
    let closed = states(world.now().await).pop().expect("a closed state");
    for index in [3, 0] {
        orders[index].version = 2;
        orders[index].state = closed.clone();
        world.write(with_order(update(1, orders[index].clone()))).await;
    }
    let store = world.store();
    for limit in [2, 9] {
        let items = all_pages!(limit, |cursor| {
            store.all_orders(None, cursor, limit).await.expect("all_orders")
        });
        assert_eq!(items, newest_first(&orders, |_| true), "by {limit}");
    }
    let status = orders[0].status();
    let expect = newest_first(&orders, |order| order.status() == status);
    let found = store.all_orders(Some(status), None, 100).await.expect("all_orders");
    assert_eq!(found.items, expect);
}

/// Orders that are made while a reader turns pages neither repeat nor hide what was there before.
pub(crate) async fn new_orders_do_not_shift_pages(mut world: World) {
    let orders = fill(&mut world, 12).await;
    let store = world.store();
    let mut seen: Vec<OrderId> = Vec::new();
    let mut cursor = None;
    loop {
        let agent = did("a");
        let filter = OrderFilter { agent, as_seller: false, status: None, cursor, limit: 3 };
        let page = store.orders(&filter).await.expect("orders");
        seen.extend(page.items.iter().map(|order| order.id));
        assert!(seen.len() <= orders.len(), "the pages never end");
        if page.next.is_none() {
            break;
        }
        cursor = page.next;
        fill(&mut world, 3).await;
    }
    let expect = newest_first(&orders, |order| order.buyer == did("a"));
    assert_eq!(seen, expect.iter().map(|order| order.id).collect::<Vec<_>>());
}

/// Orders of one batch and one instant are all there, each once.
pub(crate) async fn orders_of_one_instant_are_all_listed(mut world: World) {
    let now = world.now().await;
    let mut orders = Vec::new();
    for _ in 0..10 {
        orders.push(order(world.order_id(), &did("a"), &did("b"), now));
    }
    // The ids do not say which is newer.
    orders.sort_by_key(|order| order.id.uuid().as_u128().reverse_bits());
    let expect: BTreeSet<OrderId> = orders.iter().map(|order| order.id).collect();
    let orders = orders.into_iter().map(insert).collect();
    world.write(ChangeSet { orders, ..ChangeSet::default() }).await;
    let store = world.store();
    let items = all_pages!(3, |cursor| {
        let filter =
            OrderFilter { agent: did("b"), as_seller: true, status: None, cursor, limit: 3 };
        store.orders(&filter).await.expect("orders")
    });
    assert_eq!(items.len(), expect.len());
    assert_eq!(items.iter().map(|order| order.id).collect::<BTreeSet<_>>(), expect);
}

/// The active ones in the order of their making, each with what is remembered of its provider.
pub(crate) async fn active_listings_come_oldest_first(mut world: World) {
    let known = agent(&did("known"));
    world.write(with_agent(insert(known.clone()))).await;
    let mut rows: Vec<Listing> = Vec::new();
    for index in 0..16_usize {
        world.clock().advance_micros(1);
        let provider = did(["known", "stranger"][index % 2]);
        let mut row = listing(world.listing_id(), &provider, world.clock().now());
        row.status = ListingStatus::NAMES[[0, 0, 1, 0, 2, 0, 3][index % 7]].0;
        rows.push(row);
    }
    for chunk in rows.chunks(3) {
        let listings = chunk.iter().cloned().map(insert).collect();
        world.write(ChangeSet { listings, ..ChangeSet::default() }).await;
    }
    // Edited, paused and brought back: they keep their places.
    for (index, status) in
        [(3, ListingStatus::Active), (1, ListingStatus::Paused), (2, ListingStatus::Active)]
    {
        rows[index].version = 2;
        rows[index].status = status;
        rows[index].offer.name = "another name".into();
        let listings = vec![update(1, rows[index].clone())];
        world.write(ChangeSet { listings, ..ChangeSet::default() }).await;
    }
    let expect: Vec<(Arc<Listing>, Arc<Agent>)> = rows
        .iter()
        .filter(|row| row.status == ListingStatus::Active)
        .map(|row| {
            let known = (row.provider == known.did).then(|| known.clone());
            let provider = known.unwrap_or_else(|| Agent::unknown(row.provider.clone()));
            (Arc::new(row.clone()), Arc::new(provider))
        })
        .collect();
    let store = world.store();
    for limit in [1, 4, 100] {
        let items = all_pages!(limit, |cursor| {
            store.active_listings(cursor, limit).await.expect("active_listings")
        });
        assert_eq!(items, expect, "by {limit}");
    }
}

/// In every status, each in the place of its making whatever changed since, and nobody else's.
pub(crate) async fn a_providers_listings_come_newest_first(mut world: World) {
    let mut rows: Vec<Listing> = Vec::new();
    for index in 0..14_usize {
        world.clock().advance_micros(1);
        let provider = did(["a", "b", "a"][index % 3]);
        let mut row = listing(world.listing_id(), &provider, world.clock().now());
        row.status = ListingStatus::NAMES[index % 4].0;
        rows.push(row);
    }
    for chunk in rows.chunks(3) {
        let listings = chunk.iter().cloned().map(insert).collect();
        world.write(ChangeSet { listings, ..ChangeSet::default() }).await;
    }
    for (index, status) in [(0, ListingStatus::Paused), (5, ListingStatus::Active)] {
        rows[index].version = 2;
        rows[index].status = status;
        let listings = vec![update(1, rows[index].clone())];
        world.write(ChangeSet { listings, ..ChangeSet::default() }).await;
    }
    let store = world.store();
    for name in ["a", "b", "c"] {
        let own = rows.iter().rev().filter(|row| row.provider == did(name));
        let expect: Vec<Arc<Listing>> = own.cloned().map(Arc::new).collect();
        for limit in [1, 3, 100] {
            let items = all_pages!(limit, |cursor| {
                store.listings_of(&did(name), cursor, limit).await.expect("listings_of")
            });
            assert_eq!(items, expect, "{name} by {limit}");
        }
    }
}

/// A page that ends with the list has no cursor, full or not.
pub(crate) async fn the_last_page_has_no_next(mut world: World) {
    let now = world.now().await;
    for _ in 0..4 {
        let mut row = order(world.order_id(), &did("a"), &did("b"), now);
        row.state = State::AwaitingFunds { payment: Deadline { from: now, due: now } };
        world.write(with_order(insert(row))).await;
    }
    let store = world.store();
    for (limit, more) in [(3, true), (4, false), (5, false)] {
        let page = store.all_orders(None, None, limit).await.expect("all_orders");
        assert_eq!(page.next.is_some(), more, "by {limit}");
        let filter =
            OrderFilter { agent: did("a"), as_seller: false, status: None, cursor: None, limit };
        let page = store.orders(&filter).await.expect("orders");
        assert_eq!(page.next.is_some(), more, "by {limit}");
    }
}
