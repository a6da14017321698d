//! Hand-made histories for the property acked-durability.

use crate::script::{P0, P1, Script};
use ktrial_checker::anomaly::{AnomalyKind as Kind, Role};
use ktrial_checker::contract::{CleanupPolicy, Contract};
use ktrial_checker::history::{Offset, PositionedBy, Value};
use ktrial_checker::verdict::Judgement;

#[test]
fn a_record_overwritten_by_another_is_a_lost_write() {
    let mut s = Script::new();
    let p = s.producer();
    s.sent(p, P0, 1, 0);
    s.sent(p, P0, 2, 0);
    s.drain(P0, &[(0, 2)], 1);
    s.finds(&[(Kind::LostWrite, 1)]);
    s.verdicts(["valid", "invalid", "vacuous"]);
}

#[test]
fn a_record_missing_between_others_leaves_a_hole() {
    let mut s = Script::new();
    let p = s.producer();
    (0..3).for_each(|n| s.sent(p, P0, n + 1, n as i64));
    s.drain(P0, &[(0, 1), (2, 3)], 3);
    s.finds(&[(Kind::Hole, 1)]);
}

#[test]
fn a_log_that_ends_before_an_acknowledged_record_lost_its_tail() {
    let mut s = Script::new();
    let p = s.producer();
    (0..3).for_each(|n| s.sent(p, P0, n + 1, n as i64));
    s.drain(P0, &[(0, 1)], 1);
    s.finds(&[(Kind::TruncatedTail, 2)]);
}

#[test]
fn a_record_that_should_be_in_range_and_is_not_was_never_seen() {
    let mut s = Script::new();
    let p = s.producer();
    (0..2).for_each(|n| s.sent(p, P0, n + 1, n as i64));
    s.drain(P0, &[(0, 1)], 2);
    s.finds(&[(Kind::DrainedUnseen, 1)]);
}

#[test]
fn a_success_without_an_offset_can_be_lost_too() {
    let mut s = Script::new();
    let p = s.producer();
    let send = s.send(p, P0, 1);
    s.ack_without_offset(send);
    s.drain(P0, &[], 0);
    s.finds(&[(Kind::DrainedUnseen, 1)]);
}

#[test]
fn a_dump_of_the_log_proves_a_loss_without_any_read() {
    let mut s = Script::new();
    let p = s.producer();
    (0..3).for_each(|n| s.sent(p, P0, n + 1, n as i64));
    s.dump(P0, &[(0, 1), (1, 2)]);
    s.finds(&[(Kind::TruncatedTail, 1)]);
}

#[test]
fn a_record_read_after_the_final_read_is_not_lost() {
    let mut s = Script::new();
    let (p, r) = (s.producer(), s.reader(P0));
    s.sent(p, P0, 1, 0);
    s.sent(p, P0, 2, 1);
    s.drain(P0, &[(0, 1)], 1);
    s.poll(r, P0, &[(0, 1), (1, 2)]);
    s.finds(&[]);
    s.verdicts(["valid", "valid", "vacuous"]);
}

#[test]
fn a_record_from_a_buffer_filled_before_the_loss_excuses_no_other() {
    let mut s = Script::new();
    let (p, r) = (s.producer(), s.reader(P0));
    s.sent(p, P0, 1, 0);
    s.sent(p, P0, 2, 1);
    s.poll(r, P0, &[(0, 1)]);
    s.drain(P0, &[], 0);
    s.poll(r, P0, &[(1, 2)]);
    s.finds(&[(Kind::TruncatedTail, 1)]);
}

#[test]
fn a_reader_that_saw_the_record_makes_the_loss_no_other_anomaly() {
    let mut s = Script::new();
    let (p, r) = (s.producer(), s.reader(P0));
    s.sent(p, P0, 1, 0);
    s.poll(r, P0, &[(0, 1)]);
    s.drain(P0, &[], 0);
    s.finds(&[(Kind::TruncatedTail, 1)]);
}

#[test]
fn a_lost_record_that_was_read_before_another_took_its_offset_is_a_divergence_too() {
    let mut s = Script::new();
    let (p, r) = (s.producer(), s.reader(P0));
    s.sent(p, P0, 1, 0);
    s.poll(r, P0, &[(0, 1)]);
    s.sent(p, P0, 2, 0);
    s.drain(P0, &[(0, 2)], 1);
    s.finds(&[(Kind::Divergence, 1), (Kind::LostWrite, 1)]);
}

#[test]
fn failed_and_unknown_sends_cannot_be_lost() {
    let mut s = Script::new();
    let p = s.producer();
    let (failed, unknown) = (s.send(p, P0, 1), s.send(p, P0, 2));
    s.fail(failed);
    s.give_up(unknown);
    s.drain(P0, &[], 0);
    s.finds(&[]);
    s.verdicts(["vacuous", "vacuous", "vacuous"]);
}

#[test]
fn records_below_the_first_offset_of_the_log_may_have_been_retained_long_enough() {
    let mut s = Script::new();
    let (p, r) = (s.producer(), s.reader(P0));
    (0..3).for_each(|n| s.sent(p, P0, n + 1, n as i64));
    let client = s.history.client("drain");
    let drain = s.history.open_session(client, None);
    s.poll(r, P0, &[(0, 1), (1, 2), (2, 3)]);
    s.position(drain, P0, 2, PositionedBy::Seek);
    s.poll(drain, P0, &[(2, 3)]);
    let time = s.tick();
    s.history.drained(drain, time, P0, Offset(3));
    s.finds(&[]);
}

#[test]
fn without_a_read_at_rest_durability_is_unknown() {
    let mut s = Script::new();
    let (p, r) = (s.producer(), s.reader(P0));
    s.sent(p, P0, 1, 0);
    s.poll(r, P0, &[(0, 1)]);
    s.verdicts(["valid", "unknown", "vacuous"]);
}

#[test]
fn one_partition_left_unread_at_rest_makes_durability_unknown() {
    let mut s = Script::new();
    let p = s.producer();
    s.sent(p, P0, 1, 0);
    s.sent(p, P1, 2, 0);
    s.drain(P0, &[(0, 1)], 1);
    s.verdicts(["valid", "unknown", "vacuous"]);
}

#[test]
fn a_loss_is_told_with_its_proof() {
    let mut s = Script::new();
    let (p, q) = (s.producer(), s.producer());
    s.sent(p, P0, 1, 0);
    s.sent(q, P0, 2, 0);
    s.drain(P0, &[(0, 2)], 1);
    let judgement = s.judge();
    let lost = &judgement.anomalies[&Kind::LostWrite].examples[0];
    insta::assert_snapshot!(lost.explain.join("\n"), @r"
    v1 was sent to orders-0 by producer at 1.000 ms (op 0) and acknowledged at 2.000 ms with offset 0.
    At rest, orders-0 was read from offset 0 to its end 1 by drain at 7.000 ms (op 5).
    Offset 0 holds v2 instead.
    v2 was sent to orders-0 by producer (life 2) at 3.000 ms (op 2) and acknowledged at 4.000 ms with offset 0.
    v1 is nowhere in orders-0: an acknowledged record is lost.
    ");
    assert_eq!(lost.allowed_by.as_deref(), Some("min.insync.replicas=1"));
    assert_eq!(lost.prevented_by.as_deref(), Some("min.insync.replicas=2"));
    let roles: Vec<_> = lost.ops.iter().map(|op| (op.op.0, op.role)).collect();
    assert_eq!(
        roles,
        [
            (0, Role::Writer),
            (1, Role::Acknowledgement),
            (5, Role::FinalReader),
            (2, Role::Overwriter)
        ]
    );
    assert_eq!(
        (lost.key.as_str(), lost.missing.as_slice()),
        ("orders-0", &[(Offset(0), Value(1))][..])
    );
}

#[test]
fn a_judgement_survives_json() {
    let mut s = Script::new();
    let p = s.producer();
    s.sent(p, P0, 1, 0);
    s.drain(P0, &[], 0);
    let judgement = s.judge();
    let json = serde_json::to_string(&judgement).unwrap();
    assert_eq!(serde_json::from_str::<Judgement>(&json).unwrap(), judgement);
}

/// Records 0 to 2 acknowledged, and a reader of all but the one at offset 1 in one poll.
fn read_over() -> Script {
    let mut s = Script::new();
    let (p, r) = (s.producer(), s.reader(P0));
    (0..3).for_each(|n| s.sent(p, P0, n + 1, n as i64));
    s.poll(r, P0, &[(0, 1), (2, 3)]);
    s
}

#[test]
fn a_record_that_one_poll_reads_over_and_nobody_reads_is_lost_without_a_read_at_rest() {
    let mut s = read_over();
    let m = s.member(P0, 0, PositionedBy::ResetEarliest);
    s.consume(m, P0, &[(0, 1), (2, 3)]);
    s.commit(m, P0, 3);
    s.finds(&[(Kind::Hole, 1)]);
    s.verdicts(["valid", "invalid"]);
    let (ops, told) = s.evidence(Kind::Hole);
    let roles: Vec<_> = ops.iter().map(|&(op, role)| (op.0, role)).collect();
    assert_eq!(roles, [(4, Role::Writer), (5, Role::Acknowledgement), (8, Role::Reader)]);
    insta::assert_snapshot!(told, @r"
    v2 was sent to orders-0 by producer at 5.000 ms (op 4) and acknowledged at 6.000 ms with offset 1.
    Records on both sides of offset 1 were read from orders-0 in one poll by reader at 10.000 ms (op 8).
    Nobody ever read v2: an acknowledged record is lost.
    ");
}

#[test]
fn a_record_that_somebody_else_read_is_left_out_by_the_poll_and_not_lost() {
    let mut s = read_over();
    let r = s.reader(P0);
    s.poll(r, P0, &[(0, 1), (1, 2)]);
    s.finds(&[(Kind::InternalSkip, 1)]);
    s.verdicts(["invalid", "unknown"]);
}

#[test]
fn a_record_read_over_and_then_read_at_rest_is_left_out_by_the_poll() {
    let mut s = read_over();
    s.drain(P0, &[(0, 1), (1, 2), (2, 3)], 3);
    s.finds(&[(Kind::InternalSkip, 1)]);
}

#[test]
fn a_record_read_over_and_missing_at_rest_is_lost_once_and_not_by_retention() {
    let mut s = read_over();
    s.dump(P0, &[(2, 3)]);
    let r = s.reader(P1);
    s.begins(r, P0, 2);
    s.finds(&[(Kind::Hole, 1)]);
    assert_eq!(s.judge().excused[0].offsets, Some((Offset(0), Offset(0))));
}

#[test]
fn a_record_that_lies_elsewhere_than_acknowledged_is_not_lost() {
    let mut s = read_over();
    let r = s.reader(P0);
    s.poll(r, P0, &[(0, 1), (2, 3), (3, 2)]);
    assert_eq!(s.judge().count(Kind::Hole), 0);
    assert_eq!(s.judge().count(Kind::AckedOffsetConflict), 1);
}

#[test]
fn the_offset_of_a_failed_record_or_a_marker_may_be_passed_over() {
    let mut s = Script::new();
    let (p, r) = (s.producer(), s.reader(P0));
    s.sent(p, P0, 1, 0);
    let (failed, unknown) = (s.send(p, P0, 2), s.send(p, P0, 3));
    s.fail(failed);
    s.give_up(unknown);
    s.sent(p, P0, 4, 3);
    s.poll(r, P0, &[(0, 1), (3, 4)]);
    s.finds(&[]);
}

#[test]
fn a_record_of_a_transaction_may_be_passed_over_unless_it_is_committed() {
    let mut s = Script::new();
    let (p, q, r) = (s.producer(), s.producer(), s.reader(P0));
    s.sent(q, P0, 1, 0);
    let txn = s.begin(p);
    s.sent(p, P0, 2, 1);
    let fork = s.history.clone();
    s.abort_txn(txn);
    s.sent(q, P0, 3, 3);
    s.poll(r, P0, &[(0, 1), (3, 3)]);
    s.finds(&[]);
    s.history = fork;
    s.commit_txn(txn);
    s.sent(q, P0, 3, 3);
    s.poll(r, P0, &[(0, 1), (3, 3)]);
    s.finds(&[(Kind::Hole, 1)]);
}

#[test]
fn what_compaction_leaves_has_gaps() {
    let mut s = Script::new();
    let (p, r) = (s.producer(), s.reader(P0));
    s.sent(p, P0, 1, 0);
    s.sent_keyed(p, P0, 2, 1, 7);
    s.sent_keyed(p, P0, 3, 2, 7);
    s.poll(r, P0, &[(0, 1), (2, 3)]);
    s.finds(&[(Kind::Hole, 1)]);
    let compact = Contract { cleanup_policy: CleanupPolicy::Compact, ..Contract::default() };
    assert!(ktrial_checker::judge(&s.history, &compact).anomalies.is_empty());
    assert!(s.excused(&compact).contains("excused by cleanup.policy=compact"));
}
