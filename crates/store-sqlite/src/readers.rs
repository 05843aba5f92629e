//! Threads that answer queries, each on a connection of its own: they never wait for the writer.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use diesel::prelude::*;
use marketplace_ports::StoreError;
use tokio::sync::oneshot;

use crate::OpenError;
use crate::database::{Place, Purpose};
use crate::failure::Failure;

/// One may be busy with a long page while the other answers.
const READERS: usize = 2;

type Query = Box<dyn FnOnce(&mut SqliteConnection) + Send>;

/// The way to the threads. Dropping it waits until the queue is done.
#[derive(Debug)]
pub(crate) struct Readers {
    queue: Option<Sender<Query>>,
    threads: Vec<JoinHandle<()>>,
}

impl Readers {
    pub(crate) fn start(place: &Place) -> Result<Self, OpenError> {
        let (queue, waiting) = channel::<Query>();
        let waiting = Arc::new(Mutex::new(waiting));
        let mut threads = Vec::with_capacity(READERS);
        for number in 1..=READERS {
            let mut connection = place.connect(Purpose::Read)?;
            let waiting = Arc::clone(&waiting);
            let thread = std::thread::Builder::new()
                .name(format!("store-reader-{number}"))
                .spawn(move || serve(&mut connection, &waiting))
                .map_err(|source| OpenError::Io { path: place.path().to_owned(), source })?;
            threads.push(thread);
        }
        Ok(Self { queue: Some(queue), threads })
    }

    /// Runs a query on one snapshot.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&mut SqliteConnection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, StoreError> {
        let stopped = || StoreError::Unavailable("the store's readers have stopped".to_owned());
        let (reply, answer) = oneshot::channel();
        let query: Query = Box::new(move |connection| {
            let result = connection.transaction(query).map_err(StoreError::from);
            // A caller that has gone away needs no answer.
            let _ = reply.send(result);
        });
        self.queue.as_ref().ok_or_else(stopped)?.send(query).map_err(|_| stopped())?;
        answer.await.unwrap_or_else(|_| Err(stopped()))
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.queue = None;
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a reader of the store had panicked");
            }
        }
    }
}

fn serve(connection: &mut SqliteConnection, waiting: &Mutex<Receiver<Query>>) {
    loop {
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match next {
            Ok(query) => query(connection),
            Err(_) => return,
        }
    }
}
