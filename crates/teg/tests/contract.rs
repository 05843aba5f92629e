//! The contract suite of the TEG port, on the embedded node over a file.

use std::sync::Arc;

use async_trait::async_trait;
use marketplace_contract_kit::teg_suite::OPENING_BALANCE;
use marketplace_contract_kit::{ManualClock, TegUnderTest};
use marketplace_money::{Amount, Did};
use marketplace_ports::{Teg, TegTransactionId, TransferOrder};
use marketplace_teg::{EmbeddedTeg, EmbeddedTegSettings};
use tempfile::TempDir;

struct Node {
    teg: Option<Arc<EmbeddedTeg>>,
    settings: EmbeddedTegSettings,
    folder: TempDir,
}

impl Node {
    fn open(&mut self) {
        let path = self.folder.path().join("teg.db");
        let teg = EmbeddedTeg::open(&path, self.settings.clone()).expect("the node opens");
        self.teg = Some(Arc::new(teg));
    }

    fn node(&self) -> &Arc<EmbeddedTeg> {
        self.teg.as_ref().expect("the node is open")
    }
}

#[async_trait]
impl TegUnderTest for Node {
    fn teg(&self) -> Arc<dyn Teg> {
        self.node().clone()
    }

    fn us(&self) -> Did {
        self.settings.owner.clone()
    }

    async fn transfer_from(&mut self, sender: &Did, order: &TransferOrder) -> TegTransactionId {
        let TransferOrder { key, counterparty, amount, memo } = order;
        let sent = self.node().transfer_between(*key, sender, counterparty, *amount, memo).await;
        sent.expect("the other agent pays").id
    }

    async fn reopen(&mut self) {
        self.teg = None;
        self.open();
    }
}

async fn fresh() -> impl TegUnderTest {
    let clock = ManualClock::default();
    let settings = EmbeddedTegSettings {
        owner: "did:key:zMarketplace".parse().expect("a DID"),
        genesis: OPENING_BALANCE,
        transfer_fee: Amount::ZERO,
        faucet_open: true,
        clock: Arc::new(move || clock.now()),
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut node = Node { teg: None, settings, folder };
    node.open();
    node
}

marketplace_contract_kit::teg_contract!(fresh);
