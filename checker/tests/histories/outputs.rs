//! Hand-made histories of transactions whose outputs name the records they were made from.

use crate::script::{APP, P0, P1, Script};
use ktrial_checker::anomaly::{AnomalyKind as Kind, Role};
use ktrial_checker::history::{Isolation, Offset, OpId, PositionedBy, ProcessId};
use ktrial_checker::verdict::Property;

/// Three records in `orders-0`, the input; outputs go to `orders-1`.
struct Copier {
    s: Script,
    worker: ProcessId,
    outputs: Vec<(i64, u64)>,
}

impl Copier {
    fn new() -> Self {
        let mut s = Script::at(Isolation::ReadCommitted);
        let p = s.producer();
        (0..3).for_each(|n| s.sent(p, P0, n + 1, n as i64));
        let worker = s.member(P0, 0, PositionedBy::ResetEarliest);
        Copier { s, worker, outputs: vec![] }
    }

    /// A transaction that polls these inputs, makes outputs of those, and adds the offset behind the last.
    fn begin(&mut self, polled: &[i64], of: &[i64]) -> OpId {
        let txn = self.s.begin(self.worker);
        let records: Vec<_> = polled.iter().map(|&at| (at, at as u64 + 1)).collect();
        self.s.poll(self.worker, P0, &records);
        of.iter().for_each(|&input| self.output(input));
        let time = self.s.tick();
        let next = polled.last().unwrap() + 1;
        self.s.history.txn_offsets(txn, time, APP, [(P0, Offset(next))]);
        txn
    }

    fn output(&mut self, input: i64) {
        let (at, value) = (self.outputs.len() as i64, 100 + self.outputs.len() as u64);
        let send = self.s.send(self.worker, P1, value);
        self.s.history.send_made_from([(P0, Offset(input))]);
        self.s.ack(send, at);
        self.outputs.push((at, value));
    }

    fn commit(&mut self, polled: &[i64], of: &[i64]) -> OpId {
        let txn = self.begin(polled, of);
        self.s.commit_txn(txn)
    }

    fn at_rest(mut self) -> Script {
        self.s.drain(P0, &[(0, 1), (1, 2), (2, 3)], 3);
        self.s.drain(P1, &self.outputs, 99);
        self.s
    }
}

#[test]
fn an_output_of_each_input_is_what_is_owed() {
    let mut copier = Copier::new();
    copier.commit(&[0, 1], &[0, 1]);
    copier.commit(&[2], &[2, 2]);
    let s = copier.at_rest();
    s.finds(&[]);
    s.verdict(Property::ExactlyOnce, "valid");
    assert_eq!(s.judge().coverage.inputs_named, 4);
}

#[test]
fn an_input_of_which_two_committed_transactions_made_outputs_is_a_duplicate_output() {
    let mut copier = Copier::new();
    copier.commit(&[0, 1], &[0, 1]);
    let end = copier.commit(&[2], &[2, 1]);
    let s = copier.at_rest();
    s.finds(&[(Kind::DuplicateOutput, 1)]);
    let (ops, explain) = s.evidence(Kind::DuplicateOutput);
    let roles = [Role::Writer, Role::Writer, Role::TransactionEnd];
    assert_eq!(ops.iter().map(|&(_, role)| role).collect::<Vec<_>>(), roles);
    assert_eq!(ops[2].0, end);
    insta::assert_snapshot!(explain, @r"
    v101 was sent to orders-1 by member at 14.000 ms (op 12) and acknowledged at 15.000 ms with offset 1, in a transaction that was committed at 18.000 ms.
    v103 was sent to orders-1 by member at 24.000 ms (op 20) and acknowledged at 25.000 ms with offset 3, in a transaction that was committed at 28.000 ms.
    Both were made from the record at offset 1 of orders-0.
    Of the later transaction's inputs, 1 had such an output before.
    ");
}

#[test]
fn an_input_that_was_consumed_and_went_into_no_output_is_missing() {
    let mut copier = Copier::new();
    copier.commit(&[0, 1, 2], &[0, 2]);
    let s = copier.at_rest();
    s.finds(&[(Kind::MissingOutput, 1)]);
    insta::assert_snapshot!(s.evidence(Kind::MissingOutput).1, @r"
    A transaction of member at 16.000 ms (op 14) consumed orders-0 from offset 0 to 3.
    v100 was sent to orders-1 by member at 12.000 ms (op 10) and acknowledged at 13.000 ms with offset 0, in a transaction that was committed at 18.000 ms.
    That output of it names what it was made from; no output names 1 other record.
    ");
}

#[test]
fn a_transaction_whose_outputs_name_nothing_owes_none() {
    let mut copier = Copier::new();
    copier.commit(&[0, 1, 2], &[]);
    copier.at_rest().finds(&[]);
}

#[test]
fn an_output_of_an_aborted_or_undecided_transaction_is_made_again() {
    for is_aborted in [true, false] {
        let mut copier = Copier::new();
        let txn = copier.begin(&[0], &[0]);
        match is_aborted {
            true => copier.s.abort_txn(txn),
            false => copier.s.give_up_txn(txn),
        };
        copier.s.position(copier.worker, P0, 0, PositionedBy::Seek);
        copier.commit(&[0], &[0]);
        copier.outputs.remove(0);
        let found = copier.at_rest().judge().anomalies;
        assert!(found.keys().all(|&kind| kind == Kind::GroupRedelivery), "{found:#?}");
    }
}
