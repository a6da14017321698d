//! What a program must be to run on this kernel: a state machine that never blocks, never polls and owns all its data.
//!
//! A node runs at most one process, and a process is one [`Actor`] value. The kernel hands it an [`Event`] and a
//! [`Context`] to act through. When the process dies the value is dropped; what it put on its disk stays as the disk
//! model says, and the next [`Actor::boot`] has to make do with that and with the immutable [`Actor::Spec`].

use std::fmt::Debug;

use crate::context::Context;
use crate::disk::DiskError;
use crate::network::{CloseReason, ConnectError, ConnectionId};
use crate::node_id::NodeId;
use crate::trace::TraceHasher;

/// A deterministic, sans-IO state machine: one process on one node.
///
/// `Clone` forks the world, so it must be semantically deep: immutable parts behind `Arc` are welcome, shared mutable
/// state is not. There is no way to reach another actor but by [`Context::send`].
pub trait Actor: Clone + Debug + Sized {
    /// What a process is started with: its configuration. Survives every fault.
    type Spec: Clone + Debug;
    /// What travels on connections.
    type Message: Message;
    /// What a timer carries until it fires.
    type Timer: Clone + Debug;
    /// The name of a file on this node's disk.
    type File: Copy + Ord + Debug;
    /// What files are sequences of.
    type Entry: Clone + Debug;
    /// Handed back when an asynchronous disk operation ends.
    type Token: Clone + Debug;
    /// Something worth knowing outside the system: history, ghost state of invariants, lines of a trace.
    type Note: Clone + Debug;
    /// "This rare thing happened": see [`ProbeSet`].
    type Probe: ProbeSet;
    /// What the world outside may ask of a process (see [`crate::sim::Sim::inject`]).
    type Request: Clone + Debug;

    /// A process starts, for the first time or again, with the files its disk has kept.
    fn boot(spec: &Self::Spec, ctx: &mut Context<'_, Self>) -> Self;

    /// Something happened. Acts only through `ctx`; everything done within one call happens at one instant.
    fn handle(&mut self, event: Event<Self>, ctx: &mut Context<'_, Self>);
}

/// Something that happened to a process.
#[derive(Clone, Debug)]
pub enum Event<A: Actor> {
    /// A connection this process asked for is open.
    Connected(ConnectionId),
    /// A connection this process asked for did not come about.
    ConnectFailed(ConnectionId, ConnectError),
    /// Another process opened a connection to this one.
    Accepted(ConnectionId, NodeId),
    /// A message arrived: in order, without gap, at most once on its connection.
    Message(ConnectionId, A::Message),
    /// This end of a connection is gone. Whatever was sent last may or may not have arrived.
    Closed(ConnectionId, CloseReason),
    /// A timer fired: on time, or late if the process was paused.
    Timer(A::Timer),
    /// A disk operation that was asked for with a token has ended.
    Disk(A::Token, Result<(), DiskError>),
    /// The operator asks the process to stop in good order (SIGTERM). It ends by [`Context::exit`].
    Shutdown,
    /// The world outside asks for something.
    Request(A::Request),
}

/// What travels on a connection.
pub trait Message: Clone + Debug {
    /// Names of all kinds, kebab-case, by [`Message::kind`]. Fault plans anchor at them ("the 3rd `fetch-request`").
    const KINDS: &'static [&'static str];

    /// Index into [`Message::KINDS`].
    fn kind(&self) -> usize;

    /// Size on the wire in bytes, for bandwidth.
    fn size_bytes(&self) -> u64;

    /// Feeds what tells this message from others into the rolling hash of the trial. It needs to hold whatever no later
    /// event would show; the cheaper the better.
    fn hash(&self, hasher: &mut TraceHasher);
}

/// A closed list of rare things, each a name and an index. Counted per trial and summed per campaign, so that a campaign
/// can say which corners it never reached ("sometimes assertions", `CODE_PROBE`).
pub trait ProbeSet: Copy + Debug {
    /// All names, kebab-case, by [`ProbeSet::index`].
    const NAMES: &'static [&'static str];

    /// Index into [`ProbeSet::NAMES`].
    fn index(self) -> usize;
}
