//! The state that handlers share: the app, and what only this process knows.

use std::sync::Arc;

use marketplace_engine::Marketplace;
use marketplace_money::{Did, Gaps};

use crate::app::App;
use crate::events::teller::Frames;
use crate::failure::Failure;
use crate::metrics::Metrics;
use crate::request_id::RequestIds;

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct Shell(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) app: Arc<App>,
    pub(crate) metrics: Metrics,
    pub(crate) request_ids: RequestIds,
    pub(crate) frames: Frames,
}

impl std::ops::Deref for Shell {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Shell {
    pub(crate) fn new(app: Arc<App>) -> Self {
        let (metrics, request_ids) = (Metrics::default(), RequestIds::default());
        Self(Arc::new(Inner { app, metrics, request_ids, frames: Frames::default() }))
    }
}

impl Inner {
    pub(crate) fn marketplace(&self) -> &Marketplace {
        &self.app.marketplace
    }

    /// Ourselves: to whom transfers go.
    pub(crate) fn did(&self) -> &Did {
        self.app.marketplace.did()
    }

    pub(crate) async fn gaps(&self) -> Result<Gaps, Failure> {
        Ok(self.app.marketplace.clock().await?.1)
    }
}
