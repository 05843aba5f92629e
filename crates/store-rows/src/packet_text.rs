//! A verdict packet as JSON text: the log in the words in which it is kept, and what is needed to
//! repeat it. Read back offline by whoever checks a verdict.

use marketplace_disputes::{Board, ChainLink, Entrant, Packet, Pool, apply};
use marketplace_ledger::{Account, EntryDraft};
use marketplace_money::{Amount, Gap, Gaps, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::RowError;
use crate::docket_text::{Beside, Kept, entry, entry_text, opening, opening_text};
use crate::text::{Reader, from_hex, hex, id_text, json};

#[derive(Serialize, Deserialize)]
struct PacketText {
    /// Of this form.
    version: u32,
    dispute_id: String,
    opened: Value,
    log: Vec<Value>,
    pools: Vec<Vec<(String, i64, Option<u64>)>>,
    gaps: Vec<(i64, i64)>,
    operators: Vec<String>,
    operators_needed: usize,
    rule_set: String,
    /// For people: it follows from the log, and must be what follows.
    phase: String,
    postings: Vec<PostingsText>,
    chain: Vec<LinkText>,
    /// The batches of the opening and of each commit of the log.
    positions: Vec<u64>,
}

#[derive(Serialize, Deserialize)]
struct PostingsText {
    kind: String,
    moves: Vec<(String, i64)>,
}

#[derive(Serialize, Deserialize)]
struct LinkText {
    position: u64,
    previous: String,
    hash: String,
    /// In hexadecimal; nothing where others' business is in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content: Option<String>,
}

/// The first form had neither the postings of the escrow nor the batches of the commits.
const VERSION: u32 = 2;

fn value(text: &str) -> Value {
    // We have written it ourselves.
    serde_json::from_str(text).unwrap_or_default()
}

/// A packet as text.
#[must_use]
pub fn packet_text(packet: &Packet) -> String {
    // What the rules saw stands with the first commit: it is the same for all of them.
    let log = packet.log.iter().enumerate().map(|(index, commit)| {
        let facts = packet.facts.as_ref().filter(|_| index == 0);
        value(&entry_text(commit, Beside { facts, ..Beside::default() }))
    });
    let pool = |pool: &Pool| {
        let line = |entrant: &Entrant| (entrant.juror.to_string(), entrant.weight, entrant.cluster);
        pool.entrants().iter().map(line).collect()
    };
    let gaps = packet.gaps.as_slice().iter();
    let draft = |draft: &EntryDraft| PostingsText {
        kind: draft.kind().to_string(),
        moves: draft.postings().iter().map(|p| (p.account.to_string(), p.delta.nano())).collect(),
    };
    let link = |link: &ChainLink| LinkText {
        position: link.position,
        previous: hex(&link.previous),
        hash: hex(&link.hash),
        content: link.content.as_deref().map(hex),
    };
    json(&PacketText {
        version: VERSION,
        dispute_id: id_text(packet.opened.id.uuid()),
        opened: value(&opening_text(&packet.opened)),
        log: log.collect(),
        pools: packet.pools.iter().map(pool).collect(),
        gaps: gaps.map(|gap| (gap.from.micros(), gap.until.micros())).collect(),
        operators: packet.operators.keys.iter().map(ToString::to_string).collect(),
        operators_needed: packet.operators.needed,
        rule_set: hex(&packet.rule_set),
        phase: packet.closed.phase().to_string(),
        postings: packet.postings.iter().map(draft).collect(),
        chain: packet.chain.iter().map(link).collect(),
        positions: packet.positions.clone(),
    })
}

#[derive(Deserialize)]
struct FormText {
    version: u32,
}

/// The packet of a text. Nothing of it is checked but its form: [`marketplace_disputes::verify`]
/// checks the rest.
///
/// # Errors
/// When the text is none that we write.
pub fn packet_from(text: &str) -> Result<Packet, RowError> {
    let unnamed = Reader { table: "packet", id: "" };
    let form: FormText = unnamed.json(text)?;
    if form.version < VERSION {
        let problem = "is of an older form, without the order's escrow: fetch it again";
        return Err(unnamed.error(problem));
    }
    if form.version > VERSION {
        return Err(unnamed.error(format_args!("is of the unknown form {}", form.version)));
    }
    let text: PacketText = unnamed.json(text)?;
    let reader = Reader { table: "packet", id: &text.dispute_id };
    let opened = opening(reader, &text.opened.to_string())?;
    let kept = text.log.iter().map(|commit| entry(reader, &commit.to_string()));
    let mut kept: Vec<Kept> = kept.collect::<Result<_, _>>()?;
    let facts = kept.iter_mut().find_map(|kept| kept.facts.take());
    let log: Vec<_> = kept.into_iter().map(|kept| kept.entry).collect();
    let closed = log.iter().fold(opened.clone(), |stage, commit| apply(&stage, &commit.events));
    if closed.phase().to_string() != text.phase {
        return Err(reader.error(format_args!("leads to {}, not {}", closed.phase(), text.phase)));
    }
    let entrant = |(juror, weight, cluster): (String, i64, Option<u64>)| {
        Ok(Entrant { juror: reader.text(&juror)?, weight, cluster })
    };
    let pool = |lines: Vec<(String, i64, Option<u64>)>| {
        Ok(Pool::new(lines.into_iter().map(entrant).collect::<Result<_, RowError>>()?))
    };
    let time = Timestamp::from_micros;
    let gaps = text.gaps.iter().map(|(from, until)| Gap { from: time(*from), until: time(*until) });
    Ok(Packet {
        opened,
        log,
        facts,
        pools: text.pools.into_iter().map(pool).collect::<Result<_, RowError>>()?,
        gaps: Gaps::new(gaps.collect()),
        operators: Board {
            keys: text.operators.iter().map(|did| reader.text(did)).collect::<Result<_, _>>()?,
            needed: text.operators_needed,
        },
        rule_set: hash(reader, &text.rule_set)?,
        closed,
        postings: text.postings.iter().map(|row| draft(reader, row)).collect::<Result<_, _>>()?,
        chain: text.chain.iter().map(|row| link(reader, row)).collect::<Result<_, _>>()?,
        positions: text.positions,
    })
}

fn hash(reader: Reader<'_>, text: &str) -> Result<[u8; 32], RowError> {
    from_hex(text).ok_or_else(|| reader.error("a hash has 64 hexadecimal digits"))
}

fn draft(reader: Reader<'_>, text: &PostingsText) -> Result<EntryDraft, RowError> {
    let one = |(account, nano): &(String, i64)| {
        Ok((reader.text::<Account>(account)?, Amount::from_nano(*nano)))
    };
    let moves: Vec<(Account, Amount)> =
        text.moves.iter().map(one).collect::<Result<_, RowError>>()?;
    EntryDraft::new(reader.text(&text.kind)?, moves).map_err(|error| reader.error(error))
}

fn link(reader: Reader<'_>, text: &LinkText) -> Result<ChainLink, RowError> {
    let byte = |pair: &[u8]| {
        let digit = |byte: u8| char::from(byte).to_digit(16);
        u8::try_from(digit(pair[0])? << 4 | digit(*pair.get(1)?)?).ok()
    };
    let content = |text: &String| {
        let bytes: Option<Vec<u8>> = text.as_bytes().chunks(2).map(byte).collect();
        bytes.ok_or_else(|| reader.error("the content of a batch is hexadecimal"))
    };
    Ok(ChainLink {
        position: text.position,
        previous: hash(reader, &text.previous)?,
        hash: hash(reader, &text.hash)?,
        content: text.content.as_ref().map(content).transpose()?,
    })
}
