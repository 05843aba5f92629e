//! The use cases, one file for each verb.

mod act_alone;
mod act_on_dispute;
mod agree;
mod api_key;
mod change_listing;
mod change_order;
mod claim_transfer;
mod collateral;
mod complete_order;
mod create_listing;
mod deposit;
mod dispute;
mod explain_transfer;
mod fire_timer;
mod juror;
mod keep_hook;
mod keep_task;
mod mirror_transfer;
mod motion;
mod open_books;
mod open_dispute;
mod outbox;
mod pay_out;
mod purchase;
mod refresh_reputation;
mod review;
mod send_withdrawal;
mod set_payout;
mod tick_dispute;
mod transfer;
mod use_nonce;
mod withdraw;

pub use act_alone::OperatorAct;
pub use change_listing::ListingChange;
pub use collateral::MoveCollateral;
pub use purchase::Payment;
pub use review::ReviewsView;
pub use transfer::Transfer;

pub(crate) use act_alone::{Alone, BeginRotation, EndRotation, RetryLetters};
pub(crate) use act_on_dispute::{ActOnDispute, ConcedeOrder};
pub(crate) use agree::Agree;
pub(crate) use api_key::{KeepApiKey, RevokeApiKey, Revoker};
pub(crate) use change_listing::ChangeListing;
pub(crate) use change_order::ChangeOrder;
pub(crate) use claim_transfer::ClaimTransfer;
pub(crate) use collateral::Collateral;
pub(crate) use complete_order::CompleteOrder;
pub(crate) use create_listing::CreateListing;
pub(crate) use deposit::{AskDeposit, CloseDeposit, CreditDeposit, Funded, ShowBalance};
pub(crate) use dispute::{Bench, Inputs};
pub(crate) use fire_timer::FireTimer;
pub(crate) use juror::{LeaveJury, OptOut, RegisterJuror};
pub(crate) use keep_hook::KeepHook;
pub use keep_hook::{AmendHook, HookWrite};
pub use keep_task::{Amend, TASK_CHANGED, TaskWrite};
pub(crate) use keep_task::{KeepTask, keep as keep_task};
pub(crate) use mirror_transfer::{MirrorTransfer, Mirrored, NoteUnsettled};
pub use motion::SignedBy;
pub(crate) use motion::{CancelMotion, Means, Move, Word, digest_of};
pub(crate) use open_books::OpenBooks;
pub(crate) use open_dispute::OpenDispute;
pub(crate) use outbox::{FinishEffect, PutOffEffect, RetryEffect};
pub(crate) use pay_out::PayOut;
pub(crate) use purchase::{Purchase, SellerStanding};
pub(crate) use refresh_reputation::{REPUTATION_CHANGED, RefreshReputation};
pub(crate) use review::{GiveReview, blank as blank_reviews};
pub(crate) use send_withdrawal::{HoldWithdrawal, MarkSent, Marked, UnmarkSent};
pub(crate) use set_payout::SetPayout;
pub(crate) use tick_dispute::{PutOff, TickDispute};
pub(crate) use use_nonce::UseNonce;
pub(crate) use withdraw::{ReturnWithdrawal, SettleWithdrawal, Withdraw};

use std::sync::Arc;

use marketplace_escrow::Order;
use marketplace_money::{Amount, Gaps, Timestamp};

/// An order with what is needed to say what may be done with it.
#[derive(Clone, Debug)]
pub struct OrderView {
    /// The order.
    pub order: Arc<Order>,
    /// When it was looked at.
    pub now: Timestamp,
    /// Our downtime until then.
    pub gaps: Gaps,
}

/// A balance after a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balance {
    /// To spend or withdraw.
    pub available: Amount,
}
