//! Feature levels of the whole cluster, as `kafka-features.sh` sets them. As Kafka's `Feature` enum.

use super::definition::{Kind, Valid};
use super::error::{ConfigError, Warning};
use super::parse::{Given, config_table};
use super::scope::Scope;
use super::unmodelled::{Unmodelled, keeps, unset};
use super::value::number;

config_table! {
    /// Which finalized features the cluster runs with.
    ClusterFeatures in Scope::Cluster;

    "eligible.leader.replicas.version" => eligible_leader_replicas_version: u32, Kind::Short, Some(number(1)),
        Valid::Between(0, 1),
        "`1` keeps the replicas that left the in-sync set below `min.insync.replicas` as eligible leaders",
        "Since 4.0 (KIP-966); `0` unless set before 4.1";
}

impl ClusterFeatures {
    /// No rule binds features to each other.
    fn apply_rules(&mut self, _given: &Given) -> Result<Vec<Warning>, ConfigError> {
        Ok(Vec::new())
    }
}

/// Features of Kafka that have no field.
pub(super) const UNMODELLED: &[Unmodelled] = &[
    unset("metadata.version", "the cluster speaks the newest version of every request"),
    keeps("kraft.version", number(1), "the one controller has no quorum to reconfigure"),
    keeps("transaction.version", number(2), "there are no transactions yet"),
    keeps(
        "group.version",
        number(1),
        "partitions are assigned by hand, so there is no rebalancing",
    ),
    unset("share.version", "there are no share groups"),
    unset("streams.version", "there are no streams groups"),
];
