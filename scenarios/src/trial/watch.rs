//! The observer every trial has: it records the history, watches the invariants, and says when a phase has reached its
//! end.

use ktrial_model::cluster::Cluster;
use ktrial_model::invariants::{Monitor, Violation};
use ktrial_model::note::Note;
use ktrial_model::process::Process;
use ktrial_sim::fault::Fault;
use ktrial_sim::fault::PlannedFault;
use ktrial_sim::observer::FaultPhase;
use ktrial_sim::observer::{Death, Observer, Stamp};

use super::recorder::Recorder;
use super::topology::Topology;
use crate::outcome::InvariantViolation;

/// Recorder and invariant monitor of one trial.
#[derive(Clone, Debug)]
pub struct Watch {
    /// The history so far.
    pub recorder: Recorder,
    /// The ghost state.
    pub monitor: Monitor,
    goal: Goal,
    records: u64,
    partitions: usize,
    /// Whether faults that would leave no sound copy are vetoed.
    spares_last_copy: bool,
}

/// What a phase waits for.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Goal {
    /// Nothing: faults are in force.
    None,
    /// Every record that was to be sent has an outcome.
    Settled,
    /// The final read is through.
    Drained,
    /// The group has processed everything.
    CaughtUp,
}

impl Watch {
    /// Watches a trial of this topology.
    pub fn new(topology: &Topology) -> Self {
        Watch {
            recorder: Recorder::new(topology),
            monitor: Monitor::new(&topology.cluster),
            goal: Goal::None,
            records: topology.records(),
            partitions: topology.group_partitions.len(),
            spares_last_copy: topology.spares_last_copy,
        }
    }

    /// Satisfied once every record that was to be sent has an outcome.
    pub fn await_settled(&mut self) {
        self.goal = Goal::Settled;
    }

    /// Never satisfied.
    pub fn await_nothing(&mut self) {
        self.goal = Goal::None;
    }

    /// Satisfied once the final read is through.
    pub fn await_drained(&mut self) {
        self.goal = Goal::Drained;
    }

    /// Satisfied once the group has processed everything up to the end that the final read found, and whatever else it was
    /// handed.
    pub fn await_caught_up(&mut self) {
        self.goal = Goal::CaughtUp;
    }

    /// Invariants that broke.
    pub fn invariant_violations(&self) -> Vec<InvariantViolation> {
        let told = |violation: &Violation| InvariantViolation {
            invariant: violation.invariant.number().to_owned(),
            text: violation.sentence(),
            event: violation.stamp.event.0,
            at_ns: violation.stamp.at.as_nanos(),
        };
        self.monitor.violations().iter().map(told).collect()
    }

    /// What the present phase still waits for, in words.
    pub fn what_is_missing(&self, cluster: &Cluster) -> String {
        match self.goal {
            Goal::None => "the faults are still in force".to_owned(),
            Goal::Settled => format!(
                "{} of {} records have no outcome yet",
                self.records.saturating_sub(self.recorder.decided()),
                self.records
            ),
            Goal::Drained => format!(
                "only {} of {} partitions could be read to their end",
                self.recorder.drained().len(),
                self.partitions
            ),
            Goal::CaughtUp => match self.recorder.behind() {
                Some((partition, position, end)) => format!(
                    "the group is at {} of {end} in {}",
                    position.map_or_else(|| "no offset".to_owned(), |offset| offset.to_string()),
                    cluster.partition_name(partition)
                ),
                None => format!("the group has {} records in hand", self.recorder.in_hand()),
            },
        }
    }
}

impl Observer<Process> for Watch {
    fn booted(&mut self, stamp: Stamp) {
        self.recorder.booted(stamp);
        self.monitor.booted(stamp);
    }

    fn noted(&mut self, stamp: Stamp, note: &Note) {
        self.recorder.noted(stamp, note);
        self.monitor.noted(stamp, note);
    }

    fn died(&mut self, stamp: Stamp, death: Death) {
        self.recorder.died(stamp);
        self.monitor.died(stamp, death);
    }

    fn fault(&mut self, _stamp: Stamp, fault: &PlannedFault, phase: FaultPhase) {
        self.monitor.fault(&fault.kind, phase);
    }

    fn permits(&mut self, fault: &Fault) -> bool {
        !self.spares_last_copy || self.monitor.permits(fault)
    }

    fn is_satisfied(&self) -> bool {
        match self.goal {
            Goal::None => false,
            Goal::Settled => self.recorder.decided() >= self.records,
            Goal::Drained => self.recorder.drained().len() >= self.partitions,
            Goal::CaughtUp => self.recorder.behind().is_none() && self.recorder.in_hand() == 0,
        }
    }
}
