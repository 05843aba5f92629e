//! What the parties of orders say of each other.

use std::sync::Arc;

use marketplace_ports::{ChangeSet, Key, OrderReviews};
use marketplace_reputation::Side;

use super::World;
use super::fixtures::{did, insert, order_reviews, update};

fn with_reviews(read: u64, row: OrderReviews) -> ChangeSet {
    let change = if read == 0 { insert(row) } else { update(read, row) };
    ChangeSet { reviews: vec![change], ..ChangeSet::default() }
}

/// With one review and with both, of either side first.
pub(crate) async fn reviews_come_back_as_they_were(mut world: World) {
    let now = world.now().await;
    let one = order_reviews(world.order_id(), &did("a"), &did("b"), now);
    world.write(with_reviews(0, one.clone())).await;
    let both = one.reviews.give(Side::Seller, 1, &"".into(), now.plus_micros(9));
    let both = OrderReviews { version: 2, reviews: both.expect("in time"), ..one.clone() };
    world.write(with_reviews(1, both.clone())).await;
    let mut seller_first = order_reviews(world.order_id(), &did("a"), &did("b"), now);
    seller_first.reviews.by_seller = seller_first.reviews.by_buyer.take();
    world.write(with_reviews(0, seller_first.clone())).await;
    world.reopen().await;
    for row in [both, seller_first] {
        let id = row.reviews.order;
        let view = world.load([Key::Reviews(id)]).await;
        assert_eq!(view.reviews.get(&id).map(Arc::as_ref), Some(&row));
        let read = world.store().reviews(id).await.expect("reviews");
        assert_eq!(read.as_deref(), Some(&row));
    }
}

/// On either side, in pages, and nobody else's; a second review changes no place.
pub(crate) async fn an_agents_reviews_come_newest_first(mut world: World) {
    let now = world.now().await;
    let names = [("a", "b"), ("b", "a"), ("b", "c"), ("a", "c"), ("c", "a")];
    let mut rows = Vec::new();
    for (buyer, seller) in names {
        let row = order_reviews(world.order_id(), &did(buyer), &did(seller), now);
        world.write(with_reviews(0, row.clone())).await;
        rows.push(row);
    }
    let second = rows[0].reviews.give(Side::Seller, 2, &"".into(), now).expect("in time");
    rows[0] = OrderReviews { version: 2, reviews: second, ..rows[0].clone() };
    world.write(with_reviews(1, rows[0].clone())).await;
    let (mut found, mut cursor) = (Vec::new(), None);
    loop {
        let page = world.store().reviews_of(&did("a"), cursor, 3).await.expect("reviews_of");
        found.extend(page.items.iter().map(|row| row.as_ref().clone()));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    let expect = [4, 3, 1, 0].map(|at| rows[at].clone());
    assert_eq!(found, expect);
    let of_nobody = world.store().reviews_of(&did("d"), None, 3).await.expect("reviews_of");
    assert_eq!((of_nobody.items.len(), of_nobody.next), (0, None));
}
