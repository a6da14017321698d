//! A leader's view of the in-sync replicas: what the controller has committed, and at most one change that it was asked
//! for. As `PartitionState` with `CommittedPartitionState`, `PendingExpandIsr` and `PendingShrinkIsr` (KIP-497).
//!
//! While a change is pending the leader counts the larger of the two sets, the *maximal* ISR: a follower about to join
//! already holds the high watermark back, and one about to leave still does.

use crate::ids::{BrokerEpoch, BrokerId};
use crate::message::AlterPartitionWish;

/// The in-sync replicas of a partition.
#[derive(Clone, Default, Debug)]
pub struct InSyncReplicas {
    committed: Vec<BrokerId>,
    pending: Option<Pending>,
}

/// A change that the controller was asked for.
#[derive(Clone, Debug)]
struct Pending {
    /// Who is about to join; `None` when some are about to leave.
    joining: Option<BrokerId>,
    wish: AlterPartitionWish,
}

impl InSyncReplicas {
    /// As the controller has them.
    pub(super) fn committed_as(committed: Vec<BrokerId>) -> Self {
        InSyncReplicas { committed, pending: None }
    }

    /// What the controller has committed.
    pub fn committed(&self) -> &[BrokerId] {
        &self.committed
    }

    /// Whether a change is pending.
    pub fn is_change_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// The committed set with who is about to join.
    pub fn maximal(&self) -> impl Iterator<Item = BrokerId> {
        self.committed.iter().copied().chain(self.joining())
    }

    /// How many are in the maximal ISR.
    pub fn maximal_len(&self) -> usize {
        self.committed.len() + usize::from(self.joining().is_some())
    }

    /// Whether `broker` is in the maximal ISR.
    pub fn is_in_maximal(&self, broker: BrokerId) -> bool {
        self.committed.contains(&broker) || self.joining() == Some(broker)
    }

    /// The change that is pending, if it is the one that `wish` asked for.
    pub(super) fn is_pending(&self, wish: &AlterPartitionWish) -> bool {
        self.pending.as_ref().is_some_and(|pending| pending.wish == *wish)
    }

    /// The controller is asked to let `joining` in.
    pub(super) fn propose_expand(&mut self, joining: BrokerId, wish: AlterPartitionWish) {
        assert!(!self.is_in_maximal(joining), "who joins is not in sync yet");
        self.propose(Some(joining), wish);
    }

    /// The controller is asked to let some go.
    pub(super) fn propose_shrink(&mut self, wish: AlterPartitionWish) {
        assert!(wish.new_isr.len() < self.committed.len(), "a shrunk set is smaller");
        self.propose(None, wish);
    }

    /// Takes the wished set for committed before it is; only a mutant does that.
    pub(super) fn presume_committed(&mut self) {
        if let Some(pending) = &self.pending {
            self.committed = pending
                .wish
                .new_isr
                .iter()
                .map(|&(broker, _): &(_, Option<BrokerEpoch>)| broker)
                .collect();
        }
    }

    /// The controller has refused: nothing is pending any more.
    pub(super) fn roll_back(&mut self) {
        self.pending = None;
    }

    fn propose(&mut self, joining: Option<BrokerId>, wish: AlterPartitionWish) {
        assert!(self.pending.is_none(), "one change at a time");
        self.pending = Some(Pending { joining, wish });
    }

    fn joining(&self) -> Option<BrokerId> {
        self.pending.as_ref()?.joining
    }
}
