//! The in-memory store passes the suite that every store must pass.

use marketplace_contract_kit::store_suite::MemoryUnderTest;

async fn fresh() -> MemoryUnderTest {
    MemoryUnderTest::default()
}

marketplace_contract_kit::store_contract!(fresh);
