//! Hand-made histories for the property linearizability: one per anomaly, beside its legitimate look-alikes.

use crate::script::{P0, Script};
use ktrial_checker::anomaly::{AnomalyKind as Kind, Role};
use ktrial_checker::contract::Contract;
use ktrial_checker::history::{
    Clock, History, Key, KeyBounds, LeaderEpoch, LogBound, Meta, Offset, PositionedBy, Time, Value,
};
use ktrial_checker::verdict::Property;

#[test]
fn appends_one_after_the_other_in_rising_offsets_are_valid() {
    let mut s = Script::new();
    let (a, b) = (s.producer(), s.producer());
    s.sent(a, P0, 1, 0);
    s.sent(b, P0, 2, 1);
    s.drain(P0, &[(0, 1), (1, 2)], 2);
    s.finds(&[]);
    s.verdict(Property::Linearizability, "valid");
}

#[test]
fn a_record_sent_after_another_was_acknowledged_may_not_lie_below_it() {
    let mut s = Script::new();
    let (a, b) = (s.producer(), s.producer());
    s.sent(a, P0, 1, 8);
    s.sent(b, P0, 2, 7);
    s.finds(&[(Kind::BackdatedAppend, 1)]);
    let judgement = s.judge();
    let found = &judgement.anomalies[&Kind::BackdatedAppend].examples[0];
    assert_eq!(found.offsets, [Offset(8), Offset(7)]);
    assert_eq!(found.explain[2], "v2 was sent after offset 8 existed, and lies before it, at 7.");
    s.verdict(Property::Linearizability, "invalid");
}

#[test]
fn a_session_that_overtakes_itself_is_out_of_order_and_nothing_besides() {
    let mut s = Script::new();
    let a = s.producer();
    s.sent(a, P0, 1, 8);
    s.sent(a, P0, 2, 7);
    s.finds(&[(Kind::OutOfOrder, 1)]);
}

#[test]
fn behind_ones_own_append_that_of_another_session_still_counts() {
    let mut s = Script::new();
    let (a, b) = (s.producer(), s.producer());
    s.sent(a, P0, 1, 8);
    s.sent(b, P0, 2, 9);
    let late = s.send(a, P0, 3);
    s.give_up(late);
    s.drain(P0, &[(7, 3), (8, 1), (9, 2)], 10);
    s.finds(&[(Kind::LateAppend, 1), (Kind::BackdatedAppend, 1)]);
}

#[test]
fn a_record_sent_after_a_later_offset_was_read_may_not_lie_below_it() {
    let mut s = Script::new();
    let (a, b, r) = (s.producer(), s.producer(), s.reader(P0));
    let unheard = s.send(a, P0, 1);
    s.position(r, P0, 8, PositionedBy::Seek);
    s.poll(r, P0, &[(8, 1)]);
    s.give_up(unheard);
    s.sent(b, P0, 2, 7);
    s.finds(&[(Kind::BackdatedAppend, 1)]);
}

#[test]
fn a_record_sent_after_an_end_was_told_may_not_lie_below_it() {
    let mut s = Script::new();
    let (p, r) = (s.producer(), s.reader(P0));
    s.end(r, P0, 3);
    s.sent(p, P0, 1, 2);
    s.finds(&[(Kind::BackdatedAppend, 1)]);
    let judgement = s.judge();
    let found = &judgement.anomalies[&Kind::BackdatedAppend].examples[0];
    let roles: Vec<_> = found.ops.iter().map(|op| op.role).collect();
    assert_eq!(roles, [Role::Reader, Role::Overtaker]);
    assert_eq!(found.explain[2], "v1 was sent after offset 2 existed, and lies before it, at 2.");
    s.verdict(Property::Linearizability, "invalid");
}

#[test]
fn a_record_may_lie_at_the_end_that_was_told_or_below_one_told_while_it_was_sent() {
    let mut s = Script::new();
    let (p, r) = (s.producer(), s.reader(P0));
    s.end(r, P0, 3);
    s.sent(p, P0, 1, 3);
    let during = s.send(p, P0, 2);
    s.end(r, P0, 5);
    s.ack(during, 4);
    s.finds(&[]);
    s.verdict(Property::Linearizability, "valid");
}

#[test]
fn what_nobody_was_told_of_may_be_appended_whenever() {
    let mut s = Script::new();
    let (a, b) = (s.producer(), s.producer());
    let unheard = s.send(a, P0, 1);
    s.give_up(unheard);
    s.sent(b, P0, 2, 0);
    s.drain(P0, &[(0, 2), (1, 1)], 2);
    s.finds(&[]);
}

#[test]
fn an_end_below_an_acknowledged_record_is_stale() {
    let mut s = Script::new();
    let (a, r) = (s.producer(), s.reader(P0));
    s.sent(a, P0, 1, 0);
    s.sent(a, P0, 2, 1);
    s.end(r, P0, 1);
    s.finds(&[(Kind::StaleEnd, 1)]);
    let judgement = s.judge();
    let found = &judgement.anomalies[&Kind::StaleEnd].examples[0];
    assert_eq!(found.explain[2], "It had reached 2 before that.");
}

#[test]
fn an_end_never_falls() {
    let mut s = Script::new();
    let (one, other) = (s.reader(P0), s.reader(P0));
    s.end(one, P0, 100);
    s.end(other, P0, 90);
    s.end(one, P0, 90);
    s.finds(&[(Kind::StaleEnd, 2)]);
}

#[test]
fn an_end_may_stand_and_rise() {
    let mut s = Script::new();
    let (one, other) = (s.reader(P0), s.reader(P0));
    s.end(one, P0, 90);
    s.end(other, P0, 90);
    s.end(one, P0, 100);
    s.finds(&[]);
    s.verdict(Property::Linearizability, "valid");
}

#[test]
fn an_end_below_a_lost_record_is_stale_too() {
    let mut s = Script::new();
    let (a, b, r) = (s.producer(), s.producer(), s.reader(P0));
    s.sent(a, P0, 1, 0);
    s.sent(a, P0, 2, 1);
    s.end(r, P0, 1);
    s.sent(b, P0, 3, 1);
    s.drain(P0, &[(0, 1), (1, 3)], 2);
    s.finds(&[(Kind::LostWrite, 1), (Kind::StaleEnd, 1)]);
}

fn two_appends(meta: Meta) -> History {
    let mut history = History::of(meta);
    let key = history.key("orders", 0);
    for (value, offset, time) in [(1, 8, 10), (2, 7, 30)] {
        let client = history.client("producer");
        let process = history.open_session(client, None);
        let send = history.send_invoked(process, Time(time), key, Value(value));
        history.send_ok(send, Time(time + 10), Some(Offset(offset)));
    }
    history
}

#[test]
fn clocks_may_be_wrong_by_their_error() {
    let backdated = |clock_error_ns| {
        let history = two_appends(Meta { clock: Clock::Wall, clock_error_ns, ..Meta::default() });
        ktrial_checker::judge(&history, &Contract::default()).count(Kind::BackdatedAppend)
    };
    assert_eq!((backdated(9), backdated(10)), (1, 0));
}

#[test]
fn clocks_that_cannot_be_compared_leave_it_open() {
    let history = two_appends(Meta { clock: Clock::PerProcess, ..Meta::default() });
    let judgement = ktrial_checker::judge(&history, &Contract::default());
    assert_eq!(judgement.verdict(Property::Linearizability).name(), "unknown");
}

#[test]
fn a_high_watermark_falls_only_with_a_new_leader() {
    let told = |epoch: i32, high_watermark: i64| {
        move |bounds: &mut KeyBounds| {
            bounds.leader_epoch = LeaderEpoch(epoch);
            bounds.high_watermark = Offset(high_watermark);
        }
    };
    let mut s = Script::new();
    let (one, other) = (s.reader(P0), s.reader(P0));
    s.poll_told(one, P0, &[], told(4, 10));
    s.poll_told(one, P0, &[], told(5, 7));
    s.poll_told(other, P0, &[], told(5, 6));
    s.finds(&[]);
    s.poll_told(one, P0, &[], told(5, 6));
    s.finds(&[(Kind::HighWatermarkRegression, 1)]);
}

#[test]
fn records_come_from_below_the_high_watermark() {
    let told = |bounds: &mut KeyBounds| bounds.high_watermark = Offset(1);
    let mut s = Script::new();
    let (p, r) = (s.producer(), s.reader(P0));
    s.sent(p, P0, 1, 0);
    s.sent(p, P0, 2, 1);
    s.poll_told(r, P0, &[(0, 1)], told);
    s.finds(&[]);
    s.poll_told(r, P0, &[(1, 2)], told);
    s.finds(&[(Kind::ReadBeyondBound, 1)]);
}

#[test]
fn bounds_of_one_response_are_in_order() {
    let told = |stable: i64| {
        move |bounds: &mut KeyBounds| {
            bounds.last_stable_offset = Offset(stable);
            bounds.high_watermark = Offset(5);
        }
    };
    let mut s = Script::new();
    let r = s.reader(P0);
    s.poll_told(r, P0, &[], told(5));
    s.finds(&[]);
    s.poll_told(r, P0, &[], told(6));
    s.finds(&[(Kind::BoundsDisorder, 1)]);
}

#[test]
fn a_log_never_begins_lower_than_before() {
    let mut s = Script::new();
    let (one, other) = (s.reader(P0), s.reader(P0));
    let ask = |s: &mut Script, process, key: Key| {
        let time = s.tick();
        s.history.list_offsets_invoked(process, time, LogBound::Earliest, [key])
    };
    let answer = |s: &mut Script, question, start: i64| {
        let time = s.tick();
        s.history.list_offsets_ok(question, time, [(P0, Offset(start))]);
    };
    let (first, second) = (ask(&mut s, one, P0), ask(&mut s, other, P0));
    answer(&mut s, first, 5);
    answer(&mut s, second, 3);
    s.finds(&[]);
    let third = ask(&mut s, other, P0);
    answer(&mut s, third, 4);
    s.finds(&[(Kind::LogStartRegression, 1)]);
}

#[test]
fn lag_is_measured_from_when_somebody_knew_of_more() {
    let mut s = Script::new();
    let (p, r) = (s.producer(), s.reader(P0));
    s.sent(p, P0, 1, 0);
    s.poll(r, P0, &[(0, 1)]);
    s.sent(p, P0, 2, 1);
    s.wait_ms(100);
    s.poll(r, P0, &[(1, 2)]);
    assert_eq!(s.judge().coverage.worst_lag_ns, 101_000_000);
}

#[test]
fn an_acknowledgement_without_an_offset_does_not_say_when_the_record_was_appended() {
    let mut s = Script::new();
    let (a, b) = (s.producer(), s.producer());
    let unplaced = s.send(a, P0, 1);
    s.ack_without_offset(unplaced);
    s.sent(b, P0, 2, 0);
    s.drain(P0, &[(0, 2), (1, 1)], 2);
    s.finds(&[]);
}
