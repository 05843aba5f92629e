//! Hears of what other processes have sealed: one connection that waits. It is a wake-up only;
//! everybody who waits looks for itself now and then.

use std::future::poll_fn;
use std::time::Duration;

use tokio_postgres::AsyncMessage;

use crate::connect::{Connector, Driver};
use crate::failure::Failure;
use crate::only_postgres;
use crate::sealer::Bell;

/// After a connection that ended.
const PAUSE: Duration = Duration::from_secs(1);

/// Listens until the task is ended.
pub(crate) async fn serve(connector: Connector, bell: Bell) {
    loop {
        if let Err(failure) = listen(&connector, &bell).await {
            tracing::debug!(%failure, "nobody wakes us; we look by ourselves");
        }
        // What was sealed meanwhile woke nobody.
        bell.wake_all();
        tokio::time::sleep(PAUSE).await;
    }
}

async fn listen(connector: &Connector, bell: &Bell) -> Result<(), Failure> {
    let (client, mut driver) = connector.connect().await?;
    let driven = poll_fn(|context| {
        loop {
            let message = match &mut driver {
                Driver::Plain(connection) => connection.poll_message(context),
                Driver::Tls(connection) => connection.poll_message(context),
            };
            match std::task::ready!(message) {
                Some(Ok(AsyncMessage::Notification(_))) => bell.wake_all(),
                Some(Ok(_)) => {}
                Some(Err(error)) => return std::task::Poll::Ready(Err(error.into())),
                None => return std::task::Poll::Ready(Ok(())),
            }
        }
    });
    let subscribed = async {
        only_postgres::listen(&client).await?;
        // As long as the client lives the connection does.
        std::future::pending::<Result<(), Failure>>().await
    };
    tokio::select! {
        biased;
        ended = driven => ended,
        failed = subscribed => failed,
    }
}
