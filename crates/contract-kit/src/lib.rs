//! Contract suites for every port, and in-memory fakes with planned faults.
//!
//! An adapter's tests call [`store_contract!`] or [`teg_contract!`] with a function that makes a
//! fresh store or TEG; the macro stamps one test for each case.

mod clock;
mod fake_edges;
mod fake_notifier;
mod fake_teg;
mod faults;
mod memory;
pub mod planted;
pub mod store_suite;
pub mod teg_suite;

pub use clock::ManualClock;
pub use fake_edges::{FakeFetcher, FakeRegistry};
pub use fake_notifier::FakeNotifier;
pub use fake_teg::FakeTeg;
pub use faults::{FaultPoint, StoreFault, TegFault};
pub use memory::MemoryStore;
pub use store_suite::StoreUnderTest;
pub use teg_suite::TegUnderTest;

/// Runs a future to its end on a runtime of one thread.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime of one thread").block_on(future)
}

/// Stamps one `#[test]` for each case of a suite.
#[doc(hidden)]
#[macro_export]
macro_rules! stamp_tests {
    ($suite:ident, $fresh:path; $($module:ident::$case:ident,)*) => {
        $(#[test] fn $case() { $crate::$suite::run_case(stringify!($case), $fresh); })*
    };
}
