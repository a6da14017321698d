//! Wall-clock time: how long a campaign took and whether its budget is spent. No trial sees it.
#![expect(clippy::disallowed_types, reason = "a campaign runs in real time; its trials do not")]

use std::time::{Duration, Instant};

/// Runs from its start.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts.
    #[must_use]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// The wall-clock time since the start.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
