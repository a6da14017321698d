//! Hand-made histories for the property at-least-once.

use crate::script::{P0, Script};
use ktrial_checker::anomaly::{AnomalyKind as Kind, Severity};
use ktrial_checker::history::{PositionedBy, ProcessId};

const FOUR: [(i64, u64); 4] = [(0, 1), (1, 2), (2, 3), (3, 4)];

/// Four acknowledged records in `orders-0`.
fn four_records() -> (Script, ProcessId) {
    let mut s = Script::new();
    let p = s.producer();
    FOUR.iter().for_each(|&(offset, value)| s.sent(p, P0, value, offset));
    let m = s.member(P0, 0, PositionedBy::ResetEarliest);
    (s, m)
}

#[test]
fn a_group_that_processes_everything_is_valid() {
    let (mut s, m) = four_records();
    s.consume(m, P0, &FOUR);
    s.commit(m, P0, 4);
    s.drain(P0, &FOUR, 4);
    s.finds(&[]);
    s.verdicts(["valid", "valid", "valid"]);
}

#[test]
fn records_processed_again_after_a_crash_are_counted_and_break_nothing() {
    let (mut s, m) = four_records();
    s.consume(m, P0, &FOUR[..3]);
    s.commit(m, P0, 1);
    s.crash(m);
    let m = s.member(P0, 1, PositionedBy::Committed);
    s.consume(m, P0, &FOUR[1..]);
    s.drain(P0, &FOUR, 4);
    s.finds(&[(Kind::GroupRedelivery, 2)]);
    s.verdicts(["valid", "valid", "valid"]);
}

#[test]
fn commit_before_processing_and_a_crash_skip_records() {
    let (mut s, m) = four_records();
    s.poll(m, P0, &FOUR[..2]);
    s.commit(m, P0, 2);
    s.process(m, P0, &FOUR[..1]);
    s.crash(m);
    let m = s.member(P0, 2, PositionedBy::Committed);
    s.consume(m, P0, &FOUR[2..]);
    s.drain(P0, &FOUR, 4);
    s.finds(&[(Kind::CommitBeyondProcessing, 1), (Kind::GroupSkip, 1)]);
    s.verdicts(["valid", "valid", "invalid"]);
}

#[test]
fn a_committed_record_still_in_a_living_members_hands_is_not_skipped_yet() {
    let (mut s, m) = four_records();
    s.poll(m, P0, &FOUR);
    s.commit(m, P0, 4);
    s.process(m, P0, &FOUR[..3]);
    s.drain(P0, &FOUR, 4);
    s.finds(&[(Kind::CommitBeyondProcessing, 1)]);
    s.verdicts(["valid", "valid", "unknown"]);
}

#[test]
fn commit_before_processing_without_a_crash_is_a_hazard_only() {
    let (mut s, m) = four_records();
    s.poll(m, P0, &FOUR);
    s.commit(m, P0, 4);
    s.process(m, P0, &FOUR);
    s.drain(P0, &FOUR, 4);
    s.finds(&[(Kind::CommitBeyondProcessing, 1)]);
    s.verdicts(["valid", "valid", "valid"]);
}

#[test]
fn a_commit_of_records_never_received_is_beyond_delivery() {
    let (mut s, m) = four_records();
    s.consume(m, P0, &FOUR[..1]);
    s.commit(m, P0, 4);
    s.position(m, P0, 1, PositionedBy::Seek);
    s.consume(m, P0, &FOUR[1..]);
    s.drain(P0, &FOUR, 4);
    s.finds(&[(Kind::CommitBeyondDelivery, 1)]);
}

#[test]
fn a_group_resumed_beyond_what_it_processed_skips() {
    let (mut s, m) = four_records();
    s.consume(m, P0, &FOUR[..1]);
    s.crash(m);
    let m = s.member(P0, 3, PositionedBy::Committed);
    s.consume(m, P0, &FOUR[3..]);
    s.drain(P0, &FOUR, 4);
    s.finds(&[(Kind::GroupSkip, 2)]);
}

#[test]
fn without_reports_of_processing_delivery_stands_in_for_it() {
    let (mut s, m) = four_records();
    s.poll(m, P0, &FOUR);
    s.commit(m, P0, 4);
    s.drain(P0, &FOUR, 4);
    s.finds(&[]);
    s.verdicts(["valid", "valid", "valid"]);
}

#[test]
fn a_group_that_stopped_short_is_unknown() {
    let (mut s, m) = four_records();
    s.consume(m, P0, &FOUR[..3]);
    s.drain(P0, &FOUR, 4);
    s.finds(&[]);
    s.verdicts(["valid", "valid", "unknown"]);
}

#[test]
fn a_reset_to_the_end_passes_over_what_was_there() {
    let mut s = Script::new();
    let p = s.producer();
    FOUR[..3].iter().for_each(|&(offset, value)| s.sent(p, P0, value, offset));
    let m = s.member(P0, 3, PositionedBy::ResetLatest);
    s.sent(p, P0, 4, 3);
    s.consume(m, P0, &FOUR[3..]);
    s.drain(P0, &FOUR, 4);
    s.finds(&[(Kind::SkippedByReset, 1)]);
    let judgement = s.judge();
    let found = &judgement.anomalies[&Kind::SkippedByReset];
    assert_eq!(found.severity, Severity::Warning);
    assert_eq!(found.examples[0].allowed_by.as_deref(), Some("auto.offset.reset=latest"));
    assert_eq!(found.examples[0].missing.len(), 3);
}

#[test]
fn a_reset_in_mid_life_is_blamed_once_and_only_for_what_was_not_processed() {
    let (mut s, m) = four_records();
    s.consume(m, P0, &FOUR[..1]);
    s.position(m, P0, 3, PositionedBy::ResetLatest);
    s.position(m, P0, 3, PositionedBy::ResetLatest);
    s.consume(m, P0, &FOUR[3..]);
    s.drain(P0, &FOUR, 4);
    s.finds(&[(Kind::SkippedByReset, 1)]);
    assert_eq!(s.judge().anomalies[&Kind::SkippedByReset].examples[0].missing.len(), 2);
}

#[test]
fn committed_offsets_that_fall_back_are_a_regression() {
    for answer in [Some(1), None] {
        let (mut s, m) = four_records();
        s.consume(m, P0, &FOUR);
        s.commit(m, P0, 2);
        s.commit(m, P0, 4);
        s.committed(m, P0, answer);
        s.drain(P0, &FOUR, 4);
        s.finds(&[(Kind::CommittedOffsetRegression, 1)]);
    }
}

#[test]
fn an_overwritten_commit_is_no_possible_answer() {
    let (mut s, m) = four_records();
    s.consume(m, P0, &FOUR);
    s.commit(m, P0, 2);
    s.commit(m, P0, 4);
    s.committed(m, P0, Some(2));
    s.drain(P0, &FOUR, 4);
    s.finds(&[(Kind::CommittedOffsetRegression, 1)]);
}

#[test]
fn a_commit_nobody_confirmed_may_be_in_force_or_not() {
    for answer in [2, 3] {
        let (mut s, m) = four_records();
        s.consume(m, P0, &FOUR);
        s.commit(m, P0, 3);
        s.commit_unanswered(m, P0, 2);
        s.committed(m, P0, Some(answer));
        s.drain(P0, &FOUR, 4);
        s.finds(&[]);
    }
}

#[test]
fn a_question_asked_before_a_commit_was_confirmed_may_get_the_old_answer() {
    let (mut s, m) = four_records();
    s.consume(m, P0, &FOUR);
    s.commit(m, P0, 2);
    let question = s.ask_committed(m);
    s.commit(m, P0, 4);
    s.answer_committed(question, P0, Some(2));
    s.drain(P0, &FOUR, 4);
    s.finds(&[]);
}

#[test]
fn a_group_that_does_not_tell_what_it_processes_is_judged_by_delivery_beside_one_that_does() {
    let (mut s, m) = four_records();
    s.consume(m, P0, &FOUR);
    s.commit(m, P0, 4);
    let group = s.history.group("silent");
    let client = s.history.client("other");
    let silent = s.history.open_session(client, Some(group));
    s.position(silent, P0, 0, PositionedBy::ResetEarliest);
    s.poll(silent, P0, &FOUR[..3]);
    s.position(silent, P0, 2, PositionedBy::Seek);
    s.poll(silent, P0, &FOUR[2..]);
    s.drain(P0, &FOUR, 4);
    s.finds(&[(Kind::GroupRedelivery, 1)]);
    s.verdicts(["valid", "valid", "valid"]);
}
