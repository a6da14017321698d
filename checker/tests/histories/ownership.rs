//! Hand-made histories for the property at-most-once: who has a partition, and whose commits are accepted.

use crate::script::{APP, P0, P1, Script};
use ktrial_checker::anomaly::{AnomalyKind as Kind, Severity};
use ktrial_checker::history::{
    Generation, Meta, PositionedBy, ProcessId, RebalanceKind, Source, SubVia,
};
use ktrial_checker::verdict::Property;

/// Two acknowledged records in `orders-0`.
fn two_records() -> Script {
    let mut s = Script::new();
    let p = s.producer();
    s.sent(p, P0, 1, 0);
    s.sent(p, P0, 2, 1);
    s
}

/// A member that the generation gave `orders-0`, at offset 0.
fn joined(s: &mut Script, generation: i32) -> ProcessId {
    let client = s.history.client("member");
    let process = s.history.open_session(client, Some(APP));
    join(s, process, generation);
    process
}

fn join(s: &mut Script, process: ProcessId, generation: i32) {
    let (time, generation) = (s.tick(), Some(Generation(generation)));
    s.history.rebalanced(process, time, RebalanceKind::Assigned, generation, [P0]);
    s.position(process, P0, 0, PositionedBy::Committed);
}

fn revoke(s: &mut Script, process: ProcessId) {
    let time = s.tick();
    s.history.rebalanced(process, time, RebalanceKind::Revoked, None, [P0]);
}

#[test]
fn a_record_processed_twice_breaks_at_most_once_which_at_least_once_permits() {
    let mut s = two_records();
    let m = s.member(P0, 0, PositionedBy::ResetEarliest);
    s.consume(m, P0, &[(0, 1), (1, 2)]);
    s.crash(m);
    let m = s.member(P0, 0, PositionedBy::ResetEarliest);
    s.consume(m, P0, &[(0, 1), (1, 2)]);
    s.verdict(Property::AtMostOnce, "invalid");
    let judgement = s.judge();
    let found = &judgement.anomalies[&Kind::GroupRedelivery];
    assert_eq!((found.count, found.severity), (2, Severity::Warning));
    assert_eq!(found.examples[0].allowed_by.as_deref(), Some("at-least-once delivery"));
}

#[test]
fn a_group_that_processed_nothing_tells_nothing_of_at_most_once() {
    let mut s = two_records();
    s.member(P0, 0, PositionedBy::ResetEarliest);
    s.verdict(Property::AtMostOnce, "vacuous");
}

#[test]
fn two_members_whose_commits_are_both_accepted_overlap() {
    let mut s = two_records();
    let a = s.member(P0, 0, PositionedBy::ResetEarliest);
    let b = s.member(P0, 0, PositionedBy::ResetEarliest);
    s.poll(a, P0, &[(0, 1)]);
    s.poll(b, P0, &[(0, 1)]);
    s.commit(b, P0, 1);
    s.commit(a, P0, 1);
    assert_eq!(s.judge().count(Kind::OwnershipOverlap), 1);
    s.verdict(Property::AtMostOnce, "invalid");
    let judgement = s.judge();
    let overlap = &judgement.anomalies[&Kind::OwnershipOverlap].examples[0];
    assert_eq!(overlap.ops.len(), 4);
    assert_eq!(overlap.severity, Severity::Error);
}

#[test]
fn a_member_that_lost_its_partition_may_read_on_while_its_commits_are_refused() {
    let mut s = two_records();
    let a = s.member(P0, 0, PositionedBy::ResetEarliest);
    s.poll(a, P0, &[(0, 1)]);
    s.commit(a, P0, 1);
    let b = s.member(P0, 1, PositionedBy::Committed);
    s.poll(a, P0, &[(1, 2)]);
    let refused = s.commit_unanswered(a, P0, 2);
    let time = s.tick();
    s.history.commit_failed(refused, time);
    s.poll(b, P0, &[(1, 2)]);
    s.commit(b, P0, 2);
    assert_eq!(s.judge().count(Kind::OwnershipOverlap), 0);
}

#[test]
fn a_commit_asked_for_before_the_other_had_the_partition_may_be_accepted() {
    let mut s = two_records();
    let a = s.member(P0, 0, PositionedBy::ResetEarliest);
    s.poll(a, P0, &[(0, 1)]);
    let late = s.commit_unanswered(a, P0, 1);
    let b = s.member(P0, 1, PositionedBy::Committed);
    s.poll(b, P0, &[(1, 2)]);
    s.commit(b, P0, 2);
    let time = s.tick();
    s.history.commit_ok(late, time);
    assert_eq!(s.judge().count(Kind::OwnershipOverlap), 0);
}

#[test]
fn a_partition_that_goes_to_and_fro_has_one_owner_at_a_time() {
    let mut s = two_records();
    let (a, b) = (joined(&mut s, 1), joined(&mut s, 2));
    s.poll(b, P0, &[(0, 1)]);
    s.commit(b, P0, 1);
    join(&mut s, a, 3);
    s.poll(a, P0, &[(0, 1)]);
    s.commit(a, P0, 1);
    let judgement = s.judge();
    assert_eq!(judgement.count(Kind::OwnershipOverlap), 0);
    assert_eq!(judgement.count(Kind::FencingViolation), 0);
}

#[test]
fn members_of_different_partitions_do_not_overlap() {
    let mut s = two_records();
    let a = s.member(P0, 0, PositionedBy::ResetEarliest);
    let b = s.member(P1, 0, PositionedBy::ResetEarliest);
    s.poll(a, P0, &[(0, 1)]);
    s.commit(b, P1, 0);
    s.commit(a, P0, 1);
    s.commit(b, P1, 0);
    assert_eq!(s.judge().count(Kind::OwnershipOverlap), 0);
}

#[test]
fn a_commit_of_an_earlier_generation_is_refused_once_a_later_one_has_read() {
    let mut s = two_records();
    let (a, b) = (joined(&mut s, 1), joined(&mut s, 2));
    s.poll(b, P0, &[(0, 1)]);
    s.poll(a, P0, &[(0, 1)]);
    s.commit(a, P0, 1);
    let judgement = s.judge();
    let found = &judgement.anomalies[&Kind::FencingViolation];
    assert_eq!((found.count, found.severity), (1, Severity::Error));
    assert_eq!(found.examples[0].ops.len(), 2);
    assert_eq!(
        found.examples[0].explain[2],
        "The coordinator accepted the commit of a member that it had replaced."
    );
}

#[test]
fn a_member_may_commit_what_it_gives_up_before_the_next_one_reads() {
    let mut s = two_records();
    let a = joined(&mut s, 1);
    s.poll(a, P0, &[(0, 1)]);
    let b = joined(&mut s, 2);
    s.commit(a, P0, 1);
    revoke(&mut s, a);
    s.poll(b, P0, &[(0, 1)]);
    s.commit(b, P0, 1);
    let judgement = s.judge();
    assert_eq!(judgement.count(Kind::FencingViolation), 0);
    assert_eq!(judgement.count(Kind::OwnershipOverlap), 0);
}

#[test]
fn consumers_that_assign_themselves_partitions_own_nothing() {
    let mut s = Script::recorded();
    let a = s.member(P0, 0, PositionedBy::Seek);
    let b = s.member(P0, 0, PositionedBy::Seek);
    s.commit(b, P0, 0);
    s.commit(a, P0, 0);
    s.finds(&[]);
    let time = s.tick();
    s.history.rebalanced(b, time, RebalanceKind::Unknown, None, [P1]);
    s.finds(&[]);
}

#[test]
fn whether_consumers_assign_themselves_partitions_may_be_said() {
    for (source, sub_via, overlaps) in [
        (Source::Sim, None, 1),
        (Source::Sim, Some(SubVia::Assign), 0),
        (Source::App, None, 0),
        (Source::App, Some(SubVia::Subscribe), 1),
    ] {
        let mut s = Script::of(Meta { source, sub_via, ..Meta::default() });
        let a = s.member(P0, 0, PositionedBy::Seek);
        let b = s.member(P0, 0, PositionedBy::Seek);
        s.commit(b, P0, 0);
        s.commit(a, P0, 0);
        assert_eq!(s.judge().count(Kind::OwnershipOverlap), overlaps, "{source:?} {sub_via:?}");
    }
}

#[test]
fn members_of_a_recorded_group_overlap_as_others_do() {
    let mut s = Script::recorded();
    let (a, b) = (joined(&mut s, 1), joined(&mut s, 2));
    s.commit(b, P0, 0);
    s.commit(a, P0, 0);
    s.finds(&[(Kind::OwnershipOverlap, 1)]);
}
