//! Bugs of the mapping between rows and what they mean: a field that is not kept.

use std::sync::Arc;

use marketplace_escrow::{Order, State, Work};
use marketplace_money::{Amount, Deadline, Reputation};
use marketplace_ports::{ChangeSet, WithdrawalState};

use super::PlantedBug;

pub(super) fn lose(bug: PlantedBug, set: &mut ChangeSet) {
    match bug {
        PlantedBug::PriceRiseLost => {
            for change in &mut set.listings {
                Arc::make_mut(&mut change.row).price_raised_at = None;
            }
        }
        PlantedBug::ReputationLost => {
            for change in &mut set.agents {
                Arc::make_mut(&mut change.row).reputation = Reputation::UNKNOWN;
            }
        }
        PlantedBug::BackingLost => {
            for change in &mut set.agents {
                Arc::make_mut(&mut change.row).backing = Amount::ZERO;
            }
        }
        PlantedBug::ReviewOfSellerLost => {
            for change in &mut set.reviews {
                Arc::make_mut(&mut change.row).reviews.by_seller = None;
            }
        }
        PlantedBug::TransferMemoLost => {
            for change in &mut set.teg_records {
                Arc::make_mut(&mut change.row).memo.clear();
            }
        }
        PlantedBug::SentAtLost => {
            for change in &mut set.withdrawals {
                Arc::make_mut(&mut change.row).sent_at = None;
            }
        }
        PlantedBug::ReturnReasonLost => {
            for change in &mut set.withdrawals {
                if let WithdrawalState::Returned { reason } =
                    &mut Arc::make_mut(&mut change.row).state
                {
                    reason.clear();
                }
            }
        }
        _ => {
            for change in &mut set.orders {
                lose_of_order(bug, Arc::make_mut(&mut change.row));
            }
        }
    }
}

fn lose_of_order(bug: PlantedBug, order: &mut Order) {
    match &mut order.state {
        State::AwaitingFunds { payment } => lose_of_deadline(bug, payment),
        State::Closed(closed) => {
            if bug == PlantedBug::SharesLost {
                closed.shares = None;
            }
        }
        State::Funded(funded) => {
            match bug {
                PlantedBug::SplitOfferLost => funded.offer = None,
                PlantedBug::AnnouncementLost => funded.announced = None,
                _ => {}
            }
            lose_of_work(bug, &mut funded.work);
        }
    }
}

fn lose_of_work(bug: PlantedBug, work: &mut Work) {
    match work {
        Work::AwaitingStart { delivery } | Work::InProgress { delivery } => {
            lose_of_deadline(bug, delivery);
        }
        Work::Delivered { delivery, .. } | Work::ChangesRequested { delivery, .. } => match bug {
            PlantedBug::DeliveryNoteLost => delivery.note = None,
            PlantedBug::DeliveryChecksLost => delivery.checks = None,
            _ => {}
        },
        Work::Disputed(disputed) => lose_of_work(bug, &mut disputed.before),
    }
}

fn lose_of_deadline(bug: PlantedBug, deadline: &mut Deadline) {
    if bug == PlantedBug::DeadlineStartLost {
        deadline.from = deadline.due;
    }
}
