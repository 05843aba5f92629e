//! Agent cards: published by their agents, found by tag, text, id or name.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use marketplace_money::{Did, Timestamp};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::RegistryServer;
use super::reply::{Refusal, Reply, bearer, object, time};
use crate::cards::Card;
use crate::random_key;

type Server = State<Arc<RegistryServer>>;

const LONGEST_NAME: usize = 255;
const MOST: usize = 250;

fn owner(server: &RegistryServer, headers: &HeaderMap) -> Result<Did, Refusal> {
    let did = bearer(headers).and_then(|token| server.holder(token));
    did.ok_or_else(|| Refusal::unauthorized("Could not validate credentials"))
}

fn body_of(card: &Card) -> Value {
    let data = card.json();
    let at = |micros| time(Timestamp::from_micros(micros));
    json!({
        "id": card.id,
        "name": text(&data, "name").unwrap_or(&card.name),
        "description": text(&data, "description"),
        "is_active": card.is_active,
        "developer_id": 0,
        "developer_is_verified": false,
        "card_data": data,
        "created_at": at(card.created_at),
        "updated_at": at(card.updated_at),
    })
}

fn text<'a>(data: &'a Value, field: &str) -> Option<&'a str> {
    data[field].as_str()
}

/// The card of a request, and the name that it goes by.
fn card_data(body: &Value) -> Result<(Value, String), Refusal> {
    let data = body["card_data"].clone();
    let required = ["name", "humanReadableId"];
    let missing = required.iter().find(|field| text(&data, field).is_none_or(str::is_empty));
    if let Some(field) = missing {
        return Err(Refusal::invalid(&format!("card_data.{field} is required")));
    }
    let name = text(&data, "humanReadableId").unwrap_or_default().to_owned();
    if name.len() > LONGEST_NAME {
        return Err(Refusal::invalid("card_data.humanReadableId is too long"));
    }
    Ok((data, name))
}

/// Publishes a card.
pub(super) async fn publish(
    State(server): Server,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Reply, Refusal> {
    let owner = owner(&server, &headers)?;
    let (data, name) = card_data(&object(&body)?)?;
    let now = server.now().micros();
    let card = Card {
        id: fresh_id()?,
        name,
        owner: owner.to_string(),
        data: data.to_string(),
        is_active: true,
        created_at: now,
        updated_at: now,
    };
    let reply = body_of(&card);
    if server.directory.keep_card(card).await? {
        return Ok(Reply(StatusCode::CREATED, reply));
    }
    Err(Refusal::conflict("another card has this humanReadableId"))
}

/// Changes a card; only its owner may.
pub(super) async fn change(
    State(server): Server,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Reply, Refusal> {
    let owner = owner(&server, &headers)?;
    let card = server.directory.card(&id).await?;
    let card = card.filter(|card| card.owner == owner.as_str());
    let mut card = card.ok_or_else(|| Refusal::not_found("Agent card not found"))?;
    let body = object(&body)?;
    if !body["card_data"].is_null() {
        let (data, name) = card_data(&body)?;
        (card.data, card.name) = (data.to_string(), name);
    }
    card.is_active = body["is_active"].as_bool().unwrap_or(card.is_active);
    card.updated_at = server.now().micros();
    let reply = body_of(&card);
    if server.directory.keep_card(card).await? {
        return Ok(Reply(StatusCode::OK, reply));
    }
    Err(Refusal::conflict("another card has this humanReadableId"))
}

/// One card by its id.
pub(super) async fn show(State(server): Server, Path(id): Path<String>) -> Result<Reply, Refusal> {
    found(server.directory.card(&id).await?)
}

/// One card by its name.
pub(super) async fn named(
    State(server): Server,
    Path(name): Path<String>,
) -> Result<Reply, Refusal> {
    found(server.directory.card_named(&name).await?)
}

fn found(card: Option<Card>) -> Result<Reply, Refusal> {
    let card = card.ok_or_else(|| Refusal::not_found("Agent card not found"))?;
    Ok(Reply(StatusCode::OK, body_of(&card)))
}

/// What a list is asked for.
struct Wanted {
    skip: usize,
    limit: usize,
    active_only: bool,
    search: Option<String>,
    tags: Vec<String>,
}

impl Wanted {
    fn read(query: Option<String>) -> Result<Self, Refusal> {
        let url = reqwest::Url::parse(&format!("query:?{}", query.unwrap_or_default()));
        let url = url.map_err(|_| Refusal::invalid("the query cannot be read"))?;
        let mut wanted =
            Self { skip: 0, limit: 100, active_only: true, search: None, tags: Vec::new() };
        for (name, value) in url.query_pairs() {
            let number = || {
                let wrong = |_| Refusal::invalid(&format!("{name} must be a number"));
                value.parse::<usize>().map_err(wrong)
            };
            match name.as_ref() {
                "skip" => wanted.skip = number()?,
                "limit" => wanted.limit = number()?,
                "active_only" => wanted.active_only = value != "false",
                "search" => wanted.search = Some(value.to_lowercase()),
                "tags" => wanted.tags.push(value.into_owned()),
                _ => {}
            }
        }
        if (1..=MOST).contains(&wanted.limit) {
            return Ok(wanted);
        }
        Err(Refusal::invalid("limit must be from 1 to 250"))
    }

    fn fits(&self, card: &Card) -> bool {
        let data = card.json();
        let tags = data["tags"].as_array().map(Vec::as_slice).unwrap_or_default();
        let tagged = |tag: &String| tags.iter().any(|own| own.as_str() == Some(tag));
        let says = |words: &String| {
            let told = ["name", "description"].iter().filter_map(|field| text(&data, field));
            told.into_iter().any(|told| told.to_lowercase().contains(words))
        };
        (card.is_active || !self.active_only)
            && self.tags.iter().all(tagged)
            && self.search.as_ref().is_none_or(says)
    }
}

/// A page of cards.
pub(super) async fn list(
    State(server): Server,
    RawQuery(query): RawQuery,
) -> Result<Reply, Refusal> {
    let wanted = Wanted::read(query)?;
    let fit: Vec<Card> =
        server.directory.all_cards().await?.into_iter().filter(|card| wanted.fits(card)).collect();
    let summary = |card: &Card| {
        let data = card.json();
        json!({
            "id": card.id,
            "name": text(&data, "name").unwrap_or(&card.name),
            "description": text(&data, "description"),
            "is_active": card.is_active,
            "origin_registry_name": "Local",
        })
    };
    let items: Vec<Value> = fit.iter().skip(wanted.skip).take(wanted.limit).map(summary).collect();
    let pagination = json!({
        "total_items": fit.len(),
        "limit": wanted.limit,
        "offset": wanted.skip,
        "total_pages": fit.len().div_ceil(wanted.limit),
        "current_page": wanted.skip / wanted.limit + 1,
    });
    Ok(Reply(StatusCode::OK, json!({ "items": items, "pagination": pagination })))
}

/// A random UUID of version 4.
fn fresh_id() -> Result<String, Refusal> {
    let random = random_key().map_err(|_| Refusal::conflict("no id can be made"))?;
    let mut hash: [u8; 32] = Sha256::digest(random).into();
    hash[6] = hash[6] & 0x0f | 0x40;
    hash[8] = hash[8] & 0x3f | 0x80;
    let hex: String = hash[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
    Ok(parts.join("-"))
}
