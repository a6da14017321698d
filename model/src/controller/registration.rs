//! Which brokers are registered, under which incarnation and epoch, and what they may do (`ClusterControlManager`).

use std::collections::BTreeMap;

use crate::error_code::ErrorCode;
use crate::ids::{BrokerEpoch, BrokerId, MetadataOffset};
use crate::message::BrokerRegistrationRequest;
use crate::metadata::{BrokerState, MetadataRecord};

/// A broker as the metadata log knows it (`BrokerRegistration`).
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Registration {
    /// Names the process.
    pub incarnation: u64,
    /// Names the incarnation: the offset of its registration record.
    pub epoch: BrokerEpoch,
    /// What it may do.
    pub state: BrokerState,
}

impl Registration {
    /// Whether an applied part of the metadata log, up to `end_offset`, holds the registration itself.
    pub fn is_before(&self, end_offset: MetadataOffset) -> bool {
        self.epoch.0 < end_offset.0
    }
}

/// All registrations.
#[derive(Clone, Default, Debug)]
pub struct ClusterControl {
    registrations: BTreeMap<BrokerId, Registration>,
}

/// How a registration request is to be met.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum RegistrationOutcome {
    /// A live session belongs to another incarnation.
    Duplicate,
    /// This incarnation is registered already: a retry. Kafka writes an amended record; here nothing could differ.
    Known(BrokerEpoch),
    /// A new incarnation.
    New {
        /// The incarnation before stopped without having said so: what it had may be gone (KIP-966).
        unclean_shutdown: bool,
    },
}

impl ClusterControl {
    /// The broker's registration, if it ever registered.
    pub fn registration(&self, broker: BrokerId) -> Option<&Registration> {
        self.registrations.get(&broker)
    }

    /// All registered brokers by id.
    pub fn registrations(&self) -> impl Iterator<Item = (BrokerId, &Registration)> {
        self.registrations.iter().map(|(broker, registration)| (*broker, registration))
    }

    /// Whether the broker may lead and be in sync.
    pub fn is_active(&self, broker: BrokerId) -> bool {
        self.registration(broker)
            .is_some_and(|registration| registration.state == BrokerState::Active)
    }

    /// The registration, if the request comes from the incarnation that is registered; else
    /// [`ErrorCode::StaleBrokerEpoch`].
    pub fn check_broker_epoch(
        &self,
        broker: BrokerId,
        epoch: BrokerEpoch,
    ) -> Result<Registration, ErrorCode> {
        self.registration(broker)
            .filter(|registration| registration.epoch == epoch)
            .copied()
            .ok_or(ErrorCode::StaleBrokerEpoch)
    }

    /// B1: how to meet a registration. The shutdown before was clean if the broker names the epoch that is registered.
    pub fn judge(
        &self,
        request: &BrokerRegistrationRequest,
        has_valid_session: bool,
    ) -> RegistrationOutcome {
        let Some(existing) = self.registration(request.broker) else {
            return RegistrationOutcome::New { unclean_shutdown: false };
        };
        if existing.incarnation == request.incarnation {
            return RegistrationOutcome::Known(existing.epoch);
        }
        if has_valid_session {
            return RegistrationOutcome::Duplicate;
        }
        RegistrationOutcome::New {
            unclean_shutdown: request.previous_broker_epoch != Some(existing.epoch),
        }
    }

    /// Applies a record; those about partitions do not concern registrations.
    ///
    /// # Panics
    /// If the state of a broker or incarnation changes that is not registered.
    pub fn replay(&mut self, record: &MetadataRecord) {
        match record {
            MetadataRecord::RegisterBroker { broker, incarnation, broker_epoch, .. } => {
                let registration = Registration {
                    incarnation: *incarnation,
                    epoch: *broker_epoch,
                    state: BrokerState::Fenced,
                };
                let before = self.registrations.insert(*broker, registration);
                assert!(
                    before.is_none_or(|before| before.epoch < *broker_epoch),
                    "W10: broker epochs grow"
                );
            }
            MetadataRecord::BrokerChange { broker, broker_epoch, state } => {
                let registration = self
                    .registrations
                    .get_mut(broker)
                    .expect("a change concerns a registered broker");
                assert_eq!(
                    registration.epoch, *broker_epoch,
                    "a change concerns the registered incarnation"
                );
                registration.state = *state;
            }
            MetadataRecord::Partition(..) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BROKER: BrokerId = BrokerId(1);

    fn registered() -> ClusterControl {
        let mut cluster = ClusterControl::default();
        cluster.replay(&MetadataRecord::RegisterBroker {
            broker: BROKER,
            incarnation: 10,
            broker_epoch: BrokerEpoch(3),
            unclean_shutdown: false,
        });
        cluster
    }

    fn request(incarnation: u64, previous: Option<u64>) -> BrokerRegistrationRequest {
        BrokerRegistrationRequest {
            broker: BROKER,
            incarnation,
            previous_broker_epoch: previous.map(BrokerEpoch),
        }
    }

    #[test]
    fn b1_another_incarnation_waits_for_the_session_to_end() {
        let cluster = registered();
        assert_eq!(cluster.judge(&request(11, None), true), RegistrationOutcome::Duplicate);
        assert_eq!(
            cluster.judge(&request(11, None), false),
            RegistrationOutcome::New { unclean_shutdown: true }
        );
    }

    #[test]
    fn b1_a_retry_keeps_its_epoch() {
        assert_eq!(
            registered().judge(&request(10, None), true),
            RegistrationOutcome::Known(BrokerEpoch(3))
        );
    }

    #[test]
    fn a_shutdown_is_clean_if_the_broker_knows_its_last_epoch() {
        let cluster = registered();
        assert_eq!(
            cluster.judge(&request(11, Some(3)), false),
            RegistrationOutcome::New { unclean_shutdown: false }
        );
        assert_eq!(
            cluster.judge(&request(11, Some(2)), false),
            RegistrationOutcome::New { unclean_shutdown: true }
        );
    }

    #[test]
    fn a_new_incarnation_is_fenced_until_it_is_told_otherwise() {
        let mut cluster = registered();
        assert!(!cluster.is_active(BROKER));
        let broker_epoch = BrokerEpoch(3);
        cluster.replay(&MetadataRecord::BrokerChange {
            broker: BROKER,
            broker_epoch,
            state: BrokerState::Active,
        });
        assert!(cluster.is_active(BROKER));
    }

    #[test]
    fn a_stale_or_unknown_broker_is_told_so() {
        let cluster = registered();
        assert!(cluster.check_broker_epoch(BROKER, BrokerEpoch(3)).is_ok());
        assert_eq!(
            cluster.check_broker_epoch(BROKER, BrokerEpoch(2)),
            Err(ErrorCode::StaleBrokerEpoch)
        );
        assert_eq!(
            cluster.check_broker_epoch(BrokerId(2), BrokerEpoch(3)),
            Err(ErrorCode::StaleBrokerEpoch)
        );
    }
}
