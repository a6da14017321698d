//! Hand-made histories for the property partition-order: the finer points of its anomalies and their look-alikes.

use crate::script::{P0, P1, Script};
use ktrial_checker::anomaly::{AnomalyKind as Kind, Severity};
use ktrial_checker::history::{MessageKey, Offset, PositionedBy, Time, Value};

#[test]
fn records_in_order_read_by_all_are_valid() {
    let mut s = Script::new();
    let (p, r) = (s.producer(), s.reader(P0));
    s.sent(p, P0, 1, 0);
    s.sent(p, P0, 2, 1);
    s.poll(r, P0, &[(0, 1), (1, 2)]);
    s.drain(P0, &[(0, 1), (1, 2)], 2);
    s.finds(&[]);
    s.verdicts(["valid", "valid", "vacuous"]);
}

#[test]
fn a_send_nobody_heard_of_may_be_there_or_not() {
    let mut s = Script::new();
    let p = s.producer();
    let (there, absent) = (s.send(p, P0, 1), s.send(p, P0, 2));
    s.give_up(there);
    s.give_up(absent);
    s.send(p, P0, 3);
    s.drain(P0, &[(0, 1)], 1);
    s.finds(&[]);
}

#[test]
fn two_readers_that_see_different_records_at_one_offset_diverge() {
    let mut s = Script::new();
    let (p, a, b) = (s.producer(), s.reader(P0), s.reader(P0));
    s.send(p, P0, 1);
    s.send(p, P0, 2);
    s.poll(a, P0, &[(0, 1)]);
    s.poll(b, P0, &[(0, 2)]);
    s.finds(&[(Kind::Divergence, 1)]);
}

#[test]
fn many_readers_of_the_same_wrong_record_are_one_divergence() {
    let mut s = Script::new();
    let p = s.producer();
    s.send(p, P0, 1);
    s.send(p, P0, 2);
    for _ in 0..5 {
        let r = s.reader(P0);
        s.poll(r, P0, &[(0, 2)]);
    }
    s.drain(P0, &[(0, 1)], 1);
    s.finds(&[(Kind::Divergence, 1)]);
}

#[test]
fn a_phantom_in_place_of_a_record_is_no_divergence_besides() {
    let mut s = Script::new();
    let (p, r) = (s.producer(), s.reader(P0));
    s.sent(p, P0, 1, 0);
    s.poll(r, P0, &[(0, 7)]);
    s.drain(P0, &[(0, 1)], 1);
    s.finds(&[(Kind::Phantom, 1)]);
}

#[test]
fn two_acknowledgements_of_one_offset_conflict_without_any_reader() {
    let mut s = Script::new();
    let p = s.producer();
    s.sent(p, P0, 1, 0);
    s.sent(p, P0, 2, 0);
    s.finds(&[(Kind::AckedOffsetConflict, 1)]);
}

#[test]
fn an_acknowledged_offset_other_than_where_the_record_is_conflicts() {
    for acked in [0, 2] {
        let mut s = Script::new();
        let p = s.producer();
        s.sent(p, P0, 1, acked);
        s.drain(P0, &[(1, 1)], 3);
        s.finds(&[(Kind::AckedOffsetConflict, 1)]);
    }
}

#[test]
fn a_record_read_in_the_instant_it_is_sent_is_concurrent() {
    let mut s = Script::new();
    let (p, r) = (s.producer(), s.reader(P0));
    let records = [(P0, Offset(0), Value(1))];
    s.history.polled(r, Time(8), Time(9), records);
    s.history.send_invoked(p, Time(9), P0, Value(1));
    s.finds(&[]);
}

#[test]
fn another_session_or_another_partition_owes_no_order() {
    let mut s = Script::new();
    let (p, q) = (s.producer(), s.producer());
    let (one, other) = (s.send(p, P0, 1), s.send(q, P0, 2));
    s.ack(one, 5);
    s.ack(other, 4);
    s.sent(p, P1, 3, 0);
    s.finds(&[]);
}

#[test]
fn a_retry_that_leaves_the_first_copies_in_order_is_only_a_duplicate() {
    let mut s = Script::new();
    let p = s.producer();
    let (first, second) = (s.send(p, P0, 1), s.send(p, P0, 2));
    s.ack(second, 1);
    s.ack(first, 2);
    s.drain(P0, &[(0, 1), (1, 2), (2, 1)], 3);
    s.finds(&[(Kind::Duplicate, 1)]);
}

#[test]
fn a_consumer_that_leaves_out_a_record_skips() {
    let mut s = Script::new();
    let (p, r) = (s.producer(), s.reader(P0));
    (0..4).for_each(|n| s.sent(p, P0, n + 1, n as i64));
    s.poll(r, P0, &[(0, 1), (2, 3)]);
    s.drain(P0, &[(0, 1), (1, 2), (2, 3), (3, 4)], 4);
    s.finds(&[(Kind::InternalSkip, 1)]);
}

#[test]
fn an_offset_without_a_record_is_no_skip() {
    let mut s = Script::new();
    let (p, r) = (s.producer(), s.reader(P0));
    s.sent(p, P0, 1, 0);
    s.sent(p, P0, 2, 2);
    s.poll(r, P0, &[(0, 1)]);
    s.poll(r, P0, &[(2, 2)]);
    s.drain(P0, &[(0, 1), (2, 2)], 3);
    s.finds(&[]);
}

#[test]
fn a_seek_or_a_new_assignment_excuses_a_jump() {
    let mut s = Script::new();
    let (p, r) = (s.producer(), s.reader(P0));
    (0..4).for_each(|n| s.sent(p, P0, n + 1, n as i64));
    s.poll(r, P0, &[(0, 1), (1, 2)]);
    s.position(r, P0, 0, PositionedBy::Seek);
    s.poll(r, P0, &[(0, 1)]);
    let time = s.tick();
    s.history.assigned(r, time, [P1]);
    s.history.assigned(r, time, [P0]);
    s.poll(r, P0, &[(3, 4)]);
    s.finds(&[]);
}

#[test]
fn a_partition_kept_over_a_new_assignment_keeps_its_position() {
    let mut s = Script::new();
    let (p, r) = (s.producer(), s.reader(P0));
    (0..3).for_each(|n| s.sent(p, P0, n + 1, n as i64));
    s.poll(r, P0, &[(0, 1)]);
    s.history.assigned(r, Time(9_000_000), [P1, P0]);
    s.poll(r, P0, &[(2, 3)]);
    s.finds(&[(Kind::PollSkip, 1)]);
}

#[test]
fn offsets_trillions_apart_are_judged_as_well() {
    let mut s = Script::new();
    let (p, r) = (s.producer(), s.reader(P0));
    let far = 1_000_000_000_000;
    s.sent(p, P0, 1, 0);
    s.sent(p, P0, 2, far);
    s.sent(p, P0, 3, far + 1);
    s.poll(r, P0, &[(0, 1), (far + 1, 3)]);
    s.drain(P0, &[(0, 1), (far, 2), (far + 1, 3)], far + 2);
    s.finds(&[(Kind::InternalSkip, 1)]);
}

#[test]
fn nothing_read_is_vacuous() {
    Script::new().verdicts(["vacuous", "vacuous", "vacuous"]);
}

#[test]
fn a_message_key_that_goes_to_and_fro_has_moved_twice() {
    let mut s = Script::new();
    let (a, b) = (s.producer(), s.producer());
    s.sent_keyed(a, P0, 1, 0, 17);
    s.sent_keyed(b, P1, 2, 0, 17);
    s.sent_keyed(b, P1, 3, 1, 17);
    s.sent_keyed(a, P0, 4, 1, 17);
    s.finds(&[(Kind::MessageKeyMoved, 2)]);
    let judgement = s.judge();
    let found = &judgement.anomalies[&Kind::MessageKeyMoved];
    assert_eq!(found.severity, Severity::Info);
    assert_eq!(
        found.examples[1].explain[2],
        "The message key k17 went from orders-1 to orders-0: its records have no order any more."
    );
    assert!(found.examples[1].explain[0].starts_with("v3 was sent"), "the last one before");
}

#[test]
fn a_message_key_of_a_send_that_failed_went_nowhere() {
    let mut s = Script::new();
    let a = s.producer();
    s.sent_keyed(a, P0, 1, 0, 17);
    let refused = s.send(a, P1, 2);
    s.history.send_told(Some(MessageKey(17)), None);
    s.fail(refused);
    s.sent_keyed(a, P0, 3, 1, 17);
    s.finds(&[]);
}
