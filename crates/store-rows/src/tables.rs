//! The tables as diesel sees them. A store may keep fewer columns than are named here, and more.

#![expect(
    missing_docs,
    reason = "the macro makes an item of each column; the tables are documented"
)]

diesel::table! {
    /// Purchases. `terms` is written once, `state` with every version.
    orders (position) {
        position -> BigInt,
        id -> Text,
        version -> BigInt,
        buyer -> Text,
        seller -> Text,
        listing -> Text,
        status -> Text,
        phase -> Text,
        price -> BigInt,
        fee -> BigInt,
        total -> BigInt,
        escrow -> BigInt,
        created_at -> BigInt,
        service -> Text,
        terms -> Text,
        checks -> Nullable<Binary>,
        state -> Text,
        bought_before -> Nullable<BigInt>,
        sold_before -> Nullable<BigInt>,
    }
}

diesel::table! {
    /// Executable checks of orders, each text once, under its SHA-256.
    checks (sha256) {
        sha256 -> Binary,
        body -> Text,
    }
}

diesel::table! {
    /// What is offered, in its present version.
    listings (position) {
        position -> BigInt,
        id -> Text,
        version -> BigInt,
        provider -> Text,
        status -> Text,
        price -> BigInt,
        created_at -> BigInt,
        data -> Text,
    }
}

diesel::table! {
    /// What is remembered of agents.
    agents (did) {
        did -> Text,
        version -> BigInt,
        payout -> Text,
        payout_threshold -> Nullable<BigInt>,
        unfunded_orders -> BigInt,
        listings -> BigInt,
        reputation_milli -> BigInt,
        backing -> BigInt,
    }
}

diesel::table! {
    /// Intents to send tokens to the TEG.
    withdrawals (id) {
        id -> Text,
        version -> BigInt,
        agent -> Text,
        amount -> BigInt,
        fee -> BigInt,
        held -> BigInt,
        at -> BigInt,
        sent_at -> Nullable<BigInt>,
        state -> Text,
        detail -> Nullable<Text>,
    }
}

diesel::table! {
    /// Intents to pull tokens from the TEG.
    deposits (id) {
        id -> Text,
        version -> BigInt,
        agent -> Text,
        amount -> BigInt,
        at -> BigInt,
        state -> Text,
        detail -> Nullable<Text>,
    }
}

diesel::table! {
    /// What queries look at of disputes.
    disputes (position) {
        position -> BigInt,
        id -> Text,
        version -> BigInt,
        order_id -> Text,
        buyer -> Text,
        seller -> Text,
        disputer -> Text,
        phase -> Text,
        held_by_buyer -> BigInt,
        held_by_seller -> BigInt,
        lost_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    /// The disputes: one row for each version, append-only. `batch` is the commit that made it.
    dispute_log (dispute, version) {
        dispute -> Text,
        version -> BigInt,
        batch -> BigInt,
        data -> Text,
    }
}

diesel::table! {
    /// Bytes of disputes: evidence, and pools of jurors.
    exhibits (dispute, name) {
        dispute -> Text,
        name -> Binary,
        bytes -> Binary,
    }
}

diesel::table! {
    /// Agents that are or were jurors.
    jurors (did) {
        did -> Text,
        version -> BigInt,
        since -> BigInt,
        leaving -> Nullable<BigInt>,
        opted_out -> BigInt,
        benches -> Text,
        service_types -> Text,
    }
}

diesel::table! {
    /// Secrets that stand for one agent.
    api_keys (sha256) {
        sha256 -> Text,
        version -> BigInt,
        agent -> Text,
        label -> Text,
        at -> BigInt,
        revoked_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    /// What operators propose.
    motions (id) {
        id -> Text,
        version -> BigInt,
        body -> Text,
    }
}

diesel::table! {
    /// Tasks of agent protocols.
    tasks (key) {
        key -> Text,
        version -> BigInt,
        owner -> Text,
        changed_at -> BigInt,
        expires_at -> BigInt,
        body -> Text,
    }
}

diesel::table! {
    /// What the parties of orders say of each other.
    reviews (position) {
        position -> BigInt,
        order_id -> Text,
        version -> BigInt,
        buyer -> Text,
        seller -> Text,
        closed_at -> BigInt,
        buyer_stars -> Nullable<BigInt>,
        buyer_text -> Nullable<Text>,
        buyer_at -> Nullable<BigInt>,
        seller_stars -> Nullable<BigInt>,
        seller_text -> Nullable<Text>,
        seller_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    /// The journal: one row for each line of an entry, append-only.
    postings (position) {
        position -> BigInt,
        entry -> Text,
        line -> BigInt,
        lines -> BigInt,
        account -> Text,
        delta -> BigInt,
        kind -> Text,
        reason -> Text,
        at -> BigInt,
        batch -> BigInt,
        balance -> Nullable<BigInt>,
        previous -> Nullable<BigInt>,
    }
}

diesel::table! {
    /// Balances that rules read, and the ends of an agent's lists.
    balances (account) {
        account -> Text,
        amount -> BigInt,
        last_posting -> Nullable<BigInt>,
        last_bought -> Nullable<BigInt>,
        last_sold -> Nullable<BigInt>,
        payout_at -> Nullable<BigInt>,
        exposure -> BigInt,
    }
}

diesel::table! {
    /// Sums over the journal of the accounts that no rule reads.
    sums (account) {
        account -> Text,
        amount -> BigInt,
    }
}

diesel::table! {
    /// The event log, append-only.
    events (position) {
        position -> BigInt,
        id -> Text,
        subject -> Text,
        name -> Text,
        audience -> Text,
        at -> BigInt,
        data -> Text,
        batch -> BigInt,
    }
}

diesel::table! {
    /// Clocks that act by themselves.
    timers (subject, kind) {
        subject -> Text,
        kind -> Text,
        sequence -> BigInt,
        due -> BigInt,
        leased_until -> BigInt,
        lease_owner -> Nullable<Text>,
    }
}

diesel::table! {
    /// Work for after the commit.
    outbox (id) {
        id -> Text,
        work -> Text,
        due -> BigInt,
        attempts -> BigInt,
        error -> Nullable<Text>,
        leased_until -> BigInt,
        lease_owner -> Nullable<Text>,
    }
}

diesel::table! {
    /// Answers to attempts, until they may be forgotten.
    idempotency (position) {
        position -> BigInt,
        caller -> Text,
        route -> Text,
        key -> Text,
        body_sha256 -> Binary,
        reply -> Text,
        expires_at -> BigInt,
    }
}

diesel::table! {
    /// Nonces that were used up, until they may be forgotten.
    nonces (position) {
        position -> BigInt,
        signer -> Text,
        value -> Text,
        expires_at -> BigInt,
    }
}

diesel::table! {
    /// What is known of transfers at the TEG.
    teg_records (id) {
        id -> Text,
        version -> BigInt,
        state -> Text,
        entry -> Nullable<Text>,
        payer -> Nullable<Text>,
        amount -> BigInt,
        dust -> BigInt,
        memo -> Text,
        at -> BigInt,
        used_for -> Nullable<Text>,
    }
}

diesel::table! {
    /// Bytes of deliveries.
    blobs (order_id, sha256) {
        order_id -> Text,
        sha256 -> Binary,
        bytes -> Binary,
    }
}

diesel::table! {
    /// Counts under a limit.
    counters (name) {
        name -> Text,
        value -> BigInt,
    }
}

diesel::table! {
    /// The last sign of life of each server.
    servers (id) {
        id -> Text,
        at -> BigInt,
    }
}

diesel::table! {
    /// Our downtime.
    gaps (from_at) {
        from_at -> BigInt,
        until_at -> BigInt,
    }
}

diesel::table! {
    /// Keys that servers share.
    secrets (name) {
        name -> Text,
        value -> Binary,
    }
}

diesel::table! {
    /// What leased jobs remember.
    notes (name) {
        name -> Text,
        value -> Text,
    }
}

diesel::table! {
    /// Commits, with what became of each set, and the chain of their hashes.
    batches (position) {
        position -> BigInt,
        id -> Text,
        at -> BigInt,
        outcomes -> Text,
        hash -> Binary,
    }
}

diesel::table! {
    /// What the postings that are put away sum to.
    openings (account) {
        account -> Text,
        amount -> BigInt,
    }
}

diesel::allow_tables_to_appear_in_same_query!(listings, agents, balances, postings, orders);
