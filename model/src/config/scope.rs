//! Whose setting a configuration key is.

use std::fmt;

/// Whose setting a key is. The same key may exist in several scopes with different defaults (`fetch.max.bytes`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// `server.properties`: brokers, the controller, and the defaults of topics.
    Broker,
    /// Overrides of one topic.
    Topic,
    /// A producer client.
    Producer,
    /// A consumer client.
    Consumer,
    /// Feature levels of the whole cluster, as `kafka-features.sh` sets them.
    Cluster,
}

impl Scope {
    /// Every scope, in the order they are printed.
    pub const ALL: [Self; 5] =
        [Self::Broker, Self::Topic, Self::Producer, Self::Consumer, Self::Cluster];
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Broker => "broker",
            Self::Topic => "topic",
            Self::Producer => "producer",
            Self::Consumer => "consumer",
            Self::Cluster => "cluster",
        })
    }
}
