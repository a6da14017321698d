//! One judge per file. Each reads the [`Evidence`](crate::evidence::Evidence), reports what contradicts its claim, and
//! counts what it looked at.

pub(crate) mod aborted_reads;
pub(crate) mod atomicity;
pub(crate) mod auto_commits;
pub(crate) mod availability;
pub(crate) mod committed_offsets;
pub(crate) mod consumer_order;
pub(crate) mod durability;
pub(crate) mod early_reads;
pub(crate) mod fencing;
pub(crate) mod group_commits;
pub(crate) mod group_delivery;
pub(crate) mod interleaving;
pub(crate) mod lag;
pub(crate) mod log_bounds;
pub(crate) mod message_keys;
pub(crate) mod outputs;
pub(crate) mod ownership;
pub(crate) mod processing;
pub(crate) mod producer_order;
pub(crate) mod real_time;
pub(crate) mod sequences;
pub(crate) mod slots;
pub(crate) mod stable_reads;
pub(crate) mod transaction_cycles;
pub(crate) mod zombies;
