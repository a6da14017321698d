//! How connections end: closed in good order, given up, reset, or dropped with a suffix of what was sent.
//!
//! Each end acts on what it can know, and in its own time. An end that has something unacknowledged gives up when it has
//! waited long enough; what its peer had not got by then is lost.

use super::transport::{BARE_SEGMENT_BYTES, OPEN_RETRY};
use super::{Delivery, Kernel, Pending};
use crate::actor::{Actor, Event};
use crate::network::connection::{EndState, Segment, Side};
use crate::network::{CloseReason, ConnectError, ConnectionId};
use crate::node_id::NodeId;
use crate::probe::KernelProbe;
use crate::random::{Purpose, Stream};
use crate::time::Duration;

impl<A: Actor> Kernel<A> {
    /// Closes this end in good order: what was sent before still arrives; what the peer sends is refused.
    pub(crate) fn close(&mut self, node: NodeId, id: ConnectionId) {
        let Some(connection) = self.connections.get(id) else { return };
        let side = connection.side_of(node);
        match connection.end(side).state {
            EndState::Closed => {}
            EndState::Opening => self.abandon(id),
            EndState::Open => {
                self.close_end(id, side);
                if self.connections.get(id).is_some() {
                    self.transmit(id, side, Segment::Finish, BARE_SEGMENT_BYTES);
                }
            }
        }
    }

    /// Takes the end out of its host's hands; forgets the connection if it was the last open end.
    pub(super) fn close_end(&mut self, id: ConnectionId, side: Side) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        let end = connection.end_mut(side);
        end.state = EndState::Closed;
        let (node, give_up) = (end.node, end.give_up.take());
        let is_last = connection.end(side.other()).state == EndState::Closed;
        give_up.and_then(|handle| self.queue.cancel(handle));
        self.host_mut(node).connections.retain(|&other| other != id);
        if is_last {
            self.connections.forget(id);
        }
    }

    /// The opener no longer wants the connection, or was refused it: whatever is still under way reaches nobody.
    pub(super) fn abandon(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get(id) else { return };
        if connection.end(Side::Acceptor).state == EndState::Open {
            self.close_end(id, Side::Opener);
            return;
        }
        self.close_end(id, Side::Acceptor);
        self.close_end(id, Side::Opener);
    }

    /// From now on this end waits for an acknowledgement, and closes when it has waited long enough.
    pub(super) fn arm_give_up(&mut self, id: ConnectionId, side: Side) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        let end = connection.end_mut(side);
        if end.state != EndState::Open || end.give_up.is_some() {
            return;
        }
        let (node, peer) = (end.node, connection.end(side.other()).node);
        let network = &self.options.network;
        let (min, max) = (network.give_up_min.as_nanos(), network.give_up_max.as_nanos());
        let patience = self.fate(node, peer).between(min, max.max(min));
        let at = self.now + Duration::from_nanos(patience);
        let handle = self.schedule(at, node, Pending::GiveUp { connection: id, side });
        let connection = self.connections.get_mut(id).expect("it is open");
        connection.end_mut(side).give_up = Some(handle);
    }

    pub(super) fn give_up(&mut self, id: ConnectionId, side: Side) -> Option<Delivery<A>> {
        let connection = self.connections.get_mut(id)?;
        let peer = connection.end(side.other()).node;
        let end = connection.end_mut(side);
        let node = end.node;
        end.give_up = None;
        match end.state {
            EndState::Closed => None,
            EndState::Opening => {
                self.probe(KernelProbe::ConnectTimedOut);
                self.abandon(id);
                let event = Event::ConnectFailed(id, ConnectError::TimedOut);
                Some(Delivery::new(node, event, Some(peer)))
            }
            EndState::Open => {
                self.probe(KernelProbe::ConnectionTimedOut);
                self.drop_unsent(id, side);
                self.close_end(id, side);
                let event = Event::Closed(id, CloseReason::TimedOut);
                Some(Delivery::new(node, event, Some(peer)))
            }
        }
    }

    /// What this end had not got acknowledged is gone with its send buffer.
    fn drop_unsent(&mut self, id: ConnectionId, side: Side) {
        let direction = self.connections.get_mut(id).expect("it is open").direction_mut(side);
        if direction.in_flight() > 0 {
            direction.cut = direction.delivered;
            direction.held.clear();
            self.probe(KernelProbe::SuffixLost);
        }
    }

    /// An arbitrary suffix of what this end sent never arrives.
    pub(super) fn lose_suffix(&mut self, id: ConnectionId, side: Side) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        let (node, peer) = (connection.end(side).node, connection.end(side.other()).node);
        let in_flight = connection.direction_mut(side).in_flight();
        if in_flight == 0 {
            return;
        }
        let arriving = self.fate(node, peer).below(u64::from(in_flight) + 1) as u32;
        let connection = self.connections.get_mut(id).expect("it was just there");
        let direction = connection.direction_mut(side);
        direction.cut = direction.delivered + arriving;
        let cut = direction.cut;
        direction.held.retain(|&(number, _)| number < cut);
        if arriving < in_flight {
            self.probe(KernelProbe::SuffixLost);
        }
    }

    /// The stream of fates between two nodes.
    pub(super) fn fate(&mut self, node: NodeId, peer: NodeId) -> &mut Stream {
        let entity = u64::from(node.0) << 16 | u64::from(peer.0);
        self.rare_stream(Purpose::ConnectionFate, entity)
    }

    /// The host on the other side tells the end at `to` that it knows no such connection. An acceptor that has not been
    /// asked yet knows of nothing that could be reset.
    pub(super) fn reset_peer(&mut self, id: ConnectionId, to: Side) {
        let Some(connection) = self.connections.get(id) else { return };
        let (from_node, to_node) = connection.path_from(to.other());
        let is_known = match connection.end(to).state {
            EndState::Open => true,
            EndState::Opening => to == Side::Opener,
            EndState::Closed => false,
        };
        if is_known {
            let (ends, options) = ((from_node, to_node), &self.options.network);
            let link = self.links.link_mut(from_node, to_node);
            let at = link.arrival(self.now, BARE_SEGMENT_BYTES, options, ends, &self.streams);
            self.schedule(at, to_node, Pending::Reset { connection: id, to });
        }
    }

    /// A reset is a bare segment: a cut link swallows it, and nobody sends it again. But who wants a connection and gets no
    /// answer asks again, and is refused again.
    pub(super) fn reset_arrives(&mut self, id: ConnectionId, to: Side) -> Option<Delivery<A>> {
        let connection = self.connections.get(id)?;
        let (node, peer) = (connection.end(to).node, connection.end(to.other()).node);
        let state = connection.end(to).state;
        if self.links.is_cut(peer, node) && state == EndState::Opening {
            self.schedule(self.now + OPEN_RETRY, node, Pending::Reset { connection: id, to });
        }
        if state == EndState::Closed || self.links.is_cut(peer, node) || !self.host(node).is_powered
        {
            return None;
        }
        self.probe(KernelProbe::UnknownConnectionReset);
        let event = match state {
            EndState::Opening => {
                self.abandon(id);
                Event::ConnectFailed(id, ConnectError::Refused)
            }
            EndState::Open | EndState::Closed => {
                self.lose_suffix(id, to);
                self.close_end(id, to);
                Event::Closed(id, CloseReason::Reset)
            }
        };
        Some(Delivery::new(node, event, Some(peer)))
    }

    /// Something in the network cuts all connections between two hosts; both are told, each in its own time.
    pub(super) fn reset_connections(&mut self, a: NodeId, b: NodeId) {
        for (id, _) in self.connections_between(a, b) {
            for side in Side::BOTH {
                self.lose_suffix(id, side);
                self.reset_peer(id, side);
            }
        }
    }

    /// The ends at `node` of all connections to `peer` die; the peer is not told.
    pub(super) fn close_one_side(&mut self, node: NodeId, peer: NodeId) {
        for (id, side) in self.connections_between(node, peer) {
            self.lose_suffix(id, side);
            let Some(connection) = self.connections.get(id) else { continue };
            if connection.end(side).state != EndState::Open {
                continue;
            }
            self.close_end(id, side);
            let incarnation = self.host(node).incarnation;
            let event = Event::Closed(id, CloseReason::Reset);
            let peer = Some(peer);
            self.schedule(self.now, node, Pending::Local { node, incarnation, event, peer });
        }
    }

    /// The process at `node` is gone without a word (`resets`: its host tells the peers at once).
    pub(super) fn drop_connections(&mut self, node: NodeId, resets: bool) {
        for id in std::mem::take(&mut self.host_mut(node).connections) {
            let Some(connection) = self.connections.get(id) else { continue };
            let side = connection.side_of(node);
            if connection.end(side).state == EndState::Opening {
                self.abandon(id);
                continue;
            }
            self.lose_suffix(id, side);
            self.close_end(id, side);
            if resets {
                self.reset_peer(id, side.other());
            }
        }
    }

    /// The process at `node` ended itself: its host closes its connections in good order.
    pub(super) fn finish_connections(&mut self, node: NodeId) {
        for id in self.host(node).connections.clone() {
            self.close(node, id);
        }
    }

    /// Peers that retransmit to a host that came back without their connections are told so.
    pub(super) fn reset_retransmitting_peers(&mut self, node: NodeId) {
        for peer in (0..self.hosts.len()).map(|index| NodeId(index as u16)) {
            for id in self.host(peer).connections.clone() {
                let Some(connection) = self.connections.get(id) else { continue };
                let side = connection.side_of(peer);
                let (end, other) = (connection.end(side), connection.end(side.other()));
                let is_orphan = other.node == node && other.state == EndState::Closed;
                if is_orphan && end.state == EndState::Open && end.give_up.is_some() {
                    let wait = self.options.network.retransmit_max.as_nanos();
                    let at =
                        self.now + Duration::from_nanos(self.fate(peer, node).between(0, wait));
                    self.schedule(at, peer, Pending::Reset { connection: id, to: side });
                }
            }
        }
    }
}
