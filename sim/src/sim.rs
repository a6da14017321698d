//! One trial: the kernel, the processes, and an observer, as one owned value.
//!
//! It runs by itself ([`Sim::run_until`]) or step by step under another clock ([`Sim::next_event_at`], [`Sim::step`],
//! [`Sim::inject`], [`Sim::act_as`], [`Sim::take_answers`]). Cloning it forks the world.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::actor::{Actor, Event, ProbeSet};
use crate::context::Context;
use crate::disk::Disk;
use crate::fault::FaultPlan;
use crate::kernel::{
    Delivery, Journey, Kernel, NodeSetup, Options, Passage, Pending, Reception, Report,
};
use crate::network::connection::Segment;
use crate::node_id::NodeId;
use crate::observer::{FaultPhase, Observer};
use crate::queue::Due;
use crate::random::{Purpose, Streams};
use crate::time::Instant;
use crate::trace::{EventId, TraceHash};

/// A deterministic simulation of processes `A`, watched by `O`. Its clone is a fork: both go on alike until something
/// is done to one of them.
#[derive(Clone, Debug)]
pub struct Sim<A: Actor, O: Observer<A> = ()> {
    kernel: Kernel<A>,
    processes: Vec<Option<A>>,
    observer: O,
}

/// Why a run ended.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Stop {
    /// Nothing is scheduled any more.
    Idle,
    /// The next event is later than asked for.
    Deadline,
    /// The observer has seen enough.
    Satisfied,
    /// Too many events at one instant: a livelock that time cannot end.
    Zeno,
    /// Too many events in all: a livelock, or a budget too small for the workload.
    Livelock,
}

impl Stop {
    /// A guard ended the run, which would not have come to an end by itself.
    pub fn is_livelock(self) -> bool {
        matches!(self, Stop::Zeno | Stop::Livelock)
    }
}

impl<A: Actor, O: Observer<A>> Sim<A, O> {
    /// A world of `nodes`, numbered in their order; nothing has happened yet.
    pub fn new(seed: u64, options: Options, nodes: Vec<NodeSetup<A>>, observer: O) -> Self {
        let processes = nodes.iter().map(|_| None).collect();
        Sim { kernel: Kernel::new(seed, options, nodes), processes, observer }
    }

    /// Arms a fault plan.
    ///
    /// # Panics
    /// If one is installed already, or an anchor names an unknown message kind or probe
    /// (see [`FaultPlan::validate`]).
    pub fn install(&mut self, plan: FaultPlan) {
        self.kernel.install(plan);
    }

    /// When the next event is due.
    pub fn next_event_at(&mut self) -> Option<Instant> {
        self.kernel.queue.next_at()
    }

    /// The next event in words, without its time.
    pub fn describe_next(&mut self) -> Option<String> {
        self.kernel.queue.peek().map(|(_, what)| format!("{what:?}"))
    }

    /// Lets the next event happen. False if there is none.
    pub fn step(&mut self) -> bool {
        let next = self.kernel.queue.pop();
        next.map(|due| self.happen(due)).is_some()
    }

    #[inline(always)]
    fn happen(&mut self, due: Due<Pending<A>>) {
        self.kernel.enter(due.at, due.id, due.cause);
        match due.what {
            Pending::Arrival { journey, segment: Segment::Data(message) } => {
                self.message_arrives(journey, message);
            }
            Pending::FaultBegins { index } => self.begin_fault(index),
            Pending::FaultHeals { index } => {
                self.kernel.hash_fault(index);
                self.kernel.fault_heals(index);
            }
            Pending::LinkFlaps { index, down } => {
                self.kernel.hash_fault(index);
                self.kernel.link_flaps(index, down);
            }
            Pending::CoreHeals => self.kernel.core_heals(),
            Pending::Drain { node } => {
                if let Some(delivery) = self.kernel.drain(node) {
                    self.dispatch(delivery);
                }
            }
            what => {
                if let Some(delivery) = self.kernel.route(what) {
                    self.deliver(delivery);
                }
            }
        }
        self.pass_on_reports();
    }

    /// Runs every event up to and including `deadline`.
    pub fn run_until(&mut self, deadline: Instant) -> Stop {
        while let Some(due) = self.kernel.queue.pop_until(deadline) {
            self.happen(due);
            if self.kernel.is_zeno() {
                return Stop::Zeno;
            }
            if self.kernel.is_livelocked() {
                return Stop::Livelock;
            }
            if self.observer.is_satisfied() {
                return Stop::Satisfied;
            }
        }
        if self.kernel.queue.next_at().is_some() { Stop::Deadline } else { Stop::Idle }
    }

    /// The same world again, from here on with other draws for these purposes.
    pub fn fork_varying(&self, purposes: &[Purpose]) -> Self {
        let mut fork = self.clone();
        purposes.iter().for_each(|&purpose| fork.kernel.vary(purpose));
        fork
    }

    /// Starts the process of `node` now, if it has not been started yet.
    pub fn start(&mut self, node: NodeId) {
        let incarnation = self.kernel.host(node).incarnation;
        self.kernel.schedule(self.kernel.now, node, Pending::Boot { node, incarnation });
    }

    /// Hands a request of the world outside to the process on `node`, now. It is lost if there is none.
    pub fn inject(&mut self, node: NodeId, request: A::Request) {
        self.kernel.schedule_local(node, Event::Request(request));
    }

    /// Asks the process on `node` to stop in good order. It is lost if there is none.
    pub fn shut_down(&mut self, node: NodeId) {
        self.kernel.schedule_local(node, Event::Shutdown);
    }

    /// Acts as `node`, which the world outside plays: connects, sends, closes.
    ///
    /// # Panics
    /// If the node has a process of its own.
    pub fn act_as<R>(&mut self, node: NodeId, act: impl FnOnce(&mut Context<'_, A>) -> R) -> R {
        assert!(self.kernel.host(node).spec.is_none(), "{node} is played by its own process");
        act(&mut Context::new(&mut self.kernel, node))
    }

    /// What has arrived for `node`, which the world outside plays, and when.
    pub fn take_answers(&mut self, node: NodeId) -> Vec<(Instant, Event<A>)> {
        std::mem::take(&mut self.kernel.host_mut(node).answers)
    }

    /// Trial time: the time of the last event.
    pub fn now(&self) -> Instant {
        self.kernel.now
    }

    /// How many events have happened.
    pub fn events(&self) -> u64 {
        self.kernel.events
    }

    /// The last event.
    pub fn last_event(&self) -> EventId {
        self.kernel.current
    }

    /// The hash of everything that has happened.
    pub fn trace_hash(&self) -> TraceHash {
        self.kernel.hasher.hash()
    }

    /// How many nodes there are.
    pub fn node_count(&self) -> usize {
        self.processes.len()
    }

    /// The name of a node.
    pub fn node_name(&self, node: NodeId) -> &str {
        &self.kernel.host(node).name
    }

    /// The process on `node`, if it runs.
    pub fn process(&self, node: NodeId) -> Option<&A> {
        self.processes[node.index()].as_ref()
    }

    /// The disk of `node`.
    pub fn disk(&self, node: NodeId) -> &Disk<A::File, A::Entry> {
        &self.kernel.host(node).disk
    }

    /// The observer.
    pub fn observer(&self) -> &O {
        &self.observer
    }

    /// The observer, to be told something from outside.
    pub fn observer_mut(&mut self) -> &mut O {
        &mut self.observer
    }

    /// The streams of this trial, for draws outside it (workloads, topology).
    pub fn streams(&self) -> &Streams {
        &self.kernel.streams
    }

    /// The fault plan in force.
    pub fn plan(&self) -> &Arc<FaultPlan> {
        self.kernel.driver.plan()
    }

    /// The plan as it came true: every anchor replaced by the time at which it did.
    pub fn concrete_plan(&self) -> FaultPlan {
        self.plan().concretised(self.kernel.driver.began())
    }

    /// Whether some fault is in force that will heal by itself.
    pub fn has_fault_to_heal(&self) -> bool {
        self.kernel.driver.has_fault_to_heal()
    }

    /// How often each probe was hit, the kernel's and the actors', by name.
    pub fn probes(&self) -> BTreeMap<&'static str, u32> {
        self.kernel.probes.named::<A::Probe>().collect()
    }

    /// How often one of the actors' probes was hit.
    pub fn probe_count(&self, probe: A::Probe) -> u32 {
        self.kernel.probes.actor(probe.index())
    }

    fn begin_fault(&mut self, index: usize) {
        self.kernel.hash_fault(index);
        let Some(fault) = self.kernel.fault_waiting(index) else { return };
        if self.observer.permits(&fault) {
            self.kernel.fault_begins(index);
        } else {
            self.kernel.fault_vetoed(index);
        }
    }

    /// What most events are: it goes from the queue to its process without a stop.
    #[inline(always)]
    fn message_arrives(&mut self, journey: Journey, message: A::Message) {
        match self.kernel.data_arrives(journey, &message) {
            Passage::Through { sender, receiver } => {
                let event = Event::Message(journey.connection, message);
                match self.kernel.host(receiver).reception(self.kernel.now) {
                    Reception::Now => self.handle(receiver, event, Some(sender)),
                    _ => self.deliver(Delivery::new(receiver, event, Some(sender))),
                }
            }
            Passage::HeldUp => self.kernel.hold(journey, Segment::Data(message)),
            Passage::Lost => {}
        }
    }

    /// Hands the delivery to its process, or to the process's inbox if it cannot run now.
    #[inline(never)]
    fn deliver(&mut self, delivery: Delivery<A>) {
        let (node, now) = (delivery.node, self.kernel.now);
        match self.kernel.host(node).reception(now) {
            Reception::Now => self.dispatch(delivery),
            Reception::Later => self.kernel.enqueue(delivery),
            Reception::Never => {}
            Reception::Outside => {
                self.kernel.host_mut(node).answers.extend(delivery.event.map(|event| (now, event)));
            }
        }
    }

    fn dispatch(&mut self, delivery: Delivery<A>) {
        let Delivery { node, event, peer } = delivery;
        match event {
            None => self.boot(node),
            Some(event) => self.handle(node, event, peer),
        }
    }

    #[inline(always)]
    fn handle(&mut self, node: NodeId, event: Event<A>, peer: Option<NodeId>) {
        self.observer.handling(self.kernel.stamp(node), &event, peer);
        let process = self.processes[node.index()].as_mut();
        let process = process.expect("a reachable host runs a process");
        process.handle(event, &mut Context::new(&mut self.kernel, node));
        self.handled(node);
    }

    /// Passes on what the process said while it handled the event.
    #[inline(always)]
    fn handled(&mut self, node: NodeId) {
        let stamp = self.kernel.stamp(node);
        for note in &self.kernel.notes {
            self.observer.noted(stamp, note);
        }
        self.kernel.notes.clear();
        self.kernel.occupy(node);
        if std::mem::take(&mut self.kernel.exit_requested) {
            self.kernel.exit(node);
        }
    }

    fn boot(&mut self, node: NodeId) {
        self.observer.booted(self.kernel.stamp(node));
        let spec = self.kernel.host(node).spec.clone();
        let spec = spec.expect("only nodes with a process boot");
        let process = A::boot(&spec, &mut Context::new(&mut self.kernel, node));
        self.processes[node.index()] = Some(process);
        self.handled(node);
    }

    fn pass_on_reports(&mut self) {
        if self.kernel.reports.is_empty() {
            return;
        }
        for report in std::mem::take(&mut self.kernel.reports) {
            match report {
                Report::Died { node, death } => {
                    self.processes[node.index()] = None;
                    self.observer.died(self.kernel.stamp(node), death);
                }
                Report::Fault { index, phase } => self.report_fault(index, phase),
            }
        }
    }

    fn report_fault(&mut self, index: usize, phase: FaultPhase) {
        let plan = self.kernel.driver.plan().clone();
        let fault = &plan.faults[index];
        let node = fault.kind.nodes().first().copied().unwrap_or(NodeId(0));
        self.observer.fault(self.kernel.stamp(node), fault, phase);
    }
}
