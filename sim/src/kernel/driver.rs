//! Carries a fault plan out: waits for anchors, begins, heals, and at the end heals the core for good.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::burden::Burden;
use super::{Kernel, Pending, Report};
use crate::actor::{Actor, Event, Message, ProbeSet};
use crate::fault::{Anchor, Direction, Fault, FaultPlan, Heal, MessagePoint, Spell, Traffic};
use crate::node_id::NodeId;
use crate::observer::{Death, FaultPhase};
use crate::probe::KernelProbe;
use crate::random::{Address, Purpose};
use crate::time::{Duration, Instant};

/// Where a planned fault stands.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum State {
    Waiting,
    Active,
    /// In force, outside a healed core: it will not heal.
    Permanent,
    Over,
}

/// An anchor that waits for a logical moment.
#[derive(Clone, Debug)]
struct Watch {
    index: usize,
    moment: Moment,
    /// How many more times it has to happen.
    remaining: u64,
    after: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Moment {
    Message { kind: usize, from: NodeId, to: NodeId, point: MessagePoint },
    Probe { index: usize, node: Option<NodeId> },
}

/// The plan and how far it has got.
#[derive(Clone, Debug, Default)]
pub(crate) struct FaultDriver {
    plan: Arc<FaultPlan>,
    states: Vec<State>,
    watches: Vec<Watch>,
    began: BTreeMap<u32, Instant>,
    core_is_healed: bool,
    /// Flapping links that are down at the moment.
    flaps: Vec<usize>,
    /// Faults in force that add up with others of their kind.
    pub(super) burdens: Vec<Burden>,
}

impl FaultDriver {
    pub(crate) fn plan(&self) -> &Arc<FaultPlan> {
        &self.plan
    }

    /// When each fault that has begun did so, by its id.
    pub(crate) fn began(&self) -> &BTreeMap<u32, Instant> {
        &self.began
    }

    pub(crate) fn has_fault_to_heal(&self) -> bool {
        let mut faults = self.plan.faults.iter().zip(&self.states);
        faults.any(|(fault, state)| *state == State::Active && matches!(fault.heal, Heal::After(_)))
    }

    pub(crate) fn watches_messages(&self) -> bool {
        self.watches.iter().any(|watch| matches!(watch.moment, Moment::Message { .. }))
    }

    pub(crate) fn watches_probes(&self) -> bool {
        self.watches.iter().any(|watch| matches!(watch.moment, Moment::Probe { .. }))
    }

    /// Counts a moment down; returns the faults whose anchor has come true.
    fn happened(&mut self, is_it: impl Fn(&Moment) -> bool) -> Vec<(usize, Duration)> {
        let mut due = Vec::new();
        self.watches.retain_mut(|watch| {
            if !is_it(&watch.moment) {
                return true;
            }
            watch.remaining -= 1;
            if watch.remaining == 0 {
                due.push((watch.index, watch.after));
            }
            watch.remaining > 0
        });
        due
    }
}

impl<A: Actor> Kernel<A> {
    /// Arms every fault of the plan.
    ///
    /// # Panics
    /// If an anchor names a message kind or probe that does not exist, or a plan is installed already.
    pub(crate) fn install(&mut self, plan: FaultPlan) {
        assert!(self.driver.states.is_empty(), "a trial has one fault plan");
        if let Some(core) = &plan.core {
            self.schedule(core.heal_at, NodeId(0), Pending::CoreHeals);
        }
        for (index, fault) in plan.faults.iter().enumerate() {
            self.arm(index, &fault.begin);
        }
        self.driver.states = vec![State::Waiting; plan.faults.len()];
        self.driver.plan = Arc::new(plan);
    }

    fn arm(&mut self, index: usize, anchor: &Anchor) {
        let (moment, nth, after) = match anchor {
            Anchor::At(at) => {
                self.schedule(*at, NodeId(0), Pending::FaultBegins { index });
                return;
            }
            Anchor::Message { kind, from, to, nth, point, after } => {
                let kind = position(<A::Message as Message>::KINDS, kind);
                (Moment::Message { kind, from: *from, to: *to, point: *point }, *nth, *after)
            }
            Anchor::Probe { name, node, nth, after } => {
                let index = position(A::Probe::NAMES, name);
                (Moment::Probe { index, node: *node }, *nth, *after)
            }
        };
        self.driver.watches.push(Watch { index, moment, remaining: nth.max(1), after });
    }

    pub(super) fn message_passes(
        &mut self,
        kind: usize,
        from: NodeId,
        to: NodeId,
        point: MessagePoint,
    ) {
        let moment = Moment::Message { kind, from, to, point };
        let due = self.driver.happened(|watched| *watched == moment);
        self.begin_after(due);
    }

    pub(super) fn probe_hit(&mut self, at: NodeId, probe: A::Probe) {
        let due = self.driver.happened(|watched| match *watched {
            Moment::Probe { index, node } => {
                index == probe.index() && node.is_none_or(|node| node == at)
            }
            Moment::Message { .. } => false,
        });
        self.begin_after(due);
    }

    fn begin_after(&mut self, due: Vec<(usize, Duration)>) {
        for (index, after) in due {
            self.schedule(self.now + after, NodeId(0), Pending::FaultBegins { index });
        }
    }

    /// The fault that is to begin now, if it still may.
    pub(crate) fn fault_waiting(&self, index: usize) -> Option<Fault> {
        let is_waiting = self.driver.states[index] == State::Waiting && !self.driver.core_is_healed;
        is_waiting.then(|| self.driver.plan.faults[index].kind.clone())
    }

    pub(crate) fn fault_vetoed(&mut self, index: usize) {
        self.driver.states[index] = State::Over;
        self.probe(KernelProbe::FaultVetoed);
        self.reports.push(Report::Fault { index, phase: FaultPhase::Vetoed });
    }

    pub(crate) fn fault_begins(&mut self, index: usize) {
        let plan = self.driver.plan.clone();
        let planned = &plan.faults[index];
        self.driver.began.insert(planned.id, self.now);
        self.reports.push(Report::Fault { index, phase: FaultPhase::Begins });
        self.driver.states[index] = State::Active;
        self.begin(index, &planned.kind, Spell::of(planned, self.now).end);
        match planned.heal {
            Heal::After(length) => {
                self.schedule(self.now + length, NodeId(0), Pending::FaultHeals { index });
            }
            Heal::Instantaneous => self.driver.states[index] = State::Over,
            Heal::Never => {}
        }
    }

    pub(crate) fn fault_heals(&mut self, index: usize) {
        if self.driver.states[index] != State::Active {
            return;
        }
        self.driver.states[index] = State::Over;
        let plan = self.driver.plan.clone();
        self.heal(&plan.faults[index].kind, index);
        self.reports.push(Report::Fault { index, phase: FaultPhase::Heals });
    }

    /// The core is healed; what lies outside stays as it is for good; nothing begins any more.
    pub(crate) fn core_heals(&mut self) {
        self.driver.core_is_healed = true;
        self.driver.watches.clear();
        let plan = self.driver.plan.clone();
        let Some(core) = &plan.core else { return };
        let core = core.core.iter().copied().collect();
        for (index, fault) in plan.faults.iter().enumerate() {
            if self.driver.states[index] != State::Active {
                continue;
            }
            let rest = fault.kind.outside(&core);
            if rest.as_slice() == std::slice::from_ref(&fault.kind) {
                self.driver.states[index] = State::Permanent;
                self.make_burden_permanent(index);
                self.reports.push(Report::Fault { index, phase: FaultPhase::BecomesPermanent });
                continue;
            }
            rest.iter().for_each(|part| self.begin(index, part, Instant::NEVER));
            self.fault_heals(index);
        }
    }

    /// A flapping link goes down or up, and will change again.
    pub(crate) fn link_flaps(&mut self, index: usize, down: bool) {
        if !matches!(self.driver.states[index], State::Active | State::Permanent) {
            return;
        }
        let plan = self.driver.plan.clone();
        let Fault::FlappingLink { a, b, up, down: down_for } = plan.faults[index].kind else {
            unreachable!("only flapping links flap");
        };
        for (from, to) in [(a, b), (b, a)] {
            if down { self.cut_link(from, to) } else { self.mend_link(from, to) }
        }
        self.driver.flapped_down(index, down);
        let next = self.now + if down { down_for } else { up };
        self.schedule(next, NodeId(0), Pending::LinkFlaps { index, down: !down });
    }

    /// Puts the fault into force; it is expected to last `until` then.
    fn begin(&mut self, index: usize, fault: &Fault, until: Instant) {
        let now = self.now;
        match fault {
            Fault::Crash { node } => {
                self.hold_down(*node);
                self.kill(*node, Death::Crash);
            }
            Fault::Shutdown { node } => self.schedule_local(*node, Event::Shutdown),
            Fault::PowerLoss { nodes } => {
                for &node in nodes {
                    self.hold_down(node);
                    self.lose_power(node);
                }
            }
            Fault::DiskLoss { node } => {
                self.hold_down(*node);
                self.lose_power(*node);
                self.host_mut(*node).disk.lose();
            }
            Fault::Pause { node } => self.pause(*node),
            Fault::Partition { .. } | Fault::Isolate { .. } => {
                for (from, to) in self.severed_links(fault) {
                    self.cut_link(from, to);
                }
            }
            Fault::SlowLink { .. }
            | Fault::SlowDisk { .. }
            | Fault::DiskStall { .. }
            | Fault::WriteError { .. }
            | Fault::FlushError { .. }
            | Fault::FullDisk { .. }
            | Fault::SlowCpu { .. } => self.lay_burden(index, fault, until),
            Fault::ConnectionReset { a, b } => self.reset_connections(*a, *b),
            Fault::OneSidedClose { node, peer } => self.close_one_side(*node, *peer),
            Fault::BitRot { node, sectors } => self.rot(*node, *sectors),
            Fault::ClockJump { node, by_ms } => self.host_mut(*node).clock.jump(*by_ms),
            Fault::ClockDrift { node, ppm } => {
                let clock = &mut self.host_mut(*node).clock;
                clock.set_drift(now, clock.drift_ppm().saturating_add(*ppm));
            }
            Fault::FlappingLink { .. } => self.link_flaps(index, true),
        }
    }

    fn heal(&mut self, fault: &Fault, index: usize) {
        let now = self.now;
        match fault {
            Fault::Crash { node } | Fault::DiskLoss { node } => self.let_up(*node),
            Fault::PowerLoss { nodes } => nodes.iter().for_each(|&node| self.let_up(node)),
            Fault::Pause { node } => self.resume_process(*node),
            Fault::Partition { .. } | Fault::Isolate { .. } => {
                for (from, to) in self.severed_links(fault) {
                    self.mend_link(from, to);
                }
            }
            Fault::FlappingLink { a, b, .. } => {
                if self.driver.is_flapped_down(index) {
                    self.mend_link(*a, *b);
                    self.mend_link(*b, *a);
                }
            }
            Fault::SlowLink { .. }
            | Fault::SlowDisk { .. }
            | Fault::DiskStall { .. }
            | Fault::WriteError { .. }
            | Fault::FlushError { .. }
            | Fault::FullDisk { .. }
            | Fault::SlowCpu { .. } => self.lift_burden(index),
            Fault::ClockDrift { node, ppm } => {
                let clock = &mut self.host_mut(*node).clock;
                clock.set_drift(now, clock.drift_ppm().saturating_sub(*ppm));
            }
            Fault::Shutdown { .. }
            | Fault::ConnectionReset { .. }
            | Fault::OneSidedClose { .. }
            | Fault::BitRot { .. }
            | Fault::ClockJump { .. } => {}
        }
    }

    fn severed_links(&self, fault: &Fault) -> Vec<(NodeId, NodeId)> {
        let pairs = |left: &[NodeId], right: &[NodeId]| -> Vec<(NodeId, NodeId)> {
            left.iter().flat_map(|&from| right.iter().map(move |&to| (from, to))).collect()
        };
        match fault {
            Fault::Partition { left, right, direction } => {
                let mut links = pairs(left, right);
                if *direction == Direction::Both {
                    links.extend(pairs(right, left));
                }
                links
            }
            Fault::Isolate { node, traffic } => {
                let others: Vec<NodeId> = (0..self.hosts.len())
                    .map(|index| NodeId(index as u16))
                    .filter(|other| other != node)
                    .collect();
                let (outbound, inbound) = (pairs(&[*node], &others), pairs(&others, &[*node]));
                match traffic {
                    Traffic::Both => [outbound, inbound].concat(),
                    Traffic::Inbound => inbound,
                    Traffic::Outbound => outbound,
                }
            }
            _ => unreachable!("only partitions and isolations sever links"),
        }
    }

    fn rot(&mut self, node: NodeId, sectors: u32) {
        let address = Address::new(Purpose::DiskDamage, 1 << 38 | u64::from(node.0));
        let mut stream = self.streams.stream(address);
        for _ in 0..sectors {
            self.host_mut(node).disk.rot(&mut stream, |_| true);
        }
    }
}

impl FaultDriver {
    fn flapped_down(&mut self, index: usize, down: bool) {
        self.flaps.retain(|&other| other != index);
        if down {
            self.flaps.push(index);
        }
    }

    fn is_flapped_down(&self, index: usize) -> bool {
        self.flaps.contains(&index)
    }
}

/// Index of `name` in `names`.
///
/// # Panics
/// If it is not there; plans are validated before they are installed.
fn position(names: &[&str], name: &str) -> usize {
    let found = names.iter().position(|&known| known == name);
    found.unwrap_or_else(|| panic!("no message kind or probe is called {name:?}"))
}
