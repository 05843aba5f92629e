//! Jurors.

pub(crate) mod leave;
pub(crate) mod opt_out;
pub(crate) mod register;
pub(crate) mod show;

use axum::http::StatusCode;
use marketplace_engine::JurorView;
use marketplace_wire::JurorBody;

use crate::answer::{Answer, text};

fn juror_answer() -> Answer<JurorView> {
    Answer::new(StatusCode::OK, |view: &JurorView| text(&JurorBody::from(view)))
}
