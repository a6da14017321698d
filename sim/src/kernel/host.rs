//! What a node is besides its process: power, clocks, a disk, an inbox for what arrives while the process cannot run.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::Options;
use crate::actor::{Actor, Event};
use crate::clock::NodeClock;
use crate::disk::Disk;
use crate::network::ConnectionId;
use crate::node_id::NodeId;
use crate::random::{Address, Purpose, Stream, Streams};
use crate::time::{Duration, Instant};

/// A node as it is put into the world.
#[derive(Clone, Debug)]
pub struct NodeSetup<A: Actor> {
    /// Its name in traces.
    pub name: String,
    /// What its process is started with; `None` for a node that the world outside plays.
    pub spec: Option<A::Spec>,
    /// When its process starts for the first time; [`Instant::NEVER`] waits for [`crate::sim::Sim::start`].
    pub start_at: Instant,
}

/// How wrong clocks are.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ClockOptions {
    /// Unix time at the start of the trial, in milliseconds.
    pub epoch_ms: i64,
    /// Greatest offset of a wall clock, either way.
    pub offset_max: Duration,
    /// Greatest drift of a node's oscillator, either way, in parts per million.
    pub drift_ppm_max: u32,
}

impl Default for ClockOptions {
    /// NTP-disciplined machines: off by up to 10 ms, drifting by up to 50 ppm.
    fn default() -> Self {
        ClockOptions {
            epoch_ms: 1_767_225_600_000,
            offset_max: Duration::from_millis(10),
            drift_ppm_max: 50,
        }
    }
}

/// Something for a process to handle.
#[derive(Clone, Debug)]
pub(crate) struct Delivery<A: Actor> {
    pub(crate) node: NodeId,
    /// `None` starts the process.
    pub(crate) event: Option<Event<A>>,
    pub(crate) peer: Option<NodeId>,
}

impl<A: Actor> Delivery<A> {
    pub(crate) fn new(node: NodeId, event: Event<A>, peer: Option<NodeId>) -> Self {
        Delivery { node, event: Some(event), peer }
    }
}

/// When a host's process handles an event that reaches the host.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Reception {
    Now,
    /// Not while it is paused or busy.
    Later,
    /// There is no process.
    Never,
    /// The world outside plays the process.
    Outside,
}

#[derive(Clone, Debug)]
pub(crate) struct Host<A: Actor> {
    pub(crate) name: String,
    pub(crate) spec: Option<A::Spec>,
    pub(crate) start_at: Instant,
    pub(crate) is_powered: bool,
    pub(crate) is_running: bool,
    /// Counts processes; what was meant for an earlier one does not reach the next.
    pub(crate) incarnation: u32,
    /// How many faults keep the process from being started.
    pub(crate) held_down: u16,
    /// How many faults keep the process from running.
    pub(crate) pauses: u16,
    /// Slow CPU multiplies the service time.
    pub(crate) slowness: u32,
    pub(crate) busy_until: Instant,
    pub(crate) inbox: VecDeque<Delivery<A>>,
    pub(crate) drain_is_scheduled: bool,
    pub(crate) clock: NodeClock,
    pub(crate) stream: Option<Box<Stream>>,
    pub(crate) disk: Disk<A::File, A::Entry>,
    pub(crate) disk_stream: Option<Box<Stream>>,
    pub(crate) disk_is_free_at: Instant,
    pub(crate) connections: Vec<ConnectionId>,
    /// What arrived for a node that the world outside plays.
    pub(crate) answers: Vec<(Instant, Event<A>)>,
}

impl<A: Actor> Host<A> {
    pub(super) fn new(
        node: NodeId,
        setup: NodeSetup<A>,
        options: &Options,
        streams: &Streams,
    ) -> Self {
        let mut damage = streams.stream(Address::new(Purpose::DiskDamage, u64::from(node.0)));
        Host {
            name: setup.name,
            is_running: setup.spec.is_none(),
            spec: setup.spec,
            start_at: setup.start_at,
            is_powered: true,
            incarnation: 0,
            held_down: 0,
            pauses: 0,
            slowness: 1,
            busy_until: Instant::START,
            inbox: VecDeque::new(),
            drain_is_scheduled: false,
            clock: draw_clock(node, &options.clocks, streams),
            stream: None,
            disk: Disk::new(options.disk, &mut damage),
            disk_stream: None,
            disk_is_free_at: Instant::START,
            connections: Vec::new(),
            answers: Vec::new(),
        }
    }

    /// A process is there to take segments (even if it is paused: its host acknowledges for it).
    pub(crate) fn is_reachable(&self) -> bool {
        self.is_powered && self.is_running
    }

    /// The process could handle an event right now.
    fn is_idle(&self, now: Instant) -> bool {
        self.pauses == 0 && self.busy_until <= now && self.inbox.is_empty()
    }

    /// What becomes of an event for this host.
    #[inline]
    pub(crate) fn reception(&self, now: Instant) -> Reception {
        match () {
            () if self.spec.is_none() => Reception::Outside,
            () if !self.is_reachable() => Reception::Never,
            () if self.is_idle(now) => Reception::Now,
            () => Reception::Later,
        }
    }

    /// The stream of this incarnation's own draws.
    pub(crate) fn actor_stream(&mut self, node: NodeId, streams: &Streams) -> &mut Stream {
        let incarnation = u64::from(self.incarnation) << 16;
        let address = Address::new(Purpose::Actor, incarnation | u64::from(node.0));
        self.stream.get_or_insert_with(|| Box::new(streams.stream(address)))
    }
}

fn draw_clock(node: NodeId, options: &ClockOptions, streams: &Streams) -> NodeClock {
    if options.offset_max.is_zero() && options.drift_ppm_max == 0 {
        return NodeClock::new(options.epoch_ms, 0, 0);
    }
    let mut stream = streams.stream(Address::new(Purpose::Clock, u64::from(node.0)));
    let offset = either_way(&mut stream, options.offset_max.as_nanos());
    let drift_ppm = either_way(&mut stream, u64::from(options.drift_ppm_max));
    NodeClock::new(options.epoch_ms, offset, drift_ppm as i32)
}

/// Uniform in `-max..=max`.
fn either_way(stream: &mut Stream, max: u64) -> i64 {
    stream.between(0, 2 * max) as i64 - max as i64
}
