//! What servers share beside the market: signs of life, downtime, keys, notes.

use std::sync::PoisonError;

use diesel::prelude::*;
use marketplace_money::{Gap, Gaps, Seconds, Timestamp};
use marketplace_ports::StoreError;
use marketplace_store_rows::{bytes32, id_text, tables};
use uuid::Uuid;

use crate::books::Books;
use crate::failure::Failure;

/// A silence from this length up is downtime.
const SHORTEST_GAP: Seconds = Seconds(30);
/// A server that was not heard of for so long is forgotten: each start is a new one.
const FORGOTTEN_AFTER: Seconds = Seconds::from_hours(24);

impl Books {
    /// A server's sign of life.
    pub(crate) fn heartbeat(&mut self, server: Uuid) -> Result<(), StoreError> {
        use tables::{gaps, servers};
        self.ready()?;
        let now = self.clock.now();
        let silence = self.last_heartbeat.map(|from| Gap { from, until: now });
        let gap = silence.filter(|gap| gap.until.since(gap.from) >= SHORTEST_GAP.micros());
        self.transaction(1, |connection| {
            diesel::replace_into(servers::table)
                .values((servers::id.eq(id_text(server)), servers::at.eq(now.micros())))
                .execute(connection)?;
            let long_ago = now.minus(FORGOTTEN_AFTER).micros();
            diesel::delete(servers::table.filter(servers::at.lt(long_ago))).execute(connection)?;
            if let Some(gap) = gap {
                let from = gaps::from_at.eq(gap.from.micros());
                let until = gaps::until_at.eq(gap.until.micros());
                diesel::replace_into(gaps::table).values((from, until)).execute(connection)?;
            }
            Ok(())
        })?;
        self.last_heartbeat = Some(now);
        if let Some(gap) = gap {
            let mut known = self.known_gaps().as_slice().to_vec();
            known.push(gap);
            *self.gaps.lock().unwrap_or_else(PoisonError::into_inner) = Gaps::new(known);
        }
        Ok(())
    }

    /// The last sign of life of any server.
    pub(crate) fn heard_of(&mut self) -> Result<Option<Timestamp>, StoreError> {
        self.ready()?;
        Ok(self.last_heartbeat)
    }

    /// The first key ever given under a name.
    pub(crate) fn secret(&mut self, name: &str, fresh: [u8; 32]) -> Result<[u8; 32], StoreError> {
        use tables::secrets::dsl;
        let find = |connection: &mut SqliteConnection| {
            dsl::secrets.find(name).select(dsl::value).get_result::<Vec<u8>>(connection).optional()
        };
        let known = self.read(|connection| find(connection).map_err(Failure::from))?;
        if let Some(known) = known {
            return Ok(bytes32("secrets", name, &known)?);
        }
        self.transaction(1, |connection| {
            let row = (dsl::name.eq(name), dsl::value.eq(&fresh[..]));
            diesel::insert_into(dsl::secrets).values(row).execute(connection)?;
            Ok(())
        })?;
        Ok(fresh)
    }

    /// Remembers a text under a name.
    pub(crate) fn set_note(&mut self, name: &str, value: &str) -> Result<(), StoreError> {
        use tables::notes::dsl;
        self.transaction(1, |connection| {
            let row = (dsl::name.eq(name), dsl::value.eq(value));
            diesel::replace_into(dsl::notes).values(row).execute(connection)?;
            Ok(())
        })
    }
}

/// The text under a name.
pub(crate) fn note(
    connection: &mut SqliteConnection,
    name: &str,
) -> Result<Option<String>, Failure> {
    use tables::notes::dsl;
    Ok(dsl::notes.find(name).select(dsl::value).get_result(connection).optional()?)
}
