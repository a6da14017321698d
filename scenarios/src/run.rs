//! What a campaign and a replay ask of a trial: run it, say which faults strike, tell it line by line.

use std::str::FromStr;

use ktrial_checker::contract::Contract;
use ktrial_checker::history::History;
use ktrial_sim::fault::FaultPlan;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::format::{Duration, DurationError};
use crate::outcome::TrialOutcome;

/// Runs the trials of one scenario. The same seed gives the same outcome, on every thread and every machine.
pub trait RunTrial: Sync {
    /// The trial of one seed.
    fn run(&self, seed: u64) -> TrialOutcome {
        self.record(seed).0
    }

    /// The trial of one seed together with what its clients did and saw.
    fn record(&self, seed: u64) -> (TrialOutcome, Recording);

    /// The trial of one seed, told line by line to `tell` until it ends or `until` is reached.
    fn trace(
        &self,
        seed: u64,
        until: Option<Until>,
        tell: &mut dyn FnMut(TraceLine),
    ) -> TrialOutcome;

    /// The faults of one seed as data, as they are stored in a bundle.
    fn fault_plan(&self, seed: u64) -> FaultPlan;
}

/// What the clients of a trial did and saw, and what they were promised.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    /// What they did and saw.
    pub history: History,
    /// What the scenario's configuration promises.
    pub contract: Contract,
}

/// One event of a trial, as a person reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TraceLine {
    /// The event's number.
    pub event: u64,
    /// The number of the event that caused it.
    pub cause: Option<u64>,
    /// When, in simulated nanoseconds.
    pub at_ns: u64,
    /// Where: `broker-1`, `producer-0`, or `faults`.
    pub node: String,
    /// What happened.
    pub what: String,
}

/// Where a told trial stops early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Before the first event after this simulated time.
    Time(Duration),
    /// After the event of this number.
    Event(u64),
}

impl FromStr for Until {
    type Err = DurationError;

    /// Reads `e412` as an event and `1.204s` as a time.
    fn from_str(text: &str) -> Result<Self, DurationError> {
        let event = text.strip_prefix('e').and_then(|number| number.parse().ok());
        event.map_or_else(|| text.parse().map(Self::Time), |event| Ok(Self::Event(event)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_events_and_times() {
        assert_eq!("e412".parse(), Ok(Until::Event(412)));
        assert_eq!("1.204s".parse(), Ok(Until::Time(Duration::from_millis(1204))));
        assert!("412".parse::<Until>().is_err());
        assert!("e".parse::<Until>().is_err());
    }
}
