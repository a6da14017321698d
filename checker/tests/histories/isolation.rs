//! Hand-made histories of transactions as readers see them: what breaks isolation, and what only looks as if it did.

use crate::script::{P0, P1, Script};
use ktrial_checker::anomaly::{AnomalyKind as Kind, Role, Severity};
use ktrial_checker::contract::Contract;
use ktrial_checker::history::{Isolation, OpId, ProcessId};
use ktrial_checker::verdict::Property;

const COMMITTED: Isolation = Isolation::ReadCommitted;

/// A transaction with v1 at offset 0 of `orders-0` and v2 at offset 0 of `orders-1`, still open, and its two sends.
fn two_records(s: &mut Script) -> (OpId, [OpId; 2]) {
    let p = s.producer();
    let txn = s.begin(p);
    let sends = [(P0, 1), (P1, 2)].map(|(key, value)| {
        let send = s.send(p, key, value);
        s.ack(send, 0);
        send
    });
    (txn, sends)
}

#[test]
fn a_record_read_before_the_commit_was_asked_for_is_an_early_read() {
    let mut s = Script::at(COMMITTED);
    let (txn, [send, _]) = two_records(&mut s);
    let r = s.reader(P0);
    let early = s.poll(r, P0, &[(0, 1)]);
    let end = s.commit_txn(txn);
    s.drain(P0, &[(0, 1)], 2);
    s.drain(P1, &[(0, 2)], 2);
    s.finds(&[(Kind::EarlyRead, 1)]);
    s.verdict(Property::Isolation, "invalid");
    let (ops, explain) = s.evidence(Kind::EarlyRead);
    assert_eq!(ops, [(send, Role::Writer), (early, Role::Reader), (end, Role::TransactionEnd)]);
    insta::assert_snapshot!(explain, @r"
    v1 was sent to orders-0 by producer at 2.000 ms (op 1) and acknowledged at 3.000 ms with offset 0, in a transaction that was committed at 11.000 ms.
    v1 was read from orders-0 at offset 0 by reader at 9.000 ms (op 7).
    Nobody asked to commit the transaction before 10.000 ms.
    ");
}

#[test]
fn a_record_read_while_the_commit_is_under_way_is_none() {
    let mut s = Script::at(COMMITTED);
    let (txn, _) = two_records(&mut s);
    let r = s.reader(P0);
    let (asked, invoked, polled, heard) = (s.tick(), s.tick(), s.tick(), s.tick());
    let record = (P0, ktrial_checker::history::Offset(0), ktrial_checker::history::Value(1));
    s.history.polled(r, invoked, polled, [record]);
    s.history.txn_committed(txn, heard, Some(asked));
    s.drain(P0, &[(0, 1)], 2);
    s.drain(P1, &[(0, 2)], 2);
    s.finds(&[]);
    s.verdict(Property::Isolation, "valid");
}

#[test]
fn without_the_time_of_the_commit_the_last_send_tells_that_the_transaction_was_open() {
    for (sends_on, found) in [(true, &[(Kind::EarlyRead, 1)][..]), (false, &[])] {
        let mut s = Script::at(COMMITTED);
        let p = s.producer();
        let txn = s.begin(p);
        s.sent(p, P0, 1, 0);
        let r = s.reader(P0);
        s.poll(r, P0, &[(0, 1)]);
        if sends_on {
            s.sent(p, P0, 2, 1);
        }
        let time = s.tick();
        s.history.txn_committed(txn, time, None);
        s.finds(found);
    }
}

#[test]
fn a_reader_that_asked_for_uncommitted_records_gets_them() {
    let mut s = Script::at(Isolation::ReadUncommitted);
    let (txn, _) = two_records(&mut s);
    let r = s.reader(P0);
    s.poll(r, P0, &[(0, 1)]);
    s.abort_txn(txn);
    s.finds(&[(Kind::AbortedTransactionRead, 1)]);
    let found = &s.judge().anomalies[&Kind::AbortedTransactionRead];
    assert_eq!(found.severity, Severity::Warning);
    assert_eq!(found.examples[0].allowed_by.as_deref(), Some("isolation.level=read_uncommitted"));
    let committed = Contract { isolation: COMMITTED, ..Contract::default() };
    let judgement = ktrial_checker::judge(&s.history, &committed);
    assert_eq!(judgement.anomalies[&Kind::AbortedTransactionRead].severity, Severity::Error);
}

#[test]
fn a_record_of_an_aborted_transaction_in_the_log_at_rest_is_aborted_visible() {
    let mut s = Script::at(COMMITTED);
    let (txn, [_, send]) = two_records(&mut s);
    let end = s.abort_txn(txn);
    s.drain(P0, &[], 2);
    let drain = s.drain(P1, &[(0, 2)], 2);
    s.finds(&[(Kind::AbortedVisible, 1)]);
    let (ops, explain) = s.evidence(Kind::AbortedVisible);
    assert_eq!(ops, [(send, Role::Writer), (drain, Role::Reader), (end, Role::TransactionEnd)]);
    insta::assert_snapshot!(explain, @r"
    v2 was sent to orders-1 by producer at 4.000 ms (op 3) and acknowledged at 5.000 ms with offset 0, in a transaction that was aborted at 6.000 ms.
    v2 was read from orders-1 at offset 0 by drain (life 2) at 11.000 ms (op 8).
    At rest, the logs hold 1 of the 2 records it sent.
    ");
}

/// v1 of an open transaction at offset 0 of `orders-0`, v3 of nobody's transaction at offset 1, read by a poll.
fn read_beyond(isolation: Isolation) -> (Script, OpId, [OpId; 2]) {
    let mut s = Script::at(isolation);
    let p = s.producer();
    let txn = s.begin(p);
    let send = s.send(p, P0, 1);
    s.ack(send, 0);
    let other = s.producer();
    s.sent(other, P0, 3, 1);
    let r = s.reader(P0);
    s.position(r, P0, 1, ktrial_checker::history::PositionedBy::Seek);
    let poll = s.poll(r, P0, &[(1, 3)]);
    (s, txn, [send, poll])
}

#[test]
fn a_poll_beyond_an_undecided_transaction_passes_the_last_stable_offset() {
    let (mut s, txn, [send, poll]) = read_beyond(COMMITTED);
    let end = s.commit_txn(txn);
    s.finds(&[(Kind::LastStableOffsetPassed, 1)]);
    let (ops, explain) = s.evidence(Kind::LastStableOffsetPassed);
    assert_eq!(ops, [(send, Role::Writer), (poll, Role::Reader), (end, Role::TransactionEnd)]);
    insta::assert_snapshot!(explain, @r"
    v1 was sent to orders-0 by producer at 2.000 ms (op 1) and acknowledged at 3.000 ms with offset 0, in a transaction that was committed at 12.000 ms.
    orders-0 was read up to offset 1 by reader at 10.000 ms (op 8).
    Nobody asked to commit the transaction at offset 0 before 11.000 ms: the last stable offset was no higher.
    ");
}

#[test]
fn nobody_knows_when_a_coordinator_aborted_or_when_a_lost_commit_took_place() {
    let (mut s, txn, _) = read_beyond(COMMITTED);
    s.abort_txn(txn);
    s.finds(&[]);
    let (mut s, txn, _) = read_beyond(COMMITTED);
    s.give_up_txn(txn);
    s.finds(&[]);
    let (mut s, txn, _) = read_beyond(Isolation::ReadUncommitted);
    s.commit_txn(txn);
    s.finds(&[]);
}

#[test]
fn a_transaction_of_unknown_outcome_with_one_record_there_and_one_missing_is_torn() {
    let mut s = Script::at(COMMITTED);
    let (txn, [there, missing]) = two_records(&mut s);
    let end = s.give_up_txn(txn);
    s.drain(P0, &[(0, 1)], 2);
    s.drain(P1, &[], 2);
    let drained = s.last();
    s.finds(&[(Kind::TornTransaction, 1)]);
    let (ops, explain) = s.evidence(Kind::TornTransaction);
    let roles = [Role::Writer, Role::Writer, Role::TransactionEnd, Role::FinalReader];
    assert_eq!(ops, [there, missing, end, drained].into_iter().zip(roles).collect::<Vec<_>>());
    insta::assert_snapshot!(explain, @r"
    v2 was sent to orders-1 by producer at 4.000 ms (op 3) and acknowledged at 5.000 ms with offset 0, in a transaction that readers saw committed.
    At rest, orders-1 does not hold it.
    v1 was sent to orders-0 by producer at 2.000 ms (op 1) and acknowledged at 3.000 ms with offset 0, in a transaction that readers saw committed.
    That one is there, at offset 0.
    Of 2 records of one transaction, the log at rest lacks 1.
    ");
}

#[test]
fn one_that_readers_of_uncommitted_records_saw_may_be_undecided_still() {
    let mut s = Script::at(Isolation::ReadUncommitted);
    let (txn, _) = two_records(&mut s);
    s.give_up_txn(txn);
    s.drain(P0, &[(0, 1)], 2);
    s.drain(P1, &[], 2);
    s.finds(&[]);
}

#[test]
fn before_the_end_one_partition_may_show_its_part_and_another_not_yet() {
    let mut s = Script::at(COMMITTED);
    let (txn, _) = two_records(&mut s);
    s.commit_txn(txn);
    let r = s.reader(P0);
    s.poll(r, P0, &[(0, 1)]);
    s.drain(P0, &[(0, 1)], 2);
    s.finds(&[]);
    let unread = "unknown (1 transaction wrote to partitions that nobody read to the end)";
    s.tells(Property::Isolation, unread);
}

#[test]
fn a_committed_transaction_that_is_nowhere_is_lost() {
    let mut s = Script::at(COMMITTED);
    let (txn, _) = two_records(&mut s);
    s.commit_txn(txn);
    s.drain(P0, &[], 2);
    s.drain(P1, &[], 2);
    s.finds(&[(Kind::DrainedUnseen, 2), (Kind::LostTransaction, 1)]);
    assert_eq!(s.judge().anomalies[&Kind::LostTransaction].examples[0].missing.len(), 2);
}

#[test]
fn a_history_without_transactions_has_nothing_to_isolate() {
    let s = Script::new();
    s.tells(Property::Isolation, "vacuous (no transaction sent a record)");
}

/// Two transactions side by side: v1 and v3 of one, v2 and v4 of the other, both committed in the end.
fn side_by_side(write: impl FnOnce(&mut Script, [ProcessId; 2])) -> Script {
    let mut s = Script::at(COMMITTED);
    let writers = [s.producer(), s.producer()];
    let txns = writers.map(|writer| s.begin(writer));
    write(&mut s, writers);
    for txn in txns {
        let time = s.tick();
        s.history.txn_committed(txn, time, None);
    }
    s
}

#[test]
fn transactions_that_lie_one_way_here_and_the_other_way_there_are_a_write_cycle() {
    let s = side_by_side(|s, [one, other]| {
        s.sent(one, P0, 1, 0);
        s.sent(other, P0, 2, 1);
        s.sent(other, P1, 4, 0);
        s.sent(one, P1, 3, 1);
    });
    s.finds(&[(Kind::WriteCycle, 1)]);
    insta::assert_snapshot!(s.evidence(Kind::WriteCycle).1, @r"
    The transaction begun by producer at 1.000 ms (op 0) has a record next before one of that begun by producer (life 2) at 2.000 ms (op 1).
    The transaction begun by producer (life 2) at 2.000 ms (op 1) has a record next before one of that begun by producer at 1.000 ms (op 0).
    So each of them comes before itself.
    ");
    assert_eq!(s.judge().anomalies[&Kind::WriteCycle].severity, Severity::Info);
}

#[test]
fn a_transaction_that_reads_from_one_it_lies_before_closes_a_cycle_of_information() {
    let s = side_by_side(|s, [one, other]| {
        s.sent(one, P0, 1, 0);
        s.sent(other, P0, 2, 1);
        s.sent(other, P1, 4, 0);
        s.poll(one, P1, &[(0, 4)]);
    });
    s.finds(&[(Kind::InformationFlowCycle, 1)]);
    insta::assert_snapshot!(s.evidence(Kind::InformationFlowCycle).1, @r"
    The transaction begun by producer at 1.000 ms (op 0) has a record next before one of that begun by producer (life 2) at 2.000 ms (op 1).
    The transaction begun by producer (life 2) at 2.000 ms (op 1) had a record read by that begun by producer at 1.000 ms (op 0).
    So each of them comes before itself.
    ");
}

#[test]
fn transactions_that_read_from_each_other_read_before_a_commit() {
    let s = side_by_side(|s, [one, other]| {
        s.sent(one, P0, 1, 0);
        s.sent(other, P1, 4, 0);
        s.poll(one, P1, &[(0, 4)]);
        s.poll(other, P0, &[(0, 1)]);
    });
    s.finds(&[(Kind::ReadCycle, 1)]);
    assert_eq!(s.judge().anomalies[&Kind::ReadCycle].severity, Severity::Warning);
}

#[test]
fn sends_outside_transactions_are_in_no_cycle() {
    let mut s = Script::at(COMMITTED);
    let [one, other] = [s.producer(), s.producer()];
    s.sent(one, P0, 1, 0);
    s.sent(other, P1, 4, 0);
    s.poll(one, P1, &[(0, 4)]);
    s.poll(other, P0, &[(0, 1)]);
    s.sent(other, P0, 2, 1);
    s.sent(one, P1, 3, 1);
    s.finds(&[]);
}
