//! Linearizability of any system that can be described as a state machine.
//!
//! A history of calls is *linearizable* if every call can be given one moment between its invocation and its response at
//! which it took effect, such that a system serving them one by one in that order gives the same answers. A call that was
//! never answered may have taken effect at any moment after its invocation, or never. [`check`] decides that for a
//! [`Model`], the description of the system:
//!
//! ```
//! use ktrial_checker::linearizability::models::register::{Input, Output, Register};
//! use ktrial_checker::linearizability::{Budget, Operation, Verdict, check};
//!
//! // process 0   |-- write 1 --|        |-- read -> 1 --|
//! // process 1                 |-- write 2 ... never answered
//! let mut history = vec![
//!     Operation::completed(0_u64, 1, Input::Write(1), 2, Output::Done),
//!     Operation::crashed(1_u64, 3, Input::Write(2)),
//!     Operation::completed(0_u64, 4, Input::Read, 5, Output::Value(Some(1))),
//! ];
//! let verdict = check(&Register::default(), &history, Budget::default());
//! assert_eq!(verdict, Verdict::Ok { orders: vec![vec![0, 2]] }); // the write of 2 is not needed
//!
//! // Another client sees 2 and then 1 again: no moment for the write of 2 explains both.
//! history.push(Operation::completed(2_u64, 6, Input::Read, 7, Output::Value(Some(2))));
//! history.push(Operation::completed(2_u64, 8, Input::Read, 9, Output::Value(Some(1))));
//! let Verdict::Illegal(found) = check(&Register::default(), &history, Budget::default()) else {
//!     panic!("1 came back");
//! };
//! assert_eq!(found.failing, 4);
//! assert_eq!(found.core, [2, 3, 4]); // the three reads contradict each other
//! assert_eq!(found.states, ["2"]);
//! ```
//!
//! # How it is decided
//!
//! 1. The history is divided into partitions, if the model has them: registers under different keys are linearizable
//!    together if each is (*P-compositionality*: Horn and Kroening, 2015).
//! 2. The events of a partition are gone through in order. Each open call holds a *slot*, from its invocation to its
//!    response; calls without response hold theirs for good. What one way of explaining the history has come to is a
//!    *configuration*: the event, the state of the system, the set of slots whose calls have taken effect. Its size does
//!    not depend on the length of the history.
//! 3. Where a call returns that has not taken effect, it must do so now, possibly after other open calls. So the search
//!    branches there and only there (*just in time*: Lowe, 2017), trying first the call itself, then other answered ones,
//!    last those that were never answered. Otherwise the slot is freed and the search goes on.
//! 4. Open calls that change no state take effect as soon as the state allows it, without branching.
//! 5. A configuration is searched once (Wing and Gong, 1993, with Lowe's memory of configurations), and not at all where
//!    another one got as far with fewer of the never answered calls used up. Of calls that can stand in for each other,
//!    one is tried.
//! 6. Depth first and breadth first take turns, so many configurations each, until one is done.
//!
//! ```text
//!   event        1 w1(   2 )w1   3 w2(   4 r(    5 )r -> 1
//!   state                1       1       1       1            {w1} takes effect at 2, r at 4 already
//!   effective            {}      {}      {r}     {}           w2 stays open and unused
//! ```
//!
//! Deciding linearizability is NP-complete (Gibbons and Korach, 1997). With c calls open at once the time is O(n · 2^c) in
//! the worst case and near O(n · c) where the answers leave little to guess. Kafka's log with offsets is easier still, and
//! has a judge of its own.
//!
//! # What comes out
//!
//! [`Verdict::Ok`] has the order found, as a proof. [`Verdict::Illegal`] has a [`Counterexample`]: the shortest prefix that
//! cannot be explained, a smallest set of responses that contradict each other, and sentences. [`Verdict::Unknown`] is no
//! opinion at all: the [`Budget`] was used up. It is counted in configurations, never in time, so the same history has
//! the same verdict everywhere; [`Progress`] tells how far the search came, and a larger budget may settle it.
//!
//! # Files
//!
//! [`check_named`] judges a file of events, `{"process":0,"type":"invoke","f":"write","value":3}` in JSON or
//! `{:process 0, :type :invoke, :f :write, :value 3}` in EDN. The events `f value` are, by model:
//!
//! | model | invocation | completion |
//! |---|---|---|
//! | `register` | `read null`, `write v`, `cas [old, new]` | `read v` (null: empty), `write v`, `cas [old, new]`, `cas [old, new, false]` (refused) |
//! | `multi-register` | `txn [["r", k, null], ["w", k, v], ...]` | the same with the values read |
//! | `key-value` | `get [k, null]`, `put [k, v]`, `append [k, v]` | `get [k, [v, ...]]`, the others as invoked |
//! | `queue` | `enqueue v`, `dequeue null` | `enqueue v`, `dequeue v` (null: empty) |
//! | `log` | `append v`, `fetch offset`, `read null` | `append v` or `append [offset, v]`; `fetch [offset, [v, ...]]`, with the log's end `fetch [offset, [v, ...], end]`; `read [v, ...]`, the whole log |
//!
//! Keys and values are any scalars. A completion is `ok` (it happened), `fail` (it certainly did not), or `info` (nobody
//! knows).
//!
//! # Where to read next
//!
//! [`Model`] and one of the [`models`]; then inside, `space` for the moves, `depth_first` and `frontier` for the two
//! searches, `search` for their competition, `counterexample` for what happens after a failure.

mod atom;
mod case;
mod check;
mod counterexample;
mod depth_first;
mod end;
mod forms;
mod frontier;
mod interner;
mod memo;
mod model;
pub mod models;
mod named;
mod operation;
mod read;
mod search;
mod slots;
mod space;
mod tell;
mod verdict;

pub use atom::Atom;
pub use check::check;
pub use model::{Call, Model};
pub use named::{ModelName, Outcome, check_named};
pub use operation::{Operation, Process, Response};
pub use read::Notation;
pub use verdict::{Budget, Counterexample, Progress, STATES_SHOWN, Verdict};
