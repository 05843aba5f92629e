//! What operators propose comes back as it was, newest first.

use marketplace_fees::FeeSchedule;
use marketplace_money::{DisputeId, Seconds, WithdrawalId};
use marketplace_ports::{
    ChangeSet, HouseRule, Key, Motion, MotionAction, MotionApproval, MotionState, Resolution,
    TegTransactionId,
};

use super::World;
use super::fixtures::{TEXT, did, insert, nano, update};

fn actions(world: &mut World) -> Vec<MotionAction> {
    let (order, listing, agent) = (world.order_id(), world.listing_id(), did("agent"));
    let dispute = DisputeId::new(world.id());
    let withdrawal = WithdrawalId::new(world.id());
    vec![
        MotionAction::ExtendOrder { order, by: Seconds(60) },
        MotionAction::RefundOrder { order },
        MotionAction::ReleaseOrder { order },
        MotionAction::RuleDispute { dispute, finding: "upheld".to_owned() },
        MotionAction::AbortDispute { dispute },
        MotionAction::Delist { listing },
        MotionAction::Freeze { agent: agent.clone() },
        MotionAction::Unfreeze { agent: agent.clone() },
        MotionAction::Adjust { agent: agent.clone(), amount: nano(-5) },
        MotionAction::SetFees(FeeSchedule::ORIGINAL),
        MotionAction::SetRule(HouseRule::ExposureBase(None)),
        MotionAction::SetRule(HouseRule::ExposureBase(Some(nano(0)))),
        MotionAction::SetRule(HouseRule::Collateral(nano(7))),
        MotionAction::SetRule(HouseRule::DisputeBond(nano(8))),
        MotionAction::ResolveWithdrawal { withdrawal, resolution: Resolution::Resend, version: 3 },
        MotionAction::ResolveWithdrawal { withdrawal, resolution: Resolution::Return, version: 4 },
        MotionAction::ExplainTransfer { transaction: TegTransactionId(TEXT.to_owned()) },
        MotionAction::RetryLetters { letters: vec![world.id(), world.id()] },
        MotionAction::RotateKey,
        MotionAction::BindApiKey { agent: agent.clone(), sha256: [9; 32] },
        MotionAction::RevokeApiKey { agent, sha256: [10; 32] },
    ]
}

/// Every action, in every state; inserted, updated, found by name and in pages.
pub(crate) async fn motions_come_back_as_they_were(mut world: World) {
    let at = world.now().await;
    let by = did("operator");
    let states = [
        MotionState::Done { at: at.plus(Seconds(9)) },
        MotionState::Scheduled { at, from: at.plus(Seconds(172_800)) },
        MotionState::Cancelled { by: by.clone(), reason: TEXT.to_owned(), at },
    ];
    let unsigned = MotionApproval { operator: by.clone(), at, signature: None };
    let signed = MotionApproval { signature: Some([7; 64]), ..unsigned.clone() };
    let mut written = Vec::new();
    for (action, state) in actions(&mut world).into_iter().zip(states.iter().cycle()) {
        let first = Motion {
            id: world.id(),
            version: 1,
            action,
            reason: TEXT.into(),
            approvals: vec![unsigned.clone()],
            state: MotionState::Open,
            at,
        };
        let approvals = vec![unsigned.clone(), signed.clone()];
        let next = Motion { version: 2, approvals, state: state.clone(), ..first.clone() };
        let mut last = None;
        for (change, row) in [(insert(first.clone()), first), (update(1, next.clone()), next)] {
            world.write(ChangeSet { motions: vec![change], ..ChangeSet::default() }).await;
            let view = world.load([Key::Motion(row.id)]).await;
            assert_eq!(view.motions[&row.id].as_ref(), &row);
            let found = world.store().motion(row.id).await.expect("motion").expect("is there");
            assert_eq!(found.as_ref(), &row);
            last = Some(row);
        }
        written.extend(last);
    }
    written.sort_by_key(|motion| std::cmp::Reverse(motion.id));
    let all = world.store().motions(None, 100).await.expect("motions");
    assert_eq!(all.iter().map(|row| row.as_ref().clone()).collect::<Vec<_>>(), written);
    let page = world.store().motions(Some(written[3].id), 2).await.expect("motions");
    let ids: Vec<_> = page.iter().map(|row| row.id).collect();
    assert_eq!(ids, [written[4].id, written[5].id]);
}

/// A motion that somebody else changed meanwhile is a conflict.
pub(crate) async fn a_motion_is_changed_once(mut world: World) {
    let at = world.now().await;
    let row = Motion {
        id: world.id(),
        version: 1,
        action: MotionAction::Freeze { agent: did("agent") },
        reason: "r".into(),
        approvals: Vec::new(),
        state: MotionState::Open,
        at,
    };
    let done = Motion { version: 2, state: MotionState::Done { at }, ..row.clone() };
    let with = |change| ChangeSet { motions: vec![change], ..ChangeSet::default() };
    world.write(with(insert(row.clone()))).await;
    world.conflict(with(insert(row))).await;
    world.write(with(update(1, done.clone()))).await;
    world.conflict(with(update(1, done))).await;
}
