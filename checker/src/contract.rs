//! What the configuration promised. Judges find the same things whatever the contract; it only says which of them the
//! configuration permits, and names the setting that does.

use crate::anomaly::{AnomalyKind, Severity};
use serde::{Deserialize, Serialize};

/// The settings that decide what may happen to a record. The default is Kafka's own defaults.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Contract {
    /// The producers' `acks`.
    pub acks: Acks,
    /// The topics' `min.insync.replicas`.
    pub min_insync_replicas: u32,
    /// The topics' replication factor.
    pub replication_factor: u32,
    /// `unclean.leader.election.enable`.
    pub unclean_leader_election: bool,
    /// Whether brokers flush every message before they count it as written (`log.flush.interval.messages=1`).
    pub flush_every_message: bool,
    /// The producers' `enable.idempotence`.
    pub idempotence: bool,
    /// The producers' `retries` is above 0.
    pub retries: bool,
    /// The producers' `max.in.flight.requests.per.connection`.
    pub max_in_flight: u32,
    /// The consumers' `auto.offset.reset`.
    pub auto_offset_reset: AutoOffsetReset,
    /// What the groups' application aims at.
    pub delivery: Delivery,
}

/// The `acks` setting of a producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Acks {
    /// `acks=0`: nobody confirms anything.
    #[serde(rename = "0")]
    Zero,
    /// `acks=1`: the leader has written it.
    #[serde(rename = "1")]
    One,
    /// `acks=all`: all in-sync replicas have written it.
    #[serde(rename = "all")]
    All,
}

/// The `auto.offset.reset` setting of a consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AutoOffsetReset {
    /// Start at the log's beginning.
    Earliest,
    /// Start at the log's end.
    Latest,
    /// Fail.
    None,
}

/// The delivery an application aims at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Delivery {
    /// Commit after processing: every record is processed, some twice.
    AtLeastOnce,
    /// Commit before processing: no record is processed twice, some never.
    AtMostOnce,
}

impl Default for Contract {
    fn default() -> Self {
        Contract {
            acks: Acks::All,
            min_insync_replicas: 1,
            replication_factor: 1,
            unclean_leader_election: false,
            flush_every_message: false,
            idempotence: true,
            retries: true,
            max_in_flight: 5,
            auto_offset_reset: AutoOffsetReset::Latest,
            delivery: Delivery::AtLeastOnce,
        }
    }
}

impl Contract {
    /// How bad an anomaly of this kind is under this contract, and the setting that permits it, if one does.
    #[must_use]
    pub fn weigh(&self, kind: AnomalyKind) -> (Severity, Option<&'static str>) {
        let allowed_by = self.allows(kind);
        let severity = match (kind.breaks_its_property(), allowed_by) {
            (false, _) => Severity::Info,
            (true, Some(_)) => Severity::Warning,
            (true, None) => Severity::Error,
        };
        (severity, allowed_by)
    }

    fn allows(&self, kind: AnomalyKind) -> Option<&'static str> {
        use AnomalyKind as K;
        match kind {
            K::LostWrite | K::Hole | K::TruncatedTail | K::DrainedUnseen => self.allows_loss(),
            K::Divergence | K::AckedOffsetConflict | K::UnstableRead => self.allows_loss(),
            K::Duplicate => {
                (!self.idempotence && self.retries).then_some("enable.idempotence=false")
            }
            K::OutOfOrder => self.allows_reordering(),
            K::SkippedByReset => (self.auto_offset_reset == AutoOffsetReset::Latest)
                .then_some("auto.offset.reset=latest"),
            K::GroupSkip | K::CommitBeyondProcessing => self.allows_skipping(),
            K::GroupRedelivery => {
                (self.delivery == Delivery::AtLeastOnce).then_some("at-least-once delivery")
            }
            K::CommittedOffsetRegression | K::CommitBeyondDelivery => None,
            K::PollSkip | K::NonmonotonicPoll => self.allows_unclean_election(),
            K::Phantom | K::Corrupt | K::WrongPartition | K::AbortedRead | K::ReadBeforeSend => {
                None
            }
        }
    }

    fn allows_loss(&self) -> Option<&'static str> {
        match self.acks {
            Acks::Zero => Some("acks=0"),
            Acks::One => Some("acks=1"),
            Acks::All if self.unclean_leader_election => {
                Some("unclean.leader.election.enable=true")
            }
            Acks::All if self.min_insync_replicas == 1 => Some("min.insync.replicas=1"),
            Acks::All => None,
        }
    }

    fn allows_reordering(&self) -> Option<&'static str> {
        let reorders = !self.idempotence && self.retries && self.max_in_flight > 1;
        reorders.then_some("max.in.flight.requests.per.connection above 1 without idempotence")
    }

    fn allows_skipping(&self) -> Option<&'static str> {
        match self.delivery {
            Delivery::AtMostOnce => Some("commit before processing"),
            Delivery::AtLeastOnce => self.allows_unclean_election(),
        }
    }

    fn allows_unclean_election(&self) -> Option<&'static str> {
        self.unclean_leader_election.then_some("unclean.leader.election.enable=true")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_names_the_setting_that_permits_it() {
        let safe =
            Contract { min_insync_replicas: 2, replication_factor: 3, ..Contract::default() };
        let weigh = |contract: &Contract| contract.weigh(AnomalyKind::LostWrite);
        assert_eq!(weigh(&safe), (Severity::Error, None));
        assert_eq!(
            weigh(&Contract { acks: Acks::One, ..safe.clone() }),
            (Severity::Warning, Some("acks=1"))
        );
        let lax = Contract { min_insync_replicas: 1, ..safe };
        assert_eq!(weigh(&lax), (Severity::Warning, Some("min.insync.replicas=1")));
    }

    #[test]
    fn redelivery_breaks_no_property_of_an_at_least_once_application() {
        let (severity, allowed_by) = Contract::default().weigh(AnomalyKind::GroupRedelivery);
        assert_eq!((severity, allowed_by), (Severity::Info, Some("at-least-once delivery")));
    }

    #[test]
    fn reordering_needs_two_requests_in_flight_and_no_idempotence() {
        let plain = Contract { idempotence: false, ..Contract::default() };
        assert_eq!(plain.weigh(AnomalyKind::OutOfOrder).0, Severity::Warning);
        assert_eq!(
            Contract { max_in_flight: 1, ..plain }.weigh(AnomalyKind::OutOfOrder).0,
            Severity::Error
        );
        assert_eq!(Contract::default().weigh(AnomalyKind::OutOfOrder).0, Severity::Error);
    }
}
