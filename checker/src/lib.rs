//! Histories of a log and the properties judged on them.
//!
//! - [`history`]: what clients did and saw. A trial records one with [`History`](history::History)'s methods.
//! - [`contract`]: what the configuration promised.
//! - [`anomaly`]: what can be wrong, by name, with evidence.
//! - [`verdict`]: what a judgement says.
//!
//! ```
//! use ktrial_checker::history::{History, Offset, PositionedBy, Time, Value};
//!
//! let mut history = History::new();
//! let (orders, app) = (history.key("orders", 0), history.group("app"));
//! let (producer, consumer) = (history.client("producer-0"), history.client("consumer-0"));
//! let producer = history.open_session(producer, None);
//! let consumer = history.open_session(consumer, Some(app));
//!
//! let send = history.send_invoked(producer, Time(10), orders, Value(1));
//! history.send_ok(send, Time(20), Some(Offset(0)));
//!
//! history.assigned(consumer, Time(0), [orders]);
//! history.positioned(consumer, Time(5), orders, Offset(0), PositionedBy::ResetEarliest);
//! history.polled(consumer, Time(15), Time(30), [(orders, Offset(0), Value(1))]);
//! history.processed(consumer, Time(40), [(orders, Offset(0), Value(1))]);
//! let commit = history.commit_invoked(consumer, Time(41), app, [(orders, Offset(1))]);
//! history.commit_ok(commit, Time(50));
//! let fork = history.clone(); // cheap: shares all but the last few entries
//! assert_eq!(fork.len(), 8);
//! ```

pub mod anomaly;
mod chunked;
pub mod contract;
pub mod history;
pub mod verdict;
