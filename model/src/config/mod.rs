//! Kafka's configuration: its keys, types, defaults and ranges, parsed into one struct per kind of configuration.
//!
//! ```text
//! pairs from a scenario file   "min.insync.replicas" = 2
//!        |  known key?  right type?  in range?       definition, unmodelled, nearest
//!        v
//! typed struct + warnings, or the first error        broker, topic, producer, consumer, cluster
//! ```
//!
//! A key is in one of four states: modelled (a [`Definition`], a typed field), known to Kafka but not modelled (an
//! [`Unmodelled`] with the one value a trial behaves like), a setting of another scope, or unknown. Nothing that is
//! given is ever dropped in silence. Defaults and ranges are those of Kafka 4.x; where Kafka sets no lower bound,
//! or a lower one than its scheduler bears, and a smaller number would mean nothing (an interval of zero, a negative
//! time-out), ktrial sets one.

mod broker;
mod cluster;
mod consumer;
mod definition;
mod error;
mod nearest;
mod parse;
mod producer;
mod scope;
#[cfg(test)]
mod tests;
mod topic;
mod unmodelled;
mod value;

pub use broker::BrokerConfig;
pub use cluster::ClusterFeatures;
pub use consumer::{AutoOffsetReset, ConsumerConfig};
pub use definition::{Definition, Kind, Valid};
pub use error::{ConfigError, Warning};
pub use parse::{Config, Given};
pub use producer::{Acks, ProducerConfig};
pub use scope::Scope;
pub use topic::{TOPIC_SYNONYMS, TopicConfig};
pub use unmodelled::{Simulated, Unmodelled};
pub use value::{ConfigValue, Setting};
