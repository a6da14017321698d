//! A trial: one seed of one scenario, from an empty cluster to the checker's verdict.
//!
//! ```text
//!   0s             faults.start      faults end                 settled             drained
//!   |-- cluster forms --|-- faults, load --|-- healed: come to rest --|-- final read ---|-- judged
//!                       safety is watched all along                 progress is demanded within end.deadline
//! ```
//!
//! [`topology`] builds the cluster, [`recorder`] turns what the actors tell into the checker's
//! history, [`watch`] puts recorder and invariant monitor together, [`trace`] tells a trial line by line.

pub mod contract;
pub mod recorder;
pub mod topology;
pub mod trace;
pub mod watch;

use ktrial_checker::contract::Contract;
use ktrial_checker::judge;
use ktrial_model::ids::TopicPartition;
use ktrial_model::mutant::Mutation;
use ktrial_model::process::Process;
use ktrial_sim::fault::{Anchor, FaultPlan, PlannedFault};
use ktrial_sim::node_id::NodeId;
use ktrial_sim::observer::{Observer, Stamp};
use ktrial_sim::random::Streams;
use ktrial_sim::sim::{Sim, Stop};
use ktrial_sim::time::{Duration, Instant};

use crate::digest::Digest;
use crate::format::Scenario;
use crate::outcome::TrialOutcome;
use crate::run::{Recording, RunTrial, TraceLine, Until};
use topology::Topology;
use trace::Teller;
use watch::Watch;

/// A scenario made ready to be run for many seeds.
#[derive(Clone, Debug)]
pub struct Trial {
    scenario: Scenario,
    topology: Topology,
    contract: Contract,
    /// The plan of every seed, if it is not to be drawn.
    fixed_plan: Option<FaultPlan>,
}

/// How long the network may hold on to a request whose producer has given up: held traffic goes on within the greatest
/// retransmission interval after the link is mended.
const STRAGGLERS: Duration = Duration::from_secs(6);

/// How often it is looked whether the cluster has come to rest.
const REST_POLL: Duration = Duration::from_millis(250);

/// How often it is looked whether faults anchored at logical moments have healed.
const HEAL_POLL: Duration = Duration::from_millis(100);

/// A trial under way, with an observer of its own beside the trial's.
pub type World<O> = Sim<Process, (Watch, O)>;

impl Trial {
    /// The trials of a checked scenario.
    #[must_use]
    pub fn new(scenario: &Scenario) -> Self {
        Trial {
            topology: Topology::of(scenario, Mutation::default()),
            contract: contract::contract(scenario),
            scenario: scenario.clone(),
            fixed_plan: None,
        }
    }

    /// The same trials with this plan for every seed, as a bundle stores it.
    #[must_use]
    pub fn with_plan(mut self, plan: FaultPlan) -> Self {
        self.fixed_plan = Some(plan);
        self
    }

    /// The same trials of a cluster that runs this mutant.
    #[cfg(feature = "mutants")]
    #[must_use]
    pub fn with_mutation(mut self, mutation: Mutation) -> Self {
        self.topology = Topology::of(&self.scenario, mutation);
        self
    }

    /// The world of one seed before its first event.
    pub fn world<O: Observer<Process>>(&self, seed: u64, observer: O) -> World<O> {
        let plan = self.fault_plan(seed);
        let watch = Watch::new(&self.topology);
        let options = self.topology.options.clone();
        let mut sim = Sim::new(seed, options, self.topology.setups(seed), (watch, observer));
        sim.install(plan);
        sim
    }

    /// Runs a world to its end: load under faults, healing, catching up, final read. Returns what was stuck at the end, if
    /// anything was.
    pub fn run_to_end<O: Observer<Process>>(&self, sim: &mut World<O>) -> Option<String> {
        let healed_at = self.healed_at(sim.plan());
        let deadline = healed_at + Duration::from_nanos(self.scenario.end.deadline.nanos);
        if self.run_faults(sim, healed_at).is_livelock() {
            return Some(format!("too many events at {}", sim.now()));
        }
        if sim.plan().heals() {
            let now = sim.now();
            sim.observer_mut().0.recorder.healed(now);
        }
        sim.observer_mut().0.await_settled();
        if let Some(stuck) = self.run_phase(sim, deadline) {
            return Some(stuck);
        }
        sim.observer_mut().0.await_nothing();
        if let Some(stuck) = self.come_to_rest(sim, deadline) {
            return Some(stuck);
        }
        sim.start(self.topology.drain);
        sim.observer_mut().0.await_drained();
        if let Some(stuck) = self.run_phase(sim, deadline) {
            return Some(stuck);
        }
        if self.scenario.consumers.count == 0 {
            return None;
        }
        sim.observer_mut().0.await_caught_up();
        let stuck = self.run_phase(sim, deadline);
        let (at, event) = (sim.now(), sim.last_event());
        let stamp = Stamp { at, event, cause: event, node: self.topology.cluster.controller };
        sim.observer_mut().0.monitor.final_check(stamp);
        stuck
    }

    /// Waits until nothing can be appended or committed any more: a request whose producer has given up may still be on
    /// its way, and what was appended last has to be committed (or cut off by a new leader) before the log is read.
    fn come_to_rest<O: Observer<Process>>(
        &self,
        sim: &mut World<O>,
        deadline: Instant,
    ) -> Option<String> {
        // Not the time of the last event: between two events nothing would ever be later.
        let mut until = sim.now();
        if sim.observer().0.recorder.has_unknown_sends() {
            until += STRAGGLERS;
        }
        loop {
            sim.run_until(until);
            let moving = self.topology.group_partitions.iter().find(|&&it| !is_at_rest(sim, it))?;
            if until >= deadline {
                let name = self.topology.cluster.partition_name(*moving);
                return Some(format!("{name} has no leader with everything committed"));
            }
            until += REST_POLL;
        }
    }

    /// When the last fault has healed, or the core has.
    fn healed_at(&self, plan: &FaultPlan) -> Instant {
        if let Some(core) = &plan.core {
            return core.heal_at;
        }
        let timed = |fault: &PlannedFault| match fault.begin {
            Anchor::At(begin) => fault.heal.of(begin),
            Anchor::Message { .. } | Anchor::Probe { .. } => Instant::START,
        };
        let heals = plan.faults.iter().map(timed).filter(|&end| end != Instant::NEVER);
        let window = Instant::from_nanos(self.scenario.fault_profile().until_ms * 1_000_000);
        heals.max().unwrap_or(window).max(window)
    }

    /// Runs until every fault that heals has healed, also those that began at a logical moment.
    fn run_faults<O: Observer<Process>>(&self, sim: &mut World<O>, healed_at: Instant) -> Stop {
        let mut until = healed_at;
        loop {
            let stop = sim.run_until(until);
            if stop.is_livelock() || !sim.has_fault_to_heal() {
                return stop;
            }
            until += HEAL_POLL;
        }
    }

    fn run_phase<O: Observer<Process>>(
        &self,
        sim: &mut World<O>,
        deadline: Instant,
    ) -> Option<String> {
        match sim.run_until(deadline) {
            Stop::Satisfied => None,
            stop if stop.is_livelock() => Some(format!("too many events at {}", sim.now())),
            _ => Some(sim.observer().0.what_is_missing(&self.topology.cluster)),
        }
    }

    /// What a world that has run to its end says, given what was stuck in it.
    pub fn outcome<O: Observer<Process>>(
        &self,
        seed: u64,
        sim: &World<O>,
        stuck: Option<String>,
    ) -> TrialOutcome {
        let watch = &sim.observer().0;
        let judgement = judge(watch.recorder.history(), &self.contract);
        let mut outcome = TrialOutcome {
            trace_hash: Digest(sim.trace_hash().0),
            invariant_violations: watch.invariant_violations(),
            events: sim.events(),
            simulated_ns: sim.now().as_nanos(),
            acked_records: watch.recorder.acked(),
            probes: sim
                .probes()
                .into_iter()
                .map(|(name, count)| (name.to_owned(), u64::from(count)))
                .collect(),
            panic: None,
            ..TrialOutcome::panicked(seed, String::new())
        };
        outcome.take_judgement(&judgement);
        outcome.stuck = stuck;
        outcome
    }
}

impl RunTrial for Trial {
    fn record(&self, seed: u64) -> (TrialOutcome, Recording) {
        let mut sim = self.world(seed, ());
        let stuck = self.run_to_end(&mut sim);
        let history = sim.observer().0.recorder.history().clone();
        let contract = self.contract.clone();
        (self.outcome(seed, &sim, stuck), Recording { history, contract })
    }

    fn trace(
        &self,
        seed: u64,
        until: Option<Until>,
        tell: &mut dyn FnMut(TraceLine),
    ) -> TrialOutcome {
        let teller = Teller::new(self.topology.clone(), until);
        let mut sim = self.world(seed, teller);
        let stuck = self.run_to_end(&mut sim);
        let is_cut_short = sim.observer().1.is_over();
        let went_back = sim.observer().0.recorder.went_back().cloned();
        let teller = &mut sim.observer_mut().1;
        went_back.into_iter().for_each(|went_back| teller.insert(&went_back));
        teller.take_lines().into_iter().for_each(tell);
        self.outcome(seed, &sim, stuck.filter(|_| !is_cut_short))
    }

    fn fault_plan(&self, seed: u64) -> FaultPlan {
        match &self.fixed_plan {
            Some(plan) => plan.clone(),
            None => self.scenario.fault_plan(&Streams::new(seed)),
        }
    }
}

/// Whether exactly one broker thinks that it leads the partition, and has nothing uncommitted in its log. A broker that
/// has not heard yet that it was replaced would still serve the final read, from a log that is not the partition's.
fn is_at_rest<O: Observer<Process>>(sim: &World<O>, name: TopicPartition) -> bool {
    let nodes = (0..sim.node_count()).map(|index| NodeId(index as u16));
    let leaders = nodes.filter_map(|node| match sim.process(node) {
        Some(Process::Broker(broker)) => broker.partition(name).filter(|it| it.is_leader()),
        _ => None,
    });
    let leaders: Vec<_> = leaders.collect();
    matches!(leaders[..], [leader] if leader.log().high_watermark() == leader.log().log_end_offset())
}
