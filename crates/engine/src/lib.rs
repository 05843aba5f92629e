//! Use cases, one file for each verb; the batching executor, timers and effects.
