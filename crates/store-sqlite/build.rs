//! Builds again when a migration is added: the macro that embeds them does not tell cargo.

fn main() {
    println!("cargo:rerun-if-changed=../../migrations/sqlite");
}
