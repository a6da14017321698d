//! The life of connections: opening, carrying, holding back. `teardown` is how they end.
//!
//! Each end acts on what it can know. A cut link holds segments back until it is mended, and what was sent later waits
//! behind them. A host that does not know a connection resets it on the next segment; a host without power is silent.

use super::{Delivery, Kernel, Pending};
use crate::actor::{Actor, Event, Message};
use crate::fault::MessagePoint;
use crate::network::connection::{EndState, Segment, Side};
use crate::network::{CloseReason, ConnectionId};
use crate::node_id::NodeId;
use crate::probe::KernelProbe;
use crate::time::Duration;

/// Bytes of a segment that carries no data.
pub(super) const BARE_SEGMENT_BYTES: u64 = 60;

/// First wait before an unanswered opening segment is sent again; doubles each time (TCP's initial RTO).
pub(super) const OPEN_RETRY: Duration = Duration::from_secs(1);

/// Which segment it is that travels: the how-manyth of those that this end of the connection sends.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Journey {
    pub(crate) connection: ConnectionId,
    from: Side,
    number: u32,
}

/// How a segment fares.
#[derive(Copy, Clone, Debug)]
pub(crate) enum Passage {
    /// It reaches the far host.
    Through { sender: NodeId, receiver: NodeId },
    /// The link is cut, or what was held up before has to go first.
    HeldUp,
    /// It never arrives.
    Lost,
}

impl<A: Actor> Kernel<A> {
    /// Asks `to` for a connection; gives up after `timeout`.
    pub(crate) fn connect(&mut self, from: NodeId, to: NodeId, timeout: Duration) -> ConnectionId {
        assert_ne!(from, to, "a process does not connect to itself");
        let id = self.connections.open(from, to);
        self.host_mut(from).connections.push(id);
        let give_up_at = self.now + self.host(from).clock.to_trial_time(timeout);
        let give_up = Pending::GiveUp { connection: id, side: Side::Opener };
        let handle = self.schedule(give_up_at, from, give_up);
        let connection = self.connections.get_mut(id).expect("it was just opened");
        connection.end_mut(Side::Opener).give_up = Some(handle);
        self.transmit(id, Side::Opener, Segment::Open { attempt: 0 }, BARE_SEGMENT_BYTES);
        id
    }

    /// Sends data. False if this end is not open.
    #[inline(always)]
    pub(crate) fn send(&mut self, from: NodeId, id: ConnectionId, message: A::Message) -> bool {
        let Some(connection) = self.connections.get(id) else { return false };
        let side = connection.side_of(from);
        if connection.end(side).state != EndState::Open {
            return false;
        }
        let to = connection.end(side.other()).node;
        if self.driver.watches_messages() {
            self.message_passes(message.kind(), from, to, MessagePoint::Sent);
        }
        let bytes = message.size_bytes();
        self.transmit(id, side, Segment::Data(message), bytes);
        true
    }

    /// The node at the other end, as long as this end is open.
    pub(crate) fn peer(&self, node: NodeId, id: ConnectionId) -> Option<NodeId> {
        let connection = self.connections.get(id)?;
        let side = connection.side_of(node);
        (connection.end(side).state == EndState::Open).then(|| connection.end(side.other()).node)
    }

    #[inline(always)]
    pub(super) fn transmit(
        &mut self,
        id: ConnectionId,
        side: Side,
        segment: Segment<A::Message>,
        bytes: u64,
    ) {
        let connection = self.connections.get_mut(id).expect("only live connections transmit");
        let (from, to) = connection.path_from(side);
        let options = &self.options.network;
        let link = self.links.link_mut(from, to);
        let arrival = link.arrival(self.now, bytes, options, (from, to), &self.streams);
        let direction = connection.direction_mut(side);
        let number = direction.number();
        let (at, tie_break) = direction.in_order(self.ties.quantised(arrival), self.ties.draw(to));
        let pending =
            Pending::Arrival { journey: Journey { connection: id, from: side, number }, segment };
        self.queue.schedule(at, tie_break, self.current, pending);
        if self.links.is_cut(from, to) || self.links.is_cut(to, from) {
            self.arm_give_up(id, side);
        }
    }

    /// A segment without data reaches the far host, or the place where the link is cut.
    pub(super) fn arrive(
        &mut self,
        journey: Journey,
        segment: Segment<A::Message>,
    ) -> Option<Delivery<A>> {
        self.hash_arrival(journey);
        match self.passage(journey) {
            Passage::Through { sender, receiver } => {
                self.comes_through(journey, segment, (sender, receiver))
            }
            Passage::HeldUp => {
                self.hold(journey, segment);
                None
            }
            Passage::Lost => None,
        }
    }

    /// A message reaches the far host, or the place where the link is cut. If it comes through, the process there is to
    /// handle it.
    #[inline(always)]
    pub(crate) fn data_arrives(&mut self, journey: Journey, message: &A::Message) -> Passage {
        self.hash_arrival(journey);
        message.hash(&mut self.hasher);
        let passage = self.passage(journey);
        if let Passage::Through { sender, receiver } = passage {
            if !self.is_taken_in(journey, receiver) {
                return Passage::Lost;
            }
            if self.driver.watches_messages() {
                let kind = message.kind();
                self.message_passes(kind, sender, receiver, MessagePoint::Delivered);
            }
        }
        passage
    }

    /// The segment waits where the link is cut, or behind others that do.
    pub(crate) fn hold(&mut self, journey: Journey, segment: Segment<A::Message>) {
        let Journey { connection: id, from, number } = journey;
        let connection = self.connections.get_mut(id).expect("only live connections hold");
        let (sender, receiver) = connection.path_from(from);
        connection.direction_mut(from).hold(self.now, number, segment);
        self.probe(KernelProbe::SegmentHeld);
        if self.links.is_cut(sender, receiver) {
            self.arm_give_up(id, from);
        }
    }

    fn hash_arrival(&mut self, journey: Journey) {
        let Journey { connection, from, .. } = journey;
        self.hasher.word(super::tag::ARRIVAL ^ connection.word() ^ (from as u64) << 32);
    }

    #[inline(always)]
    fn passage(&mut self, journey: Journey) -> Passage {
        let Journey { connection: id, from, number } = journey;
        let Some(connection) = self.connections.get_mut(id) else { return Passage::Lost };
        let (sender, receiver) = connection.path_from(from);
        let direction = connection.direction_mut(from);
        if number >= direction.cut {
            Passage::Lost
        } else if self.links.is_cut(sender, receiver) || !direction.held.is_empty() {
            Passage::HeldUp
        } else {
            Passage::Through { sender, receiver }
        }
    }

    /// Whether the far host still has its end of the connection. If not, nothing that follows arrives, either.
    #[inline(always)]
    fn is_taken_in(&mut self, journey: Journey, receiver: NodeId) -> bool {
        let Journey { connection: id, from, number } = journey;
        let connection = self.connections.get_mut(id).expect("a segment came through on it");
        let is_open = connection.end(from.other()).state != EndState::Closed;
        let direction = connection.direction_mut(from);
        if is_open {
            assert_eq!(direction.delivered, number, "a connection delivers in order, without gap");
            direction.delivered = number + 1;
        } else {
            direction.cut = number;
            self.meets_no_end(id, from, receiver);
        }
        is_open
    }

    fn comes_through(
        &mut self,
        journey: Journey,
        segment: Segment<A::Message>,
        (sender, receiver): (NodeId, NodeId),
    ) -> Option<Delivery<A>> {
        let (id, from) = (journey.connection, journey.from);
        if let Segment::Open { attempt } = segment {
            return self.open_arrives(id, journey.number, attempt, (sender, receiver));
        }
        if !self.is_taken_in(journey, receiver) {
            return None;
        }
        let event = match segment {
            Segment::Opened => {
                self.end_opened(id, Side::Opener);
                Event::Connected(id)
            }
            Segment::Finish => {
                self.close_end(id, from.other());
                Event::Closed(id, CloseReason::PeerClosed)
            }
            Segment::Open { .. } | Segment::Data(_) => unreachable!("go ways of their own"),
        };
        Some(Delivery::new(receiver, event, Some(sender)))
    }

    /// A segment of the end at `from` reached a host without the other end: it is reset, or left in silence.
    fn meets_no_end(&mut self, id: ConnectionId, from: Side, receiver: NodeId) {
        if self.host(receiver).is_powered {
            self.reset_peer(id, from);
        } else {
            self.arm_give_up(id, from);
        }
    }

    fn open_arrives(
        &mut self,
        id: ConnectionId,
        number: u32,
        attempt: u8,
        (opener, acceptor): (NodeId, NodeId),
    ) -> Option<Delivery<A>> {
        let host = self.host(acceptor);
        if !host.is_powered {
            let retry = Segment::Open { attempt: attempt + 1 };
            let at = self.ties.quantised(self.now + OPEN_RETRY * (1 << attempt.min(6)));
            let direction = self.connections.get_mut(id)?.direction_mut(Side::Opener);
            let (at, tie_break) = direction.in_order(at, self.ties.draw(acceptor));
            let journey = Journey { connection: id, from: Side::Opener, number };
            let pending = Pending::Arrival { journey, segment: retry };
            self.queue.schedule(at, tie_break, self.current, pending);
            return None;
        }
        if !host.is_running {
            self.probe(KernelProbe::ConnectRefused);
            self.reset_peer(id, Side::Opener);
            return None;
        }
        let connection = self.connections.get_mut(id)?;
        connection.direction_mut(Side::Opener).delivered = number + 1;
        self.end_opened(id, Side::Acceptor);
        self.host_mut(acceptor).connections.push(id);
        self.transmit(id, Side::Acceptor, Segment::Opened, BARE_SEGMENT_BYTES);
        Some(Delivery::new(acceptor, Event::Accepted(id, opener), Some(opener)))
    }

    fn end_opened(&mut self, id: ConnectionId, side: Side) {
        let end = self.connections.get_mut(id).expect("it is being opened").end_mut(side);
        assert_eq!(end.state, EndState::Opening, "an end opens once");
        end.state = EndState::Open;
        let give_up = end.give_up.take();
        give_up.and_then(|handle| self.queue.cancel(handle));
    }

    /// A fault cuts the link: ends that wait for acknowledgements begin to lose patience.
    pub(super) fn cut_link(&mut self, from: NodeId, to: NodeId) {
        self.links.cut(from, to);
        for (id, _) in self.connections_between(from, to) {
            for side in Side::BOTH {
                let connection = self.connections.get_mut(id).expect("it is listed");
                if connection.direction_mut(side).in_flight() > 0 {
                    self.arm_give_up(id, side);
                }
            }
        }
    }

    /// A fault lets go of the link. Once no fault cuts it, held traffic is on its way again at the next retransmission.
    pub(super) fn mend_link(&mut self, from: NodeId, to: NodeId) {
        if !self.links.mend(from, to) {
            return;
        }
        for (id, side) in self.connections_between(from, to) {
            self.resume(id, side);
            if !self.links.is_cut(to, from) {
                self.calm(id);
            }
        }
    }

    fn resume(&mut self, id: ConnectionId, from: Side) {
        let connection = self.connections.get_mut(id).expect("it is listed");
        let (node, peer) = (connection.end(from).node, connection.end(from.other()).node);
        let direction = connection.direction_mut(from);
        if direction.held.is_empty() {
            return;
        }
        // A sender backs off exponentially, so it waits at most about as long again as it has been cut off.
        let held_for = self.now - direction.held_since;
        let wait = held_for.min(self.options.network.retransmit_max).as_nanos();
        let delay = Duration::from_nanos(self.fate(node, peer).between(0, wait));
        self.schedule(self.now + delay, peer, Pending::Release { connection: id, from });
    }

    /// Acknowledgements flow again in both directions: nobody gives up, unless the peer's host is gone.
    fn calm(&mut self, id: ConnectionId) {
        for side in Side::BOTH {
            let connection = self.connections.get(id).expect("it is listed");
            let (end, other) = (connection.end(side), connection.end(side.other()));
            if end.state != EndState::Open || other.state == EndState::Closed {
                continue;
            }
            let connection = self.connections.get_mut(id).expect("it is listed");
            let give_up = connection.end_mut(side).give_up.take();
            give_up.and_then(|handle| self.queue.cancel(handle));
        }
    }

    /// Retransmission: what was held goes on, in order, all at once.
    pub(super) fn release(&mut self, id: ConnectionId, from: Side) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        let (sender, receiver) = (connection.end(from).node, connection.end(from.other()).node);
        if self.links.is_cut(sender, receiver) {
            return;
        }
        let connection = self.connections.get_mut(id).expect("it was just there");
        let held = std::mem::take(&mut connection.direction_mut(from).held);
        if !held.is_empty() {
            self.probe(KernelProbe::SegmentsReleased);
        }
        for (number, segment) in held {
            // Straight into the queue: what is sent from now on is behind them there.
            let journey = Journey { connection: id, from, number };
            let pending = Pending::Arrival { journey, segment };
            self.queue.schedule(self.now, 0, self.current, pending);
        }
    }

    /// Connections between two hosts, with the side that `from` holds.
    pub(super) fn connections_between(
        &self,
        from: NodeId,
        to: NodeId,
    ) -> Vec<(ConnectionId, Side)> {
        let mut found: Vec<(ConnectionId, Side)> = Vec::new();
        for &id in self.host(from).connections.iter().chain(&self.host(to).connections) {
            let Some(connection) = self.connections.get(id) else { continue };
            if connection.joins(from, to) && found.iter().all(|&(other, _)| other != id) {
                found.push((id, connection.side_of(from)));
            }
        }
        found
    }
}
