//! Histories as Jepsen's operations: what is written is read back equal, and valid histories are valid by Jepsen's rules.

#[path = "../generated/generator/mod.rs"]
mod generator;
#[path = "../generated/random.rs"]
mod random;
#[path = "../generated/step.rs"]
mod step;

use generator::{Features, Size, valid_with};
use ktrial_checker::contract::Contract;
use ktrial_checker::history::{History, Offset, RebalanceKind, Time, Value};
use ktrial_checker::import::{self, Format};
use ktrial_checker::jepsen::compat::{Options, judge};
use ktrial_checker::jepsen::{Function, Kind, Ops};
use ktrial_checker::klog;
use ktrial_checker::notation::convert;
use ktrial_checker::verdict::{Property, Verdict};
use proptest::prelude::*;

const SMALL: Size =
    Size { partitions: 2, producers: 2, readers: 2, members: 2, turns: 120, poll_max: 5 };

/// Jepsen knows no retention and no compaction.
fn valid(seed: u64, size: Size) -> Vec<step::Step> {
    valid_with(seed, size, Features::PLAIN)
}

fn written(ops: &Ops) -> String {
    let mut out = Vec::new();
    ops.write_edn(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn exported_histories_are_read_back_equal(seed: u64) {
        let ops = Ops::of_history(&step::record(&valid(seed, SMALL), SMALL.partitions)).one_at_a_time();
        let text = written(&ops);
        let back = Ops::read_edn(text.as_bytes()).unwrap();
        prop_assert_eq!(written(&back), text);
        let options = Options::default();
        prop_assert_eq!(judge(&back, &options).to_edn(), judge(&ops, &options).to_edn());
        for (place, op) in back.list.iter().enumerate().filter(|(_, op)| op.kind != Kind::Invoke && op.f != Function::Crash) {
            let invocation = &back.list[back.partner(place).expect("every completion has an invocation")];
            prop_assert_eq!((invocation.kind, invocation.process, invocation.f), (Kind::Invoke, op.process, op.f));
        }
    }
    #[test]
    fn nothing_is_lost_on_acknowledged_records_by_exporting_them(seed: u64) {
        let ops = Ops::of_history(&step::record(&valid(seed, SMALL), SMALL.partitions)).one_at_a_time();
        let imported = import::read(Some(Format::Edn), written(&ops).as_bytes()).unwrap();
        prop_assert!(imported.ignored.is_empty(), "{:?}", imported.ignored);
        let judgement = ktrial_checker::judge(&imported.history, &Contract::default());
        prop_assert!(judgement.verdict(Property::AckedDurability) != &Verdict::Invalid, "{:#?}", judgement.anomalies);
    }

    #[test]
    fn a_history_survives_edn(seed: u64) {
        let history = step::record(&valid(seed, SMALL), SMALL.partitions);
        let (mut klog, mut edn) = (Vec::new(), Vec::new());
        klog::write(&history, &mut klog).unwrap();
        convert::klog_to_edn(&klog[..], &mut edn).unwrap();
        let imported = import::read(None, &edn[..]).unwrap().history;
        let mut back = Vec::new();
        klog::write(&imported, &mut back).unwrap();
        prop_assert_eq!(String::from_utf8(back), String::from_utf8(klog));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn no_damaged_history_makes_the_judge_panic(
        seed in 0_u64..50,
        damage in proptest::collection::vec((any::<prop::sample::Index>(), "[0-9:{}\\[\\]a-z ]"), 1..8),
    ) {
        let ops = Ops::of_history(&step::record(&valid(seed, SMALL), SMALL.partitions));
        let mut text = written(&ops);
        for (place, by) in damage {
            let place = place.index(text.len());
            text.replace_range(place..=place, &by);
        }
        if let Ok(ops) = Ops::read_edn(text.as_bytes()) {
            let results = judge(&ops, &Options::default()).to_edn();
            prop_assert!(results.starts_with("{:valid? "), "{}", results);
        }
    }
}

/// Two records in a transaction that also polls, sends of another process that overlap, and a rebalance.
fn with_a_transaction() -> History {
    let mut history = History::new();
    let orders = history.key("orders", 0);
    let [app, producer] = ["app", "producer"].map(|name| {
        let client = history.client(name);
        history.open_session(client, None)
    });
    history.subscribed(app, Time(1), [orders]);
    history.rebalanced(app, Time(2), RebalanceKind::Assigned, None, [orders]);
    let overlapping = [4, 5].map(|n| history.send_invoked(producer, Time(n), orders, Value(n)));
    history.send_ok(overlapping[0], Time(6), Some(Offset(0)));
    history.send_unknown(overlapping[1], Time(7));
    let txn = history.txn_begun(app, Time(8));
    history.polled(app, Time(9), Time(10), [(orders, Offset(0), Value(4))]);
    let named = history.value_named("output 1");
    let send = history.send_invoked(app, Time(11), orders, named);
    history.send_ok(send, Time(12), Some(Offset(2)));
    history.txn_committed(txn, Time(13), None);
    history.crashed(app, Time(14));
    history
}

#[test]
fn a_transaction_is_one_operation() {
    let ops = Ops::of_history(&with_a_transaction()).one_at_a_time();
    insta::assert_snapshot!(written(&ops), @r#"
    {:index 0, :time 1, :type :invoke, :process 0, :f :subscribe, :value ["orders-0"]}
    {:index 1, :time 1, :type :ok, :process 0, :f :subscribe, :value ["orders-0"]}
    {:index 2, :time 4, :type :invoke, :process 1, :f :send, :value [[:send "orders-0" 4]]}
    {:index 3, :time 5, :type :invoke, :process 2, :f :send, :value [[:send "orders-0" 5]]}
    {:index 4, :time 6, :type :ok, :process 1, :f :send, :value [[:send "orders-0" [0 4]]]}
    {:index 5, :time 7, :type :info, :process 2, :f :send, :value [[:send "orders-0" 5]]}
    {:index 6, :time 8, :type :invoke, :process 0, :f :txn, :value [[:poll] [:send "orders-0" "output 1"]]}
    {:index 7, :time 13, :type :ok, :process 0, :f :txn, :value [[:poll {"orders-0" [[0 4]]}] [:send "orders-0" [2 "output 1"]]], :rebalance-log [{:keys ["orders-0"]}]}
    {:index 8, :time 14, :type :info, :process 0, :f :crash, :value nil}
    "#);
}
