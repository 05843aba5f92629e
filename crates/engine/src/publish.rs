//! What a server tells its own readers after a commit, its own or another server's: the catalog
//! follows, and who waits for news wakes up. Derived and lossy by design: the store is the truth.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use marketplace_listings::Listing;
use marketplace_money::{Did, Timestamp};
use marketplace_ports::{Agent, ChangeSet, EffectChange, Motion, SealedEvent, Subject};
use marketplace_search::Blend;
