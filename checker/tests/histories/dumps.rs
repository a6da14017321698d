//! Hand-made histories with dumped logs: what markers and aborted records say of transactions whose producers never learnt
//! how they ended.

use crate::script::{P0, P1, Script};
use ktrial_checker::anomaly::{AnomalyKind as Kind, Role};
use ktrial_checker::history::{
    Isolation, Key, LogEntry, LogEntryKind, Offset, OpId, ProcessId, Producer, Time, Value,
};

const COMMITTED: Isolation = Isolation::ReadCommitted;

/// A process that is the producer with this id.
fn transactor(s: &mut Script, id: i64) -> ProcessId {
    let process = s.producer();
    let transactional_id = Some(s.history.transactional_id(&format!("tx-{id}")));
    let time = s.tick();
    let producer = Producer { invoked_at: Time::NONE, id, transactional_id, epoch: 0 };
    s.history.producer_initialized(process, time, producer);
    process
}

/// v1 of producer 7 at offset 0 of `orders-0` and v2 at offset 0 of `orders-1`, in one transaction of unknown outcome.
fn undecided(isolation: Isolation) -> (Script, OpId) {
    let mut s = Script::at(isolation);
    let p = transactor(&mut s, 7);
    let txn = s.begin(p);
    s.sent(p, P0, 1, 0);
    s.sent(p, P1, 2, 0);
    s.give_up_txn(txn);
    (s, txn)
}

fn aborted(offset: i64, value: u64) -> LogEntry {
    let (offset, value, kind) = (Offset(offset), Some(Value(value)), LogEntryKind::AbortedData);
    LogEntry { offset, value, producer_id: 7, producer_epoch: 0, kind }
}

/// A marker of producer 7 in its next epoch, as a coordinator writes it that fences the producer first.
fn marker(offset: i64, kind: LogEntryKind) -> LogEntry {
    LogEntry { offset: Offset(offset), value: None, producer_id: 7, producer_epoch: 1, kind }
}

/// The log at rest, and what else it holds. Tells the operation of the latter.
fn dump(s: &mut Script, key: Key, records: &[(i64, u64)], entries: &[LogEntry]) -> OpId {
    s.dump(key, records);
    s.history.log_annotated(entries.iter().copied());
    s.last()
}

#[test]
fn a_reader_of_committed_records_must_not_have_seen_what_a_coordinator_aborted() {
    let (mut s, _) = undecided(COMMITTED);
    let r = s.reader(P0);
    let poll = s.poll(r, P0, &[(0, 1)]);
    let shown = dump(&mut s, P0, &[], &[aborted(0, 1), marker(1, LogEntryKind::Abort)]);
    s.finds(&[(Kind::AbortedTransactionRead, 1)]);
    let (ops, explain) = s.evidence(Kind::AbortedTransactionRead);
    assert_eq!(ops, [(OpId(2), Role::Writer), (poll, Role::Reader), (shown, Role::TransactionEnd)]);
    insta::assert_snapshot!(explain, @r"
    v1 was sent to orders-0 by producer at 3.000 ms (op 2) and acknowledged at 4.000 ms with offset 0, in a transaction that the log at rest shows aborted.
    v1 was read from orders-0 at offset 0 by reader at 12.000 ms (op 9).
    ");
}

#[test]
fn a_marker_alone_decides_the_transaction_whose_record_was_acknowledged_below_it() {
    let judged = |entries: &[LogEntry]| {
        let (mut s, _) = undecided(Isolation::ReadUncommitted);
        let r = s.reader(P1);
        s.poll(r, P1, &[(0, 2)]);
        dump(&mut s, P0, &[], entries);
        s.judge().count(Kind::AbortedTransactionRead)
    };
    assert_eq!(judged(&[marker(1, LogEntryKind::Abort)]), 1);
    assert_eq!(judged(&[LogEntry { producer_id: 8, ..marker(1, LogEntryKind::Abort) }]), 0);
    assert_eq!(judged(&[LogEntry { producer_id: -1, ..marker(1, LogEntryKind::Abort) }]), 0);
    assert_eq!(judged(&[marker(0, LogEntryKind::Abort)]), 0, "the record is not below it");
}

#[test]
fn a_marker_below_which_two_transactions_may_lie_decides_neither() {
    let mut s = Script::at(Isolation::ReadUncommitted);
    let p = transactor(&mut s, 7);
    for value in [1, 2] {
        let txn = s.begin(p);
        s.sent(p, P0, value, value as i64 - 1);
        s.give_up_txn(txn);
    }
    let r = s.reader(P0);
    s.poll(r, P0, &[(0, 1), (1, 2)]);
    dump(&mut s, P0, &[], &[marker(2, LogEntryKind::Abort)]);
    s.finds(&[]);
}

#[test]
fn a_transaction_of_which_only_markers_are_left_is_lost() {
    let (mut s, _) = undecided(COMMITTED);
    for key in [P0, P1] {
        dump(&mut s, key, &[], &[marker(1, LogEntryKind::Commit)]);
    }
    assert_eq!(s.judge().count(Kind::LostTransaction), 1);
    let (mut s, _) = undecided(COMMITTED);
    for key in [P0, P1] {
        dump(&mut s, key, &[], &[marker(1, LogEntryKind::Abort)]);
    }
    s.finds(&[]);
}

#[test]
fn a_transaction_committed_here_and_aborted_there_is_torn() {
    let (mut s, _) = undecided(COMMITTED);
    dump(&mut s, P0, &[(0, 1)], &[marker(1, LogEntryKind::Commit)]);
    dump(&mut s, P1, &[], &[aborted(0, 2), marker(1, LogEntryKind::Abort)]);
    assert_eq!(s.judge().count(Kind::TornTransaction), 1);
}

/// v1 of producer 7, aborted, then v3 of nobody's transaction, which a poll returns before v4 is sent.
fn passed(marker_at: i64, v4_at: i64) -> Script {
    let mut s = Script::at(COMMITTED);
    let p = transactor(&mut s, 7);
    let txn = s.begin(p);
    s.sent(p, P0, 1, 0);
    s.give_up_txn(txn);
    let other = s.producer();
    s.sent(other, P0, 3, 1);
    let r = s.reader(P0);
    s.poll(r, P0, &[(1, 3)]);
    s.sent(other, P0, 4, v4_at);
    let entries = [aborted(0, 1), marker(marker_at, LogEntryKind::Abort)];
    dump(&mut s, P0, &[(1, 3), (v4_at, 4)], &entries);
    s
}

#[test]
fn before_all_that_lies_below_a_marker_was_sent_nobody_passed_its_transaction() {
    let s = passed(3, 2);
    s.finds(&[(Kind::LastStableOffsetPassed, 1)]);
    let (ops, explain) = s.evidence(Kind::LastStableOffsetPassed);
    let roles = [Role::Writer, Role::Reader, Role::TransactionEnd, Role::Writer];
    assert_eq!(ops.iter().map(|&(_, role)| role).collect::<Vec<_>>(), roles);
    insta::assert_snapshot!(explain, @r"
    v1 was sent to orders-0 by producer at 3.000 ms (op 2) and acknowledged at 4.000 ms with offset 0, in a transaction that the log at rest shows aborted.
    orders-0 was read up to offset 1 by reader at 12.000 ms (op 9).
    The marker at offset 3 ended the transaction at offset 0, behind v4, which was sent at 13.000 ms: before that, the last stable offset was no higher.
    ");
    passed(2, 3).finds(&[]);
}

#[test]
fn a_log_ends_behind_its_last_marker() {
    let found = |entries: &[LogEntry]| {
        let mut s = Script::new();
        let p = s.producer();
        s.sent(p, P0, 1, 0);
        s.sent(p, P0, 2, 1);
        dump(&mut s, P0, &[(0, 1)], entries);
        s.judge().anomalies.into_keys().collect::<Vec<_>>()
    };
    assert_eq!(found(&[]), [Kind::TruncatedTail]);
    assert_ne!(found(&[marker(2, LogEntryKind::Commit)]), [Kind::TruncatedTail]);
}
