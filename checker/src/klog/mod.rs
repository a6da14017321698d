//! `klog/1`: a history as JSON lines, one header line and then one event a line.
//!
//! ```text
//! {"h":"klog/1","source":"app","keys":{"orders-0":{"topic":"orders","partition":0}},"processes":[{"client":"producer-0"}]}
//! {"index":0,"time":10,"process":0,"call":0,"type":"invoke","f":"send","value":[["send","orders-0",1]]}
//! {"index":1,"time":15,"process":0,"call":0,"type":"ok","f":"send","value":[["send","orders-0",[0,1]]]}
//! ```
//! | `f` | types | value |
//! |---|---|---|
//! | `send` | invoke, then ok, fail or info | `[["send", key, value]]`, in ok `[["send", key, [offset or null, value]]]`; a fourth element may tell `{"seq": 0, "key": "alice", "tombstone": true, "in": [[key, offset], ...]}`, the last being the records that this one was made from |
//! | `init_producer` | ok | none; `"producer": {"pid": 1, "epoch": 0, "txid": "app"}` |
//! | `txn` | invoke, then ok (committed), fail (aborted) or info | none, if what the process does until then has lines of its own; or all of it, as a list of `["send", ...]`, `["poll", ...]`, `["send_offsets", group, {key: offset}]`; `"txn_t": {"commit_inv": time}` |
//! | `send_offsets` | ok | `{key: offset}`, with `group`, for the open transaction |
//! | `poll` | invoke, then ok, fail or info | `[["poll", records]]`; `"drained": {key: end}` on the last of a final reader |
//! | `processed` | ok | records |
//! | `assign`, `subscribe`, `unsubscribe` | ok or info | `[key, ...]`; `"seek": {key: offset}` where the consumer then stands |
//! | `rebalance` | ok | none; `"rebalance": [{"kind": "assigned", "keys": [key, ...], "gen": 3}]` with `assigned`, `revoked`, `lost` or `unknown`, which any line may have; or just `"gen"` |
//! | `seek` | ok | `{key: offset}`, with `"by"`: `committed`, `reset-earliest`, `reset-latest`, `truncation` or `seek` |
//! | `commit` | invoke, then ok, fail or info | `{key: offset}`, with `group` |
//! | `committed` | invoke, then ok, fail or info | `{key: offset or null}`, with `group` |
//! | `list_offsets` | invoke, then ok | `{key: {"o": offset, "which": "latest"}}`, or `earliest` or `lso`; no `o` in invoke |
//! | `crash`, `close` | info, ok | |
//! | `log_dump` | ok | `{key: [[offset, value or null, kind, producer id, producer epoch], ...]}`, the last three optional; kinds are `data`, `commit`, `abort` and `aborted-data` |
//! | `nemesis` | info | `"healed"` when all faults are over; all else is passed over |
//!
//! Records are `{key: [[offset, value], ...]}` or, shorter, `{key: {"s": first offset, "v": [value, ...], "gaps": [[index,
//! offset], ...]}}`, where gaps say which records do not follow their predecessor at once. Polls, sends and transactions may
//! have `hw`, `lso`, `log_start` and `leader_epoch`, each by partition, as their responses told them, and `pos`, where the
//! consumer then stands, with `commit_ok` if these positions were committed too. Any line may have `gen` and `producer`, who
//! its process is at present, and `definite`, which overrules `fail` and `info`.
//!
//! The header may also say `source` (`sim`, `jepsen`, `verifiable`, `app`), `clock` (`global`, `per-process`, `wall`, with
//! `clock_err_ns`), `order` (`total`, `per-process`), `commit_semantics` (`next`, or `last` if the last offset processed is
//! committed), `reads_only` if nobody recorded what was sent, `seed`, `config` (what was promised, by the short names of the
//! [settings](crate::settings::SETTINGS) or Kafka's: `{"acks":"all","min_isr":2}`, and as `sub_via` whether consumers get
//! their partitions by `assign` or `subscribe`, without which it is inferred), and the names of partitions, groups and
//! processes, and of series of values (`[[512, "producer-2"]]` makes 512 · 2^32 + 17 read `producer-2#17`).
//!
//! A tombstone has a key and no value in Kafka, and here a value of its own all the same, such as `"tombstone-17"`, for records
//! are told apart by nothing else: let producers put it in a header of the record, from which readers can record it. Told to
//! be a `tombstone`, and with its `key`, it excuses that it is gone from a compacted log together with what it deleted.
//!
//! Times are nanoseconds. A process is a number or a string, a value any JSON scalar that is unique in its partition;
//! 18446744073709551615 stands for bytes that are no record at all. A completion belongs to the invocation with its `call`,
//! or, without one, to the last of its process, the end of a transaction to its last transaction. Other operations and
//! fields are counted and passed over, so that a file may say more than is judged. Reading and writing take memory for the
//! history alone, not for the text. [`write()`] followed by [`read()`] gives the same history.

mod doubt;
mod header;
mod line;
mod read;
mod words;
mod write;

pub use crate::notation::ReadError;

/// The JSON Schema (2020-12) of a line.
pub const SCHEMA: &str = include_str!("schema.json");

pub use doubt::Doubt;
pub(crate) use read::Reader;
pub use read::{Imported, read};
pub use write::{write, write_with_contract};
