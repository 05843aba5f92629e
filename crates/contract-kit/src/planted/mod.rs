//! Proves the suites: a store or TEG with one bug planted, and the case that must notice it.
//!
//! A kit that nobody proved may be a kit that says yes to everything. [`BuggyStore`] stands
//! before any store and does one thing wrong; [`PlantedBug::ALL`] names the case that fails.
//! [`BuggyTeg`] does the same before any TEG.

mod batch;
mod disputes;
mod fields;
mod reading;
mod teg;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use marketplace_ledger::Account;
use marketplace_money::{EntryId, Timestamp};
use marketplace_ports::{
    Batch, ChangeSet, CommitOutcome, Key, Snapshot, Store, StoreError, Subject, View,
};
use uuid::Uuid;

pub use teg::{BuggyTeg, BuggyTegUnderTest, PlantedTegBug};

use crate::faults::lock;
use crate::{ManualClock, StoreUnderTest};

macro_rules! bugs {
    ($($(#[$doc:meta])* $bug:ident => $case:ident,)*) => {
        /// Something that a store does wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum PlantedBug {
            $($(#[$doc])* $bug,)*
        }

        impl PlantedBug {
            /// All of them, each with the case of the suite that must fail.
            pub const ALL: &[(Self, &'static str)] = &[$((Self::$bug, stringify!($case)),)*];
        }
    };
}

bugs! {
    /// Overwrites whatever version is there.
    LostVersionCheck => a_row_that_moved_is_a_conflict,
    /// Checks, thinks of something else, and then overwrites.
    ChecksBeforeOthersWrite => of_many_at_once_no_change_is_lost,
    /// Ignores rows that were only read.
    ReadsUnchecked => a_moved_row_that_was_only_read_is_a_conflict,
    /// Believes what no view has shown.
    UnloadedTrusted => what_was_never_loaded_is_checked,
    /// Writes what was decided on the result of a refused set.
    CascadeNotApplied => what_was_decided_on_a_refused_set_falls_with_it,
    /// Lets balances go below zero, and finds tokens for it.
    BalanceGuardDropped => an_overspend_is_a_conflict,
    /// Lets each set of a batch spend the whole balance.
    BalanceGuardForEachSetAlone => an_overspend_is_a_conflict,
    /// Refuses a credit when the balance moved since it was read.
    CreditConflicts => a_credit_never_conflicts,
    /// Forgets what refunds and releases book.
    PostingDropped => the_audit_is_clean_after_much_activity,
    /// Writes an attempt again.
    IdempotencyIgnored => an_idempotency_key_is_taken_once,
    /// Does not remember answers.
    IdempotencyForgotten => what_is_taken_comes_back,
    /// Forgets answers a minute before they expire.
    ForgetsTooEarly => nothing_is_forgotten_before_its_time,
    /// Takes a nonce twice.
    NonceReused => a_nonce_is_used_once,
    /// Books a transfer twice.
    TegTransactionBookedTwice => a_teg_transaction_is_booked_once,
    /// Lets a transfer pay for two things.
    TransferUsedTwice => a_transfer_is_used_once,
    /// Forgets the memo of a transfer.
    TransferMemoLost => transfers_at_the_teg_come_back_as_they_were,
    /// Forgets when a withdrawal was sent.
    SentAtLost => withdrawals_come_back_as_they_were,
    /// Tells nothing of what is below one nano-AVT.
    DustForgotten => the_position_at_the_teg_adds_up,
    /// Tells nothing of transfers that fit nothing.
    UnmatchedHidden => the_position_at_the_teg_adds_up,
    /// Tells nothing of withdrawals that wait for the operator.
    WaitingHidden => open_withdrawals_are_told,
    /// Owes less than it does.
    LiabilityHidden => liabilities_are_all_that_we_owe,
    /// Has room for any number of listings.
    ListingLimitIgnored => listings_are_counted_up_to_their_limit,
    /// Lets any number of orders wait on a seller.
    ExposureLimitIgnored => what_waits_on_a_seller_is_limited,
    /// Counts what comes to a seller, and not what ends.
    ExposureNeverFalls => an_end_of_an_order_never_conflicts,
    /// Says that nothing waits on anybody.
    ExposureNeverShown => exposures_stand_or_fall_with_their_set,
    /// Shows what was said of an agent as a seller only.
    ReviewsOfBuyersHidden => an_agents_reviews_come_newest_first,
    /// Forgets what sellers say.
    ReviewOfSellerLost => reviews_come_back_as_they_were,
    /// Loses what backs an agent.
    BackingLost => agents_come_back_as_they_were,
    /// Writes the first state of a row that a batch changes twice.
    FirstStateOfBatchWins => a_row_changed_twice_in_a_batch_has_its_last_state,
    /// Commits each set of a batch by itself.
    BatchNotAtomic => a_poisoned_batch_is_written_whole_or_not_at_all,
    /// Writes the events of refused sets.
    SetNotAtomic => a_refused_set_leaves_nothing,
    /// Writes rows first and money later.
    AbandonedCommitIsHalf => an_abandoned_commit_is_whole_or_nothing,
    /// Does not remember what became of batches.
    OutcomeForgotten => what_became_of_a_batch_can_be_asked,
    /// Writes a batch as often as it is sent.
    BatchWrittenTwice => a_batch_sent_twice_is_written_once,
    /// Gives the events of a set in reverse.
    EventsReversed => positions_have_no_holes,
    /// Leaves every other position empty.
    EventPositionsWithHoles => positions_have_no_holes,
    /// Gives the event at the reader's position again.
    EventRepeated => positions_have_no_holes,
    /// Shows an agent what others did.
    EventsOfStrangers => an_agent_gets_its_events_and_no_others,
    /// Shows an event to the first of its audience only.
    EventsForFirstOfAudience => an_agent_gets_its_events_and_no_others,
    /// Says that the feed is longer than it is.
    HeadTooFar => the_head_is_the_last_position,
    /// Wakes nobody who waits for events.
    FeedWakesNobody => who_waits_for_events_is_woken,
    /// Forgets who may see an event.
    EventAudienceLost => events_come_back_as_they_were,
    /// Keeps timers that were cleared.
    TimerNotCleared => a_cleared_timer_is_gone,
    /// Keeps the first due time of a timer.
    TimerNotMoved => a_timer_set_again_is_moved,
    /// Gives the same timer to two workers.
    LeaseNotHonoured => a_leased_timer_is_not_given_again_before_its_lease_ends,
    /// Never gives a leased timer again.
    LeaseForEver => a_leased_timer_is_not_given_again_before_its_lease_ends,
    /// Gives a job to whoever asks.
    JobForEverybody => a_job_has_one_holder,
    /// Takes nothing back from a worker that stops.
    ReleaseForgotten => what_is_given_back_is_free_at_once,
    /// Gives more than was asked for.
    LeaseLimitIgnored => timers_are_given_oldest_first_up_to_the_limit,
    /// Gives the youngest first.
    TimersReversed => timers_are_given_oldest_first_up_to_the_limit,
    /// Says that nothing will ever be due.
    NextDueForgotten => the_next_due_is_the_first_that_is_free,
    /// Brings back work that is done.
    EffectNotDone => an_effect_is_given_until_it_is_done,
    /// Waits for the end of the lease, whatever the worker said.
    RetryForgotten => a_retried_effect_comes_again,
    /// Does not count attempts.
    AttemptsForgotten => a_retried_effect_comes_again,
    /// Shows the machine's clock as it is.
    ClockGoesBack => the_clock_never_goes_back,
    /// Hears no heartbeats.
    GapForgotten => a_silence_of_all_servers_is_a_gap,
    /// Has never heard of any server.
    LastHeartbeatForgotten => a_silence_of_all_servers_is_a_gap,
    /// Takes every new secret.
    SecretOverwritten => the_first_secret_wins,
    /// Keeps the first note.
    NoteNotOverwritten => the_last_note_wins,
    /// Gives the last row of a page again.
    PageRepeats => an_agents_orders_come_newest_first,
    /// Leaves out a row between pages.
    PageSkips => an_agents_orders_come_newest_first,
    /// Sends readers on to an empty page.
    LastPageHasNext => the_last_page_has_no_next,
    /// Ignores the status that was asked for.
    StatusFilterIgnored => all_orders_come_newest_first,
    /// Lists by the last change.
    ChangedOrderMovesUp => a_changed_order_keeps_its_place,
    /// Shows every provider as a stranger.
    ListingProviderForgotten => active_listings_come_oldest_first,
    /// Shows a provider only what everybody sees.
    PausedListingsHidden => a_providers_listings_come_newest_first,
    /// Has no running balance.
    StatementWithoutBalance => a_statement_explains_the_balance,
    /// Begins with the oldest line.
    StatementReversed => a_statement_explains_the_balance,
    /// Forgets tokens on their way out.
    WalletForgetsInFlight => a_wallet_shows_each_token_in_one_place,
    /// Does not tell what a dispute made of the escrow.
    AwardHidden => a_dispute_comes_back_with_all_that_happened,
    /// Takes the buyer itself for another one.
    DeliveredToItself => who_else_got_the_same_bytes_is_found,
    /// Counts what was sent long ago.
    OldTransfersCount => who_sent_whom_how_much_is_summed_up,
    /// Pays out nobody.
    PayoutsForgotten => payouts_are_due_by_policy,
    /// Knows only sums of accounts with a balance row.
    SumsOfBalanceRowsOnly => accounts_of_every_kind_are_kept,
    /// Forgets that a key was revoked.
    ApiKeyNeverRevoked => a_revoked_api_key_stays_revoked,
    /// Shows an agent none of its keys.
    ApiKeysNotListed => api_keys_come_back_as_they_were,
    /// Does not say why work was given up.
    DeadLetterWithoutReason => what_is_given_up_is_a_dead_letter,
    /// Does not know what open orders hold.
    OpenEscrowForgotten => what_open_orders_hold_is_summed_up,
    /// Finds nothing wrong.
    AuditBlind => the_audit_finds_what_is_wrong,
    /// Gives the bytes of another order's delivery.
    BlobOfAnotherOrder => blobs_come_back_as_they_were,
    /// Loses the seller's note.
    DeliveryNoteLost => orders_in_every_state_come_back_as_they_were,
    /// Loses the outcome of checks.
    DeliveryChecksLost => orders_in_every_state_come_back_as_they_were,
    /// Loses an open offer.
    SplitOfferLost => orders_in_every_state_come_back_as_they_were,
    /// Loses an announced delivery.
    AnnouncementLost => orders_in_every_state_come_back_as_they_were,
    /// Keeps of a deadline only when it ends.
    DeadlineStartLost => orders_in_every_state_come_back_as_they_were,
    /// Loses who got what.
    SharesLost => an_order_goes_through_every_state,
    /// Loses when the price rose.
    PriceRiseLost => listings_come_back_as_they_were,
    /// Loses the standing of an agent.
    ReputationLost => agents_come_back_as_they_were,
    /// Loses why a withdrawal came back.
    ReturnReasonLost => withdrawals_come_back_as_they_were,
    /// Forgets batches when it is opened again.
    RestartForgetsOutcomes => everything_survives_a_restart,
    /// Begins with the machine's clock when it is opened again.
    RestartSetsClockBack => the_clock_never_goes_back_over_a_restart,
    /// Counts silence from the moment when it is opened again.
    RestartForgetsHeartbeat => a_silence_over_a_restart_is_a_gap,
    /// Forgets notes when it is opened again.
    RestartForgetsNotes => secrets_and_notes_survive_a_restart,
    /// Forgets timers and outbox when it is opened again.
    RestartForgetsOpenWork => open_work_survives_a_restart,
}

/// A store with a bug, or with none, before a store that has none.
pub struct BuggyStore {
    inner: Arc<dyn Store>,
    clock: ManualClock,
    bug: Option<PlantedBug>,
    was_reopened: bool,
    memory: Mutex<Memory>,
}

/// What a bug needs to remember.
#[derive(Debug, Default)]
struct Memory {
    last_id: u128,
    /// Keys of the last load.
    loaded: HashSet<Key>,
    timers: HashSet<(Subject, &'static str)>,
    /// The snapshot that first showed an account's balance as it is.
    moved: HashMap<Account, u64>,
    blobs: HashMap<[u8; 32], Arc<[u8]>>,
    heartbeats: u64,
}

impl BuggyStore {
    fn has(&self, bug: PlantedBug) -> bool {
        self.bug == Some(bug)
    }

    fn is_reopened_with(&self, bug: PlantedBug) -> bool {
        self.was_reopened && self.has(bug)
    }

    /// Distinct from all ids of the suite, which count up from a small one.
    fn fresh_id(&self) -> Uuid {
        let mut memory = lock(&self.memory);
        memory.last_id += 1;
        Uuid::from_u128(u128::MAX - memory.last_id)
    }

    fn fresh_entry(&self) -> EntryId {
        EntryId::new(self.fresh_id())
    }

    /// The clock as this store shows it, when the right one would be `right`.
    fn shown(&self, right: Timestamp) -> Timestamp {
        let wrong = self.has(PlantedBug::ClockGoesBack)
            || self.is_reopened_with(PlantedBug::RestartSetsClockBack);
        if wrong { self.clock.now() } else { right }
    }

    async fn view_of(&self, sets: &[ChangeSet]) -> Result<View, StoreError> {
        let mut keys: HashSet<Key> = sets.iter().flat_map(ChangeSet::keys).collect();
        keys.insert(Key::ListingCount);
        self.inner.load(&keys).await
    }

    /// Commits the sets under an id of their own.
    async fn commit_sets(
        &self,
        snapshot: Snapshot,
        sets: Vec<ChangeSet>,
    ) -> Result<Vec<CommitOutcome>, StoreError> {
        let command = marketplace_money::CommandId::new(self.fresh_id());
        let sets = sets.into_iter().map(|set| (command, set)).collect();
        self.inner.commit(Batch { id: self.fresh_id(), snapshot, sets }).await
    }
}

/// Any store under its suite, with a bug planted before it.
pub struct BuggyUnderTest<S> {
    subject: S,
    bug: Option<PlantedBug>,
    /// Empty while the store is opened again: a file has one user at a time.
    store: Option<Arc<BuggyStore>>,
}

impl<S: StoreUnderTest> BuggyUnderTest<S> {
    /// Plants `bug`, or nothing.
    #[must_use]
    pub fn new(subject: S, bug: Option<PlantedBug>) -> Self {
        let store = Some(Self::plant(&subject, bug, false));
        Self { subject, bug, store }
    }

    fn plant(subject: &S, bug: Option<PlantedBug>, was_reopened: bool) -> Arc<BuggyStore> {
        let (inner, clock) = (subject.store(), subject.clock());
        Arc::new(BuggyStore { inner, clock, bug, was_reopened, memory: Mutex::default() })
    }
}

#[async_trait]
impl<S: StoreUnderTest> StoreUnderTest for BuggyUnderTest<S> {
    fn store(&self) -> Arc<dyn Store> {
        self.store.clone().expect("nobody asks while the store is opened again")
    }

    fn clock(&self) -> ManualClock {
        self.subject.clock()
    }

    async fn reopen(&mut self) {
        self.store = None;
        self.subject.reopen().await;
        self.store = Some(Self::plant(&self.subject, self.bug, true));
    }

    async fn settle(&mut self) {
        self.subject.settle().await;
    }
}
