//! The ids a history speaks in: small numbers, so that judges index vectors with them.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);
    };
}

id! {
    /// Nanoseconds since the start of the history.
    Time(u64)
}
id! {
    /// A topic-partition, as an index into [`History::keys`](crate::history::History::keys).
    Key(u32)
}
id! {
    /// A client across its restarts (its `client.id`), as an index into the history's clients.
    ClientId(u32)
}
id! {
    /// One life of a client, from start to crash or close: what a producer session or a group member is.
    ProcessId(u32)
}
id! {
    /// A consumer group.
    GroupId(u32)
}
id! {
    /// An operation: the index of the event that invoked it (or, for operations recorded at completion, of that event).
    OpId(u32)
}
id! {
    /// What a record carries: a number that no other record of its partition was sent with, and better no other at all.
    /// Below 2^62 it is that very number; [`History::value_named`](crate::history::History::value_named) gives one above
    /// to whatever else identifies a record.
    Value(u64)
}
id! {
    /// A record's key, by which a topic is partitioned and compacted. Numbers and names as for [`Value`].
    MessageKey(u64)
}
id! {
    /// A `transactional.id`, as an index into the history's.
    TransactionalId(u32)
}
id! {
    /// A group's generation, or a member's epoch (KIP-848): it grows with every rebalance.
    Generation(i32)
}
id! {
    /// A leader epoch (KIP-101): it grows with every election of a partition's leader.
    LeaderEpoch(i32)
}
id! {
    /// A place in a partition's log.
    Offset(i64)
}

impl Value {
    /// What a reader reports when the bytes it got match no record at all (a checksum that does not fit).
    pub const CORRUPT: Value = Value(u64::MAX);
}

impl Time {
    /// No time: nobody told when.
    pub const NONE: Time = Time(u64::MAX);

    /// `None` for [`Time::NONE`].
    #[must_use]
    pub fn known(self) -> Option<Time> {
        (self != Time::NONE).then_some(self)
    }
}

impl Generation {
    /// Nobody told the generation.
    pub const NONE: Generation = Generation(-1);

    /// `None` for [`Generation::NONE`] and anything else below zero.
    #[must_use]
    pub fn known(self) -> Option<Generation> {
        (self.0 >= 0).then_some(self)
    }
}

impl LeaderEpoch {
    /// Nobody told the epoch.
    pub const NONE: LeaderEpoch = LeaderEpoch(-1);

    /// `None` for [`LeaderEpoch::NONE`] and anything else below zero.
    #[must_use]
    pub fn known(self) -> Option<LeaderEpoch> {
        (self.0 >= 0).then_some(self)
    }
}

impl Offset {
    /// No offset: an acknowledgement without one (`acks=0`), a group without a committed offset.
    pub const NONE: Offset = Offset(-1);

    /// The offset after this one.
    #[must_use]
    pub fn next(self) -> Offset {
        Offset(self.0 + 1)
    }

    /// `None` for [`Offset::NONE`] and anything else below zero.
    #[must_use]
    pub fn known(self) -> Option<Offset> {
        (self.0 >= 0).then_some(self)
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Milliseconds with three decimals: simulated trials live in that range.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03} ms", self.0 / 1_000_000, self.0 / 1_000 % 1_000)
    }
}
