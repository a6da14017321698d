//! Faults that make something slower, smaller or fail for a while. Several may lie on the same link, disk or process: then
//! the worst counts, and the others still count when it heals.

use super::Kernel;
use crate::actor::Actor;
use crate::disk::DiskFaults;
use crate::fault::{Fault, FlushErrorMode};
use crate::node_id::NodeId;
use crate::time::{Duration, Instant};

/// One such fault in force.
#[derive(Clone, Debug)]
pub(super) struct Burden {
    /// Its place in the plan.
    index: usize,
    fault: Fault,
    /// When it is expected to heal.
    until: Instant,
    /// To how many bytes a full disk is limited.
    capacity_bytes: u64,
}

impl Burden {
    /// By how much it slows the directed link, on average.
    fn link_slowness(&self, from: NodeId, to: NodeId) -> Duration {
        match self.fault {
            Fault::SlowLink { from: a, to: b, extra_latency_mean, both_ways }
                if (a, b) == (from, to) || (both_ways && (b, a) == (from, to)) =>
            {
                extra_latency_mean
            }
            _ => Duration::ZERO,
        }
    }

    /// How many times as long the process takes.
    fn cpu_slowness(&self, at: NodeId) -> u32 {
        match self.fault {
            Fault::SlowCpu { node, factor } if node == at => factor.max(1),
            _ => 1,
        }
    }

    /// Adds its part to the faults of the disk.
    fn weigh_on_disk(&self, at: NodeId, faults: &mut DiskFaults) {
        match self.fault {
            Fault::SlowDisk { node, factor } if node == at => {
                faults.slow_factor = faults.slow_factor.max(factor);
            }
            Fault::DiskStall { node } if node == at => {
                faults.stalled_until = faults.stalled_until.max(self.until);
            }
            Fault::WriteError { node } if node == at => faults.write_error = true,
            Fault::FlushError { node, mode } if node == at => {
                faults.flush_error = Some(worse(faults.flush_error, mode));
            }
            Fault::FullDisk { node, .. } if node == at => {
                faults.capacity_bytes = faults.capacity_bytes.min(self.capacity_bytes);
            }
            _ => {}
        }
    }
}

/// Pages marked clean are worse than pages that stay dirty.
fn worse(one: Option<FlushErrorMode>, other: FlushErrorMode) -> FlushErrorMode {
    if one == Some(FlushErrorMode::MarksClean) { FlushErrorMode::MarksClean } else { other }
}

impl<A: Actor> Kernel<A> {
    /// The fault is in force from now on.
    pub(super) fn lay_burden(&mut self, index: usize, fault: &Fault, until: Instant) {
        let capacity_bytes = match fault {
            Fault::FullDisk { node, left_bytes } => {
                self.host(*node).disk.used_bytes().saturating_add(*left_bytes)
            }
            _ => u64::MAX,
        };
        self.driver.burdens.push(Burden { index, fault: fault.clone(), until, capacity_bytes });
        self.weigh_burdens(fault);
    }

    /// The fault is no longer in force.
    pub(super) fn lift_burden(&mut self, index: usize) {
        let burdens = &mut self.driver.burdens;
        let place = burdens.iter().position(|burden| burden.index == index);
        let lifted = burdens.remove(place.expect("a burden is lifted once, after it was laid"));
        self.weigh_burdens(&lifted.fault);
    }

    /// The fault, if it is a burden, will not heal.
    pub(super) fn make_burden_permanent(&mut self, index: usize) {
        let burden = self.driver.burdens.iter_mut().find(|burden| burden.index == index);
        if let Some(burden) = burden {
            burden.until = Instant::NEVER;
            let fault = burden.fault.clone();
            self.weigh_burdens(&fault);
        }
    }

    /// Works out anew what lies on the links, disks and processes that `changed` names.
    fn weigh_burdens(&mut self, changed: &Fault) {
        if let Fault::SlowLink { from, to, .. } = *changed {
            self.weigh_link(from, to);
            self.weigh_link(to, from);
            return;
        }
        for node in changed.nodes() {
            let burdens = &self.driver.burdens;
            let slowness = burdens.iter().map(|burden| burden.cpu_slowness(node)).max();
            let mut faults = DiskFaults::default();
            burdens.iter().for_each(|burden| burden.weigh_on_disk(node, &mut faults));
            let host = self.host_mut(node);
            host.slowness = slowness.unwrap_or(1);
            host.disk.faults = faults;
        }
    }

    fn weigh_link(&mut self, from: NodeId, to: NodeId) {
        let burdens = self.driver.burdens.iter();
        let slowness = burdens.map(|burden| burden.link_slowness(from, to)).max();
        self.links.link_mut(from, to).slowness = slowness.unwrap_or(Duration::ZERO);
    }
}
