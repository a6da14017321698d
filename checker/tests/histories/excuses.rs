//! Hand-made histories of records that retention or compaction removed, and of losses beside them.

use crate::script::{APP, P0, P1, Script};
use ktrial_checker::anomaly::AnomalyKind as Kind;
use ktrial_checker::contract::{CleanupPolicy, Contract};
use ktrial_checker::excuse::Excuse;
use ktrial_checker::history::{MessageKey, Offset, PositionedBy, RebalanceKind};

/// Three acknowledged records in `orders-0`.
fn three_records() -> Script {
    let mut s = Script::new();
    let p = s.producer();
    (0..3).for_each(|n| s.sent(p, P0, n + 1, n as i64));
    s
}

fn compacted() -> Contract {
    Contract { cleanup_policy: CleanupPolicy::Compact, ..Contract::default() }
}

fn found(s: &Script, contract: &Contract) -> Vec<(Kind, u64)> {
    let judgement = ktrial_checker::judge(&s.history, contract);
    judgement.anomalies.iter().map(|(&kind, found)| (kind, found.count)).collect()
}

#[test]
fn records_below_a_log_start_that_somebody_was_told_are_excused() {
    let mut s = three_records();
    let r = s.reader(P0);
    s.begins(r, P0, 2);
    s.dump(P0, &[(2, 3)]);
    s.finds(&[]);
    s.verdicts(["valid", "valid", "vacuous"]);
    insta::assert_snapshot!(
        s.excused(&Contract::default()),
        @"2 acknowledged records of orders-0 at offsets 0 to 1 are gone, excused by retention or DeleteRecords: orders-0 began at offset 2, as told to reader at 10.000 ms (op 9)."
    );
}

#[test]
fn a_log_start_told_with_a_fetch_excuses_too() {
    let mut s = three_records();
    let r = s.reader(P0);
    s.position(r, P0, 2, PositionedBy::Seek);
    s.poll_told(r, P0, &[(2, 3)], |bounds| bounds.log_start_offset = Offset(2));
    s.dump(P0, &[(2, 3)]);
    s.finds(&[]);
    assert_eq!(s.judge().excused[0].count, 2);
}

#[test]
fn an_excuse_hides_no_loss_beside_it() {
    let mut s = Script::new();
    let p = s.producer();
    (0..6).for_each(|n| s.sent(p, P0, n + 1, n as i64));
    let r = s.reader(P0);
    s.begins(r, P0, 2);
    s.dump(P0, &[(2, 3), (4, 5), (5, 6)]);
    s.finds(&[(Kind::Hole, 1)]);
    let judgement = s.judge();
    assert_eq!(judgement.anomalies[&Kind::Hole].examples[0].offsets, [Offset(3)]);
    assert_eq!(judgement.excused[0].offsets, Some((Offset(0), Offset(1))));
    s.verdicts(["valid", "invalid", "vacuous"]);
}

#[test]
fn a_log_start_of_another_partition_excuses_nothing() {
    let mut s = three_records();
    let r = s.reader(P1);
    s.begins(r, P1, 2);
    s.dump(P0, &[(2, 3)]);
    s.finds(&[(Kind::Hole, 2)]);
}

#[test]
fn a_log_that_still_began_below_after_the_record_was_missing_excuses_nothing() {
    let mut s = three_records();
    s.drain(P0, &[(0, 1), (2, 3)], 3);
    let r = s.reader(P0);
    s.begins(r, P0, 0);
    s.begins(r, P0, 3);
    s.finds(&[(Kind::Hole, 1)]);
}

#[test]
fn a_log_of_which_everything_was_removed_tells_nothing_of_durability() {
    let mut s = three_records();
    let r = s.reader(P0);
    s.begins(r, P0, 3);
    s.dump(P0, &[]);
    s.finds(&[]);
    s.verdicts(["vacuous", "vacuous", "vacuous"]);
}

#[test]
fn compaction_leaves_the_last_record_of_each_key() {
    let mut s = Script::new();
    let p = s.producer();
    [7, 8, 7].iter().zip(0_u32..).for_each(|(&key, n)| {
        s.sent_keyed(p, P0, u64::from(n) + 1, i64::from(n), key);
    });
    s.drain(P0, &[(1, 2), (2, 3)], 3);
    s.finds(&[(Kind::Hole, 1)]);
    assert_eq!(found(&s, &compacted()), []);
    insta::assert_snapshot!(
        s.excused(&compacted()),
        @"1 acknowledged record of orders-0 at offset 0 is gone, excused by cleanup.policy=compact: a later record of its message key is in orders-0. v3 was sent to orders-0 by producer at 5.000 ms (op 4) and acknowledged at 6.000 ms with offset 2."
    );
}

#[test]
fn compaction_puts_no_record_in_place_of_another() {
    let mut s = Script::new();
    let p = s.producer();
    s.sent_keyed(p, P0, 1, 0, 7);
    s.sent(p, P0, 2, 0);
    s.sent_keyed(p, P0, 3, 1, 7);
    s.drain(P0, &[(0, 2), (1, 3)], 2);
    assert_eq!(found(&s, &compacted()), [(Kind::LostWrite, 1)]);
}

#[test]
fn compaction_removes_no_last_record_and_none_without_a_key() {
    let mut s = Script::new();
    let p = s.producer();
    s.sent(p, P0, 1, 0);
    s.sent_keyed(p, P0, 2, 1, 7);
    s.sent_keyed(p, P0, 3, 2, 8);
    s.sent_keyed(p, P1, 4, 0, 8);
    s.drain(P0, &[(1, 2)], 3);
    s.drain(P1, &[(0, 4)], 1);
    let moved = (Kind::MessageKeyMoved, 1);
    assert_eq!(found(&s, &compacted()), [moved, (Kind::Hole, 1), (Kind::DrainedUnseen, 1)]);
    assert_eq!(s.excused(&compacted()), "");
}

/// A record of key 7, a tombstone of it, and a record of key 8.
fn one_deleted() -> Script {
    let mut s = Script::new();
    let p = s.producer();
    s.sent_keyed(p, P0, 1, 0, 7);
    s.deleted(p, P0, 2, 1, 7);
    s.sent_keyed(p, P0, 3, 2, 8);
    s
}

#[test]
fn a_tombstone_goes_with_what_it_deleted() {
    let mut s = one_deleted();
    s.drain(P0, &[(2, 3)], 3);
    assert_eq!(found(&s, &compacted()), []);
    insta::assert_snapshot!(
        s.excused(&compacted()),
        @"2 acknowledged records of orders-0 at offsets 0 to 1 are gone, excused by cleanup.policy=compact: orders-0 has no record of its message key since a tombstone. v2 was sent to orders-0 by producer at 3.000 ms (op 2) and acknowledged at 4.000 ms with offset 1."
    );
    s.finds(&[(Kind::Hole, 2)]);
}

#[test]
fn a_tombstone_that_waits_excuses_what_it_deleted() {
    let mut s = one_deleted();
    s.drain(P0, &[(1, 2), (2, 3)], 3);
    assert_eq!(found(&s, &compacted()), []);
}

#[test]
fn a_tombstone_does_not_go_before_what_it_deleted() {
    let mut s = one_deleted();
    s.drain(P0, &[(0, 1), (2, 3)], 3);
    assert_eq!(found(&s, &compacted()), [(Kind::Hole, 1)]);
}

#[test]
fn a_tombstone_excuses_nothing_that_was_sent_after_it() {
    let mut s = one_deleted();
    let p = s.producer();
    s.sent_keyed(p, P0, 4, 3, 7);
    s.drain(P0, &[(2, 3)], 4);
    assert_eq!(found(&s, &compacted()), [(Kind::DrainedUnseen, 1)]);
}

#[test]
fn a_tombstone_at_the_end_or_overwritten_was_not_compacted() {
    let mut s = one_deleted();
    s.drain(P0, &[], 1);
    assert_eq!(found(&s, &compacted()), [(Kind::TruncatedTail, 2), (Kind::DrainedUnseen, 1)]);
    let mut s = one_deleted();
    let p = s.producer();
    s.sent(p, P0, 4, 1);
    s.drain(P0, &[(1, 4), (2, 3)], 3);
    assert_eq!(found(&s, &compacted())[..2], [(Kind::LostWrite, 1), (Kind::Hole, 1)]);
}

#[test]
fn a_tombstone_that_nobody_acknowledged_excuses_nothing() {
    let mut s = Script::new();
    let p = s.producer();
    s.sent_keyed(p, P0, 1, 0, 7);
    let unheard = s.send(p, P0, 2);
    s.history.send_told(Some(MessageKey(7)), None);
    s.history.send_is_tombstone();
    s.give_up(unheard);
    s.sent_keyed(p, P0, 3, 2, 8);
    s.drain(P0, &[(2, 3)], 3);
    assert_eq!(found(&s, &compacted()), [(Kind::Hole, 1)]);
}

#[test]
fn a_record_that_was_read_and_then_removed_was_no_unstable_read() {
    let mut s = Script::new();
    let (p, r) = (s.producer(), s.reader(P0));
    let send = s.send(p, P0, 1);
    s.give_up(send);
    s.poll(r, P0, &[(0, 1)]);
    s.dump(P0, &[]);
    s.finds(&[(Kind::UnstableRead, 1)]);
    s.begins(r, P0, 1);
    s.finds(&[]);
    let judgement = s.judge();
    let [excused] = &judgement.excused[..] else { panic!("one excuse") };
    assert_eq!((excused.kind, excused.excuse), (Kind::UnstableRead, Excuse::Retention));
}

#[test]
fn a_consumer_may_go_on_where_the_log_begins_now() {
    let mut s = three_records();
    let r = s.reader(P0);
    s.poll(r, P0, &[(0, 1)]);
    s.poll(r, P0, &[(2, 3)]);
    s.finds(&[(Kind::PollSkip, 1)]);
    s.begins(r, P0, 2);
    s.finds(&[]);
    assert_eq!(s.judge().excused[0].kind, Kind::PollSkip);
}

#[test]
fn a_response_that_tells_a_lower_log_start_excuses_no_skip() {
    let mut s = three_records();
    let r = s.reader(P0);
    s.poll(r, P0, &[(0, 1)]);
    s.poll_told(r, P0, &[(2, 3)], |bounds| bounds.log_start_offset = Offset(0));
    s.begins(r, P0, 3);
    s.finds(&[(Kind::PollSkip, 1)]);
}

#[test]
fn retention_opens_no_gap_within_one_poll() {
    let mut s = three_records();
    let (r, other) = (s.reader(P0), s.reader(P0));
    s.poll(other, P0, &[(0, 1), (1, 2), (2, 3)]);
    s.poll(r, P0, &[(0, 1), (2, 3)]);
    s.begins(r, P0, 3);
    s.finds(&[(Kind::InternalSkip, 1)]);
}

#[test]
fn a_group_that_came_too_late_skipped_nothing() {
    let mut s = three_records();
    let first = s.member(P0, 0, PositionedBy::ResetEarliest);
    s.consume(first, P0, &[(0, 1)]);
    s.commit(first, P0, 1);
    s.crash(first);
    let second = s.member(P0, 2, PositionedBy::ResetEarliest);
    s.consume(second, P0, &[(2, 3)]);
    s.commit(second, P0, 3);
    s.finds(&[]);
    let judgement = s.judge();
    let [excused] = &judgement.excused[..] else { panic!("one excuse") };
    assert_eq!((excused.kind, excused.count), (Kind::GroupSkip, 1));
}

#[test]
fn a_record_lost_with_its_consumer_is_not_excused_by_what_is_removed_later() {
    let mut s = three_records();
    let first = s.member(P0, 0, PositionedBy::ResetEarliest);
    s.poll(first, P0, &[(0, 1), (1, 2)]);
    s.process(first, P0, &[(0, 1)]);
    s.commit(first, P0, 2);
    s.crash(first);
    let client = s.history.client("member");
    let second = s.history.open_session(client, Some(APP));
    let time = s.tick();
    s.history.rebalanced(second, time, RebalanceKind::Assigned, None, [P0]);
    s.position(second, P0, 2, PositionedBy::Committed);
    s.consume(second, P0, &[(2, 3)]);
    s.begins(second, P0, 3);
    s.finds(&[(Kind::CommitBeyondProcessing, 1), (Kind::GroupSkip, 1)]);
}
