//! What the configuration promised. Judges find the same things whatever the contract; it only says which of them the
//! configuration permits, and names the setting that does.

use crate::anomaly::{AnomalyKind, Severity};
use crate::history::Isolation;
use serde::{Deserialize, Serialize};

/// The settings that decide what may happen to a record. The default is Kafka's own defaults, but for
/// `auto_commit`.
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
    /// Whether brokers flush every message before they count it as written (`flush.messages=1`).
    pub flush_every_message: bool,
    /// Whether the machines of all replicas may lose power at once: an assumption about the world, not a setting.
    pub correlated_power_loss: bool,
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
    /// How long the log may take to serve again once all faults are over, in milliseconds.
    pub recovery_ms: u64,
    /// The consumers' `isolation.level`. A history that tells it itself is believed as to what its consumers did.
    pub isolation: Isolation,
    /// The topics' `cleanup.policy`.
    pub cleanup_policy: CleanupPolicy,
    /// `enable.auto.commit`: consumers commit by themselves, and not all that they commit need be recorded. It is Kafka's
    /// default and not the contract's: who records commits mostly makes them.
    pub auto_commit: bool,
    /// What an order of all transactions is promised to agree with.
    pub transaction_order: TransactionOrder,
    /// Whether cycles with anti-dependencies are looked for although nobody promised that there are none.
    pub anti_dependencies: bool,
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

/// The `cleanup.policy` setting of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CleanupPolicy {
    /// Old segments are deleted, by `retention.ms` and `retention.bytes`.
    Delete,
    /// Of records with one key, all but the last may go.
    Compact,
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

/// What transactions can be put in one order by; each promises what those before it do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TransactionOrder {
    /// Whoever reads from a transaction comes after it: all that Kafka promises.
    Reads,
    /// So does whoever's record lies behind one of its records (Adya's PL-2).
    Writes,
    /// So does whoever wrote what it did not see when it read to a log's end (PL-3).
    Serializable,
}

impl Default for Contract {
    fn default() -> Self {
        Contract {
            acks: Acks::All,
            min_insync_replicas: 1,
            replication_factor: 1,
            unclean_leader_election: false,
            flush_every_message: false,
            correlated_power_loss: false,
            idempotence: true,
            retries: true,
            max_in_flight: 5,
            auto_offset_reset: AutoOffsetReset::Latest,
            delivery: Delivery::AtLeastOnce,
            recovery_ms: Self::DEFAULT_RECOVERY_MS,
            isolation: Isolation::ReadUncommitted,
            cleanup_policy: CleanupPolicy::Delete,
            auto_commit: false,
            transaction_order: TransactionOrder::Reads,
            anti_dependencies: false,
        }
    }
}

impl Contract {
    /// A minute: enough for Kafka's own time-outs (`broker.session.timeout.ms`, `request.timeout.ms`) one after another.
    pub const DEFAULT_RECOVERY_MS: u64 = 60_000;

    /// Whether an anomaly of this kind makes its property invalid: all do that
    /// [break it anywhere](AnomalyKind::breaks_its_property), and cycles of transactions that were promised an order do.
    #[must_use]
    pub fn breaks(&self, kind: AnomalyKind) -> bool {
        let orders = |order| self.transaction_order >= order;
        match kind {
            AnomalyKind::WriteCycle | AnomalyKind::InformationFlowCycle => {
                orders(TransactionOrder::Writes)
            }
            AnomalyKind::ReadSkew | AnomalyKind::AntiDependencyCycle => {
                orders(TransactionOrder::Serializable)
            }
            _ => kind.breaks_its_property(),
        }
    }

    /// Whether cycles with anti-dependencies are looked for.
    pub(crate) fn asks_for_anti_dependencies(&self) -> bool {
        self.anti_dependencies || self.transaction_order == TransactionOrder::Serializable
    }

    /// How bad an anomaly of this kind is under this contract, and the setting that permits it, if one does.
    #[must_use]
    pub fn weigh(&self, kind: AnomalyKind) -> (Severity, Option<&'static str>) {
        let permission = self.permission(kind);
        let severity = match (self.breaks(kind), &permission) {
            (false, _) => Severity::Info,
            (true, Some(_)) => Severity::Warning,
            (true, None) => Severity::Error,
        };
        (severity, permission.map(|permission| permission.setting))
    }

    /// What permits an anomaly of this kind under this contract, if anything does.
    #[must_use]
    pub fn permission(&self, kind: AnomalyKind) -> Option<Permission> {
        use AnomalyKind as K;
        match kind {
            K::LostWrite | K::Hole | K::TruncatedTail | K::DrainedUnseen => self.loss(),
            K::Divergence | K::AckedOffsetConflict | K::UnstableRead => self.loss(),
            K::BackdatedAppend | K::StaleEnd | K::LogStartRegression => self.loss(),
            K::TornTransaction | K::LostTransaction => self.loss(),
            K::WriteCycle | K::InformationFlowCycle | K::ReadSkew | K::AntiDependencyCycle => {
                (!self.breaks(kind)).then_some(SIDE_BY_SIDE)
            }
            K::EarlyRead | K::AbortedTransactionRead | K::AbortedVisible | K::ReadCycle => {
                (self.isolation == Isolation::ReadUncommitted).then_some(UNCOMMITTED)
            }
            K::Duplicate => (!self.idempotence && self.retries).then_some(DUPLICATE),
            K::OutOfOrder => {
                (!self.idempotence && self.retries && self.max_in_flight > 1).then_some(REORDERED)
            }
            K::LateAppend => (!self.idempotence).then_some(OVERTAKEN),
            K::SkippedByReset => {
                (self.auto_offset_reset == AutoOffsetReset::Latest).then_some(RESET)
            }
            K::GroupSkip | K::CommitBeyondProcessing => match self.delivery {
                Delivery::AtMostOnce => Some(SKIPPED),
                Delivery::AtLeastOnce => self.unclean_leader_election.then_some(UNCLEAN),
            },
            K::GroupRedelivery => (self.delivery == Delivery::AtLeastOnce).then_some(REDELIVERED),
            K::MessageKeyMoved | K::OwnershipOverlap | K::FencingViolation => None,
            K::PollSkip | K::NonmonotonicPoll | K::InternalSkip | K::InternalNonmonotonic => {
                self.unclean_leader_election.then_some(UNCLEAN)
            }
            K::CommittedOffsetRegression | K::PhantomCommit | K::StartBeyondCommit => None,
            K::CommitBeyondDelivery => None,
            K::LastStableOffsetPassed => None,
            K::DoubleProcessing | K::SkippedInput | K::OffsetWithoutOutput => {
                self.unclean_leader_election.then_some(UNCLEAN)
            }
            K::DuplicateOutput | K::MissingOutput => {
                self.unclean_leader_election.then_some(UNCLEAN)
            }
            K::ZombieWrite | K::FencedCommit | K::TransactionInterleaving => None,
            K::SequenceGap => match self.idempotence {
                true => self.loss(),
                false => Some(DUPLICATE),
            },
            K::SequenceDuplicate => (!self.idempotence).then_some(DUPLICATE),
            K::Phantom | K::Corrupt | K::WrongPartition | K::AbortedRead | K::ReadBeforeSend => {
                None
            }
            K::HighWatermarkRegression | K::BoundsDisorder | K::ReadBeyondBound => None,
            K::StuckPartition | K::StuckGroup => None,
        }
    }

    fn loss(&self) -> Option<Permission> {
        match self.acks {
            Acks::Zero => Some(ACKS_ZERO),
            Acks::One => Some(ACKS_ONE),
            Acks::All if self.unclean_leader_election => Some(UNCLEAN),
            Acks::All if self.min_insync_replicas == 1 => Some(ONE_REPLICA),
            Acks::All if self.correlated_power_loss && !self.flush_every_message => Some(UNFLUSHED),
            Acks::All => None,
        }
    }
}

/// A setting that permits an anomaly, and what would prevent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permission {
    /// The setting, as in a configuration file where that can be.
    pub setting: &'static str,
    /// The smallest change that prevents the anomaly, to be read after the setting.
    pub prevented_by: &'static str,
}

const ACKS_ZERO: Permission =
    Permission { setting: "acks=0", prevented_by: "acks=all with min.insync.replicas=2" };
const ACKS_ONE: Permission =
    Permission { setting: "acks=1", prevented_by: "acks=all with min.insync.replicas=2" };
const UNCLEAN: Permission = Permission {
    setting: "unclean.leader.election.enable=true",
    prevented_by: "unclean.leader.election.enable=false",
};
const OVERTAKEN: Permission = Permission {
    setting: "enable.idempotence=false",
    prevented_by: "enable.idempotence=true, with which a broker refuses what comes out of sequence",
};
const ONE_REPLICA: Permission =
    Permission { setting: "min.insync.replicas=1", prevented_by: "min.insync.replicas=2" };
const UNFLUSHED: Permission = Permission {
    setting: "flush.messages above 1 while power fails everywhere at once",
    prevented_by: "flush.messages=1",
};
const DUPLICATE: Permission =
    Permission { setting: "enable.idempotence=false", prevented_by: "enable.idempotence=true" };
const REORDERED: Permission = Permission {
    setting: "max.in.flight.requests.per.connection above 1 without idempotence",
    prevented_by: "enable.idempotence=true, which keeps the order of up to 5 requests in flight",
};
const RESET: Permission =
    Permission { setting: "auto.offset.reset=latest", prevented_by: "auto.offset.reset=earliest" };
const SIDE_BY_SIDE: Permission = Permission {
    setting: "transactions that run side by side",
    prevented_by: "one transactional producer at a time",
};
const UNCOMMITTED: Permission = Permission {
    setting: "isolation.level=read_uncommitted",
    prevented_by: "isolation.level=read_committed",
};
const SKIPPED: Permission =
    Permission { setting: "commit before processing", prevented_by: "commit after processing" };
const REDELIVERED: Permission = Permission {
    setting: "at-least-once delivery",
    prevented_by: "committing offsets together with the results",
};

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
    fn power_lost_everywhere_excuses_a_loss_only_without_flushes() {
        let replicated =
            Contract { min_insync_replicas: 2, replication_factor: 3, ..Contract::default() };
        let dark = Contract { correlated_power_loss: true, ..replicated };
        assert_eq!(dark.permission(AnomalyKind::Hole), Some(UNFLUSHED));
        let flushed = Contract { flush_every_message: true, ..dark };
        assert_eq!(flushed.permission(AnomalyKind::Hole), None);
    }

    #[test]
    fn redelivery_breaks_a_promise_only_of_an_at_most_once_application() {
        let (severity, allowed_by) = Contract::default().weigh(AnomalyKind::GroupRedelivery);
        assert_eq!((severity, allowed_by), (Severity::Warning, Some("at-least-once delivery")));
        let careful = Contract { delivery: Delivery::AtMostOnce, ..Contract::default() };
        assert_eq!(careful.weigh(AnomalyKind::GroupRedelivery), (Severity::Error, None));
    }

    #[test]
    fn cycles_of_transactions_break_the_order_that_was_promised() {
        let weigh = |transaction_order, kind| {
            Contract { transaction_order, ..Contract::default() }.weigh(kind).0
        };
        let kinds =
            [AnomalyKind::WriteCycle, AnomalyKind::InformationFlowCycle, AnomalyKind::ReadSkew];
        let (info, error) = (Severity::Info, Severity::Error);
        for (order, expected) in [
            (TransactionOrder::Reads, [info, info, info]),
            (TransactionOrder::Writes, [error, error, info]),
            (TransactionOrder::Serializable, [error, error, error]),
        ] {
            assert_eq!(kinds.map(|kind| weigh(order, kind)), expected);
        }
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
