//! The words evidence is told in, so that all judges say the same thing the same way.

use crate::evidence::Evidence;
use crate::evidence::sends::{Outcome, Send};
use crate::history::{GroupId, Key, Offset, OpId, Value};

impl Evidence<'_> {
    pub(crate) fn key_name(&self, key: Key) -> String {
        self.history.keys()[key.0 as usize].to_string()
    }

    pub(crate) fn group_name(&self, group: GroupId) -> &str {
        &self.history.groups()[group.0 as usize]
    }

    /// `consumer-1 at 12.000 ms (op 7)`
    pub(crate) fn who_when(&self, op: OpId) -> String {
        let event = self.history.event(op);
        format!("{} at {} (op {})", self.history.process_name(event.process), event.time, op.0)
    }

    /// Who sent a record, where to, and what became of it.
    pub(crate) fn tell_send(&self, send: &Send) -> String {
        let sent = format!(
            "{} was sent to {} by {}",
            send.value,
            self.key_name(send.key),
            self.who_when(send.op)
        );
        let done = self.history.event(send.done).time;
        match (send.outcome, send.offset.known()) {
            (Outcome::Ok, Some(offset)) => {
                format!("{sent} and acknowledged at {done} with offset {offset}.")
            }
            (Outcome::Ok, None) => format!("{sent} and acknowledged at {done} without an offset."),
            (Outcome::Failed, _) => format!("{sent} and failed for certain at {done}."),
            (Outcome::Unknown, _) => {
                format!("{sent}; its producer never learnt whether it happened.")
            }
        }
    }

    /// Who read what where.
    pub(crate) fn tell_read(&self, reader: OpId, key: Key, offset: Offset, value: Value) -> String {
        let what =
            if value == Value::CORRUPT { "unreadable bytes".to_owned() } else { value.to_string() };
        format!(
            "{what} was read from {} at offset {offset} by {}.",
            self.key_name(key),
            self.who_when(reader)
        )
    }
}
