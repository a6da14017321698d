//! What producers do: sends, identities, transactions.

use super::super::attached::SendInputs;
use super::super::{
    GroupId, History, Key, MessageKey, Offset, OpId, ProcessId, Producer, ProducerRef, SendDetail,
    Time, Value, What,
};

impl History {
    /// The application calls `send()`; the order of these calls is the order the producer owes.
    pub fn send_invoked(&mut self, process: ProcessId, time: Time, key: Key, value: Value) -> OpId {
        self.push(process, time, What::SendInvoked { key, value })
    }

    /// A send is acknowledged, with the record's offset if the broker told it.
    pub fn send_ok(&mut self, op: OpId, time: Time, offset: Option<Offset>) {
        let process = self.sender(op);
        self.push(process, time, What::SendOk { op, offset: offset.unwrap_or(Offset::NONE) });
    }

    /// A send certainly did not happen and never will.
    pub fn send_failed(&mut self, op: OpId, time: Time) {
        let process = self.sender(op);
        self.push(process, time, What::SendFailed { op });
    }

    /// The application gives up on a send that may have happened or may still happen.
    pub fn send_unknown(&mut self, op: OpId, time: Time) {
        let process = self.sender(op);
        self.push(process, time, What::SendUnknown { op });
    }

    /// The send that was just invoked or acknowledged has a key or a sequence number. Tell it once per event.
    pub fn send_told(&mut self, message_key: Option<MessageKey>, sequence: Option<i32>) {
        let told_with = self.last();
        let is_send =
            matches!(self.event(told_with).what, What::SendInvoked { .. } | What::SendOk { .. });
        assert!(
            is_send && self.send_detail(told_with).is_none(),
            "{told_with:?} is no send or its details are told"
        );
        self.details.push(SendDetail { told_with, message_key, sequence });
    }

    /// The record of the send that was just invoked or acknowledged is a tombstone: it has a key and no value, which deletes
    /// what its key stood for. Tell it once per event. Its [`Value`] names the record nevertheless.
    pub fn send_is_tombstone(&mut self) {
        let told_with = self.last();
        let is_send =
            matches!(self.event(told_with).what, What::SendInvoked { .. } | What::SendOk { .. });
        let is_told = self.is_tombstone(told_with);
        assert!(is_send && !is_told, "{told_with:?} is no send or is told to be a tombstone");
        self.tombstones.push(told_with);
    }

    /// The record of the send that was just invoked or acknowledged was made from the records at these places. Tell it
    /// once per event. A group whose transactions tell it is held to it: whatever such a transaction consumes goes into
    /// one of its outputs.
    pub fn send_made_from(&mut self, inputs: impl IntoIterator<Item = (Key, Offset)>) {
        let told_with = self.last();
        let is_send =
            matches!(self.event(told_with).what, What::SendInvoked { .. } | What::SendOk { .. });
        let is_told = self.send_inputs(told_with).next().is_some();
        assert!(is_send && !is_told, "{told_with:?} is no send or its inputs are told");
        let inputs = self.push_offsets(inputs);
        if inputs.len > 0 {
            self.inputs.push(SendInputs { told_with, inputs });
        }
    }

    /// The process got its producer id and epoch.
    pub fn producer_initialized(&mut self, process: ProcessId, time: Time, producer: Producer) {
        let producer = ProducerRef(self.producers.push(producer));
        self.push(process, time, What::ProducerInitialized { producer });
    }

    /// The process begins a transaction. What it sends and polls until it is decided belongs to it.
    pub fn txn_begun(&mut self, process: ProcessId, time: Time) -> OpId {
        self.push(process, time, What::TxnBegun)
    }

    /// Offsets (the next to read) are added to a transaction.
    pub fn txn_offsets(
        &mut self,
        txn: OpId,
        time: Time,
        group: GroupId,
        offsets: impl IntoIterator<Item = (Key, Offset)>,
    ) {
        let process = self.transactor(txn);
        let offsets = self.push_offsets(offsets);
        self.push(process, time, What::TxnOffsets { group, offsets });
    }

    /// A transaction is committed, after `commitTransaction()` was called at `commit_invoked_at`, if that is known.
    pub fn txn_committed(&mut self, txn: OpId, time: Time, commit_invoked_at: Option<Time>) {
        let process = self.transactor(txn);
        let commit_invoked_at = commit_invoked_at.unwrap_or(Time::NONE);
        self.push(process, time, What::TxnCommitted { txn, commit_invoked_at });
    }

    /// A transaction is aborted for certain.
    pub fn txn_aborted(&mut self, txn: OpId, time: Time) {
        let process = self.transactor(txn);
        self.push(process, time, What::TxnAborted { txn });
    }

    /// The application gives up on a transaction that may be committed or aborted.
    pub fn txn_unknown(&mut self, txn: OpId, time: Time, commit_invoked_at: Option<Time>) {
        let process = self.transactor(txn);
        let commit_invoked_at = commit_invoked_at.unwrap_or(Time::NONE);
        self.push(process, time, What::TxnUnknown { txn, commit_invoked_at });
    }

    fn sender(&self, op: OpId) -> ProcessId {
        let send = self.event(op);
        assert!(matches!(send.what, What::SendInvoked { .. }), "{op:?} is no send");
        send.process
    }

    fn transactor(&self, txn: OpId) -> ProcessId {
        let begun = self.event(txn);
        assert!(matches!(begun.what, What::TxnBegun), "{txn:?} is no transaction");
        begun.process
    }
}
