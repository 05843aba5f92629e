//! What happened, line by line: the last lines are kept, all of them are hashed, so that two runs
//! can be compared without keeping either.

use std::collections::VecDeque;

/// How many lines a failure shows.
const KEPT: usize = 120;

/// The story of one run.
#[derive(Debug)]
pub(crate) struct Trace {
    lines: VecDeque<String>,
    count: u64,
    hash: u64,
    verbose: bool,
}

impl Trace {
    pub(crate) fn new(verbose: bool) -> Self {
        // FNV-1a's offset basis.
        Self { lines: VecDeque::new(), count: 0, hash: 0xCBF2_9CE4_8422_2325, verbose }
    }

    pub(crate) fn line(&mut self, line: String) {
        for byte in line.bytes().chain([b'\n']) {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
        }
        self.count += 1;
        if self.verbose {
            println!("{line}");
        }
        if self.lines.len() == KEPT {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    pub(crate) const fn hash(&self) -> u64 {
        self.hash
    }

    pub(crate) const fn count(&self) -> u64 {
        self.count
    }

    pub(crate) fn tail(&self) -> Vec<String> {
        self.lines.iter().cloned().collect()
    }
}
