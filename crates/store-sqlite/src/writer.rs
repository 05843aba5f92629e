//! The writer: one thread owns the one connection that writes.

use std::thread::JoinHandle;

use marketplace_ports::StoreError;
use tokio::sync::{mpsc, oneshot};

use crate::OpenError;
use crate::books::Books;

/// Callers beyond this many wait before they are queued.
const QUEUE: usize = 256;

type Job = Box<dyn FnOnce(&mut Books) + Send>;

/// The way to the thread. Dropping it waits until the queue is done and the file is closed.
#[derive(Debug)]
pub(crate) struct Writer {
    queue: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread over open books.
    pub(crate) fn start(mut books: Books) -> Result<Self, OpenError> {
        let (queue, mut waiting) = mpsc::channel::<Job>(QUEUE);
        let path = books.path();
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || {
                while let Some(job) = waiting.blocking_recv() {
                    job(&mut books);
                }
            })
            .map_err(|source| OpenError::Io { path, source })?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Queues the work and waits for its end. Queued work is done even if nobody waits any more.
    pub(crate) async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Books) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let stopped = || StoreError::Unavailable("the store's writer has stopped".to_owned());
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |books| {
            let _ = reply.send(work(books));
        });
        self.queue.as_ref().ok_or_else(stopped)?.send(job).await.map_err(|_| stopped())?;
        let lost = || StoreError::Unknown("the store's writer stopped in the middle".to_owned());
        answer.await.unwrap_or_else(|_| Err(lost()))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the writer of the store had panicked");
        }
    }
}
