//! What is built: brokers, controllers and topics.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Settings;

/// The brokers and the controllers that govern them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Cluster {
    /// The number of brokers; their ids are 1, 2, 3, ...
    #[schemars(range(min = 1))]
    pub brokers: u32,
    /// The number of KRaft controllers. One is modelled today.
    #[schemars(range(min = 1, max = 1))]
    pub controllers: u32,
    /// Kafka's broker keys, `"min.insync.replicas" = 2`.
    #[serde(skip_serializing_if = "Settings::is_empty")]
    pub config: Settings,
    /// Kafka's feature levels, `"eligible.leader.replicas.version" = 0`.
    #[serde(skip_serializing_if = "Settings::is_empty")]
    pub features: Settings,
}

impl Default for Cluster {
    fn default() -> Self {
        Self {
            brokers: 3,
            controllers: 1,
            config: Settings::default(),
            features: Settings::default(),
        }
    }
}

/// A topic that is there from the start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Topic {
    /// The topic's name.
    pub name: String,
    /// The number of partitions.
    #[serde(default = "one")]
    #[schemars(range(min = 1))]
    pub partitions: u32,
    /// The number of replicas of each partition; at most the number of brokers.
    #[serde(default = "three")]
    #[schemars(range(min = 1))]
    pub replication_factor: u32,
    /// Kafka's topic keys, `"flush.messages" = 1`.
    #[serde(default, skip_serializing_if = "Settings::is_empty")]
    pub config: Settings,
}

const fn one() -> u32 {
    1
}

const fn three() -> u32 {
    3
}
