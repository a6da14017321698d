//! State of connections: two ends, two directions, and the table that holds them.

use std::collections::VecDeque;

use crate::node_id::NodeId;
use crate::queue::Handle;
use crate::time::Instant;

/// Names a connection for as long as one of its ends is open.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ConnectionId {
    slot: u32,
    generation: u32,
}

impl ConnectionId {
    /// One word that tells connections apart, for hashing.
    pub(crate) fn word(self) -> u64 {
        u64::from(self.slot) << 32 | u64::from(self.generation)
    }
}

/// Why an end of a connection is gone.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum CloseReason {
    /// The peer closed it in good order, after everything it sent had arrived.
    PeerClosed,
    /// The peer's host does not know the connection (any more), or something in between cut it.
    Reset,
    /// What was sent stayed unacknowledged for too long.
    TimedOut,
}

/// Why a connection did not come about.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum ConnectError {
    /// The host is up but no process listens.
    Refused,
    /// No answer in the time the caller allowed.
    TimedOut,
}

/// Which end: the one that asked for the connection, or the one that was asked.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Side {
    Opener = 0,
    Acceptor = 1,
}

impl Side {
    pub(crate) const BOTH: [Side; 2] = [Side::Opener, Side::Acceptor];

    pub(crate) fn other(self) -> Side {
        match self {
            Side::Opener => Side::Acceptor,
            Side::Acceptor => Side::Opener,
        }
    }
}

/// What travels: the handshake's two segments, data, and the end of the stream.
#[derive(Clone, Debug)]
pub(crate) enum Segment<M> {
    Open { attempt: u8 },
    Opened,
    Data(M),
    Finish,
}

#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum EndState {
    /// The opener waits for an answer; the acceptor has not been asked yet.
    Opening,
    Open,
    Closed,
}

#[derive(Clone, Debug)]
pub(crate) struct End {
    pub(crate) node: NodeId,
    pub(crate) state: EndState,
    /// Fires if what this end sent stays unacknowledged (or, while opening, unanswered).
    pub(crate) give_up: Option<Handle>,
}

/// One direction. Segments are numbered; `delivered` is the next number expected, `cut` the first that will never arrive.
#[derive(Clone, Debug)]
pub(crate) struct Direction<M> {
    pub(crate) sent: u32,
    pub(crate) delivered: u32,
    pub(crate) cut: u32,
    pub(crate) last_arrival: Instant,
    pub(crate) last_tie_break: u32,
    /// Arrived at a cut link, waiting for retransmission, in order.
    pub(crate) held: VecDeque<(u32, Segment<M>)>,
    /// Since when something has been held.
    pub(crate) held_since: Instant,
}

impl<M> Direction<M> {
    fn new() -> Self {
        Direction {
            sent: 0,
            delivered: 0,
            cut: u32::MAX,
            last_arrival: Instant::START,
            last_tie_break: 0,
            held: VecDeque::new(),
            held_since: Instant::START,
        }
    }

    /// The number of the next segment to be sent.
    pub(crate) fn number(&mut self) -> u32 {
        let number = self.sent;
        self.sent += 1;
        number
    }

    /// When and with which tie-break a segment may arrive so that it does not overtake what was sent before.
    pub(crate) fn in_order(&mut self, at: Instant, tie_break: u32) -> (Instant, u32) {
        if at > self.last_arrival {
            (self.last_arrival, self.last_tie_break) = (at, tie_break);
        }
        (self.last_arrival, self.last_tie_break)
    }

    /// The segment waits here for its retransmission.
    pub(crate) fn hold(&mut self, now: Instant, number: u32, segment: Segment<M>) {
        if self.held.is_empty() {
            self.held_since = now;
        }
        self.held.push_back((number, segment));
    }

    /// Sent and neither delivered nor lost.
    pub(crate) fn in_flight(&self) -> u32 {
        self.sent.min(self.cut).saturating_sub(self.delivered)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Connection<M> {
    generation: u32,
    /// By [`Side`].
    pub(crate) ends: [End; 2],
    /// By the sending [`Side`].
    pub(crate) directions: [Direction<M>; 2],
}

impl<M> Connection<M> {
    /// Which end `node` holds.
    ///
    /// # Panics
    /// If it holds none.
    pub(crate) fn side_of(&self, node: NodeId) -> Side {
        if self.ends[0].node == node {
            return Side::Opener;
        }
        assert_eq!(self.ends[1].node, node, "the node holds an end of the connection");
        Side::Acceptor
    }

    /// Sender and receiver of what goes out at `side`.
    pub(crate) fn path_from(&self, side: Side) -> (NodeId, NodeId) {
        (self.end(side).node, self.end(side.other()).node)
    }

    pub(crate) fn end(&self, side: Side) -> &End {
        &self.ends[side as usize]
    }

    pub(crate) fn end_mut(&mut self, side: Side) -> &mut End {
        &mut self.ends[side as usize]
    }

    pub(crate) fn direction_mut(&mut self, from: Side) -> &mut Direction<M> {
        &mut self.directions[from as usize]
    }

    pub(crate) fn joins(&self, a: NodeId, b: NodeId) -> bool {
        let nodes = (self.ends[0].node, self.ends[1].node);
        nodes == (a, b) || nodes == (b, a)
    }
}

/// All connections that have an open end.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionTable<M> {
    slots: Vec<Connection<M>>,
    free: Vec<u32>,
}

impl<M> ConnectionTable<M> {
    pub(crate) fn new() -> Self {
        ConnectionTable { slots: Vec::new(), free: Vec::new() }
    }

    /// A connection that `opener` asks for.
    pub(crate) fn open(&mut self, opener: NodeId, acceptor: NodeId) -> ConnectionId {
        let end = |node| End { node, state: EndState::Opening, give_up: None };
        let ends = [end(opener), end(acceptor)];
        let directions = [Direction::new(), Direction::new()];
        match self.free.pop() {
            Some(slot) => {
                let generation = self.slots[slot as usize].generation;
                self.slots[slot as usize] = Connection { generation, ends, directions };
                ConnectionId { slot, generation }
            }
            None => {
                self.slots.push(Connection { generation: 0, ends, directions });
                ConnectionId { slot: (self.slots.len() - 1) as u32, generation: 0 }
            }
        }
    }

    pub(crate) fn get(&self, id: ConnectionId) -> Option<&Connection<M>> {
        self.slots.get(id.slot as usize).filter(|connection| connection.generation == id.generation)
    }

    pub(crate) fn get_mut(&mut self, id: ConnectionId) -> Option<&mut Connection<M>> {
        self.slots
            .get_mut(id.slot as usize)
            .filter(|connection| connection.generation == id.generation)
    }

    /// Forgets the connection: both ends are closed. Its id reaches nothing from now on.
    pub(crate) fn forget(&mut self, id: ConnectionId) {
        let connection = self.get_mut(id).expect("a connection is forgotten once");
        debug_assert!(connection.ends.iter().all(|end| end.state == EndState::Closed));
        connection.generation = connection.generation.wrapping_add(1);
        connection.directions.iter_mut().for_each(|direction| direction.held.clear());
        self.free.push(id.slot);
    }
}
