//! Contract suites for every port, and in-memory fakes with planned faults.
//!
//! An adapter's tests call [`store_contract!`] with a function that makes a fresh store; the macro
//! stamps one test for each case.

mod clock;
mod faults;
mod memory;
pub mod store_suite;

pub use clock::ManualClock;
pub use faults::{FaultPoint, StoreFault, TegFault};
pub use memory::MemoryStore;
pub use store_suite::StoreUnderTest;

/// Runs a future to its end on a runtime of one thread.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime of one thread").block_on(future)
}
