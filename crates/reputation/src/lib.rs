//! What settled orders say of an agent.
//!
//! The *raw* score is the original's: +1 or −1 for each settled transaction and direction. Anybody
//! can make it with two identities, so nothing here relies on it. The *effective* score, −100 to
//! 100, is made so that faking it costs more than it brings:
//!
//! * A word weighs by the money behind it: at most the order's value; and all that one agent says of
//!   another weighs at most what it has at stake or has settled **with others** that are trusted
//!   ([`credit`]).
//! * It weighs by how far the rater is trusted ([`Standing::trust`]). Trust begins with stake and
//!   spreads along settled orders, halved at each step: a ring that deals only with itself has
//!   none, whatever it does.
//! * The more one counterparty has said, the less its next word adds ([`damped`]).
//! * Words fade: after 90 days they weigh half ([`Decaying`]).
//! * Negatives count double. What our own log or a ruling shows (a missing delivery, a lost
//!   dispute) needs no trusted witness ([`Word::is_proven`]): who cheats newcomers only is caught too.
//! * A silent buyer's auto-release weighs a quarter, and says so.
//!
//! A word's weight is fixed when it is given, from what was known then. So the score is a plain sum:
//! a settlement changes four small records, whatever the history ([`record`]), and a recomputation
//! from the log gives the same numbers, exactly. All arithmetic is on integers.

mod book;
mod decay;
mod exposure;
mod record;
mod reviews;
mod standing;

pub use book::{Book, Explanation, Part};
pub use decay::{Decaying, HALF_LIFE_DAYS};
pub use exposure::{EXPOSURE_BASE, backing, exposure_limit};
pub use record::{Outcome, Recorded, Records, Settlement, Side, Word, record};
pub use reviews::{Review, ReviewRefusal, Reviews};
pub use standing::{Edge, Standing, Trust, credit, damped};
