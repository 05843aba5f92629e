//! Connections of commits: prepared statements, sent one behind the other without waiting.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::{Manager, Metrics, Object, Pool, RecycleError, RecycleResult};
use futures::FutureExt;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row, RowStream, Statement};

use crate::OpenError;
use crate::connect::Connector;
use crate::failure::Failure;
use crate::only_postgres;

/// Who waits longer for a connection is told to come again.
const PATIENCE: Duration = Duration::from_secs(10);

/// Parameters of a statement, in their order.
pub(crate) type Params<'a> = Vec<&'a (dyn ToSql + Sync)>;

/// A connection and what it has prepared.
pub(crate) struct Session {
    client: Client,
    statements: HashMap<&'static str, Statement>,
    /// Begun and not ended, or ended in a way that we did not see: nobody uses it again.
    in_transaction: bool,
}

impl Session {
    /// Gets statements ready that this connection has not prepared yet. Before a pipeline, so
    /// that nothing in it has to wait and everything is sent in its order.
    pub(crate) async fn prepare(
        &mut self,
        texts: impl IntoIterator<Item = &'static str>,
    ) -> Result<(), Failure> {
        let mut missing: Vec<&'static str> = texts.into_iter().collect();
        missing.retain(|text| !self.statements.contains_key(text));
        let prepared = missing.iter().map(|text| self.client.prepare(text));
        let prepared = futures::future::try_join_all(prepared).await?;
        self.statements.extend(missing.into_iter().zip(prepared));
        Ok(())
    }

    /// Starts a pipeline that begins a transaction. Its statements must have been prepared.
    pub(crate) fn begin<'a>(&'a mut self, begin: &'static str) -> Pipeline<'a> {
        self.in_transaction = true;
        let mut pipeline = Pipeline { session: self, steps: Vec::new() };
        pipeline.simple(begin);
        pipeline
    }

    /// A pipeline of one statement, which is a transaction by itself.
    pub(crate) fn alone(&mut self) -> Pipeline<'_> {
        self.in_transaction = true;
        self.pipeline()
    }

    /// A pipeline in the present transaction, or without one.
    pub(crate) fn pipeline(&mut self) -> Pipeline<'_> {
        Pipeline { session: self, steps: Vec::new() }
    }

    /// To be called when the end of a transaction was answered.
    pub(crate) fn ended(&mut self) {
        self.in_transaction = false;
    }

    /// Takes back what was done. Without an answer the connection is not used again.
    pub(crate) async fn rollback(&mut self) -> Result<(), Failure> {
        self.client.batch_execute("ROLLBACK").await?;
        self.in_transaction = false;
        Ok(())
    }

    /// The rows of a query as they come.
    pub(crate) async fn stream(&self, text: &'static str) -> Result<RowStream, Failure> {
        let statement = self.statements.get(text);
        let statement = statement.ok_or_else(|| unprepared(text))?;
        let none: [&(dyn ToSql + Sync); 0] = [];
        Ok(self.client.query_raw(statement, none).await?)
    }

    /// A statement without parameters, outside of a pipeline.
    pub(crate) async fn simple(&self, text: &str) -> Result<(), Failure> {
        Ok(self.client.batch_execute(text).await?)
    }
}

fn unprepared(text: &str) -> Failure {
    Failure::unavailable(format!("not prepared: {text}"))
}

/// What a statement answered.
pub(crate) enum Answer {
    Rows(Vec<Row>),
    /// For statements without rows: how many rows they changed.
    Changed,
}

impl Answer {
    pub(crate) fn rows(self) -> Vec<Row> {
        match self {
            Self::Rows(rows) => rows,
            Self::Changed => Vec::new(),
        }
    }
}

type Step<'a> = Pin<Box<dyn Future<Output = Result<Answer, tokio_postgres::Error>> + Send + 'a>>;

/// Statements that are sent together, in this order, and answered in this order.
pub(crate) struct Pipeline<'a> {
    session: &'a Session,
    steps: Vec<Step<'a>>,
}

impl<'a> Pipeline<'a> {
    fn prepared(&self, text: &'static str) -> Result<Statement, Failure> {
        let known = self.session.statements.get(text).cloned();
        known.ok_or_else(|| unprepared(text))
    }

    /// A query. Says at which place its answer will be.
    pub(crate) fn rows(
        &mut self,
        text: &'static str,
        params: Params<'a>,
    ) -> Result<usize, Failure> {
        let statement = self.prepared(text)?;
        let client = &self.session.client;
        let step = async move { Ok(Answer::Rows(client.query(&statement, &params).await?)) };
        self.steps.push(step.boxed());
        Ok(self.steps.len() - 1)
    }

    /// A statement that answers no rows.
    pub(crate) fn change(&mut self, text: &'static str, params: Params<'a>) -> Result<(), Failure> {
        let statement = self.prepared(text)?;
        let client = &self.session.client;
        let step = async move {
            client.execute(&statement, &params).await?;
            Ok(Answer::Changed)
        };
        self.steps.push(step.boxed());
        Ok(())
    }

    /// A statement without parameters that needs no preparation, such as COMMIT.
    pub(crate) fn simple(&mut self, text: &'static str) {
        let client = &self.session.client;
        let step = async move {
            client.batch_execute(text).await?;
            Ok(Answer::Changed)
        };
        self.steps.push(step.boxed());
    }

    /// Sends everything and waits for all answers, or for the first error: behind it the
    /// transaction does nothing any more, so its COMMIT takes everything back.
    pub(crate) async fn run(self) -> Result<Vec<Answer>, Failure> {
        let mut steps = self.steps.into_iter();
        let mut sent: Vec<Sent<'a>> = Vec::with_capacity(steps.len());
        poll_fn(|context| {
            // To poll a step is to send it.
            for mut step in steps.by_ref() {
                sent.push(match step.as_mut().poll(context) {
                    Poll::Ready(done) => Sent::Answered(done),
                    Poll::Pending => Sent::Waiting(step),
                });
            }
            Poll::Ready(())
        })
        .await;
        let mut answers = Vec::with_capacity(sent.len());
        for step in sent {
            answers.push(match step {
                Sent::Answered(done) => done?,
                Sent::Waiting(step) => step.await?,
            });
        }
        Ok(answers)
    }
}

/// A step after it was sent.
enum Sent<'a> {
    Waiting(Step<'a>),
    Answered(Result<Answer, tokio_postgres::Error>),
}

/// Opens and recycles sessions.
pub(crate) struct Dialer(Connector);

impl Manager for Dialer {
    type Type = Session;
    type Error = Failure;

    async fn create(&self) -> Result<Session, Failure> {
        let client = self.0.session().await?;
        client.batch_execute(only_postgres::PLAN_BY_KEYS).await?;
        Ok(Session { client, statements: HashMap::new(), in_transaction: false })
    }

    async fn recycle(&self, session: &mut Session, _: &Metrics) -> RecycleResult<Failure> {
        if session.client.is_closed() || session.in_transaction {
            return Err(RecycleError::message("it ended, or is in the middle of something"));
        }
        Ok(())
    }
}

/// A session from the pool; goes back by itself.
pub(crate) type Writer = Object<Dialer>;

/// The pool.
#[derive(Clone)]
pub(crate) struct Writers(Pool<Dialer>);

impl std::fmt::Debug for Writers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Writers").field(&self.0.status()).finish()
    }
}

impl Writers {
    pub(crate) fn new(connector: Connector, size: usize) -> Result<Self, OpenError> {
        let pool = Pool::builder(Dialer(connector))
            .max_size(size)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(PATIENCE))
            .build()
            .map_err(|error| OpenError::Database { reason: error.to_string() })?;
        Ok(Self(pool))
    }

    /// A session; the database may have ended it since it was last used.
    pub(crate) async fn get(&self) -> Result<Writer, Failure> {
        use deadpool::managed::PoolError;
        self.0.get().await.map_err(|error| match error {
            PoolError::Backend(failure) => {
                let meaning = failure.meaning();
                tracing::debug!(%failure, ?meaning, "no connection to the database");
                Failure::unavailable(failure.to_string())
            }
            other => Failure::unavailable(other.to_string()),
        })
    }

    pub(crate) fn close(&self) {
        self.0.close();
    }
}

/// Runs `$work`, an expression over the session `$session`, on a session of the pool; again on
/// another when that one turns out to be gone. Only for what may be done twice.
macro_rules! on_writer {
    ($writers:expr, $session:ident => $work:expr) => {{
        let mut gone = 0;
        loop {
            let mut writer = match $writers.get().await {
                Ok(writer) => writer,
                Err(failure) => break Err(marketplace_ports::StoreError::from(failure)),
            };
            let $session: &mut $crate::session::Session = &mut writer;
            let done: Result<_, $crate::failure::Failure> = $work.await;
            match done {
                Err(failure) if failure.is_lost() && gone < $crate::failure::MOST_GONE => gone += 1,
                done => break done.map_err(marketplace_ports::StoreError::from),
            }
        }
    }};
}
pub(crate) use on_writer;
