//! The machine below the actors: one clock, one queue, all hosts, links, connections and faults.
//!
//! A [`Kernel`] turns due events into at most one [`Delivery`] each; [`crate::sim::Sim`] hands it to the actor. The parts:
//! [`host`] is what a node is besides its process, `transport` the life of connections, `teardown` their end, `process`
//! the life of processes, `storage` gives disk operations their time, `driver` begins and heals faults, `burden` adds up
//! those that overlap.
//!
//! The way of a message through queue, kernel and actor is inlined by force (`inline(always)`) and apart from that of all
//! other events: every stage hands it on by value, and copying it once per stage costs more than what the stages do.

mod burden;
mod driver;
mod host;
mod process;
mod storage;
mod teardown;
mod transport;

use std::collections::BTreeMap;

pub(crate) use driver::FaultDriver;
pub use host::{ClockOptions, NodeSetup};
pub(crate) use host::{Delivery, Host, Reception};
pub(crate) use transport::{Journey, Passage};

use crate::actor::{Actor, Event, ProbeSet};
use crate::disk::{DiskOptions, FlushTicket};
use crate::network::connection::{ConnectionTable, Segment, Side};
use crate::network::link::LinkTable;
use crate::network::{ConnectionId, NetworkOptions};
use crate::node_id::NodeId;
use crate::observer::{Death, FaultPhase, Stamp};
use crate::order::{Order, TieBreaker};
use crate::probe::{KernelProbe, ProbeCounts};
use crate::queue::{EventQueue, Handle};
use crate::random::{Purpose, Stream, Streams};
use crate::time::{Duration, Instant};
use crate::trace::{EventId, TraceHasher};

/// Everything about the world that is not the program on trial.
#[derive(Clone, Debug)]
pub struct Options {
    /// How simultaneous events are ordered.
    pub order: Order,
    /// Latency, bandwidth, retransmission.
    pub network: NetworkOptions,
    /// Size and speed of every disk.
    pub disk: DiskOptions,
    /// How wrong the nodes' clocks are.
    pub clocks: ClockOptions,
    /// How long handling one event keeps a process busy.
    pub service_time: Duration,
    /// How long a process takes from start to first action.
    pub boot_time: Duration,
    /// A process that ended itself is started again after this long; never, if `None`.
    pub restart_after_exit: Option<Duration>,
    /// More events than this at one instant are a livelock that time cannot end.
    pub events_per_instant_max: u32,
    /// More events than this in one trial are a livelock; at most 2^32.
    pub events_max: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            order: Order::Fifo,
            network: NetworkOptions::default(),
            disk: DiskOptions::default(),
            clocks: ClockOptions::default(),
            service_time: Duration::from_micros(2),
            boot_time: Duration::from_millis(500),
            restart_after_exit: Some(Duration::from_secs(5)),
            events_per_instant_max: 100_000,
            events_max: 1 << 30,
        }
    }
}

/// What waits in the queue.
#[derive(Clone, Debug)]
pub(crate) enum Pending<A: Actor> {
    Boot { node: NodeId, incarnation: u32 },
    Arrival { journey: Journey, segment: Segment<A::Message> },
    Reset { connection: ConnectionId, to: Side },
    Release { connection: ConnectionId, from: Side },
    GiveUp { connection: ConnectionId, side: Side },
    Timer { node: NodeId, incarnation: u32, timer: A::Timer },
    DiskDone(DiskOperation<A>),
    Local { node: NodeId, incarnation: u32, event: Event<A>, peer: Option<NodeId> },
    Drain { node: NodeId },
    FaultBegins { index: usize },
    FaultHeals { index: usize },
    LinkFlaps { index: usize, down: bool },
    CoreHeals,
}

/// A flush under way.
#[derive(Clone, Debug)]
pub(crate) struct DiskOperation<A: Actor> {
    pub(crate) node: NodeId,
    pub(crate) incarnation: u32,
    pub(crate) ticket: FlushTicket<A::File>,
    pub(crate) token: Option<A::Token>,
}

/// Something the observer is to be told once the event is over.
#[derive(Debug, Clone)]
pub(crate) enum Report {
    Died { node: NodeId, death: Death },
    Fault { index: usize, phase: FaultPhase },
}

/// The world without its processes.
#[derive(Clone, Debug)]
pub(crate) struct Kernel<A: Actor> {
    pub(crate) now: Instant,
    pub(crate) current: EventId,
    pub(crate) cause: EventId,
    pub(crate) events: u64,
    events_at_this_instant: u32,
    pub(crate) queue: EventQueue<Pending<A>>,
    pub(crate) hosts: Vec<Host<A>>,
    connections: ConnectionTable<A::Message>,
    links: LinkTable,
    pub(crate) streams: Streams,
    /// Streams of rare decisions, by purpose and entity, made on first use.
    rare: BTreeMap<(Purpose, u64), Stream>,
    ties: TieBreaker,
    pub(crate) hasher: TraceHasher,
    pub(crate) probes: ProbeCounts,
    pub(crate) driver: FaultDriver,
    pub(crate) notes: Vec<A::Note>,
    pub(crate) reports: Vec<Report>,
    pub(crate) exit_requested: bool,
    pub(crate) options: Options,
}

/// Tags of events in the trace hash.
mod tag {
    pub(super) const BOOT: u64 = 1 << 56;
    pub(super) const ARRIVAL: u64 = 2 << 56;
    pub(super) const RESET: u64 = 3 << 56;
    pub(super) const RELEASE: u64 = 4 << 56;
    pub(super) const GIVE_UP: u64 = 5 << 56;
    pub(super) const TIMER: u64 = 6 << 56;
    pub(super) const DISK: u64 = 7 << 56;
    pub(super) const LOCAL: u64 = 8 << 56;
    pub(super) const DRAIN: u64 = 9 << 56;
    pub(super) const FAULT: u64 = 10 << 56;
}

impl<A: Actor> Kernel<A> {
    pub(crate) fn new(seed: u64, options: Options, setups: Vec<NodeSetup<A>>) -> Self {
        let streams = Streams::new(seed);
        let count = setups.len();
        let hosts: Vec<Host<A>> = setups
            .into_iter()
            .enumerate()
            .map(|(index, setup)| Host::new(NodeId(index as u16), setup, &options, &streams))
            .collect();
        let mut kernel = Kernel {
            now: Instant::START,
            current: EventId(0),
            cause: EventId(0),
            events: 0,
            events_at_this_instant: 0,
            queue: EventQueue::new(),
            hosts,
            connections: ConnectionTable::new(),
            links: LinkTable::new(count),
            ties: TieBreaker::new(&options.order, count, &streams),
            streams,
            rare: BTreeMap::new(),
            hasher: TraceHasher::new(),
            probes: ProbeCounts::new(A::Probe::NAMES.len()),
            driver: FaultDriver::default(),
            notes: Vec::new(),
            reports: Vec::new(),
            exit_requested: false,
            options,
        };
        for index in 0..count {
            let node = NodeId(index as u16);
            let start_at = kernel.host(node).start_at;
            if kernel.host(node).spec.is_some() && start_at != Instant::NEVER {
                kernel.schedule(start_at, node, Pending::Boot { node, incarnation: 0 });
            }
        }
        kernel
    }

    pub(crate) fn host(&self, node: NodeId) -> &Host<A> {
        &self.hosts[node.index()]
    }

    pub(crate) fn host_mut(&mut self, node: NodeId) -> &mut Host<A> {
        &mut self.hosts[node.index()]
    }

    pub(crate) fn schedule(&mut self, at: Instant, node: NodeId, what: Pending<A>) -> Handle {
        let at = self.ties.quantised(at);
        let tie_break = self.ties.draw(node);
        self.queue.schedule(at, tie_break, self.current, what)
    }

    /// A stream for decisions too rare to keep a place for in the hot structures.
    fn rare_stream(&mut self, purpose: Purpose, entity: u64) -> &mut Stream {
        let streams = &self.streams;
        self.rare
            .entry((purpose, entity))
            .or_insert_with(|| streams.stream(crate::random::Address::new(purpose, entity)))
    }

    pub(crate) fn probe(&mut self, probe: KernelProbe) {
        self.probes.hit_kernel(probe);
    }

    pub(crate) fn probe_actor(&mut self, node: NodeId, probe: A::Probe) {
        self.probes.hit_actor(probe.index());
        if self.driver.watches_probes() {
            self.probe_hit(node, probe);
        }
    }

    /// Draws of `purpose` are new ones from here on.
    pub(crate) fn vary(&mut self, purpose: Purpose) {
        self.streams.vary(purpose);
        self.rare.retain(|&(other, _), _| other != purpose);
        match purpose {
            Purpose::Actor => self.hosts.iter_mut().for_each(|host| host.stream = None),
            Purpose::DiskLatency => self.hosts.iter_mut().for_each(|host| host.disk_stream = None),
            Purpose::TieBreak => self.ties.redraw(&self.streams),
            Purpose::LinkLatency => self.links.redraw(&self.streams),
            Purpose::ConnectionFate
            | Purpose::DiskDamage
            | Purpose::LinkCharacter
            | Purpose::Clock
            | Purpose::FaultPlan
            | Purpose::Workload
            | Purpose::Scenario => {}
        }
    }

    /// Time moves to the event; whatever is scheduled from now on has it as its cause.
    #[inline(always)]
    pub(crate) fn enter(&mut self, at: Instant, event: EventId, cause: EventId) {
        assert!(at >= self.now, "time does not run backwards");
        self.events_at_this_instant =
            if at == self.now { self.events_at_this_instant + 1 } else { 0 };
        self.now = at;
        self.current = event;
        self.cause = cause;
        self.events += 1;
        self.hasher.word(at.as_nanos());
    }

    /// More happened at this instant than any protocol needs.
    pub(crate) fn is_zeno(&self) -> bool {
        self.events_at_this_instant > self.options.events_per_instant_max
    }

    /// More happened in this trial than any workload needs.
    pub(crate) fn is_livelocked(&self) -> bool {
        self.events > self.options.events_max
    }

    /// Something happens to the process on `node`, now; nothing if it is gone by then.
    pub(crate) fn schedule_local(&mut self, node: NodeId, event: Event<A>) {
        let incarnation = self.host(node).incarnation;
        self.schedule(self.now, node, Pending::Local { node, incarnation, event, peer: None });
    }

    /// Does what the kernel has to do for the event and returns what a process has to handle, if any.
    #[inline(never)]
    pub(crate) fn route(&mut self, what: Pending<A>) -> Option<Delivery<A>> {
        match what {
            Pending::Boot { node, incarnation } => {
                self.hasher.word(tag::BOOT | u64::from(node.0));
                self.boot_if_due(node, incarnation)
            }
            Pending::Arrival { journey, segment } => self.arrive(journey, segment),
            Pending::Reset { connection, to } => {
                self.hasher.word(tag::RESET ^ connection.word());
                self.reset_arrives(connection, to)
            }
            Pending::Release { connection, from } => {
                self.hasher.word(tag::RELEASE ^ connection.word());
                self.release(connection, from);
                None
            }
            Pending::GiveUp { connection, side } => {
                self.hasher.word(tag::GIVE_UP ^ connection.word());
                self.give_up(connection, side)
            }
            Pending::Timer { node, incarnation, timer } => {
                self.hasher.word(tag::TIMER | u64::from(node.0));
                self.is_current(node, incarnation)
                    .then(|| Delivery::new(node, Event::Timer(timer), None))
            }
            Pending::DiskDone(operation) => {
                self.hasher.word(tag::DISK | u64::from(operation.node.0));
                self.disk_done(operation)
            }
            Pending::Local { node, incarnation, event, peer } => {
                self.hasher.word(tag::LOCAL | u64::from(node.0));
                self.is_current(node, incarnation).then(|| Delivery::new(node, event, peer))
            }
            Pending::Drain { .. }
            | Pending::FaultBegins { .. }
            | Pending::FaultHeals { .. }
            | Pending::LinkFlaps { .. }
            | Pending::CoreHeals => unreachable!("carried out by the simulation itself"),
        }
    }

    pub(crate) fn hash_fault(&mut self, index: usize) {
        self.hasher.word(tag::FAULT | index as u64);
    }

    pub(crate) fn stamp(&self, node: NodeId) -> Stamp {
        Stamp { at: self.now, event: self.current, cause: self.cause, node }
    }

    fn is_current(&self, node: NodeId, incarnation: u32) -> bool {
        let host = self.host(node);
        host.is_reachable() && host.incarnation == incarnation
    }
}
