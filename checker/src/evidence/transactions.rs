//! The transactions of a history: which sends and offsets belong to each, and how it ended.
//!
//! A process has one transaction open at a time. An acknowledgement inside it says where a record lies, not that it is
//! committed: only the transaction's outcome does.

use super::sends::{Outcome, SendId};
use crate::history::{OpId, ProcessId};

/// An index into the transactions of a history, in the order of their beginnings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TxnId(pub(crate) u32);

/// One transaction.
#[derive(Clone, Debug)]
pub(crate) struct Txn {
    /// Its sends, in order.
    pub(crate) sends: Vec<SendId>,
    /// The events that added offsets to it.
    pub(crate) offsets: Vec<OpId>,
    /// The event that decided it, if one did.
    pub(crate) decided: Option<OpId>,
    /// [`Outcome::Ok`] if committed, [`Outcome::Aborted`], or unknown.
    pub(crate) outcome: Outcome,
}

/// All transactions, in the order of their beginnings.
#[derive(Clone, Debug, Default)]
pub(crate) struct Transactions {
    all: Vec<Txn>,
    /// The event that began each.
    begun: Vec<OpId>,
    /// By process.
    open: Vec<Option<TxnId>>,
}

impl Transactions {
    pub(crate) fn new(processes: usize) -> Self {
        Transactions { open: vec![None; processes], ..Self::default() }
    }

    pub(crate) fn begun(&mut self, op: OpId, process: ProcessId) {
        self.open[process.0 as usize] = Some(TxnId(self.all.len() as u32));
        self.begun.push(op);
        let (sends, offsets) = (Vec::new(), Vec::new());
        self.all.push(Txn { sends, offsets, decided: None, outcome: Outcome::Unknown });
    }

    /// The process sends, in its open transaction if it has one.
    pub(crate) fn sent(&mut self, process: ProcessId, send: SendId) {
        if let Some(txn) = self.open_of(process) {
            txn.sends.push(send);
        }
    }

    pub(crate) fn added_offsets(&mut self, process: ProcessId, op: OpId) {
        if let Some(txn) = self.open_of(process) {
            txn.offsets.push(op);
        }
    }

    pub(crate) fn decided(&mut self, txn: OpId, outcome: Outcome, op: OpId, process: ProcessId) {
        let Some(TxnId(index)) = self.find(txn) else { return };
        let txn = &mut self.all[index as usize];
        (txn.decided, txn.outcome) = (Some(op), outcome);
        self.open[process.0 as usize].take_if(|open| open.0 == index);
    }

    /// The transaction that `op` began.
    pub(crate) fn find(&self, op: OpId) -> Option<TxnId> {
        self.begun.binary_search(&op).ok().map(|index| TxnId(index as u32))
    }

    /// The events that added offsets to the transaction that `op` began.
    pub(crate) fn offsets_of(&self, op: OpId) -> &[OpId] {
        self.find(op).map_or(&[], |txn| &self.get(txn).offsets)
    }

    pub(crate) fn get(&self, id: TxnId) -> &Txn {
        &self.all[id.0 as usize]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (TxnId, &Txn)> {
        (0..).map(TxnId).zip(&self.all)
    }

    fn open_of(&mut self, process: ProcessId) -> Option<&mut Txn> {
        let TxnId(index) = self.open[process.0 as usize]?;
        Some(&mut self.all[index as usize])
    }
}
