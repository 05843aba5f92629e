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

mod accounts;
mod api_keys;
mod audit;
mod batches;
mod conflicts;
mod disputes;
mod edges;
mod events;
mod exposure;
mod fixtures;
mod flow;
mod keys;
mod money;
mod motions;
mod pages;
mod restart;
mod retire;
mod reviews;
mod rows;
mod tasks;
mod time;
mod work;
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
            rows::what_is_not_there_is_not_found,
            rows::orders_in_every_state_come_back_as_they_were,
            rows::an_order_goes_through_every_state,
            rows::listings_come_back_as_they_were,
            rows::agents_come_back_as_they_were,
            rows::withdrawals_come_back_as_they_were,
            rows::deposits_come_back_as_they_were,
            rows::what_is_taken_comes_back,
            motions::motions_come_back_as_they_were,
            motions::a_motion_is_changed_once,
            edges::transfers_at_the_teg_come_back_as_they_were,
            edges::a_transfer_is_used_once,
            edges::open_withdrawals_are_told,
            edges::the_position_at_the_teg_adds_up,
            edges::liabilities_are_all_that_we_owe,
            rows::blobs_come_back_as_they_were,
            rows::who_else_got_the_same_bytes_is_found,
            rows::a_row_changed_twice_in_a_batch_has_its_last_state,
            conflicts::a_row_that_moved_is_a_conflict,
            conflicts::a_moved_row_that_was_only_read_is_a_conflict,
            conflicts::what_was_decided_on_a_refused_set_falls_with_it,
            conflicts::a_refused_set_leaves_nothing,
            conflicts::an_old_snapshot_is_checked,
            conflicts::what_was_never_loaded_is_checked,
            conflicts::of_many_at_once_no_change_is_lost,
            money::balances_follow_the_entries,
            money::an_overspend_is_a_conflict,
            money::a_batch_may_spend_what_it_credits,
            money::a_credit_never_conflicts,
            money::a_credit_beyond_64_bits_is_a_conflict,
            money::accounts_of_every_kind_are_kept,
            money::what_open_orders_hold_is_summed_up,
            money::money_and_rows_stand_or_fall_together,
            exposure::what_waits_on_a_seller_is_limited,
            exposure::an_end_of_an_order_never_conflicts,
            exposure::exposures_stand_or_fall_with_their_set,
            reviews::reviews_come_back_as_they_were,
            reviews::an_agents_reviews_come_newest_first,
            keys::an_idempotency_key_is_taken_once,
            keys::what_is_recalled_was_written,
            keys::a_refused_set_takes_nothing,
            keys::a_nonce_is_used_once,
            keys::a_teg_transaction_is_booked_once,
            keys::listings_are_counted_up_to_their_limit,
            keys::nothing_is_forgotten_before_its_time,
            keys::what_is_over_is_forgotten,
            tasks::tasks_come_back_as_they_were,
            tasks::tasks_are_listed_by_their_last_change,
            tasks::tasks_are_forgotten_in_their_time,
            tasks::what_is_kept_for_ever_is_found,
            work::a_timer_is_given_when_it_is_due,
            work::a_leased_timer_is_not_given_again_before_its_lease_ends,
            work::timers_are_given_oldest_first_up_to_the_limit,
            work::a_timer_set_again_is_moved,
            work::a_cleared_timer_is_gone,
            work::the_last_word_on_a_timer_counts,
            work::an_effect_is_given_until_it_is_done,
            work::a_retried_effect_comes_again,
            work::what_is_given_up_is_a_dead_letter,
            work::an_effect_done_in_its_own_batch_never_shows,
            work::workers_at_once_get_each_timer_once,
            work::the_next_due_is_the_first_that_is_free,
            work::a_job_has_one_holder,
            work::what_is_given_back_is_free_at_once,
            events::events_come_back_as_they_were,
            events::positions_have_no_holes,
            events::an_agent_gets_its_events_and_no_others,
            events::the_head_is_the_last_position,
            events::who_waits_for_events_is_woken,
            batches::what_became_of_a_batch_can_be_asked,
            batches::a_batch_that_was_given_up_is_never_written,
            batches::a_batch_sent_twice_is_written_once,
            batches::a_poisoned_batch_is_written_whole_or_not_at_all,
            batches::an_abandoned_commit_is_whole_or_nothing,
            time::the_clock_never_goes_back,
            time::a_silence_of_all_servers_is_a_gap,
            time::the_first_secret_wins,
            time::the_last_note_wins,
            pages::an_agents_orders_come_newest_first,
            pages::all_orders_come_newest_first,
            pages::a_changed_order_keeps_its_place,
            pages::new_orders_do_not_shift_pages,
            pages::orders_of_one_instant_are_all_listed,
            pages::active_listings_come_oldest_first,
            pages::a_providers_listings_come_newest_first,
            pages::the_last_page_has_no_next,
            accounts::a_statement_explains_the_balance,
            accounts::a_statement_comes_in_pages,
            accounts::a_wallet_shows_each_token_in_one_place,
            accounts::payouts_are_due_by_policy,
            accounts::who_sent_whom_how_much_is_summed_up,
            api_keys::api_keys_come_back_as_they_were,
            api_keys::a_revoked_api_key_stays_revoked,
            audit::the_audit_is_clean_after_much_activity,
            audit::the_audit_finds_what_is_wrong,
            audit::the_audit_counts_late_and_open_work,
            disputes::a_dispute_comes_back_with_all_that_happened,
            disputes::disputes_end_and_are_listed_newest_first,
            disputes::a_dispute_that_moved_is_a_conflict,
            disputes::jurors_come_back_with_their_stakes,
            retire::history_that_is_put_away_stays_in_the_books,
            retire::what_is_not_old_stays,
            restart::everything_survives_a_restart,
            restart::open_work_survives_a_restart,
            restart::secrets_and_notes_survive_a_restart,
            restart::the_clock_never_goes_back_over_a_restart,
            restart::a_silence_over_a_restart_is_a_gap,
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
        $crate::for_each_store_case! { $crate::stamp_tests, store_suite, $fresh }
    };
}
