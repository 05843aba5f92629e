//! Agent cards in the embedded directory: kept as their agents published them, not judged.

use diesel::prelude::*;
use marketplace_money::Did;
use marketplace_ports::RegistryError;
use serde_json::Value;

use crate::EmbeddedRegistry;

diesel::table! {
    cards (id) {
        id -> Text,
        name -> Text,
        owner -> Text,
        data -> Text,
        is_active -> Bool,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

/// A published card.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = cards, check_for_backend(diesel::sqlite::Sqlite))]
pub(crate) struct Card {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) owner: String,
    pub(crate) data: String,
    pub(crate) is_active: bool,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
}

impl Card {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap_or_default()
    }
}

impl EmbeddedRegistry {
    pub(crate) async fn card(&self, id: &str) -> Result<Option<Card>, RegistryError> {
        let id = id.to_owned();
        self.call(move |conn| {
            Ok(cards::table.find(id).select(Card::as_select()).first(conn).optional()?)
        })
        .await
    }

    pub(crate) async fn card_named(&self, name: &str) -> Result<Option<Card>, RegistryError> {
        let name = name.to_owned();
        self.call(move |conn| {
            let named = cards::table.filter(cards::name.eq(name));
            Ok(named.select(Card::as_select()).first(conn).optional()?)
        })
        .await
    }

    /// The newest card that an agent published.
    pub(crate) async fn card_of(&self, owner: &Did) -> Result<Option<Card>, RegistryError> {
        let owner = owner.to_string();
        self.call(move |conn| {
            let own = cards::table.filter(cards::owner.eq(owner)).filter(cards::is_active.eq(true));
            let newest = own.order(cards::updated_at.desc());
            Ok(newest.select(Card::as_select()).first(conn).optional()?)
        })
        .await
    }

    /// All cards, oldest first. A directory of one machine has few.
    pub(crate) async fn all_cards(&self) -> Result<Vec<Card>, RegistryError> {
        self.call(|conn| {
            let all = cards::table.order((cards::created_at, cards::id));
            Ok(all.select(Card::as_select()).load(conn)?)
        })
        .await
    }

    /// Keeps a new card, or a new version of one. False when the name is another agent's.
    pub(crate) async fn keep_card(&self, card: Card) -> Result<bool, RegistryError> {
        self.call(move |conn| {
            let holder = cards::table.filter(cards::name.eq(&card.name)).select(cards::id);
            let holder: Option<String> = holder.first(conn).optional()?;
            if holder.is_some_and(|id| id != card.id) {
                return Ok(false);
            }
            diesel::replace_into(cards::table).values(&card).execute(conn)?;
            Ok(true)
        })
        .await
    }
}
