//! Newtypes for every id, epoch and offset that must not be mixed up.
//!
//! Kafka writes "unknown" as -1; here it is `Option`, so that no arithmetic is done on it by mistake.

use std::cmp::Ordering;
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

/// What a record says: unique within a trial, so that a checker can follow it. Stands for the record's value.
///
/// The number of its client's node, of that client's life and of the record within that life, all from 0, in 24, 8 and
/// 32 bits.
#[derive(
    Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct RecordId(pub u64);

impl RecordId {
    const NUMBER_BITS: u32 = 32;
    const LIFE_BITS: u32 = 8;

    /// The first record that a client's process sends.
    ///
    /// # Panics
    /// If the process is not among the first 256 of its client.
    pub fn first(client: NodeId, life: u32) -> Self {
        assert!(life < 1 << Self::LIFE_BITS, "life {life} of {client} fits a record id");
        let series = u64::from(client.0) << Self::LIFE_BITS | u64::from(life);
        RecordId(series << Self::NUMBER_BITS)
    }

    /// The process that sent it, as the upper half of the id.
    pub fn process(self) -> u32 {
        (self.0 >> Self::NUMBER_BITS) as u32
    }

    /// How many records its process had sent before it, the lower half of the id.
    pub fn number(self) -> u32 {
        self.0 as u32
    }

    /// What the process is called: `p5`, and `p5.2` in the second life of producer 5.
    pub fn process_name(self) -> String {
        let process = self.process();
        let (client, life) = (process >> Self::LIFE_BITS, process % (1 << Self::LIFE_BITS));
        if life == 0 { format!("p{client}") } else { format!("p{client}.{}", life + 1) }
    }
}

/// `p5#17`, with 17 records of producer 5 before it; `p5.2#17` in its second life.
impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.process_name(), self.number())
    }
}

/// A partition of a topic.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
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

    /// The place in the order of all partitions.
    #[inline]
    pub(crate) fn rank(self) -> u32 {
        u32::from(self.topic.0) << 16 | u32::from(self.partition)
    }
}

/// By topic, then number: the key of most maps, so it compares as one number.
impl Ord for TopicPartition {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl PartialOrd for TopicPartition {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_named_by_its_producer_and_its_number() {
        let first = RecordId::first(NodeId(5), 0);
        assert_eq!(first.to_string(), "p5#0");
        let later = RecordId(first.0 + 17);
        assert_eq!((later.to_string().as_str(), later.number()), ("p5#17", 17));
        assert_eq!(later.process(), first.process());
        assert_eq!(RecordId::first(NodeId(5), 1).to_string(), "p5.2#0");
    }

    #[test]
    #[should_panic(expected = "life 256 of n5 fits a record id")]
    fn ids_of_one_process_are_never_those_of_another() {
        RecordId::first(NodeId(5), 256);
    }
}
