//! Histories in Jepsen's terms: operations that are lists of micro-operations.
//!
//! ```text
//!   {:index 5, :type :ok, :process 1, :f :txn, :time 12, :value [[:poll {0 [[3 7]]}] [:send 1 [4 8]]]}
//! ```
//! [`Ops`] are read from Jepsen's EDN, from the same maps as lines of `klog/1`, or taken from a
//! [`History`](crate::history::History), and written as EDN for Jepsen to read. [`compat`] judges them as Jepsen's
//! `jepsen.tests.kafka` does.

pub mod compat;
mod export;
mod lanes;
mod names;
mod op;
mod ops;
mod write;

pub use names::Names;
pub use op::{Function, Key, Kind, MicroOp, Op, Process, Record, Value};
pub use ops::Ops;
