//! What every store must do, one case each. A case panics when the store is wrong.
//!
//! `marketplace_contract_kit::store_contract!(fresh)` stamps one test for each case, where
//! `async fn fresh() -> impl StoreUnderTest` makes an empty store.
//!
//! Where the port leaves room, the suite holds stores to this:
//! - A batch whose id was written before is answered with what became of it then, and not written
//!   again. Of a batch of which nothing held, a store need not remember anything.
//! - What a commit touches is checked whether or not it was loaded before.
//! - An order or a listing keeps its place in pages when it changes: newest is newest made.
//! - A full page that is the last one has no `next`.
//! - A timer set again, and an effect retried, is nobody's: the old lease is gone.
//! - The same bytes may be handed in again for the same order.
//! - Time goes on from where it was after a restart, even if the machine's clock was set back.

mod fixtures;
mod rows;
mod world;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use marketplace_ports::Store;

pub use world::World;

use crate::{ManualClock, MemoryStore};

/// An empty store of one adapter, and the handles by which a case moves the world around it. It
/// owns what the store needs, such as a temporary folder.
#[async_trait]
pub trait StoreUnderTest: Send {
    /// The store. Not kept by a case over a [`Self::reopen`].
    fn store(&self) -> Arc<dyn Store>;

    /// The clock that the store was opened with.
    fn clock(&self) -> ManualClock;

    /// Ends the store as a crash between two calls would, and opens it again over the same data.
    async fn reopen(&mut self);

    /// Waits until the events of all committed batches have their positions. Nothing to do for a
    /// store that gives them in the commit.
    async fn settle(&mut self) {}
}

/// The in-memory store under its own suite.
#[derive(Debug)]
pub struct MemoryUnderTest {
    store: MemoryStore,
    clock: ManualClock,
}

impl Default for MemoryUnderTest {
    fn default() -> Self {
        let clock = ManualClock::default();
        Self { store: MemoryStore::new(clock.clone()), clock }
    }
}

#[async_trait]
impl StoreUnderTest for MemoryUnderTest {
    fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.store.clone())
    }

    fn clock(&self) -> ManualClock {
        self.clock.clone()
    }

    async fn reopen(&mut self) {}
}

/// A case: its name, and what it does with a fresh store.
#[derive(Clone, Copy)]
pub struct Case {
    /// As in the list of [`for_each_store_case!`](crate::for_each_store_case).
    pub name: &'static str,
    run: fn(World) -> Pin<Box<dyn Future<Output = ()>>>,
}

impl Case {
    /// Runs the case on a store that is not used for anything else.
    ///
    /// # Panics
    /// When the store breaks the contract.
    pub async fn run(&self, subject: Box<dyn StoreUnderTest>) {
        (self.run)(World::new(subject)).await;
    }
}

/// Calls a macro with the list of all cases: `for_each_store_case!(stamp, arguments)` becomes
/// `stamp!(arguments; module::case, …)`.
#[macro_export]
macro_rules! for_each_store_case {
    ($stamp:path $(, $($argument:tt)*)?) => {
        $stamp! { $($($argument)*)?;
            rows::what_is_not_there_is_not_in_the_view,
            rows::orders_in_every_state_come_back_as_they_were,
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
for_each_store_case!(table);

/// Runs one case by its name on a fresh store, on a runtime of its own.
///
/// # Panics
/// When the store breaks the contract, or there is no such case.
pub fn run_case<S, F>(name: &str, fresh: impl FnOnce() -> F)
where
    S: StoreUnderTest + 'static,
    F: Future<Output = S>,
{
    let case = CASES.iter().find(|case| case.name == name).expect("no case has this name");
    crate::block_on(async { case.run(Box::new(fresh().await)).await });
}

/// Stamps one `#[test]` for each case of the store suite. The argument is the name of a function
/// `async fn fresh() -> impl StoreUnderTest`, called once for each case.
#[macro_export]
macro_rules! store_contract {
    ($fresh:path) => {
        $crate::for_each_store_case! { $crate::stamp_store_tests, $fresh }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! stamp_store_tests {
    ($fresh:path; $($module:ident::$case:ident,)*) => {
        $(#[test] fn $case() { $crate::store_suite::run_case(stringify!($case), $fresh); })*
    };
}
