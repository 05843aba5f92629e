//! The original's messages.

mod complete_order;
mod dispute;
mod list_service;
mod purchase;
pub(crate) mod receive;
mod search;

use axum::http::StatusCode;
use axum::response::Response;
use marketplace_engine::{Error, Refusal};
use marketplace_wire::failed_reply;

use crate::answer::json;
use crate::failure::Failure;

/// How the original says no to one kind of message.
struct No {
    /// `type` of the reply.
    reply: &'static str,
    /// `status` of the reply.
    status: &'static str,
}

impl No {
    /// The rules said no: that is a reply like any other. Everything else is a problem.
    fn to(&self, error: Error) -> Result<Response, Failure> {
        match error {
            Error::Refused(refusal) => Ok(self.because(&refusal)),
            other => Err(other.into()),
        }
    }

    fn because(&self, refusal: &Refusal) -> Response {
        json(StatusCode::OK, failed_reply(self.reply, self.status, refusal))
    }
}
