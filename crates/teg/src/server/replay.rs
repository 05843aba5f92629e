//! Answers given under a key to calls that the books keep no key for: the same key gets the same
//! answer again. Kept in memory, the latest ones.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use axum::http::HeaderMap;
use serde_json::Value;
use uuid::Uuid;

use super::reply::{Answer, given_key};

/// So many answers are kept.
const KEPT: usize = 10_000;

/// The latest answers.
#[derive(Debug, Default)]
pub(super) struct Replays(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    answers: HashMap<(Uuid, String), Value>,
    order: VecDeque<(Uuid, String)>,
}

impl Replays {
    /// Does the work, unless the same request was answered before. Refusals are not kept.
    pub(super) async fn once(
        &self,
        headers: &HeaderMap,
        request: String,
        work: impl Future<Output = Answer>,
    ) -> Answer {
        let Some(key) = given_key(headers) else { return work.await };
        let name = (key, request);
        if let Some(answer) = self.lock().answers.get(&name) {
            return Ok(axum::Json(answer.clone()));
        }
        let axum::Json(answer) = work.await?;
        let mut kept = self.lock();
        if kept.answers.insert(name.clone(), answer.clone()).is_none() {
            kept.order.push_back(name);
        }
        if kept.order.len() > KEPT
            && let Some(oldest) = kept.order.pop_front()
        {
            kept.answers.remove(&oldest);
        }
        Ok(axum::Json(answer))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
