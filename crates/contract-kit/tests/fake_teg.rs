//! The fake TEG passes the suite that every TEG must pass, with and without a transfer fee.

mod free {
    use marketplace_contract_kit::teg_suite::FakeUnderTest;
    use marketplace_money::Amount;

    async fn fresh() -> FakeUnderTest {
        FakeUnderTest::new(Amount::ZERO)
    }

    marketplace_contract_kit::teg_contract!(fresh);
}

mod with_a_fee {
    use marketplace_contract_kit::teg_suite::FakeUnderTest;
    use marketplace_money::Amount;

    async fn fresh() -> FakeUnderTest {
        FakeUnderTest::new(Amount::from_nano(250_000_001))
    }

    marketplace_contract_kit::teg_contract!(fresh);
}
