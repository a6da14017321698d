//! What a leader knows of one follower. As `Replica` with its `ReplicaState`.

use ktrial_sim::time::{Duration, Instant};

use crate::ids::{BrokerEpoch, BrokerId, Offset};

/// A follower as its leader sees it, through its fetches.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Replica {
    broker: BrokerId,
    /// Where it last fetched, which is proof of everything below; `None` until it fetches in this leadership.
    log_end_offset: Option<Offset>,
    /// The leader's log end offset at its last fetch.
    last_fetch_leader_log_end_offset: Offset,
    last_fetch: Option<Instant>,
    /// When it last had everything the leader had.
    last_caught_up: Option<Instant>,
    /// The incarnation that fetched last.
    broker_epoch: Option<BrokerEpoch>,
}

impl Replica {
    /// A follower that has not fetched yet.
    pub(super) fn new(broker: BrokerId) -> Self {
        Replica {
            broker,
            log_end_offset: None,
            last_fetch_leader_log_end_offset: Offset::ZERO,
            last_fetch: None,
            last_caught_up: None,
            broker_epoch: None,
        }
    }

    /// Where it is.
    pub fn broker(&self) -> BrokerId {
        self.broker
    }

    /// Its log end offset as of its last fetch.
    pub fn log_end_offset(&self) -> Option<Offset> {
        self.log_end_offset
    }

    /// The incarnation of its broker that fetched last.
    pub fn broker_epoch(&self) -> Option<BrokerEpoch> {
        self.broker_epoch
    }

    /// Counts a fetch at `fetch_offset` by `broker_epoch` while the leader's log ended at `leader_end_offset` (F4). A
    /// follower that asks for what the leader had at its fetch before counts as caught up since then: it need not reach
    /// the end of a log that grows all the time.
    pub(super) fn fetched(
        &mut self,
        fetch_offset: Offset,
        leader_end_offset: Offset,
        broker_epoch: BrokerEpoch,
        now: Instant,
    ) {
        if fetch_offset >= leader_end_offset {
            self.last_caught_up = self.last_caught_up.max(Some(now));
        } else if fetch_offset >= self.last_fetch_leader_log_end_offset {
            self.last_caught_up = self.last_caught_up.max(self.last_fetch);
        }
        self.log_end_offset = Some(fetch_offset);
        self.last_fetch_leader_log_end_offset =
            self.last_fetch_leader_log_end_offset.max(leader_end_offset);
        self.last_fetch = Some(now);
        self.broker_epoch = Some(broker_epoch);
    }

    /// A new leader knows nothing of it but whether it is in sync, which counts as caught up now.
    pub(super) fn reset_for_new_leader(&mut self, is_in_sync: bool, now: Instant) {
        *self = Replica { last_caught_up: is_in_sync.then_some(now), ..Replica::new(self.broker) };
    }

    /// A leader that is elected again, in a new epoch that begins at `leader_end_offset`, keeps what it knows of it.
    pub(super) fn reset_for_new_epoch(
        &mut self,
        is_in_sync: bool,
        leader_end_offset: Offset,
        now: Instant,
    ) {
        self.last_fetch_leader_log_end_offset = leader_end_offset;
        self.last_fetch = is_in_sync.then_some(now);
        self.last_caught_up = is_in_sync.then_some(now);
    }

    /// Whether it has everything, or had it at some time within `lag_time_max`.
    pub(super) fn is_caught_up(
        &self,
        leader_end_offset: Offset,
        lag_time_max: Duration,
        now: Instant,
    ) -> bool {
        self.log_end_offset == Some(leader_end_offset)
            || self.last_caught_up.is_some_and(|last| now.since(last) <= lag_time_max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAG: Duration = Duration::from_millis(100);
    const EPOCH: BrokerEpoch = BrokerEpoch(7);

    fn at(millis: u64) -> Instant {
        Instant::START + Duration::from_millis(millis)
    }

    fn replica() -> Replica {
        Replica::new(BrokerId(2))
    }

    #[test]
    fn a_follower_that_never_fetched_is_not_caught_up() {
        assert!(!replica().is_caught_up(Offset(0), LAG, at(0)));
    }

    #[test]
    fn a_follower_at_the_leaders_end_is_caught_up_however_long_ago_it_fetched() {
        let mut replica = replica();
        replica.fetched(Offset(5), Offset(5), EPOCH, at(0));
        assert!(replica.is_caught_up(Offset(5), LAG, at(1_000)));
        assert!(!replica.is_caught_up(Offset(6), LAG, at(1_000)));
        assert!(replica.is_caught_up(Offset(6), LAG, at(100)));
    }

    #[test]
    fn a_follower_one_fetch_behind_a_growing_log_is_caught_up() {
        let mut replica = replica();
        replica.fetched(Offset(0), Offset(10), EPOCH, at(0));
        replica.fetched(Offset(10), Offset(20), EPOCH, at(90));
        assert!(replica.is_caught_up(Offset(20), LAG, at(100)), "caught up at 0 ms");
        assert!(!replica.is_caught_up(Offset(20), LAG, at(101)));
    }

    #[test]
    fn a_follower_that_fetches_without_progress_falls_behind() {
        let mut replica = replica();
        replica.reset_for_new_leader(true, at(0));
        for millis in [40, 80, 120] {
            replica.fetched(Offset(3), Offset(10), EPOCH, at(millis));
        }
        assert!(!replica.is_caught_up(Offset(10), LAG, at(161)));
    }

    #[test]
    fn a_new_leader_forgets_what_followers_had() {
        let mut replica = replica();
        replica.fetched(Offset(5), Offset(5), EPOCH, at(0));
        replica.reset_for_new_leader(false, at(1));
        assert_eq!((replica.log_end_offset(), replica.broker_epoch()), (None, None));
        assert!(!replica.is_caught_up(Offset(5), LAG, at(1)));
    }

    #[test]
    fn a_leader_elected_again_remembers_them() {
        let mut replica = replica();
        replica.fetched(Offset(5), Offset(5), EPOCH, at(0));
        replica.reset_for_new_epoch(true, Offset(8), at(1));
        assert_eq!(
            (replica.log_end_offset(), replica.broker_epoch()),
            (Some(Offset(5)), Some(EPOCH))
        );
        assert!(replica.is_caught_up(Offset(8), LAG, at(101)));
    }

    #[test]
    fn a_followers_log_end_may_move_back() {
        let mut replica = replica();
        replica.fetched(Offset(5), Offset(5), EPOCH, at(0));
        replica.fetched(Offset(2), Offset(5), EPOCH, at(1));
        assert_eq!(replica.log_end_offset(), Some(Offset(2)));
    }
}
