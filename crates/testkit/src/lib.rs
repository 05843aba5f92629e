//! TestApp, the deterministic simulator, chaos and benchmarks.
