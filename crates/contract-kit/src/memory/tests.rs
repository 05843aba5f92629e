//! Faults and tampering that the suites cannot do from outside.
