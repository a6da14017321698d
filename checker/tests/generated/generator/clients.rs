//! The clients of a history, and what they wait for.

use super::super::step::Records;
use std::collections::VecDeque;

pub(super) struct Producer {
    pub(super) process: u32,
    pub(super) in_flight: VecDeque<InFlight>,
}

impl Producer {
    pub(super) fn new(process: u32) -> Self {
        Producer { process, in_flight: VecDeque::new() }
    }
}

/// A send that its producer waits for.
pub(super) struct InFlight {
    pub(super) value: u64,
    pub(super) key: u32,
    pub(super) appended: Option<i64>,
}

/// A reader outside groups.
pub(super) struct Reader {
    pub(super) process: u32,
    /// The next offset to read, by partition.
    pub(super) positions: Vec<i64>,
}

/// A member of the group.
pub(super) struct Member {
    pub(super) process: u32,
    /// The next offset to poll of each partition that is this member's, as far as it knows.
    pub(super) positions: Vec<Option<i64>>,
    pub(super) polled: Option<(u32, Records)>,
    /// Others have its partitions, and it does not know.
    pub(super) is_asleep: bool,
    /// A commit that was accepted and whose answer it hears when it wakes.
    pub(super) unheard: Option<u32>,
}

/// A request that nobody waits for any more.
pub(super) enum Stray {
    /// A record of this process.
    Send { process: u32, send: InFlight },
    /// The commit of an offset in this generation.
    Commit { key: u32, offset: i64, generation: i32 },
}
