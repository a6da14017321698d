//! When a leader's high watermark advances. As `Partition.maybeIncrementLeaderHW`.
//!
//! It is the smallest log end offset of the maximal ISR and of followers that are about to join it (KIP-497), and stands
//! still while the ISR is below `min.insync.replicas` (KIP-966). Unlike Raft, it does not ask for a record of the
//! current epoch (H3).

use super::{BrokerRegistrations, Partition, Replica};
use crate::ids::{BrokerEpoch, Offset};
use crate::log::Host;
use crate::metadata::BrokerState;
use crate::mutant::Mutant;
use crate::probe::Probe;

impl Partition {
    /// Advances the leader's high watermark if it may (H1, H2). Says whether it did; never on a follower.
    pub(super) fn maybe_increment_high_watermark(
        &mut self,
        brokers: &impl BrokerRegistrations,
        host: &mut impl Host,
    ) -> bool {
        if !self.is_leader() {
            return false;
        }
        if self.isr.committed().len() < self.effective_min_isr() {
            host.probe(Probe::HighWatermarkHeldByMinIsr);
            return false;
        }
        let Some(replicated) = self.replicated_offset(brokers, host) else { return false };
        let advanced = self.log.maybe_increment_high_watermark(replicated);
        if advanced {
            self.note_high_watermark(host);
        }
        advanced
    }

    /// What every replica that counts is known to have; `None` if one of them has not fetched yet.
    fn replicated_offset(
        &self,
        brokers: &impl BrokerRegistrations,
        host: &impl Host,
    ) -> Option<Offset> {
        let log_end_offset = self.log.log_end_offset();
        if self.config.mutation.is(Mutant::HighWatermarkFromLogEnd) {
            return Some(log_end_offset);
        }
        let mut replicated = log_end_offset;
        for follower in &self.followers {
            let is_behind = follower.log_end_offset().is_none_or(|end| end < replicated);
            if is_behind
                && (self.isr.is_in_maximal(follower.broker())
                    || self.may_join_soon(follower, brokers, host))
            {
                replicated = follower.log_end_offset()?;
            }
        }
        Some(replicated)
    }

    /// A follower out of the ISR that keeps up is waited for, lest the high watermark run ahead of it for ever.
    fn may_join_soon(
        &self,
        follower: &Replica,
        brokers: &impl BrokerRegistrations,
        host: &impl Host,
    ) -> bool {
        follower.is_caught_up(
            self.log.log_end_offset(),
            self.config.replica_lag_time_max,
            host.now(),
        ) && self.is_eligible(follower, brokers)
    }

    /// Whether the controller would let this incarnation of the follower into the ISR (KIP-841, KIP-903).
    pub(super) fn is_eligible(
        &self,
        follower: &Replica,
        brokers: &impl BrokerRegistrations,
    ) -> bool {
        self.config.mutation.is(Mutant::CountFencedFollower)
            || brokers.registration(follower.broker()).is_some_and(|(epoch, state)| {
                state == BrokerState::Active && is_incarnation(follower, epoch)
            })
    }
}

fn is_incarnation(follower: &Replica, registered: BrokerEpoch) -> bool {
    follower.broker_epoch() == Some(registered)
}
