//! The transactions of a history: which sends and offsets belong to each, and how it ended.
//!
//! A process has one transaction open at a time. An acknowledgement inside it says where a record lies, not that it is
//! committed: only the transaction's outcome does. A transaction whose producer never learnt its outcome is *proven*
//! committed when a reader that is handed committed records only was handed one of its records, or when a dumped log has
//! its marker; and a marker, or what a dump says of its records, proves it aborted ([`proof`](super::proof)).

use super::sends::{Outcome, SendId, Sends, TxnId};
use crate::history::{History, OpId, ProcessId, ProducerRef, Time, What};

/// One transaction.
#[derive(Clone, Debug)]
pub(crate) struct Txn {
    /// The event that began it.
    pub(crate) begun: OpId,
    /// Who its process was then, if anybody told.
    pub(crate) producer: Option<ProducerRef>,
    /// Its sends, in order.
    pub(crate) sends: Vec<SendId>,
    /// The events that added offsets to it.
    pub(crate) offsets: Vec<OpId>,
    /// The event that decided it, if one did, or the dump that shows it aborted.
    pub(crate) decided: Option<OpId>,
    /// [`Outcome::Ok`] if committed, [`Outcome::Proven`], [`Outcome::Aborted`], or unknown.
    pub(crate) outcome: Outcome,
}

impl Txn {
    /// Tells its sends that they share its fate.
    pub(crate) fn join(&self, id: TxnId, sends: &mut Sends) {
        self.sends.iter().for_each(|&send| sends.join(send, id, self.outcome, self.decided));
    }

    /// Whether it is committed, as far as anybody can tell.
    pub(crate) fn is_committed(&self) -> bool {
        matches!(self.outcome, Outcome::Ok | Outcome::Proven)
    }

    /// Its commit was not asked for before this moment: when it was, if that is known, or else when the last thing was
    /// done in it.
    pub(crate) fn open_until(&self, history: &History, sends: &Sends) -> Time {
        let asked = self.decided.and_then(|decided| match history.event(decided).what {
            What::TxnCommitted { commit_invoked_at, .. }
            | What::TxnUnknown { commit_invoked_at, .. } => commit_invoked_at.known(),
            _ => None,
        });
        let last_send = self.sends.last().map(|&send| sends.get(send).op);
        let last = last_send.max(self.offsets.last().copied()).unwrap_or(self.begun);
        asked.unwrap_or_else(|| history.event(last).time)
    }
}

/// All transactions, in the order of their beginnings.
#[derive(Clone, Debug, Default)]
pub(crate) struct Transactions {
    all: Vec<Txn>,
    /// By process.
    open: Vec<Option<TxnId>>,
    /// Who each process is, by process.
    producers: Vec<Option<ProducerRef>>,
}

impl Transactions {
    pub(crate) fn new(processes: usize) -> Self {
        let (open, producers) = (vec![None; processes], vec![None; processes]);
        Transactions { all: Vec::new(), open, producers }
    }

    pub(crate) fn initialized(&mut self, process: ProcessId, producer: ProducerRef) {
        self.producers[process.0 as usize] = Some(producer);
    }

    pub(crate) fn begun(&mut self, op: OpId, process: ProcessId) {
        self.open[process.0 as usize] = Some(TxnId(self.all.len() as u32));
        let producer = self.producers[process.0 as usize];
        let (sends, offsets, decided, outcome) = (vec![], vec![], None, Outcome::Unknown);
        self.all.push(Txn { begun: op, producer, sends, offsets, decided, outcome });
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

    /// A reader of committed records was handed one of the transaction's. Says whether that is news.
    pub(crate) fn prove(&mut self, id: TxnId) -> bool {
        let txn = &mut self.all[id.0 as usize];
        let is_news = txn.outcome == Outcome::Unknown;
        if is_news {
            txn.outcome = Outcome::Proven;
        }
        is_news
    }

    /// A dump shows that the transaction is aborted. Says whether that is news.
    pub(crate) fn abort(&mut self, id: TxnId, dump: OpId) -> bool {
        let txn = &mut self.all[id.0 as usize];
        let is_news = txn.outcome == Outcome::Unknown;
        if is_news {
            (txn.outcome, txn.decided) = (Outcome::Aborted, Some(dump));
        }
        is_news
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// The transaction that `op` began.
    pub(crate) fn find(&self, op: OpId) -> Option<TxnId> {
        let found = self.all.binary_search_by_key(&op, |txn| txn.begun);
        found.ok().map(|index| TxnId(index as u32))
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
