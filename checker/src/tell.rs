//! The words evidence is told in, so that all judges say the same thing the same way.

use crate::evidence::Evidence;
use crate::evidence::sends::TxnId;
use crate::evidence::sends::{Outcome, Send};
use crate::evidence::transactions::Txn;
use crate::history::{GroupId, Key, Offset, OpId, ScalarName, Value, What};

impl Evidence<'_> {
    pub(crate) fn key_name(&self, key: Key) -> String {
        self.history.keys()[key.0 as usize].to_string()
    }

    pub(crate) fn group_name(&self, group: GroupId) -> &str {
        &self.history.groups()[group.0 as usize]
    }

    pub(crate) fn value_name(&self, value: Value) -> ScalarName<'_> {
        self.history.value_name(value)
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
            self.value_name(send.value(self.history)),
            self.key_name(send.key),
            self.who_when(send.op)
        );
        let done = self.history.event(send.done).time;
        let fate = match (send.outcome, send.offset(self.history).known(), send.txn()) {
            (_, Some(offset), Some(txn)) => {
                let txn = self.tell_txn(txn);
                format!(" and acknowledged at {done} with offset {offset}, in a transaction {txn}.")
            }
            (_, None, Some(txn)) => format!(" in a transaction {}.", self.tell_txn(txn)),
            (Outcome::Ok, Some(offset), _) => {
                format!(" and acknowledged at {done} with offset {offset}.")
            }
            (Outcome::Ok, None, _) => format!(" and acknowledged at {done} without an offset."),
            (Outcome::Failed | Outcome::Aborted, ..) => {
                format!(" and failed for certain at {done}.")
            }
            (Outcome::Unknown | Outcome::Proven, ..) => {
                "; its producer never learnt whether it happened.".to_owned()
            }
        };
        sent + &fate
    }

    /// What became of a transaction.
    fn tell_txn(&self, txn: TxnId) -> String {
        let txn = self.transactions.get(txn);
        match (txn.outcome, txn.decided.map(|op| self.history.event(op).time)) {
            (Outcome::Ok, Some(decided)) => format!("that was committed at {decided}"),
            (Outcome::Aborted, _) if self.is_dumped(txn) => {
                "that the log at rest shows aborted".to_owned()
            }
            (Outcome::Aborted, Some(decided)) => format!("that was aborted at {decided}"),
            (Outcome::Proven, _) => "that readers saw committed".to_owned(),
            _ => "whose outcome nobody learnt".to_owned(),
        }
    }

    /// Whether only a dump tells how the transaction ended.
    fn is_dumped(&self, txn: &Txn) -> bool {
        let decided = txn.decided.map(|op| self.history.event(op).what);
        matches!(decided, Some(What::LogAnnotated { .. }))
    }

    /// Who read what where.
    pub(crate) fn tell_read(&self, reader: OpId, key: Key, offset: Offset, value: Value) -> String {
        format!(
            "{} was read from {} at offset {offset} by {}.",
            self.value_name(value),
            self.key_name(key),
            self.who_when(reader)
        )
    }
}
