//! The history: every transfer of ours once, in order, from any place on.

use marketplace_money::Amount;
use marketplace_ports::{HistoryCursor, TegError};

use super::World;
use super::world::{code, did};

/// In and out, ours and theirs, oldest first; what others do among themselves is not shown.
pub(crate) async fn the_history_shows_our_transfers_in_order(mut world: World) {
    let ((a, _), (b, _)) = (world.rich("a").await, world.rich("b").await);
    let us = world.us.clone();
    let avt = Amount::from_avt;
    let out = world.order(&a, avt(1));
    let among = world.order(&b, avt(2));
    let paid = world.order(&us, avt(3));
    let pulled = world.order(&b, avt(4));
    let teg = world.teg();
    let first = teg.transfer(&out).await.expect("transfer");
    world.transfer_from(&a, &among).await;
    let second = world.transfer_from(&a, &paid).await;
    let third = teg.pull(&pulled).await.expect("pull");
    let key = world.key();
    teg.stake(key, avt(5)).await.expect("stake");
    drop(teg);
    world.reopen().await;
    let history = world.history().await;
    assert_eq!(history.len(), 3, "{history:?}");
    assert_eq!((&history[0], &history[2]), (&first, &third));
    let deposit = &history[1];
    assert_eq!((&deposit.id, &deposit.sender, &deposit.receiver), (&second, &a, &us));
    assert_eq!((deposit.amount, deposit.fee, deposit.key), (avt(3), world.fee, None));
    assert_eq!(deposit.memo, paid.memo);
    assert!(history.windows(2).all(|pair| pair[0].at <= pair[1].at), "{history:?}");
}

/// Pages of every size give the same; at the end the cursor stays, and goes on when there is more.
pub(crate) async fn the_history_comes_in_pages(mut world: World) {
    for _ in 0..5 {
        let order = world.order(&did("seller"), Amount::from_avt(1));
        world.teg().transfer(&order).await.expect("transfer");
    }
    for limit in 1..7 {
        let whole = world.history().await;
        let (mut seen, mut cursor) = (Vec::new(), HistoryCursor::default());
        loop {
            let page = world.teg().history(&cursor, limit).await.expect("history");
            assert!(page.transfers.len() <= limit as usize);
            if page.transfers.is_empty() {
                assert_eq!(page.next, cursor);
                break;
            }
            seen.extend(page.transfers);
            cursor = page.next;
            assert!(seen.len() <= whole.len(), "the history never ends");
        }
        assert_eq!(seen, whole, "by {limit}");
        let order = world.order(&did("seller"), Amount::from_avt(1));
        let newest = world.teg().transfer(&order).await.expect("transfer");
        let page = world.teg().history(&cursor, limit).await.expect("history");
        assert_eq!(page.transfers, [newest]);
    }
}

/// The beginning of an empty history, and cursors that nobody gave.
pub(crate) async fn cursors_of_nothing(world: World) {
    let begin = HistoryCursor::default();
    let page = world.teg().history(&begin, 10).await.expect("history");
    assert_eq!((page.transfers, page.next), (vec![], begin));
    let invented = HistoryCursor("no cursor of ours".into());
    assert_eq!(code(&world.teg().history(&invented, 10).await), TegError::INVALID_CURSOR);
}
