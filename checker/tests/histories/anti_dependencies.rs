//! Hand-made histories of transactions that read a log to its end and missed what came next: cycles with such steps, and
//! reads that look like them and prove nothing.

use crate::script::{P0, P1, Script};
use ktrial_checker::anomaly::{AnomalyKind as Kind, Severity};
use ktrial_checker::contract::{Contract, TransactionOrder};
use ktrial_checker::history::{Isolation, Key, KeyBounds, Offset, OpId, ProcessId};
use ktrial_checker::judge;
use ktrial_checker::verdict::Property;

/// A transaction that begins, and its process.
fn begin(s: &mut Script) -> (ProcessId, OpId) {
    let process = s.producer();
    (process, s.begin(process))
}

/// A poll inside a transaction whose response tells where the log was stable up to.
fn read(
    s: &mut Script,
    process: ProcessId,
    key: Key,
    records: &[(i64, u64)],
    last_stable_offset: i64,
) -> OpId {
    let poll = s.poll(process, key, records);
    let last_stable_offset = Offset(last_stable_offset);
    s.history.bounds_told(poll, [KeyBounds { last_stable_offset, ..KeyBounds::of(key) }]);
    poll
}

/// Such a poll of a log in which there is nothing up to that offset.
fn read_nothing(s: &mut Script, process: ProcessId, key: Key, last_stable_offset: i64) {
    let poll = read(s, process, key, &[], last_stable_offset);
    s.history.positions_told(poll, [(key, Offset(last_stable_offset))]);
}

fn end(s: &mut Script, txns: &[OpId]) {
    for &txn in txns {
        let time = s.tick();
        s.history.txn_committed(txn, time, None);
    }
}

/// What is found under a contract that asks for anti-dependencies.
fn found(s: &Script) -> Vec<(Kind, u64)> {
    let asking = Contract { anti_dependencies: true, ..Contract::default() };
    let anomalies = judge(&s.history, &asking).anomalies;
    anomalies.iter().map(|(&kind, found)| (kind, found.count)).collect()
}

/// Each of two transactions sees one partition empty and writes to it what the other does not see.
fn write_skew() -> Script {
    let mut s = Script::at(Isolation::ReadCommitted);
    let [(one, first), (other, second)] = [begin(&mut s), begin(&mut s)];
    read_nothing(&mut s, one, P0, 0);
    read_nothing(&mut s, other, P1, 0);
    s.sent(one, P1, 1, 0);
    s.sent(other, P0, 2, 0);
    end(&mut s, &[first, second]);
    s
}

#[test]
fn transactions_that_miss_each_others_records_are_a_cycle_of_anti_dependencies() {
    let s = write_skew();
    assert_eq!(found(&s), [(Kind::AntiDependencyCycle, 1)]);
    let serializable =
        Contract { transaction_order: TransactionOrder::Serializable, ..Contract::default() };
    let judgement = judge(&s.history, &serializable);
    assert_eq!(judgement.verdict(Property::Isolation).name(), "invalid");
    let cycle = &judgement.anomalies[&Kind::AntiDependencyCycle];
    assert_eq!((cycle.severity, &cycle.examples[0].allowed_by), (Severity::Error, &None));
    insta::assert_snapshot!(cycle.examples[0].explain.join("\n"), @r"
    The transaction begun by producer at 1.000 ms (op 0) read a log to its end before a record came of that begun by producer (life 2) at 2.000 ms (op 1).
    The transaction begun by producer (life 2) at 2.000 ms (op 1) read a log to its end before a record came of that begun by producer at 1.000 ms (op 0).
    So each of them comes before itself.
    ");
}

#[test]
fn nobody_looks_for_them_unasked() {
    write_skew().finds(&[]);
}

/// A transaction writes to both partitions; another one misses its record in the first, where it read `records` while the
/// log was stable up to `end`, and reads that in the second.
fn half_seen(records: &[(i64, u64)], last_stable_offset: i64) -> Script {
    let mut s = Script::at(Isolation::ReadCommitted);
    let p = s.producer();
    s.sent(p, P0, 1, 0);
    s.sent(p, P0, 2, 1);
    let [(writer, written), (reader, reading)] = [begin(&mut s), begin(&mut s)];
    read(&mut s, reader, P0, records, last_stable_offset);
    s.sent(writer, P0, 3, 4);
    s.sent(writer, P1, 4, 0);
    read(&mut s, reader, P1, &[(0, 4)], 1);
    end(&mut s, &[written, reading]);
    s
}

#[test]
fn a_transaction_that_sees_half_of_another_one_is_a_read_skew() {
    let s = half_seen(&[(0, 1), (1, 2)], 2);
    assert_eq!(found(&s), [(Kind::ReadSkew, 1)]);
    let asking = Contract { anti_dependencies: true, ..Contract::default() };
    let judgement = judge(&s.history, &asking);
    let skew = &judgement.anomalies[&Kind::ReadSkew];
    assert_eq!(skew.severity, Severity::Info);
    insta::assert_snapshot!(skew.examples[0].explain.join("\n"), @r"
    The transaction begun by producer (life 3) at 6.000 ms (op 5) read a log to its end before a record came of that begun by producer (life 2) at 5.000 ms (op 4).
    The transaction begun by producer (life 2) at 5.000 ms (op 4) had a record read by that begun by producer (life 3) at 6.000 ms (op 5).
    So each of them comes before itself.
    ");
}

#[test]
fn a_read_that_stopped_before_the_end_missed_nothing() {
    assert_eq!(found(&half_seen(&[(0, 1)], 2)), []);
}

#[test]
fn what_lies_between_a_read_and_the_end_is_known_to_be_nothing_only_at_rest() {
    let mut s = half_seen(&[(0, 1), (1, 2)], 4);
    assert_eq!(found(&s), []);
    s.drain(P0, &[(0, 1), (1, 2), (4, 3)], 6);
    assert_eq!(found(&s), [(Kind::ReadSkew, 1)]);
    let mut s = half_seen(&[(0, 1)], 4);
    s.drain(P0, &[(0, 1), (1, 2), (4, 3)], 6);
    assert_eq!(found(&s), []);
}

#[test]
fn a_transaction_that_reads_on_later_missed_nothing() {
    let mut s = Script::at(Isolation::ReadCommitted);
    let [(writer, written), (reader, reading)] = [begin(&mut s), begin(&mut s)];
    read_nothing(&mut s, reader, P0, 0);
    s.sent(writer, P0, 3, 0);
    end(&mut s, &[written]);
    read(&mut s, reader, P0, &[(0, 3)], 2);
    end(&mut s, &[reading]);
    assert_eq!(found(&s), []);
}

#[test]
fn what_a_transaction_writes_behind_its_own_read_is_not_missed() {
    let mut s = Script::at(Isolation::ReadCommitted);
    let [(one, first), (other, second)] = [begin(&mut s), begin(&mut s)];
    read_nothing(&mut s, one, P0, 0);
    s.sent(one, P0, 1, 0);
    s.sent(other, P1, 2, 0);
    s.sent(one, P1, 3, 1);
    end(&mut s, &[first, second]);
    assert_eq!(found(&s), []);
}
