//! What an actor can do. Everything takes effect at once or is scheduled; nothing blocks, nothing tells global time.

use crate::actor::Actor;
use crate::disk::{Disk, DiskError};
use crate::kernel::{Kernel, Pending};
use crate::network::ConnectionId;
use crate::node_id::NodeId;
use crate::queue::Handle;
use crate::random::Stream;
use crate::time::{Duration, Instant};

/// Names a timer until it fires or is cancelled.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TimerId(Handle);

/// An actor's hands: what it can reach of the world during one event.
pub struct Context<'a, A: Actor> {
    kernel: &'a mut Kernel<A>,
    node: NodeId,
    /// What the node's monotonic clock shows. Asked for many times per event, and the same all through it.
    now: Instant,
}

impl<'a, A: Actor> Context<'a, A> {
    pub(crate) fn new(kernel: &'a mut Kernel<A>, node: NodeId) -> Self {
        let now = kernel.host(node).clock.monotonic(kernel.now);
        Context { kernel, node, now }
    }

    /// The node this process runs on.
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// How many processes ran on this node before this one.
    pub fn incarnation(&self) -> u32 {
        self.kernel.host(self.node).incarnation
    }

    /// The node's monotonic clock. It may run fast or slow, but it does not jump.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// The node's wall clock in milliseconds since the Unix epoch. It may be wrong and may jump either way.
    pub fn wall_clock_ms(&self) -> i64 {
        self.kernel.host(self.node).clock.wall_ms(self.kernel.now)
    }

    /// Asks `peer` for a connection. `Connected` or `ConnectFailed` follows, after `timeout` at the latest.
    ///
    /// # Panics
    /// If `peer` is this node.
    pub fn connect(&mut self, peer: NodeId, timeout: Duration) -> ConnectionId {
        self.kernel.connect(self.node, peer, timeout)
    }

    /// Sends a message. False, and nothing is sent, if this end is not open (any more).
    pub fn send(&mut self, connection: ConnectionId, message: A::Message) -> bool {
        self.kernel.send(self.node, connection, message)
    }

    /// Closes this end: what was sent before still arrives, nothing more is received, and no `Closed` comes back.
    pub fn close(&mut self, connection: ConnectionId) {
        self.kernel.close(self.node, connection);
    }

    /// The node at the other end, as long as this end is open.
    pub fn peer(&self, connection: ConnectionId) -> Option<NodeId> {
        self.kernel.peer(self.node, connection)
    }

    /// `timer` comes back as an event after this long on the node's monotonic clock; later if the process is paused.
    pub fn set_timer(&mut self, after: Duration, timer: A::Timer) -> TimerId {
        let host = self.kernel.host(self.node);
        let at = self.kernel.now + host.clock.to_trial_time(after);
        let pending = Pending::Timer { node: self.node, incarnation: host.incarnation, timer };
        TimerId(self.kernel.schedule(at, self.node, pending))
    }

    /// The timer will not fire. Nothing happens if it has fired already.
    pub fn cancel_timer(&mut self, timer: TimerId) {
        self.kernel.queue.cancel(timer.0);
    }

    /// The node's files as the process sees them.
    pub fn disk(&self) -> &Disk<A::File, A::Entry> {
        &self.kernel.host(self.node).disk
    }

    /// Adds an entry of `bytes` bytes to a file, which is created if absent; returns its position. Seen at once, durable
    /// when flushed.
    pub fn append(&mut self, file: A::File, entry: A::Entry, bytes: u32) -> Result<u64, DiskError> {
        let now = self.kernel.now;
        self.disk_mut().append(now, file, entry, bytes)
    }

    /// Keeps the first `keep_entries` entries of a file.
    pub fn truncate(&mut self, file: A::File, keep_entries: usize) -> Result<(), DiskError> {
        let now = self.kernel.now;
        self.disk_mut().truncate(now, file, keep_entries)
    }

    /// Removes a file; a power loss may bring it back.
    pub fn remove(&mut self, file: A::File) -> Result<(), DiskError> {
        let now = self.kernel.now;
        self.disk_mut().remove(now, file)
    }

    /// Renames a file; a power loss may undo it.
    pub fn rename(&mut self, from: A::File, to: A::File) -> Result<(), DiskError> {
        let now = self.kernel.now;
        self.disk_mut().rename(now, from, to)
    }

    /// Replaces a whole file, durably: seen at once, and after a power loss either the old content or the new. When the
    /// new is certain, `token` comes back.
    pub fn replace(
        &mut self,
        file: A::File,
        entries: impl IntoIterator<Item = (A::Entry, u32)>,
        token: Option<A::Token>,
    ) -> Result<(), DiskError> {
        let now = self.kernel.now;
        let ticket = self.disk_mut().replace(now, file, entries)?;
        self.kernel.start_flush(self.node, ticket, token);
        Ok(())
    }

    /// As [`Context::replace`], but nothing is flushed: a power loss may leave the file old, new, or damaged.
    pub fn replace_unflushed(
        &mut self,
        file: A::File,
        entries: impl IntoIterator<Item = (A::Entry, u32)>,
    ) -> Result<(), DiskError> {
        let now = self.kernel.now;
        self.disk_mut().replace_unflushed(now, file, entries)
    }

    /// Makes durable what the file holds now. `token` comes back with the result.
    pub fn flush(&mut self, file: A::File, token: A::Token) -> Result<(), DiskError> {
        let ticket = self.disk_mut().begin_flush(file)?;
        self.kernel.start_flush(self.node, ticket, Some(token));
        Ok(())
    }

    /// Makes durable every creation, renaming and removal until now. `token` comes back with the result.
    pub fn flush_directory(&mut self, token: A::Token) {
        let ticket = self.disk_mut().begin_directory_flush();
        self.kernel.start_flush(self.node, ticket, Some(token));
    }

    /// This process's own stream of randomness; a restarted process has another.
    pub fn random(&mut self) -> &mut Stream {
        let streams = &self.kernel.streams;
        self.kernel.hosts[self.node.index()].actor_stream(self.node, streams)
    }

    /// Tells the observer something.
    pub fn note(&mut self, note: A::Note) {
        self.kernel.notes.push(note);
    }

    /// Counts that a rare thing happened.
    pub fn probe(&mut self, probe: A::Probe) {
        self.kernel.probe_actor(self.node, probe);
    }

    /// The process ends when this event is over. Its connections are closed in good order.
    pub fn exit(&mut self) {
        self.kernel.exit_requested = true;
    }

    fn disk_mut(&mut self) -> &mut Disk<A::File, A::Entry> {
        &mut self.kernel.host_mut(self.node).disk
    }
}
