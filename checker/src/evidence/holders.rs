//! Which member of a group holds a partition when the history ends.

use super::Evidence;
use crate::history::{GroupId, Key, Offsets, OpId, ProcessId, RebalanceKind, What};
use std::collections::BTreeMap;

/// By group and partition, the living member that was given the partition last, and the event that gave it.
pub(crate) struct Holders {
    held: BTreeMap<(GroupId, Key), (ProcessId, OpId)>,
}

impl Holders {
    /// Follows assignments, rebalances and ends of processes through the history: O(events · log partitions).
    pub(crate) fn at_the_end(evidence: &Evidence<'_>) -> Self {
        let mut holders = Holders { held: BTreeMap::new() };
        let history = evidence.history;
        for &op in &evidence.membership {
            let event = history.event(op);
            let process = event.process;
            let Some(group) = history.session(process).group else { continue };
            match event.what {
                What::Assigned { keys } => {
                    holders.release(process);
                    holders.hold(evidence, group, keys, process, op);
                }
                What::Rebalanced { kind: RebalanceKind::Assigned, keys, .. } => {
                    holders.hold(evidence, group, keys, process, op);
                }
                What::Rebalanced { keys, .. } => {
                    let taken: Vec<Key> = history.offsets(keys).map(|(key, _)| key).collect();
                    holders
                        .held
                        .retain(|(_, key), (holder, _)| *holder != process || !taken.contains(key));
                }
                What::Crashed | What::Closed | What::Subscribed { .. } => holders.release(process),
                _ => {}
            }
        }
        holders
    }

    pub(crate) fn of(&self, group: GroupId, key: Key) -> Option<OpId> {
        self.held.get(&(group, key)).map(|&(_, op)| op)
    }

    fn hold(
        &mut self,
        evidence: &Evidence<'_>,
        group: GroupId,
        keys: Offsets,
        process: ProcessId,
        op: OpId,
    ) {
        for (key, _) in evidence.history.offsets(keys) {
            self.held.insert((group, key), (process, op));
        }
    }

    fn release(&mut self, process: ProcessId) {
        self.held.retain(|_, (holder, _)| *holder != process);
    }
}
