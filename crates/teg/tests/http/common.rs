//! A served node, and a client of it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use marketplace_contract_kit::TegUnderTest;
use marketplace_contract_kit::teg_suite::OPENING_BALANCE;
use marketplace_money::{Amount, Did, Timestamp};
use marketplace_ports::{Teg, TegTransactionId, TransferFee, TransferOrder};
use marketplace_teg::server::{BareDids, Faults, TegServer, router, with_faults};
use marketplace_teg::{
    EmbeddedTeg, EmbeddedTegSettings, HourlyLimits, HttpTeg, HttpTegSettings, TegAuth,
};
use tempfile::TempDir;
use tokio::task::JoinHandle;

pub(crate) const US: &str = "did:key:zMarketplace";
pub(crate) const SERVICE_TOKEN: &str = "service";

pub(crate) fn did(name: &str) -> Did {
    format!("did:key:z6Mk{name}").parse().expect("it works in this test")
}

pub(crate) fn us() -> Did {
    US.parse().expect("it works in this test")
}

/// The system's time: keys and transfers of one test share it.
pub(crate) fn clock() -> marketplace_teg::Clock {
    Arc::new(|| {
        let since = std::time::SystemTime::UNIX_EPOCH.elapsed().expect("it works in this test");
        Timestamp::from_micros(i64::try_from(since.as_micros()).expect("it works in this test"))
    })
}

/// A node behind a server on a port of its own.
pub(crate) struct Served {
    pub(crate) node: Option<Arc<EmbeddedTeg>>,
    pub(crate) address: SocketAddr,
    pub(crate) fee: TransferFee,
    pub(crate) faults: Faults,
    folder: TempDir,
    serving: Option<JoinHandle<()>>,
}

impl Served {
    pub(crate) async fn start(fee: TransferFee, faults: Faults) -> Self {
        let folder = tempfile::tempdir().expect("it works in this test");
        let address = "127.0.0.1:0".parse().expect("it works in this test");
        let mut served = Self { node: None, address, fee, faults, folder, serving: None };
        served.open().await;
        served
    }

    async fn open(&mut self) {
        let settings = EmbeddedTegSettings {
            owner: us(),
            genesis: OPENING_BALANCE,
            transfer_fee: Amount::ZERO,
            faucet_open: true,
            clock: clock(),
        };
        let path = self.folder.path().join("teg.db");
        let node = Arc::new(EmbeddedTeg::open(&path, settings).expect("it works in this test"));
        let server = TegServer {
            node: node.clone(),
            callers: Arc::new(BareDids),
            fee: self.fee,
            service_token: Some(SERVICE_TOKEN.to_owned()),
        };
        let router = with_faults(router(server), self.faults.clone());
        let listener =
            tokio::net::TcpListener::bind(self.address).await.expect("it works in this test");
        self.address = listener.local_addr().expect("it works in this test");
        self.node = Some(node);
        self.serving = Some(tokio::spawn(async move {
            axum::serve(listener, router).await.expect("it works in this test");
        }));
    }

    pub(crate) fn node(&self) -> &Arc<EmbeddedTeg> {
        self.node.as_ref().expect("it works in this test")
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A client that is in a hurry.
    pub(crate) fn settings(&self) -> HttpTegSettings {
        HttpTegSettings {
            service_token: Some(SERVICE_TOKEN.to_owned()),
            reputation_scale: 1,
            attempts: 12,
            first_pause: Duration::from_millis(1),
            longest_pause: Duration::from_millis(20),
            limits: HourlyLimits::NONE,
            ..HttpTegSettings::new(&self.url(), us(), TegAuth::Did, clock())
        }
    }

    pub(crate) fn client(&self) -> HttpTeg {
        HttpTeg::new(self.settings()).expect("it works in this test")
    }

    /// Stops serving and closes the books.
    pub(crate) async fn stop(&mut self) {
        self.stop_serving().await;
        let node = self.node.take().expect("it works in this test");
        // Connections of a client that still lives hold the books a moment longer.
        while Arc::strong_count(&node) > 1 {
            tokio::task::yield_now().await;
        }
    }

    /// For tests that hold the node in another server too.
    pub(crate) async fn stop_serving(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.abort();
            let _ = serving.await;
        }
    }

    pub(crate) async fn restart(&mut self) {
        self.stop().await;
        self.open().await;
    }
}

#[async_trait]
impl TegUnderTest for Served {
    fn teg(&self) -> Arc<dyn Teg> {
        Arc::new(self.client())
    }

    fn us(&self) -> Did {
        us()
    }

    async fn transfer_from(&mut self, sender: &Did, order: &TransferOrder) -> TegTransactionId {
        let sending = marketplace_teg::Sending {
            key: order.key,
            sender: sender.clone(),
            receiver: order.counterparty.clone(),
            amount: order.amount,
            memo: order.memo.clone(),
            fee: self.fee.on(order.amount),
            pulled: false,
        };
        self.node().send_as(sending).await.expect("it works in this test").id
    }

    async fn reopen(&mut self) {
        self.restart().await;
    }
}
