//! Hand-made histories for the property availability: one per anomaly, beside its legitimate look-alikes.

use crate::script::{P0, P1, Script};
use ktrial_checker::anomaly::AnomalyKind as Kind;
use ktrial_checker::contract::Contract;
use ktrial_checker::history::PositionedBy;
use ktrial_checker::verdict::Property;

/// Longer than the default contract allows for recovery.
const RECOVERED: u64 = Contract::DEFAULT_RECOVERY_MS + 1;

/// Lets time pass, and something happen after it.
fn later(s: &mut Script) {
    s.wait_ms(RECOVERED);
    let bystander = s.producer();
    s.sent(bystander, P1, 99, 0);
}

#[test]
fn a_partition_that_takes_no_record_long_after_the_faults_is_stuck() {
    let mut s = Script::new();
    let p = s.producer();
    s.sent(p, P0, 1, 0);
    s.heal();
    s.wait_ms(RECOVERED);
    let (one, two) = (s.send(p, P0, 2), s.send(p, P0, 3));
    s.give_up(one);
    s.give_up(two);
    later(&mut s);
    s.finds(&[(Kind::StuckPartition, 1)]);
    s.verdict(Property::Availability, "invalid");
}

#[test]
fn one_acknowledgement_shows_that_a_partition_lives() {
    let mut s = Script::new();
    let p = s.producer();
    s.heal();
    s.wait_ms(RECOVERED);
    let one = s.send(p, P0, 1);
    s.give_up(one);
    s.sent(p, P0, 2, 0);
    later(&mut s);
    s.finds(&[]);
    s.verdict(Property::Availability, "valid");
}

#[test]
fn while_recovery_may_take_time_nothing_is_owed() {
    let mut s = Script::new();
    let p = s.producer();
    s.heal();
    let one = s.send(p, P0, 1);
    s.give_up(one);
    s.wait_ms(RECOVERED);
    s.send(p, P0, 2);
    s.finds(&[]);
    s.verdict(Property::Availability, "vacuous");
}

#[test]
fn a_record_taken_at_its_offset_soon_after_the_faults_shows_that_the_partition_lives() {
    let mut s = Script::new();
    let p = s.producer();
    let (one, two) = (s.send(p, P0, 1), s.send(p, P0, 2));
    s.ack(one, 0);
    s.heal();
    s.verdict(Property::Availability, "vacuous");
    s.ack(two, 1);
    s.finds(&[]);
    s.verdict(Property::Availability, "valid");
}

#[test]
fn an_acknowledgement_without_an_offset_may_be_the_producers_own() {
    let mut s = Script::new();
    let p = s.producer();
    s.heal();
    let send = s.send(p, P0, 1);
    s.ack_without_offset(send);
    s.finds(&[]);
    s.verdict(Property::Availability, "vacuous");
}

#[test]
fn a_group_that_moves_on_soon_after_the_faults_lives() {
    let mut s = Script::new();
    let (p, m) = (s.producer(), s.member(P0, 0, PositionedBy::ResetEarliest));
    s.sent(p, P0, 1, 0);
    s.heal();
    s.verdict(Property::Availability, "vacuous");
    s.consume(m, P0, &[(0, 1)]);
    s.finds(&[]);
    s.verdict(Property::Availability, "valid");
}

#[test]
fn a_send_at_the_very_end_proves_nothing() {
    let mut s = Script::new();
    let p = s.producer();
    s.heal();
    s.wait_ms(RECOVERED);
    s.send(p, P0, 1);
    s.wait_ms(10);
    s.send(p, P0, 2);
    s.finds(&[]);
}

#[test]
fn faults_that_are_not_over_excuse_everything() {
    let mut s = Script::new();
    let p = s.producer();
    s.wait_ms(RECOVERED);
    let one = s.send(p, P0, 1);
    s.give_up(one);
    later(&mut s);
    s.finds(&[]);
    s.verdict(Property::Availability, "vacuous");
}

#[test]
fn a_member_that_reads_no_further_long_after_the_faults_is_stuck() {
    let mut s = Script::new();
    let (p, m) = (s.producer(), s.member(P0, 0, PositionedBy::ResetEarliest));
    s.sent(p, P0, 1, 0);
    s.sent(p, P0, 2, 1);
    s.consume(m, P0, &[(0, 1)]);
    s.heal();
    s.wait_ms(RECOVERED);
    later(&mut s);
    s.finds(&[(Kind::StuckGroup, 1)]);
}

#[test]
fn a_group_whose_member_died_is_not_stuck() {
    let mut s = Script::new();
    let (p, m) = (s.producer(), s.member(P0, 0, PositionedBy::ResetEarliest));
    s.sent(p, P0, 1, 0);
    s.crash(m);
    s.heal();
    s.wait_ms(RECOVERED);
    later(&mut s);
    s.finds(&[]);
}

#[test]
fn a_group_that_still_moves_is_not_stuck() {
    let mut s = Script::new();
    let (p, m) = (s.producer(), s.member(P0, 0, PositionedBy::ResetEarliest));
    s.sent(p, P0, 1, 0);
    s.sent(p, P0, 2, 1);
    s.heal();
    s.wait_ms(RECOVERED);
    s.consume(m, P0, &[(0, 1)]);
    later(&mut s);
    s.finds(&[]);
}
