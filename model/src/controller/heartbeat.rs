//! The brokers' sessions: when each was last heard of, how far it has read, what its heartbeat makes of its state
//! (`BrokerHeartbeatManager`).
//!
//! Sessions are soft state of the controller: they are not in the metadata log, so after a restart every unfenced broker
//! has a full session time-out again. Time is the controller's monotonic clock.

use std::collections::BTreeMap;

use ktrial_sim::time::{Duration, Instant};

use crate::ids::{BrokerId, MetadataOffset};
use crate::message::BrokerHeartbeatRequest;
use crate::metadata::BrokerState;

use super::registration::{ClusterControl, Registration};

/// One broker's session.
#[derive(Copy, Clone, Debug)]
struct Session {
    last_contact: Instant,
    /// End of what the broker has applied of the metadata log.
    metadata_offset: MetadataOffset,
    /// End of the metadata log when the broker's controlled shutdown began; others have to get there before it may stop.
    controlled_shutdown_offset: Option<MetadataOffset>,
}

/// All sessions.
#[derive(Clone, Debug)]
pub struct Sessions {
    session_timeout: Duration,
    sessions: BTreeMap<BrokerId, Session>,
}

/// What a broker shall be after its heartbeat (`BrokerControlState`).
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum NextState {
    /// As the registration says.
    Stay(BrokerState),
    /// Its state changes.
    Become(BrokerState),
    /// It may stop; it is fenced if it is not yet.
    ShutdownNow,
}

impl Sessions {
    /// No sessions; each will last `session_timeout` (`broker.session.timeout.ms`) after a sign of life.
    pub fn new(session_timeout: Duration) -> Self {
        Sessions { session_timeout, sessions: BTreeMap::new() }
    }

    /// A sign of life, or a new session. A fenced broker is in no controlled shutdown.
    pub fn touch(
        &mut self,
        broker: BrokerId,
        now: Instant,
        fenced: bool,
        metadata_offset: MetadataOffset,
    ) {
        let controlled_shutdown_offset = self
            .sessions
            .get(&broker)
            .and_then(|session| session.controlled_shutdown_offset)
            .filter(|_| !fenced);
        let session = Session { last_contact: now, metadata_offset, controlled_shutdown_offset };
        self.sessions.insert(broker, session);
    }

    /// A new incarnation begins a session of its own.
    pub fn begin(&mut self, broker: BrokerId, now: Instant) {
        self.sessions.remove(&broker);
        self.touch(broker, now, true, MetadataOffset(0));
    }

    /// The broker's controlled shutdown began when the log ended at `end_offset`; only the first call counts.
    pub fn enter_controlled_shutdown(&mut self, broker: BrokerId, end_offset: MetadataOffset) {
        if let Some(session) = self.sessions.get_mut(&broker) {
            session.controlled_shutdown_offset.get_or_insert(end_offset);
        }
    }

    /// Whether an unfenced broker was heard of lately. A fenced one has no session to defend.
    pub fn has_valid_session(
        &self,
        broker: BrokerId,
        registration: &Registration,
        now: Instant,
    ) -> bool {
        registration.state != BrokerState::Fenced
            && self
                .sessions
                .get(&broker)
                .is_some_and(|session| now <= session.last_contact + self.session_timeout)
    }

    /// B3: the unfenced broker that was silent for longest, if longer than a session lasts.
    pub fn stale_broker(&self, cluster: &ClusterControl, now: Instant) -> Option<BrokerId> {
        cluster
            .registrations()
            .filter(|(_, registration)| registration.state != BrokerState::Fenced)
            .filter(|(broker, registration)| !self.has_valid_session(*broker, registration, now))
            .map(|(broker, _)| broker)
            .min_by_key(|broker| self.sessions.get(broker).map(|session| session.last_contact))
    }

    /// B4: what the heartbeat of a broker makes of its state.
    pub fn next_state(
        &self,
        request: &BrokerHeartbeatRequest,
        registration: &Registration,
        cluster: &ClusterControl,
        leads_any: bool,
    ) -> NextState {
        let (want_fence, want_shutdown) = (request.want_fence, request.want_shutdown);
        match registration.state {
            BrokerState::Fenced if want_shutdown => NextState::ShutdownNow,
            BrokerState::Fenced
                if !want_fence && registration.is_before(request.metadata_offset) =>
            {
                NextState::Become(BrokerState::Active)
            }
            BrokerState::Active if want_shutdown && (want_fence || !leads_any) => {
                NextState::ShutdownNow
            }
            BrokerState::Active if want_fence => NextState::Become(BrokerState::Fenced),
            BrokerState::Active if want_shutdown => {
                NextState::Become(BrokerState::InControlledShutdown)
            }
            BrokerState::InControlledShutdown
                if !leads_any && self.others_know_of_shutdown(request.broker, cluster) =>
            {
                NextState::ShutdownNow
            }
            state @ (BrokerState::Fenced
            | BrokerState::Active
            | BrokerState::InControlledShutdown) => NextState::Stay(state),
        }
    }

    /// Whether every active broker has read the log up to where the controlled shutdown began.
    fn others_know_of_shutdown(&self, broker: BrokerId, cluster: &ClusterControl) -> bool {
        let began =
            self.sessions.get(&broker).and_then(|session| session.controlled_shutdown_offset);
        let lowest = self
            .sessions
            .iter()
            .filter(|(broker, _)| cluster.is_active(**broker))
            .map(|(_, session)| session.metadata_offset)
            .min();
        lowest.is_none_or(|lowest| began.is_none_or(|began| began <= lowest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::BrokerEpoch;
    use crate::metadata::MetadataRecord;

    const TIMEOUT: Duration = Duration::from_secs(9);

    fn at_secs(secs: u64) -> Instant {
        Instant::START + Duration::from_secs(secs)
    }

    /// Brokers 1 and 2 in the given states with epochs 1 and 2, heard of at 0 s and 5 s, having read 10 records.
    fn two_brokers(states: [BrokerState; 2]) -> (Sessions, ClusterControl) {
        let (mut sessions, mut cluster) = (Sessions::new(TIMEOUT), ClusterControl::default());
        for (id, state) in [1, 2].into_iter().zip(states) {
            let (broker, broker_epoch) = (BrokerId(id), BrokerEpoch(u64::from(id)));
            cluster.replay(&MetadataRecord::RegisterBroker {
                broker,
                incarnation: 0,
                broker_epoch,
                unclean_shutdown: false,
            });
            cluster.replay(&MetadataRecord::BrokerChange { broker, broker_epoch, state });
            let fenced = state == BrokerState::Fenced;
            sessions.touch(broker, at_secs(5 * (u64::from(id) - 1)), fenced, MetadataOffset(10));
        }
        (sessions, cluster)
    }

    fn heartbeat(
        want_fence: bool,
        want_shutdown: bool,
        metadata_offset: u64,
    ) -> BrokerHeartbeatRequest {
        BrokerHeartbeatRequest {
            broker: BrokerId(1),
            broker_epoch: BrokerEpoch(1),
            metadata_offset: MetadataOffset(metadata_offset),
            want_fence,
            want_shutdown,
        }
    }

    fn next(state: BrokerState, request: BrokerHeartbeatRequest, leads_any: bool) -> NextState {
        let (sessions, cluster) = two_brokers([state, BrokerState::Active]);
        let registration = *cluster.registration(BrokerId(1)).expect("registered");
        sessions.next_state(&request, &registration, &cluster, leads_any)
    }

    #[test]
    fn b3_only_the_longest_silent_broker_is_stale() {
        let (sessions, cluster) = two_brokers([BrokerState::Active, BrokerState::Active]);
        assert_eq!(
            sessions.stale_broker(&cluster, at_secs(9)),
            None,
            "the session lasts to its last instant"
        );
        assert_eq!(sessions.stale_broker(&cluster, at_secs(10)), Some(BrokerId(1)));
        assert_eq!(
            sessions.stale_broker(&cluster, at_secs(60)),
            Some(BrokerId(1)),
            "one at a time"
        );
    }

    #[test]
    fn b3_a_fenced_broker_is_never_stale_and_defends_no_session() {
        let (sessions, cluster) = two_brokers([BrokerState::Fenced, BrokerState::Active]);
        assert_eq!(sessions.stale_broker(&cluster, at_secs(13)), None);
        let registration = cluster.registration(BrokerId(1)).expect("registered");
        assert!(!sessions.has_valid_session(BrokerId(1), registration, at_secs(0)));
    }

    #[test]
    fn b4_a_fenced_broker_is_unfenced_once_it_has_read_its_own_registration() {
        use BrokerState::{Active, Fenced};
        assert_eq!(next(Fenced, heartbeat(false, false, 1), false), NextState::Stay(Fenced));
        assert_eq!(next(Fenced, heartbeat(false, false, 2), false), NextState::Become(Active));
        assert_eq!(next(Fenced, heartbeat(true, false, 2), false), NextState::Stay(Fenced));
        assert_eq!(next(Fenced, heartbeat(false, true, 2), false), NextState::ShutdownNow);
    }

    #[test]
    fn b4_an_active_broker_hands_over_before_it_stops() {
        use BrokerState::{Active, Fenced, InControlledShutdown};
        assert_eq!(next(Active, heartbeat(false, false, 9), true), NextState::Stay(Active));
        assert_eq!(next(Active, heartbeat(true, false, 9), true), NextState::Become(Fenced));
        assert_eq!(
            next(Active, heartbeat(false, true, 9), true),
            NextState::Become(InControlledShutdown)
        );
        assert_eq!(next(Active, heartbeat(false, true, 9), false), NextState::ShutdownNow);
        assert_eq!(next(Active, heartbeat(true, true, 9), true), NextState::ShutdownNow);
    }

    #[test]
    fn b4_a_controlled_shutdown_ends_when_the_others_know() {
        let (mut sessions, cluster) =
            two_brokers([BrokerState::InControlledShutdown, BrokerState::Active]);
        let registration = *cluster.registration(BrokerId(1)).expect("registered");
        sessions.enter_controlled_shutdown(BrokerId(1), MetadataOffset(11));
        sessions.enter_controlled_shutdown(BrokerId(1), MetadataOffset(99));
        let next = |sessions: &Sessions, leads_any| {
            sessions.next_state(&heartbeat(false, true, 12), &registration, &cluster, leads_any)
        };
        assert_eq!(next(&sessions, false), NextState::Stay(BrokerState::InControlledShutdown));
        sessions.touch(BrokerId(2), at_secs(6), false, MetadataOffset(11));
        assert_eq!(next(&sessions, true), NextState::Stay(BrokerState::InControlledShutdown));
        assert_eq!(next(&sessions, false), NextState::ShutdownNow);
    }
}
