//! `klog/1`: a history as JSON lines, one header line and then one event a line.
//!
//! ```text
//! {"h":"klog/1","keys":{"orders-0":{"topic":"orders","partition":0}},"processes":[{"client":"producer-0"}]}
//! {"index":0,"time":10,"process":0,"call":0,"type":"invoke","f":"send","value":[["send","orders-0",1]]}
//! {"index":1,"time":15,"process":0,"call":0,"type":"ok","f":"send","value":[["send","orders-0",[0,1]]]}
//! ```
//! | `f` | types | value |
//! |---|---|---|
//! | `send` | invoke, then ok, fail or info | `[["send", key, value]]`, in ok `[["send", key, [offset or null, value]]]` |
//! | `poll` | invoke, then ok | `[["poll", {key: [[offset, value], ...]}]]`; `"drained": {key: end}` on the last of a final reader |
//! | `processed` | ok | `{key: [[offset, value], ...]}` |
//! | `assign` | ok | `[key, ...]` |
//! | `seek` | ok | `{key: offset}`, with `"by"`: `committed`, `reset-earliest`, `reset-latest`, `truncation` or `seek` |
//! | `commit` | invoke, then ok, fail or info | `{key: offset}`, with `group` |
//! | `committed` | invoke, then ok | `{key: offset or null}`, with `group` |
//! | `crash`, `close` | info, ok | |
//! | `log_dump` | ok | `{key: [[offset, value], ...]}` |
//!
//! Times are nanoseconds, values unsigned integers unique per partition. A completion belongs to the invocation with its
//! `call`, or, without one, to the last of its process. Reading and writing take memory for the history alone, not for the
//! text. [`write()`] followed by [`read()`] gives the same history.

mod line;
mod read;
mod write;

pub use crate::notation::ReadError;
pub use read::{Imported, read};
pub use write::write;
