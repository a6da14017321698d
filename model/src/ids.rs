//! Newtypes for every id, epoch and offset that must not be mixed up.
//!
//! Kafka writes "unknown" as -1; here it is `Option`, so that no arithmetic is done on it by mistake.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};

use ktrial_sim::node_id::NodeId;
use serde::{Deserialize, Serialize};

/// Defines a number that only compares and prints.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

/// Defines an epoch: a number that also has a successor.
macro_rules! epoch {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        id!($(#[$doc])* $name($inner));

        impl $name {
            /// The epoch after this one.
            pub fn next(self) -> Self {
                $name(self.0 + 1)
            }
        }
    };
}

id!(
    /// A broker's `node.id`. It is also the number of the simulated node the broker runs on.
    BrokerId(u16)
);
id!(
    /// A topic, by its place in the cluster's list; [`TopicId::CONSUMER_OFFSETS`] is always there.
    TopicId(u16)
);
id!(
    /// A consumer group, by its place in the cluster's list of groups.
    GroupId(u16)
);
id!(
    /// What a record says: unique within a trial, so that a checker can follow it. Stands for the record's value.
    RecordId(u64)
);
id!(
    /// A record's key. Its bytes are the key's decimal digits.
    RecordKey(u32)
);
epoch!(
    /// Counts the leaders of a partition (KIP-101). Stamped on every batch its leader appends.
    LeaderEpoch(u32)
);
epoch!(
    /// Counts every change of a partition's state at the controller; the version for compare-and-set (KIP-497).
    PartitionEpoch(u32)
);
id!(
    /// Names one incarnation of a broker: the offset of its registration record (KIP-380, KRaft).
    BrokerEpoch(u64)
);
id!(
    /// Offset in the controller's metadata log; exclusive when it is an end.
    MetadataOffset(u64)
);

impl BrokerId {
    /// The simulated node this broker runs on.
    pub fn node(self) -> NodeId {
        NodeId(self.0)
    }
}

impl TopicId {
    /// `__consumer_offsets`.
    pub const CONSUMER_OFFSETS: TopicId = TopicId(0);
}

/// A partition of a topic.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct TopicPartition {
    /// The topic.
    pub topic: TopicId,
    /// The partition's number within the topic, from 0.
    pub partition: u16,
}

impl TopicPartition {
    /// Partition `partition` of `topic`.
    pub const fn new(topic: TopicId, partition: u16) -> Self {
        TopicPartition { topic, partition }
    }
}

/// `t1-0`; names are known to the cluster's description only.
impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "t{}-{}", self.topic, self.partition)
    }
}

/// A record's place in a partition's log. As a bound (log end, high watermark) it is exclusive: the next offset.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Offset(pub u64);

impl Offset {
    /// The first offset of a log.
    pub const ZERO: Offset = Offset(0);
}

impl Add<u64> for Offset {
    type Output = Offset;
    fn add(self, count: u64) -> Offset {
        Offset(self.0 + count)
    }
}

impl AddAssign<u64> for Offset {
    fn add_assign(&mut self, count: u64) {
        self.0 += count;
    }
}

impl Sub for Offset {
    type Output = u64;
    /// How many offsets lie in `earlier..self`.
    ///
    /// # Panics
    /// If `earlier` is the later one.
    fn sub(self, earlier: Offset) -> u64 {
        self.0.checked_sub(earlier.0).expect("the earlier offset is not the later one")
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
