//! The tables of `migrations/teg-sqlite`, as diesel sees them.

diesel::table! {
    node (node_id) {
        node_id -> BigInt,
        owner -> Text,
    }
}

diesel::table! {
    agents (did) {
        did -> Text,
        reputation -> BigInt,
        faucet_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    accounts (account_id) {
        account_id -> BigInt,
        kind -> Text,
        agent -> Nullable<Text>,
        balance -> BigInt,
    }
}

diesel::table! {
    entries (sequence) {
        sequence -> BigInt,
        verb -> Text,
        caller -> Nullable<Text>,
        idempotency_key -> Nullable<Binary>,
        at_micros -> BigInt,
    }
}

diesel::table! {
    movements (sequence, position) {
        sequence -> BigInt,
        position -> BigInt,
        from_account -> BigInt,
        to_account -> BigInt,
        amount -> BigInt,
    }
}

diesel::table! {
    transfers (sequence) {
        sequence -> BigInt,
        transaction_id -> Binary,
        sender -> Text,
        receiver -> Text,
        amount -> BigInt,
        fee -> BigInt,
        memo -> Text,
    }
}

diesel::table! {
    signals (sequence) {
        sequence -> BigInt,
        value -> BigInt,
    }
}

diesel::table! {
    stakes (sequence) {
        sequence -> BigInt,
        agent -> Text,
        amount -> BigInt,
        unstaked_by -> Nullable<BigInt>,
    }
}

diesel::table! {
    disputes (dispute_id) {
        dispute_id -> Binary,
        claimant -> Text,
        defendant -> Text,
        body -> Text,
        at_micros -> BigInt,
    }
}

diesel::joinable!(transfers -> entries (sequence));
diesel::joinable!(stakes -> entries (sequence));
diesel::allow_tables_to_appear_in_same_query!(transfers, entries, signals);
diesel::allow_tables_to_appear_in_same_query!(stakes, entries);
