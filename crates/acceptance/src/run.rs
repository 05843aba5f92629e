//! Holding a delivery against the checks.

use crate::budget::{Budget, MAX_STEPS, Stop};
use crate::checks::{Check, Checks, Range};
use crate::digest::Digest;
use crate::excerpt::excerpt;
use crate::json::{ReadError, Repeated, Tree, read};
use crate::report::{CheckResult, MAX_DETAIL_CHARS, Report};

/// Longest delivery that is checked, in bytes. A longer one passes nothing.
pub const MAX_DELIVERY_BYTES: usize = 1 << 20;

impl Checks {
    /// Runs all checks on `delivery`, also after one has failed: the seller wants to know all.
    ///
    /// `time_is_up` is asked between the checks and every [`MAX_STEPS`] / 1000 steps within; from
    /// its first yes on nothing passes. Give it 100 ms. The call blocks: use a blocking pool.
    #[must_use]
    pub fn run(&self, delivery: &[u8], time_is_up: &dyn Fn() -> bool) -> Report {
        let budget = Budget::new(MAX_STEPS, time_is_up);
        let mut run = Run { delivery, hash: Digest::of(delivery), document: None, budget };
        let mut stopped = None;
        let mut results = Vec::with_capacity(self.as_slice().len());
        for check in self.as_slice() {
            let answer = match stopped {
                None => run.answer(check),
                Some(stop) => Err(stop),
            };
            let (passed, detail) = match answer {
                Ok(answer) => answer,
                Err(stop) => {
                    let ended_here = stopped.is_none();
                    stopped = Some(stop);
                    (false, no_answer(stop, ended_here))
                }
            };
            let detail = excerpt(&detail, MAX_DETAIL_CHARS);
            results.push(CheckResult { kind: check.kind(), passed, detail });
        }
        Report { results, stopped, checks_hash: self.hash(), delivery_hash: run.hash }
    }
}

fn no_answer(stop: Stop, ended_here: bool) -> String {
    let reason = match stop {
        Stop::TimeIsUp => "time is up".to_owned(),
        Stop::TooMuchWork => format!("the checks need more than {MAX_STEPS} steps together"),
    };
    if ended_here { format!("gave up: {reason}") } else { format!("not run: {reason}") }
}

struct Run<'d, 'c> {
    delivery: &'d [u8],
    hash: Digest,
    /// Read for the first check that wants JSON; or why it is not.
    document: Option<Result<Tree<'d>, String>>,
    budget: Budget<'c>,
}

type Answer = Result<(bool, String), Stop>;

impl Run<'_, '_> {
    fn answer(&mut self, check: &Check) -> Answer {
        self.budget.ask_the_clock()?;
        let length = self.delivery.len();
        if length > MAX_DELIVERY_BYTES {
            let limit = format!("{length} bytes, checks read at most {MAX_DELIVERY_BYTES}");
            return Ok((false, limit));
        }
        match check {
            Check::Sha256(expected) => Ok((self.hash == *expected, self.hash.to_string())),
            Check::Size(range) => Ok(within(range, length, "bytes")),
            Check::Rows(range) => {
                self.budget.spend(length)?;
                Ok(within(range, count_rows(self.delivery), "rows"))
            }
            Check::Matches(pattern) => {
                let found = pattern.is_in(self.delivery, &mut self.budget)?;
                Ok((found, if found { "found" } else { "not found" }.to_owned()))
            }
            Check::JsonSchema(schema) => {
                let document = match self.document.take() {
                    Some(document) => document,
                    None => read_document(self.delivery, &mut self.budget)?,
                };
                let answer = match &document {
                    Ok(tree) => schema.misfit(tree, &mut self.budget)?,
                    Err(problem) => Some(problem.clone()),
                };
                self.document = Some(document);
                Ok((answer.is_none(), answer.unwrap_or_else(|| "fits".to_owned())))
            }
        }
    }
}

/// The delivery as JSON, or why it is none.
fn read_document<'d>(
    delivery: &'d [u8],
    budget: &mut Budget<'_>,
) -> Result<Result<Tree<'d>, String>, Stop> {
    budget.spend(delivery.len() / 8)?;
    let text = match std::str::from_utf8(delivery) {
        Ok(text) => text,
        Err(error) => return Ok(Err(format!("not UTF-8 at byte {}", error.valid_up_to()))),
    };
    match read(text, Repeated::LastCounts, budget) {
        Ok(tree) => Ok(Ok(tree)),
        Err(ReadError::NotJson { byte, problem }) => {
            Ok(Err(format!("not JSON at byte {byte}: {problem}")))
        }
        Err(ReadError::Stopped(stop)) => Err(stop),
    }
}

fn within(range: &Range, count: usize, unit: &str) -> (bool, String) {
    if range.0.contains(&count) {
        return (true, format!("{count} {unit}"));
    }
    (false, format!("{count} {unit}, agreed are {} to {}", range.min(), range.max()))
}

/// How many rows a text has, the way the check `rows` counts.
///
/// A row ends with a line feed (byte 0x0A) or with the text, and has at least one byte other than
/// space, tab, line feed and carriage return: blank lines are no rows. Nothing else is
/// interpreted: the header line of a CSV text is a row, and a line feed inside quotes ends one.
#[must_use]
pub fn count_rows(text: &[u8]) -> usize {
    let is_blank = |line: &[u8]| line.iter().all(|byte| b" \t\r".contains(byte));
    text.split(|byte| *byte == b'\n').filter(|line| !is_blank(line)).count()
}
