//! Hand-made histories of committed offsets: what a group may be told, and where its members may begin.

use crate::script::{P0, P1, Script};
use ktrial_checker::anomaly::{AnomalyKind as Kind, Role};
use ktrial_checker::contract::Contract;
use ktrial_checker::history::{Offset, PositionedBy, ProcessId, Value};

const FOUR: [(i64, u64); 4] = [(0, 1), (1, 2), (2, 3), (3, 4)];

/// Four acknowledged records in `orders-0`, and a member that has processed them all and committed up to 2.
fn committed_up_to_2() -> (Script, ProcessId) {
    let mut s = Script::new();
    let p = s.producer();
    FOUR.iter().for_each(|&(offset, value)| s.sent(p, P0, value, offset));
    let m = s.member(P0, 0, PositionedBy::ResetEarliest);
    s.consume(m, P0, &FOUR);
    s.commit(m, P0, 2);
    (s, m)
}

/// The next member of the group is assigned `orders-0`; nobody told where it was positioned.
fn next_member(s: &mut Script, last: ProcessId) -> ProcessId {
    s.crash(last);
    let m = s.member(P0, 2, PositionedBy::Committed);
    s.crash(m);
    let group = s.history.group("app");
    let client = s.history.client("member");
    let process = s.history.open_session(client, Some(group));
    let time = s.tick();
    s.history.assigned(process, time, [P0]);
    process
}

#[test]
fn an_offset_that_nobody_committed_is_a_phantom() {
    let (mut s, m) = committed_up_to_2();
    s.committed(m, P0, Some(3));
    s.finds(&[(Kind::PhantomCommit, 1)]);
}

#[test]
fn a_commit_that_was_overwritten_is_a_phantom_too() {
    let (mut s, m) = committed_up_to_2();
    s.commit(m, P0, 4);
    s.commit(m, P0, 1);
    s.committed(m, P0, Some(4));
    s.finds(&[(Kind::PhantomCommit, 1)]);
}

#[test]
fn any_commit_that_nobody_confirmed_may_be_the_answer() {
    for answer in [1, 2, 3] {
        let (mut s, m) = committed_up_to_2();
        for offset in [1, 3] {
            let unanswered = s.commit_unanswered(m, P0, offset);
            let time = s.tick();
            s.history.commit_unknown(unanswered, time);
        }
        s.committed(m, P0, Some(answer));
        s.finds(&[]);
    }
}

#[test]
fn a_member_that_begins_beyond_the_commits_is_shown_with_commit_assignment_and_poll() {
    let (mut s, m) = committed_up_to_2();
    let m = next_member(&mut s, m);
    s.poll(m, P0, &FOUR[3..]);
    s.finds(&[(Kind::StartBeyondCommit, 1)]);
    let found = s.judge().anomalies.remove(&Kind::StartBeyondCommit).unwrap();
    let roles: Vec<_> = found.examples[0].ops.iter().map(|role| role.role).collect();
    assert_eq!(roles, [Role::Committer, Role::Owner, Role::Reader]);
    assert_eq!(found.examples[0].missing.len(), 1);
}

#[test]
fn a_member_that_begins_below_the_commits_shows_that_they_were_lost() {
    let (mut s, m) = committed_up_to_2();
    let m = next_member(&mut s, m);
    s.poll(m, P0, &FOUR[1..]);
    s.finds(&[(Kind::CommittedOffsetRegression, 1)]);
}

#[test]
fn a_member_may_begin_at_any_commit_that_may_be_in_force() {
    for start in [1, 2] {
        let (mut s, m) = committed_up_to_2();
        s.commit_unanswered(m, P0, 1);
        let m = next_member(&mut s, m);
        s.poll(m, P0, &FOUR[start..]);
        s.finds(&[]);
    }
}

#[test]
fn a_member_that_is_told_to_seek_may_begin_anywhere() {
    for start in [0, 3] {
        let (mut s, m) = committed_up_to_2();
        let m = next_member(&mut s, m);
        s.position(m, P0, start, PositionedBy::Seek);
        s.poll(m, P0, &FOUR[start as usize..]);
        s.finds(&[]);
    }
}

#[test]
fn a_group_that_had_committed_before_the_history_began_may_be_given_what_is_not_in_it() {
    let mut s = Script::new();
    let m = s.member(P0, 0, PositionedBy::Seek);
    s.committed(m, P0, Some(7));
    s.commit(m, P0, 0);
    s.committed(m, P0, Some(8));
    s.finds(&[]);
}

#[test]
fn a_group_without_a_committed_offset_tells_of_no_other_committer() {
    let mut s = Script::new();
    let m = s.member(P0, 0, PositionedBy::Seek);
    s.committed(m, P0, None);
    s.commit(m, P0, 0);
    s.committed(m, P0, Some(8));
    s.finds(&[(Kind::PhantomCommit, 1)]);
}

#[test]
fn consumers_that_commit_by_themselves_may_be_given_any_offset() {
    let (mut s, m) = committed_up_to_2();
    s.committed(m, P0, Some(1));
    s.finds(&[(Kind::CommittedOffsetRegression, 1)]);
    let contract = Contract { auto_commit: true, ..Contract::default() };
    assert!(ktrial_checker::judge(&s.history, &contract).anomalies.is_empty());
}

/// A member polls records 0 and 1, then 2; it commits `early` before it polls again and `late` while it does.
fn auto_committed(early: i64, late: i64) -> Vec<(Kind, u64)> {
    let mut s = Script::new();
    let p = s.producer();
    FOUR.iter().for_each(|&(offset, value)| s.sent(p, P0, value, offset));
    let m = s.member(P0, 0, PositionedBy::ResetEarliest);
    s.poll(m, P0, &FOUR[..2]);
    s.commit(m, P0, early);
    let invoked = s.tick();
    s.commit(m, P0, late);
    let time = s.tick();
    s.history.polled(m, invoked, time, [(P0, Offset(2), Value(3))]);
    s.commit(m, P0, 3);
    let contract = Contract { auto_commit: true, ..Contract::default() };
    let judged = |s: &Script| {
        let judgement = ktrial_checker::judge(&s.history, &contract);
        let found = judgement.anomalies.iter();
        found.map(|(&kind, found)| (kind, found.count)).collect::<Vec<_>>()
    };
    assert_eq!(judged(&s), [], "a poll without records may have been left out");
    let nobody = s.reader(P1);
    s.poll(nobody, P1, &[]);
    judged(&s)
}

#[test]
fn a_consumer_commits_a_poll_by_itself_when_it_polls_again() {
    assert_eq!(auto_committed(0, 2), []);
}

#[test]
fn a_consumer_that_commits_a_poll_by_itself_at_once_is_ahead_of_its_application() {
    assert_eq!(auto_committed(1, 2), [(Kind::CommitBeyondProcessing, 1)]);
}
