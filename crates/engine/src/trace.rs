//! Spans for OpenTelemetry, which cost nothing unless somebody collects them. What a command leads to
//! is found by its id: in the request, the batch, the commit, and the effects, however much later.

use std::fmt::Write as _;

use marketplace_money::CommandId;
use marketplace_ports::{Batch, Effect, EffectKind};
use tracing::{Span, field, trace_span};

use crate::ids::derived;

/// What a layer that collects them looks for.
const TARGET: &str = "marketplace::trace";

/// From the queue to the answer. The request that it belongs to learns its id.
pub(crate) fn command(command: CommandId) -> Span {
    let id = command.uuid();
    let span = trace_span!(target: TARGET, "command", command = %id);
    if !span.is_disabled() {
        Span::current().record("command", field::display(id));
    }
    span
}

/// Commands that are decided together.
pub(crate) fn batch(commands: impl ExactSizeIterator<Item = CommandId>) -> Span {
    let size = commands.len();
    let span = trace_span!(target: TARGET, "batch", size, commands = field::Empty);
    name_commands(&span, commands);
    span
}

/// Their commit.
pub(crate) fn commit(batch: &Batch) -> Span {
    let span = trace_span!(target: TARGET, "commit", batch = %batch.id, commands = field::Empty);
    name_commands(&span, batch.sets.iter().map(|(command, _)| *command));
    span
}

/// Work of the outbox: its id tells the command that it came of.
pub(crate) fn effect(effect: &Effect) -> Span {
    let kind = match effect.kind {
        EffectKind::SendWithdrawal(_) => "send_withdrawal",
        EffectKind::ResolveDeposit(_) => "resolve_deposit",
        EffectKind::FetchDelivery { .. } => "fetch_delivery",
        EffectKind::Notify { .. } => "notify",
        EffectKind::NotifyDispute { .. } => "notify_dispute",
        EffectKind::Signal { .. } => "signal",
    };
    let command = derived(effect.id, 0);
    trace_span!(target: TARGET, "effect", kind, command = %command, attempts = effect.attempts)
}

fn name_commands(span: &Span, commands: impl Iterator<Item = CommandId>) {
    if span.is_disabled() {
        return;
    }
    let names = commands.fold(String::new(), |mut names, command| {
        let space = if names.is_empty() { "" } else { " " };
        // Writing to a string cannot fail.
        let _ = write!(names, "{space}{}", command.uuid());
        names
    });
    span.record("commands", names.as_str());
}
