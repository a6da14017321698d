//! Hand-made histories of exactly-once processing: what breaks it, and what only looks as if it did.

use crate::script::{APP, P0, P1, Script};
use ktrial_checker::anomaly::{AnomalyKind as Kind, Role};
use ktrial_checker::history::{Isolation, Offset, OpId, PositionedBy, ProcessId, Producer, Time};
use ktrial_checker::verdict::Property;

/// Three records in `orders-0`, the input, and a worker of the group `app` positioned at its beginning.
fn input() -> (Script, ProcessId) {
    let mut s = Script::at(Isolation::ReadCommitted);
    let p = s.producer();
    (0..3).for_each(|n| s.sent(p, P0, n + 1, n as i64));
    let worker = s.member(P0, 0, PositionedBy::ResetEarliest);
    (s, worker)
}

/// The worker polls records in a new transaction and adds the offset behind them.
fn consume(s: &mut Script, worker: ProcessId, records: &[(i64, u64)]) -> (OpId, OpId) {
    let txn = s.begin(worker);
    s.poll(worker, P0, records);
    let next = records.last().unwrap().0 + 1;
    let time = s.tick();
    s.history.txn_offsets(txn, time, APP, [(P0, Offset(next))]);
    (txn, s.last())
}

fn drained(mut s: Script) -> Script {
    s.drain(P0, &[(0, 1), (1, 2), (2, 3)], 3);
    s
}

#[test]
fn what_transactions_consume_one_after_the_other_is_processed_once() {
    let (mut s, worker) = input();
    for records in [&[(0, 1), (1, 2)][..], &[(2, 3)]] {
        let (txn, _) = consume(&mut s, worker, records);
        s.commit_txn(txn);
    }
    let s = drained(s);
    s.finds(&[]);
    s.verdict(Property::ExactlyOnce, "valid");
    assert_eq!(s.judge().coverage.intervals, 2);
}

#[test]
fn what_two_committed_transactions_consumed_is_processed_twice() {
    let (mut s, worker) = input();
    let (first, added) = consume(&mut s, worker, &[(0, 1), (1, 2)]);
    let end = s.commit_txn(first);
    let other = s.member(P0, 1, PositionedBy::Seek);
    let (second, again) = consume(&mut s, other, &[(1, 2), (2, 3)]);
    let end_again = s.commit_txn(second);
    let s = drained(s);
    s.finds(&[(Kind::GroupRedelivery, 1), (Kind::DoubleProcessing, 1)]);
    s.verdict(Property::ExactlyOnce, "invalid");
    let (ops, explain) = s.evidence(Kind::DoubleProcessing);
    let (committer, ended) = (Role::Committer, Role::TransactionEnd);
    assert_eq!(ops, [(added, committer), (again, committer), (end, ended), (end_again, ended)]);
    insta::assert_snapshot!(explain, @r"
    A transaction of member at 12.000 ms (op 10) consumed orders-0 from offset 0 to 2 for group app, and added offset 2.
    A transaction of member (life 2) at 20.000 ms (op 16) consumed orders-0 from offset 1 to 3 for group app, and added offset 3.
    Both are committed, and both processed 1 record from offset 1 on.
    ");
}

#[test]
fn what_a_long_transaction_consumed_is_processed_twice_by_each_that_comes_after() {
    let (mut s, worker) = input();
    let (long, long_added) = consume(&mut s, worker, &[(0, 1), (1, 2), (2, 3)]);
    s.commit_txn(long);
    let mut last = long_added;
    for record in [(1, 2), (2, 3)] {
        let other = s.member(P0, record.0, PositionedBy::Seek);
        let (again, added) = consume(&mut s, other, &[record]);
        s.commit_txn(again);
        last = added;
    }
    let s = drained(s);
    s.finds(&[(Kind::GroupRedelivery, 2), (Kind::DoubleProcessing, 2)]);
    let judgement = s.judge();
    let second = &judgement.anomalies[&Kind::DoubleProcessing].examples[1];
    assert_eq!([second.ops[0].op, second.ops[1].op], [long_added, last]);
}

#[test]
fn what_an_aborted_transaction_consumed_is_consumed_again() {
    let (mut s, worker) = input();
    let (first, _) = consume(&mut s, worker, &[(0, 1), (1, 2)]);
    s.abort_txn(first);
    s.position(worker, P0, 0, PositionedBy::Seek);
    let (second, _) = consume(&mut s, worker, &[(0, 1), (1, 2), (2, 3)]);
    s.commit_txn(second);
    let s = drained(s);
    s.finds(&[]);
    s.verdict(Property::AtMostOnce, "valid");
    s.verdict(Property::AtLeastOnce, "valid");
}

#[test]
fn what_a_transaction_of_unknown_outcome_consumed_may_be_consumed_again() {
    let (mut s, worker) = input();
    let (first, _) = consume(&mut s, worker, &[(0, 1), (1, 2)]);
    s.give_up_txn(first);
    let worker = s.member(P0, 0, PositionedBy::Committed);
    let (second, _) = consume(&mut s, worker, &[(0, 1), (1, 2), (2, 3)]);
    s.commit_txn(second);
    drained(s).finds(&[]);
}

#[test]
fn what_is_consumed_twice_after_an_abort_names_the_two_that_are_committed() {
    let (mut s, worker) = input();
    let (aborted, _) = consume(&mut s, worker, &[(0, 1)]);
    s.abort_txn(aborted);
    let polls = [(); 2].map(|()| {
        s.position(worker, P0, 0, PositionedBy::Seek);
        let txn = s.begin(worker);
        let poll = s.poll(worker, P0, &[(0, 1)]);
        let time = s.tick();
        s.history.txn_offsets(txn, time, APP, [(P0, Offset(1))]);
        s.commit_txn(txn);
        poll
    });
    let s = drained(s);
    s.finds(&[(Kind::GroupRedelivery, 1), (Kind::DoubleProcessing, 1)]);
    let (ops, _) = s.evidence(Kind::GroupRedelivery);
    assert_eq!(ops, polls.map(|poll| (poll, Role::Processor)));
}

/// One record is consumed, then `skip` deals with the second one, and the third is consumed.
fn jumping(skip: impl FnOnce(&mut Script, ProcessId)) -> Script {
    let (mut s, worker) = input();
    let (first, _) = consume(&mut s, worker, &[(0, 1)]);
    s.commit_txn(first);
    skip(&mut s, worker);
    let (last, _) = consume(&mut s, worker, &[(2, 3)]);
    s.commit_txn(last);
    drained(s)
}

#[test]
fn a_worker_that_reads_on_behind_an_aborted_transaction_skips_its_input() {
    let s = jumping(|s, worker| {
        let (txn, _) = consume(s, worker, &[(1, 2)]);
        s.abort_txn(txn);
    });
    s.finds(&[(Kind::SkippedInput, 1)]);
    insta::assert_snapshot!(s.evidence(Kind::SkippedInput).1, @r"
    A transaction of member at 23.000 ms (op 18) consumed orders-0 from offset 2 to 3 for group app, and added offset 3.
    No transaction that may be committed consumed what lies from offset 1 to 2: 1 record.
    ");
}

#[test]
fn what_an_aborted_transaction_polled_without_adding_an_offset_is_skipped_too() {
    let s = jumping(|s, worker| {
        let txn = s.begin(worker);
        s.poll(worker, P0, &[(1, 2)]);
        s.abort_txn(txn);
    });
    s.finds(&[(Kind::SkippedInput, 1)]);
}

#[test]
fn a_transaction_of_unknown_outcome_bridges_the_gap_it_fits() {
    jumping(|s, worker| {
        let (txn, _) = consume(s, worker, &[(1, 2)]);
        s.give_up_txn(txn);
    })
    .finds(&[]);
}

#[test]
fn a_worker_that_is_given_the_offset_of_an_aborted_transaction_goes_on_without_its_output() {
    let s = jumping(|s, worker| {
        let (txn, _) = consume(s, worker, &[(1, 2)]);
        s.abort_txn(txn);
        s.position(worker, P0, 2, PositionedBy::Committed);
    });
    s.finds(&[(Kind::OffsetWithoutOutput, 1)]);
    insta::assert_snapshot!(s.evidence(Kind::OffsetWithoutOutput).1, @r"
    A transaction of member at 18.000 ms (op 14) consumed orders-0 from offset 1 to 2 for group app, and added offset 2.
    That transaction was aborted, yet offset 2 was given to member at 20.000 ms (op 16).
    No transaction that may be committed consumed what lies from offset 1 to 2: 1 record.
    ");
}

#[test]
fn a_group_that_commits_outside_transactions_too_is_at_least_once_at_best() {
    let s = jumping(|s, worker| s.commit(worker, P0, 1));
    assert_eq!(s.judge().count(Kind::SkippedInput), 0);
}

/// A life of the producer `tx` with id 7 in this epoch.
fn life(s: &mut Script, epoch: i16) -> (ProcessId, OpId) {
    let process = s.producer();
    let transactional_id = Some(s.history.transactional_id("tx"));
    let time = s.tick();
    let producer = Producer { invoked_at: Time::NONE, id: 7, transactional_id, epoch };
    s.history.producer_initialized(process, time, producer);
    (process, s.last())
}

#[test]
fn an_older_life_that_writes_behind_a_newer_one_is_a_zombie() {
    for (zombie_at, newer_at, found) in [(1, 0, &[(Kind::ZombieWrite, 1)][..]), (0, 1, &[])] {
        let mut s = Script::new();
        let (old, _) = life(&mut s, 0);
        let (new, _) = life(&mut s, 1);
        let mut writes = [(newer_at, new, 1), (zombie_at, old, 2)];
        writes.sort();
        for (offset, producer, value) in writes {
            s.sent(producer, P0, value, offset);
        }
        s.finds(found);
    }
}

#[test]
fn a_commit_asked_for_after_a_newer_life_began_must_be_refused() {
    let mut s = Script::new();
    let (old, _) = life(&mut s, 0);
    let txn = s.begin(old);
    let send = s.send(old, P0, 1);
    s.ack(send, 0);
    let (_, newer) = life(&mut s, 1);
    let end = s.commit_txn(txn);
    s.finds(&[(Kind::FencedCommit, 1)]);
    let (ops, explain) = s.evidence(Kind::FencedCommit);
    assert_eq!(ops, [(send, Role::Writer), (newer, Role::Owner), (end, Role::Zombie)]);
    insta::assert_snapshot!(explain, @r"
    v1 was sent to orders-0 by producer at 3.000 ms (op 2) and acknowledged at 4.000 ms with offset 0, in a transaction that was committed at 7.000 ms.
    The transaction was one of producer tx (epoch 0).
    Before its commit was asked for, a newer life was initialized by producer (life 2) at 5.000 ms (op 4).
    ");
}

#[test]
fn a_commit_asked_for_before_a_newer_life_began_may_be_heard_of_later() {
    let mut s = Script::new();
    let (old, _) = life(&mut s, 0);
    let txn = s.begin(old);
    s.sent(old, P0, 1, 0);
    let asked = s.tick();
    life(&mut s, 1);
    let time = s.tick();
    s.history.txn_committed(txn, time, Some(asked));
    s.finds(&[]);
}

#[test]
fn transactions_of_one_process_out_of_order_are_a_disorder_and_no_interleaving() {
    let mut s = Script::new();
    let (p, _) = life(&mut s, 0);
    let first = s.begin(p);
    let sends = [1, 3].map(|value| s.send(p, P0, value));
    s.ack(sends[0], 0);
    s.ack(sends[1], 2);
    s.commit_txn(first);
    let second = s.begin(p);
    s.sent(p, P0, 2, 1);
    s.commit_txn(second);
    let found = s.judge().anomalies;
    assert!(found.contains_key(&Kind::OutOfOrder));
    assert!(!found.contains_key(&Kind::TransactionInterleaving), "{found:#?}");
}

/// A producer sends v1, v2 and v3 with these sequence numbers; the fate of v2 is told apart.
fn numbered(
    numbers: [i32; 3],
    fate: impl FnOnce(&mut Script, OpId),
    records: &[(i64, u64)],
) -> Script {
    let mut s = Script::new();
    let (p, _) = life(&mut s, 0);
    let sends = [1, 2, 3].map(|value| {
        let send = s.send(p, P1, value);
        s.history.send_told(None, Some(numbers[value as usize - 1]));
        send
    });
    s.ack(sends[0], 0);
    fate(&mut s, sends[1]);
    s.ack(sends[2], records.last().unwrap().0);
    s.drain(P1, records, records.last().unwrap().0 + 1);
    s
}

#[test]
fn a_sequence_number_the_log_skips_though_a_send_had_it_is_a_gap() {
    let s = numbered([0, 1, 2], Script::give_up, &[(0, 1), (1, 3)]);
    s.finds(&[(Kind::SequenceGap, 1)]);
    insta::assert_snapshot!(s.evidence(Kind::SequenceGap).1, @r"
    v1 was sent to orders-1 by producer at 2.000 ms (op 1) and acknowledged at 5.000 ms with offset 0.
    v2 was sent to orders-1 by producer at 3.000 ms (op 2); its producer never learnt whether it happened.
    v3 was sent to orders-1 by producer at 4.000 ms (op 3) and acknowledged at 7.000 ms with offset 1.
    By its sequence number v2 belongs between the others; the log has them and not it.
    ");
    let loss = numbered([0, 1, 2], |s, send| s.ack(send, 1), &[(0, 1), (2, 3)]);
    loss.finds(&[(Kind::Hole, 1)]);
    let restarted = numbered([0, 1, 1], Script::give_up, &[(0, 1), (1, 3)]);
    restarted.finds(&[]);
}

#[test]
fn a_sequence_number_of_a_transaction_that_may_be_aborted_is_no_gap() {
    let mut s = Script::new();
    let (p, _) = life(&mut s, 0);
    for (value, offset) in [(1, 0), (2, 1), (3, 2)] {
        let txn = s.begin(p);
        let send = s.send(p, P1, value);
        s.history.send_told(None, Some(offset as i32));
        s.ack(send, offset);
        if value == 2 {
            s.give_up_txn(txn)
        } else {
            s.commit_txn(txn)
        };
    }
    s.drain(P1, &[(0, 1), (2, 3)], 3);
    s.finds(&[]);
    assert_eq!(s.judge().coverage.sequence_pairs, 1);
}

#[test]
fn a_sequence_number_the_log_holds_twice_is_a_duplicate() {
    let s = numbered([0, 0, 1], |s, send| s.ack(send, 1), &[(0, 1), (1, 2), (2, 3)]);
    s.finds(&[(Kind::SequenceDuplicate, 1)]);
    insta::assert_snapshot!(s.evidence(Kind::SequenceDuplicate).1, @r"
    v1 was sent to orders-1 by producer at 2.000 ms (op 1) and acknowledged at 5.000 ms with offset 0.
    v2 was sent to orders-1 by producer at 3.000 ms (op 2) and acknowledged at 6.000 ms with offset 1.
    Both have the same sequence number.
    ");
}

#[test]
fn where_nobody_uses_transactions_or_numbers_there_is_nothing_to_judge() {
    let reason = "vacuous (no transaction committed offsets and no two sequence numbers were seen)";
    Script::new().tells(Property::ExactlyOnce, reason);
}
