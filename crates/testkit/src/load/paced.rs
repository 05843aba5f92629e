//! Calls at a steady rate, whatever the answers take: a call that had to wait for the one before it
//! counts its waiting (an open loop, free of coordinated omission).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, mpsc};

use super::figures::Figures;

/// One client with a connection of its own.
pub trait Caller: Send + 'static {
    /// Asks the question of this number, which was due then, and says whether the answer was as it
    /// should be.
    fn call(&mut self, number: u64, due: Instant) -> impl Future<Output = bool> + Send;
}

/// Calls `rate` times a second for `length`, with the questions from `first` on. Latencies count
/// from when a call was due. Gives the callers back.
///
/// # Errors
/// When a caller panics.
pub async fn paced<C: Caller>(
    callers: Vec<C>,
    first: u64,
    rate: u32,
    length: Duration,
) -> anyhow::Result<(Figures, Vec<C>)> {
    let (sender, receiver) = mpsc::unbounded_channel::<(u64, Instant)>();
    let receiver = Arc::new(Mutex::new(receiver));
    let workers: Vec<_> = callers
        .into_iter()
        .map(|mut caller| {
            let receiver = receiver.clone();
            tokio::spawn(async move {
                let mut figures = Figures::over(length);
                loop {
                    let next = receiver.lock().await.recv().await;
                    let Some((number, due)) = next else { return (figures, caller) };
                    if caller.call(number, due).await {
                        figures.record(due.elapsed());
                    } else {
                        figures.failures += 1;
                    }
                }
            })
        })
        .collect();
    // A thread of its own: the timers of the runtime are only as fine as a millisecond.
    let pace = std::thread::spawn(move || {
        let (begun, step) = (Instant::now(), Duration::from_secs(1) / rate);
        let count = length.as_secs() * u64::from(rate);
        for number in 0..count {
            let due = begun + step * u32::try_from(number).unwrap_or(u32::MAX);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            if sender.send((first + number, due)).is_err() {
                return;
            }
        }
    });
    let (mut all, mut callers) = (Figures::over(length), Vec::new());
    for worker in workers {
        let (figures, caller) = worker.await?;
        all.join(&figures);
        callers.push(caller);
    }
    anyhow::ensure!(pace.join().is_ok(), "the pace maker died");
    Ok((all, callers))
}

/// All callers call one question after the other, for so long: the rate at saturation.
///
/// # Errors
/// When a caller panics.
pub async fn saturated<C: Caller>(
    callers: Vec<C>,
    first: u64,
    length: Duration,
) -> anyhow::Result<Figures> {
    let next = Arc::new(AtomicU64::new(first));
    let over = Arc::new(AtomicBool::new(false));
    let begun = Instant::now();
    let workers: Vec<_> = callers
        .into_iter()
        .map(|mut caller| {
            let (next, over) = (next.clone(), over.clone());
            tokio::spawn(async move {
                let mut figures = Figures::default();
                while !over.load(Ordering::Relaxed) {
                    let sent = Instant::now();
                    if caller.call(next.fetch_add(1, Ordering::Relaxed), sent).await {
                        figures.record(sent.elapsed());
                    } else {
                        figures.failures += 1;
                    }
                }
                figures
            })
        })
        .collect();
    tokio::time::sleep(length).await;
    over.store(true, Ordering::Relaxed);
    let mut all = Figures::default();
    for worker in workers {
        all.join(&worker.await?);
    }
    all.elapsed = begun.elapsed();
    Ok(all)
}
