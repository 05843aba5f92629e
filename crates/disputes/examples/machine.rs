//! Prints the dispute machine as a Mermaid diagram, or the money table as Markdown:
//! `cargo xtask state-machine` reads them from here.

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("money") => print!("{}", marketplace_disputes::money_table()),
        _ => print!("{}", marketplace_disputes::diagram()),
    }
}
