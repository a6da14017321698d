//! What a log promises its clients, by name.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What a log promises its clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Property {
    /// Each partition is one sequence of records, the same for every reader, and each producer's records are in it in
    /// the order they were sent, once.
    PartitionOrder,
    /// A record whose send was acknowledged is in the log for good.
    AckedDurability,
    /// A group processes every record from its starting point on at least once.
    AtLeastOnce,
    /// A group processes no record twice, and no two of its members work on one partition at once.
    AtMostOnce,
    /// Every append and every read of a log's bounds takes effect at one instant between its beginning and its end.
    Linearizability,
    /// Once all faults are over, every partition takes records again and every group goes on.
    Availability,
    /// Readers see a transaction's records all or none, and only if it is committed.
    Isolation,
    /// What a group's transactions consume they consume once, and producers write nothing twice and nothing once fenced.
    ExactlyOnce,
}

impl Property {
    /// All properties.
    pub const ALL: [Property; 8] = [
        Property::PartitionOrder,
        Property::AckedDurability,
        Property::AtLeastOnce,
        Property::AtMostOnce,
        Property::Linearizability,
        Property::Availability,
        Property::Isolation,
        Property::ExactlyOnce,
    ];

    /// The property's name: `acked-durability`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Property::PartitionOrder => "partition-order",
            Property::AckedDurability => "acked-durability",
            Property::AtLeastOnce => "at-least-once",
            Property::AtMostOnce => "at-most-once",
            Property::Linearizability => "linearizability",
            Property::Availability => "availability",
            Property::Isolation => "isolation",
            Property::ExactlyOnce => "exactly-once",
        }
    }

    /// The property of this name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Property> {
        Self::ALL.into_iter().find(|property| property.name() == name)
    }
}

impl fmt::Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
