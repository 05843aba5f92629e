//! Prints the order machine as a Mermaid diagram: `cargo xtask state-machine` reads it from here.

fn main() {
    print!("{}", marketplace_escrow::diagram());
}
