//! The life of processes: start, death in three manners, pause, and the inbox of what arrives while they cannot run.

use super::{Delivery, Kernel, Pending, Report};
use crate::actor::Actor;
use crate::node_id::NodeId;
use crate::observer::Death;
use crate::probe::KernelProbe;
use crate::random::{Address, Purpose};
use crate::time::Duration;

impl<A: Actor> Kernel<A> {
    pub(super) fn boot_if_due(&mut self, node: NodeId, incarnation: u32) -> Option<Delivery<A>> {
        let host = self.host_mut(node);
        if host.is_running || host.held_down > 0 || host.incarnation != incarnation {
            return None;
        }
        host.is_running = true;
        host.busy_until = crate::time::Instant::START;
        self.reset_retransmitting_peers(node);
        Some(Delivery { node, event: None, peer: None })
    }

    /// The process dies. Nothing happens if there is none.
    pub(crate) fn kill(&mut self, node: NodeId, death: Death) {
        let host = self.host_mut(node);
        if !host.is_running || host.spec.is_none() {
            return;
        }
        host.is_running = false;
        host.inbox.clear();
        host.stream = None;
        match death {
            Death::Exit => self.finish_connections(node),
            Death::Crash => self.drop_connections(node, true),
            Death::PowerLoss => self.drop_connections(node, false),
        }
        self.host_mut(node).incarnation += 1;
        self.reports.push(Report::Died { node, death });
    }

    /// The process asked to end.
    pub(crate) fn exit(&mut self, node: NodeId) {
        self.kill(node, Death::Exit);
        self.probe(KernelProbe::ProcessExited);
        if let Some(delay) = self.options.restart_after_exit {
            self.schedule_boot(node, delay);
        }
    }

    /// The host loses power: the process is gone, and of the page cache what the disk model says.
    pub(super) fn lose_power(&mut self, node: NodeId) {
        if !self.host(node).is_powered {
            return;
        }
        self.kill(node, Death::PowerLoss);
        let (now, streams) = (self.now, &self.streams);
        let host = &mut self.hosts[node.index()];
        host.is_powered = false;
        host.disk_is_free_at = now;
        // One stream per power loss of a node, so that an earlier one more or less leaves the damage of this one alone.
        let nth = u64::from(host.incarnation) << 16;
        let mut stream =
            streams.stream(Address::new(Purpose::DiskDamage, 1 << 39 | nth | u64::from(node.0)));
        let report = host.disk.power_loss(now, &mut stream);
        if !report.outcomes.is_empty() {
            self.probe(KernelProbe::PowerLossDamagedFiles);
        }
    }

    /// One fault more keeps the process down.
    pub(super) fn hold_down(&mut self, node: NodeId) {
        self.host_mut(node).held_down += 1;
    }

    /// One fault less keeps the process down; if it was the last, power is back and the process starts.
    pub(super) fn let_up(&mut self, node: NodeId) {
        let host = self.host_mut(node);
        host.held_down = host.held_down.checked_sub(1).expect("let up as often as held down");
        if host.held_down == 0 {
            host.is_powered = true;
            self.schedule_boot(node, Duration::ZERO);
        }
    }

    fn schedule_boot(&mut self, node: NodeId, delay: Duration) {
        let at = self.now + delay + self.options.boot_time;
        let incarnation = self.host(node).incarnation;
        self.schedule(at, node, Pending::Boot { node, incarnation });
    }

    pub(super) fn pause(&mut self, node: NodeId) {
        self.host_mut(node).pauses += 1;
    }

    pub(super) fn resume_process(&mut self, node: NodeId) {
        let host = self.host_mut(node);
        host.pauses = host.pauses.checked_sub(1).expect("resumed as often as paused");
        self.schedule_drain(node);
    }

    /// Puts a delivery into the inbox of a process that is paused or busy.
    pub(crate) fn enqueue(&mut self, delivery: Delivery<A>) {
        let node = delivery.node;
        if self.host(node).pauses > 0 {
            self.probe(KernelProbe::HandledAfterPause);
        }
        self.host_mut(node).inbox.push_back(delivery);
        self.schedule_drain(node);
    }

    /// The process takes the next delivery as soon as it can.
    pub(crate) fn schedule_drain(&mut self, node: NodeId) {
        let now = self.now;
        let host = self.host_mut(node);
        if host.pauses > 0 || host.drain_is_scheduled || host.inbox.is_empty() {
            return;
        }
        host.drain_is_scheduled = true;
        let at = host.busy_until.max(now);
        self.schedule(at, node, Pending::Drain { node });
    }

    pub(crate) fn drain(&mut self, node: NodeId) -> Option<Delivery<A>> {
        self.hasher.word(super::tag::DRAIN | u64::from(node.0));
        let now = self.now;
        let host = self.host_mut(node);
        host.drain_is_scheduled = false;
        if host.pauses > 0 {
            return None;
        }
        if host.busy_until > now {
            self.schedule_drain(node);
            return None;
        }
        host.inbox.pop_front()
    }

    /// Handling an event takes the process this long.
    pub(crate) fn occupy(&mut self, node: NodeId) {
        let now = self.now;
        let service_time = self.options.service_time;
        let host = self.host_mut(node);
        host.busy_until = now + service_time * u64::from(host.slowness);
        if !host.inbox.is_empty() {
            self.schedule_drain(node);
        }
    }
}
