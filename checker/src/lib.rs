//! Histories of a log and the properties judged on them.
//!
//! A log takes records from producers and hands them, in order, to consumers. What may go wrong can be seen from outside,
//! in a [`History`](history::History) of what the clients did and saw; whether a simulated cluster made it or a real one
//! does not matter here. [`judge`] reads a history and answers for each [`Property`](verdict::Property):
//!
//! | property | claim |
//! |---|---|
//! | `partition-order` | each partition is one sequence, the same for all, with each producer's records in order, once |
//! | `acked-durability` | a record whose send was acknowledged is in the log for good |
//! | `at-least-once` | a group processes every record from its starting point on |
//! | `at-most-once` | a group processes no record twice, and one member at a time works on a partition |
//! | `linearizability` | each append, and each read of a log's bounds, takes effect while it runs |
//! | `availability` | once all faults are over, every partition takes records and every group goes on |
//! | `isolation` | a transaction's records are seen all or none, and only if it is committed |
//! | `exactly-once` | a group's transactions consume each record once, and fenced or repeated writes leave no trace |
//!
//! The answer is valid, *vacuous* (nothing happened that could have broken it), *unknown* (the history does not tell) or
//! invalid, and comes with every [`Anomaly`](anomaly::Anomaly) found: its kind, the operations that prove it, the proof in
//! sentences, and the setting of the [`Contract`](contract::Contract) that permits it, if one does. Records that retention or
//! compaction removed are no anomaly; they are counted as [`Excused`](excuse::Excused), with what is known of it.
//!
//! # A lost write
//!
//! A producer is told that its record is at offset 0; then the leader changes, and another producer's record takes the
//! place. Nobody notices, until the log is read at rest:
//!
//! ```
//! use ktrial_checker::anomaly::AnomalyKind;
//! use ktrial_checker::contract::{Acks, Contract};
//! use ktrial_checker::history::{History, Offset, Time, Value};
//! use ktrial_checker::verdict::{Property, Verdict};
//!
//! let mut history = History::new();
//! let orders = history.key("orders", 0);
//! let [alice, bob, reader] = ["alice", "bob", "reader"].map(|name| {
//!     let client = history.client(name);
//!     history.open_session(client, None)
//! });
//! for (producer, value, time) in [(alice, 1, 10), (bob, 2, 20)] {
//!     let send = history.send_invoked(producer, Time(time), orders, Value(value));
//!     history.send_ok(send, Time(time + 5), Some(Offset(0)));
//! }
//! history.polled(reader, Time(90), Time(95), [(orders, Offset(0), Value(2))]);
//! history.drained(reader, Time(95), orders, Offset(1));
//!
//! let contract = Contract { acks: Acks::One, ..Contract::default() };
//! let judgement = ktrial_checker::judge(&history, &contract);
//! assert_eq!(judgement.verdict(Property::AckedDurability), &Verdict::Invalid);
//! let lost = &judgement.anomalies[&AnomalyKind::LostWrite].examples[0];
//! assert_eq!(lost.allowed_by.as_deref(), Some("acks=1"));
//! assert_eq!(lost.explain[2], "Offset 0 holds v2 instead.");
//! assert_eq!(lost.explain[4], "v1 is nowhere in orders-0: an acknowledged record is lost.");
//! ```
//!
//! # A consumer
//!
//! A group is judged by what its application finished *processing*, so a record that was polled, committed and lost with
//! the consumer's memory counts as skipped:
//!
//! ```
//! use ktrial_checker::history::{History, Offset, PositionedBy, Time, Value};
//!
//! let mut history = History::new();
//! let (orders, app) = (history.key("orders", 0), history.group("app"));
//! let (producer, consumer) = (history.client("producer"), history.client("consumer"));
//! let producer = history.open_session(producer, None);
//! let consumer = history.open_session(consumer, Some(app));
//!
//! history.assigned(consumer, Time(0), [orders]);
//! history.positioned(consumer, Time(5), orders, Offset(0), PositionedBy::ResetEarliest);
//! let send = history.send_invoked(producer, Time(10), orders, Value(1));
//! history.send_ok(send, Time(20), Some(Offset(0)));
//! history.polled(consumer, Time(15), Time(30), [(orders, Offset(0), Value(1))]);
//! history.processed(consumer, Time(40), [(orders, Offset(0), Value(1))]);
//! let commit = history.commit_invoked(consumer, Time(41), app, [(orders, Offset(1))]);
//! history.commit_ok(commit, Time(50));
//! let fork = history.clone(); // cheap: shares all but the last few entries
//! assert_eq!(fork.len(), 8);
//! ```
//!
//! # Where to read next
//!
//! [`history`] is the vocabulary and how to record it, [`verdict`] and [`anomaly`] what comes out, [`contract`] what was
//! promised and [`settings`] how that is said, [`window`] what happened around an anomaly, [`online`] what can be told while
//! a history grows, [`klog`] the file format. The field guide, README.md of this crate, has a picture and a file for every
//! kind of anomaly. Inside, `evidence` turns a history into sends and logs, and `judges` has one judge per file, its claim in
//! the first line.

pub mod anomaly;
mod chunked;
mod completed;
pub mod contract;
mod counted;
mod evidence;
pub mod excuse;
mod findings;
mod graph;
pub mod history;
pub mod import;
mod interner;
pub mod jepsen;
mod judge;
mod judges;
pub mod klog;
pub mod linearizability;
mod lines;
pub mod notation;
pub mod online;
mod property;
pub mod settings;
mod tell;
pub mod verdict;
pub mod window;

pub use judge::judge;
