//! Hand-made histories with transactions and rebalances: what the judges of sends and consumers make of them.

use crate::script::{APP, P0, Script};
use ktrial_checker::anomaly::AnomalyKind as Kind;
use ktrial_checker::history::{Offset, OpId, ProcessId, RebalanceKind};

/// One acknowledged record in a transaction that is still open.
fn sent_in_txn(s: &mut Script) -> OpId {
    let p = s.producer();
    let txn = s.begin(p);
    s.sent(p, P0, 1, 0);
    txn
}

#[test]
fn an_acknowledged_record_of_an_aborted_transaction_is_not_lost() {
    let mut s = Script::new();
    let txn = sent_in_txn(&mut s);
    let time = s.tick();
    s.history.txn_aborted(txn, time);
    s.drain(P0, &[], 2);
    s.finds(&[]);
    s.verdicts(["vacuous", "vacuous", "vacuous"]);
}

#[test]
fn an_acknowledged_record_of_a_committed_transaction_is_owed() {
    let mut s = Script::new();
    let txn = sent_in_txn(&mut s);
    let time = s.tick();
    s.history.txn_committed(txn, time, None);
    s.drain(P0, &[], 2);
    s.finds(&[(Kind::DrainedUnseen, 1), (Kind::LostTransaction, 1)]);
    let judgement = s.judge();
    assert_eq!(
        judgement.anomalies[&Kind::DrainedUnseen].examples[0].explain[0],
        "v1 was sent to orders-0 by producer at 2.000 ms (op 1) and acknowledged at 3.000 ms with offset 0, \
         in a transaction that was committed at 4.000 ms."
    );
}

#[test]
fn a_record_of_an_undecided_transaction_may_be_there_or_not() {
    for records in [&[][..], &[(0, 1)]] {
        let mut s = Script::new();
        sent_in_txn(&mut s);
        s.drain(P0, records, 2);
        s.finds(&[]);
        assert_eq!(s.judge().coverage.indeterminate, 1);
    }
}

#[test]
fn offsets_move_a_group_on_if_their_transaction_is_committed() {
    for (is_committed, found) in [(true, &[(Kind::GroupSkip, 1)][..]), (false, &[])] {
        let mut s = Script::new();
        let p = s.producer();
        s.sent(p, P0, 1, 0);
        let txn = s.begin(p);
        let time = s.tick();
        s.history.txn_offsets(txn, time, APP, [(P0, Offset(1))]);
        let time = s.tick();
        match is_committed {
            true => s.history.txn_committed(txn, time, Some(time)),
            false => s.history.txn_aborted(txn, time),
        }
        s.member(P0, 0, ktrial_checker::history::PositionedBy::Committed);
        s.drain(P0, &[(0, 1)], 1);
        s.finds(found);
    }
}

/// A member that reads offset 0, then `between` happens to it, then it reads offset 2 of a log of three records.
fn jumping(between: impl FnOnce(&mut Script, ProcessId)) -> Script {
    let mut s = Script::new();
    let p = s.producer();
    (0..3).for_each(|n| s.sent(p, P0, n + 1, n as i64));
    let r = s.reader(P0);
    s.poll(r, P0, &[(0, 1)]);
    between(&mut s, r);
    s.poll(r, P0, &[(2, 3)]);
    s.drain(P0, &[(0, 1), (1, 2), (2, 3)], 3);
    s
}

#[test]
fn a_partition_lost_and_regained_is_read_from_anywhere() {
    jumping(|_, _| {}).finds(&[(Kind::PollSkip, 1)]);
    for kind in [RebalanceKind::Revoked, RebalanceKind::Lost, RebalanceKind::Unknown] {
        let rebalanced = |s: &mut Script, r| {
            let time = s.tick();
            s.history.rebalanced(r, time, kind, None, [P0]);
        };
        jumping(rebalanced).finds(&[]);
    }
}

#[test]
fn a_subscriber_that_hides_its_rebalances_is_not_followed() {
    let subscribed = |s: &mut Script, r| {
        let time = s.tick();
        s.history.subscribed(r, time, [P0]);
    };
    jumping(subscribed).finds(&[]);
    let subscribed_and_reporting = |s: &mut Script, r| {
        subscribed(s, r);
        let time = s.tick();
        s.history.rebalanced(r, time, RebalanceKind::Assigned, None, []);
    };
    jumping(subscribed_and_reporting).finds(&[(Kind::PollSkip, 1)]);
}

#[test]
fn after_a_transaction_that_was_not_committed_a_reader_begins_again() {
    let aborted = |s: &mut Script, r| {
        let txn = s.begin(r);
        let time = s.tick();
        s.history.txn_aborted(txn, time);
    };
    jumping(aborted).finds(&[]);
    let committed = |s: &mut Script, r| {
        let txn = s.begin(r);
        let time = s.tick();
        s.history.txn_committed(txn, time, None);
    };
    jumping(committed).finds(&[(Kind::PollSkip, 1)]);
}
