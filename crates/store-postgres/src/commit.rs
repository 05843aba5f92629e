//! One batch, one transaction: in one round trip where the batch rests on nothing but what its load
//! saw (`straight`), else in two; tried again where others were in the way.

use std::time::Duration;

use marketplace_ports::{Batch, CommitOutcome, StoreError, Writes, admit};
use marketplace_store_rows::{id_text, outcomes_from_text, outcomes_text};
use uuid::Uuid;

use crate::clock::StoreClock;
use crate::draft::Draft;
use crate::failure::{Failure, MOST_GONE, Meaning};
use crate::found::column;
use crate::keys::Keys;
use crate::lock::{Before, OUTCOMES, keys_of, lock};
use crate::rows::MOVE_LISTING_COUNT;
use crate::session::{Session, Writers, on_writer};
use crate::straight::{self, Glances};
use crate::view::take;

/// How often others may be in the way. Each time somebody else has got further, so it ends much
/// earlier; a key that a batch takes twice by itself ends here.
const ATTEMPTS: u32 = 12;
/// Longer than the database lets a statement run: who waits for more has lost its connection.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// What an attempt came to.
enum Attempt {
    Done(Vec<CommitOutcome>),
    /// Nothing was written, and the same may go now.
    Again(Failure),
    /// Nothing was written: the connection had ended before the writes were sent.
    Gone(Failure),
}

/// Writes what holds of a batch, unless the batch was written before; says what became of each set
/// then or now.
pub(crate) async fn commit(
    writers: &Writers,
    clock: &StoreClock,
    glances: &Glances,
    batch: Batch,
) -> Result<Vec<CommitOutcome>, StoreError> {
    glances.memory.writing(&batch);
    let outcomes = match straight::commit(writers, glances, &batch).await {
        Ok(None) => locked(writers, clock, &batch).await,
        Ok(Some(outcomes)) => Ok(outcomes),
        Err(error) => Err(error),
    };
    glances.memory.forget(&batch, outcomes.as_deref().ok());
    outcomes
}

/// Looks and locks first.
async fn locked(
    writers: &Writers,
    clock: &StoreClock,
    batch: &Batch,
) -> Result<Vec<CommitOutcome>, StoreError> {
    let keys = keys_of(batch);
    let (mut tries, mut gone) = (0, 0);
    loop {
        let mut session = writers.get().await?;
        match attempt(&mut session, clock, batch, &keys).await? {
            Attempt::Done(outcomes) => return Ok(outcomes),
            Attempt::Gone(_) if gone < MOST_GONE => gone += 1,
            Attempt::Gone(failure) => return Err(StoreError::Unavailable(failure.to_string())),
            Attempt::Again(failure) => {
                tries += 1;
                tracing::debug!(%failure, tries, "a commit is tried again");
                if tries >= ATTEMPTS {
                    return Err(match failure.meaning() {
                        Meaning::Taken => StoreError::Rejected(failure.to_string()),
                        _ => StoreError::Unavailable(failure.to_string()),
                    });
                }
            }
        }
    }
}

async fn attempt(
    session: &mut Session,
    clock: &StoreClock,
    batch: &Batch,
    keys: &Keys,
) -> Result<Attempt, StoreError> {
    let locked = tokio::time::timeout(PATIENCE, lock(session, clock, batch, keys)).await;
    let late = || Failure::unavailable("the database did not answer in time");
    let standing = match locked.unwrap_or_else(|_| Err(late())) {
        Err(failure) => return refused(session, failure).await,
        Ok(Before::Known(known)) => {
            undo(session).await;
            return Ok(Attempt::Done(known_outcomes(known, batch.sets.len())));
        }
        Ok(Before::Standing(standing)) => standing,
    };
    let outcomes = admit(standing.current.clone(), &batch.sets);
    if !outcomes.contains(&CommitOutcome::Committed) {
        // Of a batch of which nothing holds nothing is remembered.
        undo(session).await;
        return Ok(Attempt::Done(outcomes));
    }
    let writes = Writes::merge(batch.sets.clone(), &outcomes);
    let drafted = Draft::new(id_text(batch.id), outcomes_text(&outcomes), writes, &standing);
    let draft = match drafted {
        Ok(draft) => draft,
        Err(error) => {
            undo(session).await;
            return Err(error);
        }
    };
    let written = tokio::time::timeout(PATIENCE, write(session, &draft)).await;
    match written {
        Ok(Ok(())) => Ok(Attempt::Done(outcomes)),
        // Its COMMIT may or may not have been carried out.
        Ok(Err(failure)) if failure.is_lost() => Err(StoreError::Unknown(failure.to_string())),
        Err(_) => Err(StoreError::Unknown("the database did not answer in time".to_owned())),
        Ok(Err(failure)) => refused(session, failure).await,
    }
}

/// The outcomes of a batch whose row was found. One that was given up is a conflict as a whole:
/// whoever gave it up decided it again.
fn known_outcomes(known: Option<String>, sets: usize) -> Vec<CommitOutcome> {
    known.map_or_else(|| vec![CommitOutcome::Conflict; sets], |text| outcomes_from_text(&text))
}

/// After a failure that the database told us of: nothing was written.
async fn refused(session: &mut Session, failure: Failure) -> Result<Attempt, StoreError> {
    let meaning = failure.meaning();
    if meaning != Meaning::Lost {
        undo(session).await;
    }
    match meaning {
        Meaning::Again | Meaning::Taken => Ok(Attempt::Again(failure)),
        Meaning::Lost => Ok(Attempt::Gone(failure)),
        Meaning::Refused | Meaning::Unavailable => Err(failure.into()),
    }
}

/// Ends the transaction without writing. Should that fail, the connection is thrown away, and the
/// database does the same by itself.
async fn undo(session: &mut Session) {
    if let Err(failure) = session.rollback().await {
        tracing::debug!(%failure, "a transaction was not taken back by ourselves");
    }
}

/// The second round trip: all rows, and the COMMIT behind them. An error on the way makes the
/// COMMIT a ROLLBACK.
async fn write(session: &mut Session, draft: &Draft) -> Result<(), Failure> {
    let statements = draft.statements();
    let texts = statements.iter().map(|(text, _)| *text);
    session.prepare([draft.whole.text(), MOVE_LISTING_COUNT].into_iter().chain(texts)).await?;
    let mut pipeline = session.pipeline();
    pipeline.change(draft.whole.text(), draft.whole.params())?;
    for (text, rows) in &statements {
        pipeline.change(text, rows.params())?;
    }
    if draft.listing_count != 0 {
        pipeline.change(MOVE_LISTING_COUNT, vec![&draft.listing_count])?;
    }
    pipeline.simple("COMMIT");
    pipeline.run().await?;
    session.ended();
    Ok(())
}

const GRAVE: &str = "INSERT INTO batches (number, id, at, outcomes, postings, events, \
     postings_digest, events_digest, sum_accounts, sum_deltas) \
     VALUES (nextval('batch_numbers'), $1, \
     (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, NULL, 0, 0, '', '', '{}', '{}') \
     ON CONFLICT (id) DO NOTHING";

/// What became of a batch. When it was not written it never will be: a row with its name, and
/// without outcomes, is in its way from now on. A commit that is just running is waited for.
pub(crate) async fn outcome(
    writers: &Writers,
    batch: Uuid,
) -> Result<Option<Vec<CommitOutcome>>, StoreError> {
    let id = id_text(batch);
    let text = on_writer!(writers, session => known(session, &id))?;
    Ok(text.as_deref().map(outcomes_from_text))
}

async fn known(session: &mut Session, id: &str) -> Result<Option<String>, Failure> {
    session.prepare([GRAVE, OUTCOMES]).await?;
    // Most that are asked for were written: those leave no grave, nor do they wait.
    let mut pipeline = session.pipeline();
    let first = pipeline.rows(OUTCOMES, vec![&id])?;
    let found = take(&mut pipeline.run().await?, first);
    if let Some(row) = found.first() {
        return column(row, 0);
    }
    let mut pipeline = session.pipeline();
    pipeline.change(GRAVE, vec![&id])?;
    let second = pipeline.rows(OUTCOMES, vec![&id])?;
    let found = take(&mut pipeline.run().await?, second);
    found.first().map_or(Ok(None), |row| column(row, 0))
}
