//! One trial: a scenario's cluster, clients and faults on the kernel, judged by the checker.

use ktrial_sim::fault::FaultPlan;
use ktrial_sim::random::Streams;

use crate::format::Scenario;
use crate::outcome::TrialOutcome;
use crate::run::{RunTrial, TraceLine, Until};

/// The trials of one scenario.
pub struct Trial {
    scenario: Scenario,
}

impl Trial {
    /// The trials of a scenario.
    #[must_use]
    pub fn new(scenario: &Scenario) -> Self {
        Self { scenario: scenario.clone() }
    }
}

impl RunTrial for Trial {
    fn run(&self, seed: u64) -> TrialOutcome {
        panic!("seed {seed}: the trial is not joined to the model yet")
    }

    fn trace(&self, seed: u64, _: Option<Until>, _: &mut dyn FnMut(TraceLine)) -> TrialOutcome {
        self.run(seed)
    }

    fn fault_plan(&self, seed: u64) -> FaultPlan {
        self.scenario.fault_plan(&Streams::new(seed))
    }
}
