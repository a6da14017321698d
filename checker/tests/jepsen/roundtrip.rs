//! Histories as Jepsen's operations: what is written is read back equal, and valid histories are valid by Jepsen's rules.

#[path = "../generated/generator.rs"]
mod generator;
#[path = "../generated/random.rs"]
mod random;
#[path = "../generated/step.rs"]
mod step;

use generator::{Size, valid};
use ktrial_checker::jepsen::compat::{Options, judge};
use ktrial_checker::jepsen::{Function, Kind, Ops};
use proptest::prelude::*;

const SMALL: Size =
    Size { partitions: 2, producers: 2, readers: 2, members: 2, turns: 120, poll_max: 5 };

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
}
