//! Judges a history by the rules of Jepsen's Kafka checker (`jepsen.tests.kafka`), its quirks included, under its names.
//!
//! This is for comparison: what Jepsen reports of a history, and what it allows. The judges of this crate
//! ([`judge`](crate::judge())) tell more anomalies apart, excuse less by default, and prove what they say.
//!
//! | error | rule |
//! |---|---|
//! | `inconsistent-offsets` | one offset of a partition holds two values |
//! | `duplicate` | one value is at two offsets of a partition |
//! | `G1a` | an ok poll returns a value whose send failed |
//! | `lost-write` | a committed value lies before the last one that was read, and no ok poll returned it |
//! | `unseen` | at the end, acknowledged values that no ok poll returned |
//! | `poll-skip`, `nonmonotonic-poll` | a process reads on elsewhere than after its last ok poll; allowed when it subscribes |
//! | `int-poll-skip`, `int-nonmonotonic-poll` | the same within one operation, rebalanced partitions aside |
//! | `nonmonotonic-send`, `int-nonmonotonic-send`, `int-send-skip` | a process's records lie in another order than it sent them |
//! | `precommitted-read` | a transaction polls what it sent itself |
//! | `G0`, `G1c`, and each with `-realtime` | operations depend on each other in a circle |
//! | `PL-1-cycle-exists`, ... | ... somewhere among so many operations |
//!
//! Offsets are compared by their rank among those that are known to hold a value. Every pass is linear but for sorting; the
//! search for short cycles has a budget.

mod aborted_reads;
mod analysis;
mod case;
mod consume_counts;
mod cycles;
mod dependencies;
mod duplicates;
mod inconsistent_offsets;
mod internal;
mod lost_writes;
mod polls;
mod precommitted_reads;
mod realtime_lag;
mod results;
mod sends;
mod unseen;
mod version_order;

pub use case::{Case, Field};
pub use results::{Results, Validity};

use super::Ops;
use analysis::Analysis;

/// What Jepsen's test map says of the test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Consumers may subscribe (`:sub-via #{:subscribe}`), so that any poll may follow a rebalance.
    pub subscribes: bool,
    /// Adjacent records of a log make their senders depend on each other (`:ww-deps`). Circles are normal then.
    pub ww_deps: bool,
}

/// Jepsen's own defaults.
impl Default for Options {
    fn default() -> Self {
        Options { subscribes: false, ww_deps: true }
    }
}

/// Judges a history as Jepsen would.
#[must_use]
pub fn judge<'o>(ops: &'o Ops, options: &Options) -> Results<'o> {
    let analysis = Analysis::of(ops);
    let mut results = Results::new(ops, *options);
    if let Some(unwritten) = analysis.first_read_without_writer() {
        results.unknown(unwritten);
    }
    let mut report = |name, cases| results.report(name, cases);
    report("inconsistent-offsets", inconsistent_offsets::cases(&analysis));
    report("duplicate", duplicates::cases(&analysis));
    report("G1a", aborted_reads::cases(&analysis));
    report("precommitted-read", precommitted_reads::cases(&analysis));
    report("lost-write", lost_writes::cases(&analysis));
    let polls = polls::cases(&analysis);
    report("poll-skip", polls.skips);
    report("nonmonotonic-poll", polls.nonmonotonic);
    let polls = internal::polls(&analysis);
    report("int-poll-skip", polls.skips);
    report("int-nonmonotonic-poll", polls.nonmonotonic);
    report("nonmonotonic-send", sends::cases(&analysis));
    let sends = internal::sends(&analysis);
    report("int-send-skip", sends.skips);
    report("int-nonmonotonic-send", sends.nonmonotonic);
    cycles::cases(&analysis, options.ww_deps)
        .into_iter()
        .for_each(|(name, cases)| report(name, cases));
    results.unseen = unseen::last(&analysis);
    results.worst_realtime_lag = realtime_lag::worst(&analysis);
    results.consume_counts = consume_counts::count(&analysis);
    results
}
