//! What every TEG must do, one case each. A case panics when the TEG is wrong.
//!
//! `marketplace_contract_kit::teg_contract!(fresh)` stamps one test for each case, where
//! `async fn fresh() -> impl TegUnderTest` makes a TEG at which we hold 10,000 AVT and nobody
//! else holds anything.

mod books;
mod history;
mod transfers;
mod world;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use marketplace_money::{Amount, Did};
use marketplace_ports::{Teg, TegTransactionId, TransferOrder};

pub use world::World;

use crate::{FakeTeg, ManualClock};

/// What we hold at the beginning of each case.
pub const OPENING_BALANCE: Amount = Amount::from_avt(10_000);

/// A TEG of one adapter with an open faucet, and the handles by which a case moves the world
/// around it.
#[async_trait]
pub trait TegUnderTest: Send {
    /// The TEG, as we call it. Not kept by a case over a [`Self::reopen`].
    fn teg(&self) -> Arc<dyn Teg>;

    /// As whom we call it.
    fn us(&self) -> Did;

    /// Another agent sends tokens to `order.counterparty`, under a key of its own.
    async fn transfer_from(&mut self, sender: &Did, order: &TransferOrder) -> TegTransactionId;

    /// Ends the TEG, or our connection to it, and begins again over the same books.
    async fn reopen(&mut self);
}

/// The fake TEG under its own suite.
#[derive(Debug)]
pub struct FakeUnderTest {
    teg: FakeTeg,
    us: Did,
}

impl FakeUnderTest {
    /// Transfers cost `fee`.
    ///
    /// # Panics
    /// Never: the name of the agent is a DID.
    #[must_use]
    pub fn new(fee: Amount) -> Self {
        let us: Did = "did:key:zMarketplace".parse().expect("a DID");
        let teg = FakeTeg::new(us.clone(), ManualClock::default());
        teg.issue(&us, OPENING_BALANCE);
        teg.set_transfer_fee(fee);
        Self { teg, us }
    }
}

#[async_trait]
impl TegUnderTest for FakeUnderTest {
    fn teg(&self) -> Arc<dyn Teg> {
        Arc::new(self.teg.clone())
    }

    fn us(&self) -> Did {
        self.us.clone()
    }

    async fn transfer_from(&mut self, sender: &Did, order: &TransferOrder) -> TegTransactionId {
        self.teg.transfer_from(sender, order).expect("the other agent pays").id
    }

    async fn reopen(&mut self) {}
}

/// A case: its name, and what it does with a fresh TEG.
#[derive(Clone, Copy)]
pub struct Case {
    /// As in the list of [`for_each_teg_case!`](crate::for_each_teg_case).
    pub name: &'static str,
    run: fn(World) -> Pin<Box<dyn Future<Output = ()>>>,
}

impl Case {
    /// Runs the case on a TEG that is not used for anything else.
    ///
    /// # Panics
    /// When the TEG breaks the contract.
    pub async fn run(&self, subject: Box<dyn TegUnderTest>) {
        (self.run)(World::new(subject).await).await;
    }
}

/// Calls a macro with the list of all cases: `for_each_teg_case!(stamp, arguments)` becomes
/// `stamp!(arguments; module::case, …)`.
#[macro_export]
macro_rules! for_each_teg_case {
    ($stamp:path $(, $($argument:tt)*)?) => {
        $stamp! { $($($argument)*)?;
            transfers::a_transfer_moves_tokens,
            transfers::a_key_moves_tokens_once,
            transfers::a_key_sent_at_once_moves_tokens_once,
            transfers::a_key_with_other_fields_is_refused,
            transfers::nobody_pays_more_than_it_holds,
            transfers::malformed_orders_are_refused,
            transfers::a_transfer_is_found_by_its_key,
            transfers::anothers_key_is_not_ours,
            history::the_history_shows_our_transfers_in_order,
            history::the_history_comes_in_pages,
            history::cursors_of_nothing,
            books::strangers_have_nothing,
            books::the_faucet_gives_once,
            books::a_stake_is_locked_once,
            books::a_late_unstake_undoes_nothing,
            books::a_transfer_is_rated_once,
        }
    };
}

macro_rules! table {
    (; $($module:ident::$case:ident,)*) => {
        /// All cases.
        pub const CASES: &[Case] = &[
            $(Case { name: stringify!($case), run: |world| Box::pin($module::$case(world)) },)*
        ];
    };
}
for_each_teg_case!(table);

/// Runs one case by its name on a fresh TEG, on a runtime of its own.
///
/// # Panics
/// When the TEG breaks the contract, or there is no such case.
pub fn run_case<S, F>(name: &str, fresh: impl FnOnce() -> F)
where
    S: TegUnderTest + 'static,
    F: Future<Output = S>,
{
    let case = CASES.iter().find(|case| case.name == name).expect("no case has this name");
    crate::block_on(async { case.run(Box::new(fresh().await)).await });
}

/// Stamps one `#[test]` for each case of the TEG suite. The argument is the name of a function
/// `async fn fresh() -> impl TegUnderTest`, called once for each case.
#[macro_export]
macro_rules! teg_contract {
    ($fresh:path) => {
        $crate::for_each_teg_case! { $crate::stamp_tests, teg_suite, $fresh }
    };
}
