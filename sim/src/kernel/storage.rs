//! Disk operations get their time: a flush takes as long as the disk says, one after the other.

use super::{Delivery, DiskOperation, Kernel, Pending};
use crate::actor::{Actor, Event};
use crate::disk::FlushTicket;
use crate::node_id::NodeId;
use crate::random::{Address, Purpose};

impl<A: Actor> Kernel<A> {
    /// The flush ends when the disk has got to it; the token, if any, then comes back as an event.
    pub(crate) fn start_flush(
        &mut self,
        node: NodeId,
        ticket: FlushTicket<A::File>,
        token: Option<A::Token>,
    ) {
        let (now, streams) = (self.now, &self.streams);
        let host = &mut self.hosts[node.index()];
        let address = Address::new(Purpose::DiskLatency, u64::from(node.0));
        let stream = host.disk_stream.get_or_insert_with(|| Box::new(streams.stream(address)));
        let begins = host.disk_is_free_at.max(now);
        host.disk_is_free_at = begins + host.disk.flush_duration(begins, ticket.bytes(), stream);
        let (ends, incarnation) = (host.disk_is_free_at, host.incarnation);
        let operation = DiskOperation { node, incarnation, ticket, token };
        self.schedule(ends, node, Pending::DiskDone(operation));
    }

    /// The flush ends, even if the process that asked for it is gone: the operating system carries it out.
    pub(super) fn disk_done(&mut self, operation: DiskOperation<A>) -> Option<Delivery<A>> {
        let DiskOperation { node, incarnation, ticket, token } = operation;
        let now = self.now;
        let result = self.host_mut(node).disk.complete_flush(now, ticket);
        let token = token.filter(|_| self.is_current(node, incarnation))?;
        Some(Delivery::new(node, Event::Disk(token, result), None))
    }
}
