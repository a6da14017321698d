//! The engine and the trial of all orders agree: on the verdict, on the earliest failing response, on what is minimal.

use crate::generator::{Shape, history, logs, queues, registers, stores};
use crate::oracle::{explains, is_linearizable};
use crate::random::Random;
use ktrial_checker::linearizability::models::append_log::{self, AppendLog};
use ktrial_checker::linearizability::models::key_value::{self, KeyValue};
use ktrial_checker::linearizability::models::multi_register::{Access, MultiRegister};
use ktrial_checker::linearizability::models::queue::{self, Queue};
use ktrial_checker::linearizability::models::register::{self, Register};
use ktrial_checker::linearizability::{
    Budget, Counterexample, Model, Operation, Response, Verdict, check,
};
use proptest::prelude::*;
use std::fmt::Debug;

/// Cases per model and test.
const CASES: u64 = 1_500;

const TINY: Shape = Shape { clients: 3, operations: 6, crash_percent: 12 };

/// A history as it was known at a moment: what was invoked by then, with the responses given by then.
fn prefix<I: Clone, O: Clone>(
    operations: &[Operation<I, O>],
    is_known: impl Fn(&Operation<I, O>) -> bool,
    moment: u64,
) -> Vec<Operation<I, O>> {
    let invoked = operations.iter().filter(|operation| operation.invoked <= moment);
    let known = |operation: &Operation<I, O>| {
        let response = operation.response.clone().filter(|_| is_known(operation));
        Operation { response, ..operation.clone() }
    };
    invoked.map(known).collect()
}

/// Compares the engine's answer for one history with the oracle's, and returns the verdict.
fn agree<M>(model: &M, operations: &[Operation<M::Input, M::Output>]) -> bool
where
    M: Model<Input: Clone + Debug, Output: Clone + Debug>,
{
    match check(model, operations, Budget::default()) {
        Verdict::Ok { orders } => {
            // Partitions are ordered each by itself; a history with one order proves itself.
            if let [order] = &orders[..] {
                assert!(
                    explains(model, operations, order),
                    "{order:?} explains not {operations:#?}"
                );
            }
            assert!(is_linearizable(model, operations), "nothing explains {operations:#?}");
            true
        }
        Verdict::Illegal(found) => {
            assert!(!is_linearizable(model, operations), "something explains {operations:#?}");
            is_earliest(model, operations, &found);
            is_minimal(model, operations, &found);
            false
        }
        Verdict::Unknown(progress) => panic!("{progress:?} of {operations:#?}"),
    }
}

/// The operations of the partition in which a counterexample was found.
fn partition<M: Model>(
    model: &M,
    operations: &[Operation<M::Input, M::Output>],
    found: &Counterexample,
) -> Vec<usize> {
    let key = |index: &usize| model.partition(&operations[*index].input).map(|key| key.to_string());
    let in_it = |index: &usize| found.partition.is_none() || key(index) == found.partition;
    (0..operations.len()).filter(in_it).collect()
}

fn is_earliest<M>(model: &M, operations: &[Operation<M::Input, M::Output>], found: &Counterexample)
where
    M: Model<Input: Clone + Debug, Output: Clone + Debug>,
{
    let partition = partition(model, operations, found);
    let partition: Vec<_> = partition.iter().map(|&op| operations[op].clone()).collect();
    let failed_at = operations[found.failing].returned().unwrap();
    let upto = prefix(&partition, |known| known.returned() <= Some(failed_at), failed_at);
    assert!(
        !is_linearizable(model, &upto),
        "{found:?} comes before the failure of {operations:#?}"
    );
    assert_eq!(found.prefix, upto.len());
    let before = prefix(&partition, |known| known.returned() < Some(failed_at), failed_at);
    assert!(
        is_linearizable(model, &before),
        "{found:?} comes after the failure of {operations:#?}"
    );
}

fn is_minimal<M>(model: &M, operations: &[Operation<M::Input, M::Output>], found: &Counterexample)
where
    M: Model<Input: Clone + Debug, Output: Clone + Debug>,
{
    assert!(found.is_minimal, "{found:?} of {operations:#?}");
    let knowing = |core: &[usize]| {
        let in_core =
            |op: usize| if core.contains(&op) { operations[op].response.clone() } else { None };
        let partition = partition(model, operations, found);
        let known = |op: usize| Operation { response: in_core(op), ..operations[op].clone() };
        partition.into_iter().map(known).collect::<Vec<_>>()
    };
    assert!(
        !is_linearizable(model, &knowing(&found.core)),
        "{found:?} is no core of {operations:#?}"
    );
    for &op in &found.core {
        let without: Vec<_> = found.core.iter().copied().filter(|&other| other != op).collect();
        assert!(
            is_linearizable(model, &knowing(&without)),
            "{op} is not needed in {found:?} of {operations:#?}"
        );
    }
}

/// Judges generated histories, every second of them with its responses shuffled among calls that `fit`.
fn generated<M>(
    model: &M,
    generate: impl Fn(u64) -> Vec<Operation<M::Input, M::Output>>,
    fits: impl Fn(&M::Input, &M::Output) -> bool,
) where
    M: Model<Input: Clone + Debug, Output: Clone + Debug>,
{
    let mut verdicts = [0_u64; 2];
    for seed in 0..CASES {
        let mut operations = generate(seed);
        let is_valid = seed % 2 == 0;
        if !is_valid {
            shuffle(&mut Random(!seed), &mut operations, &fits);
        }
        let legal = agree(model, &operations);
        assert!(legal || !is_valid, "seed {seed} is linearizable by construction: {operations:#?}");
        verdicts[usize::from(legal)] += 1;
    }
    let [illegal, legal] = verdicts;
    assert!(illegal > CASES / 40 && legal > CASES / 2, "{illegal} illegal, {legal} legal");
}

/// Gives a few calls the output of another.
fn shuffle<I, O: Clone>(
    random: &mut Random,
    operations: &mut [Operation<I, O>],
    fits: impl Fn(&I, &O) -> bool,
) {
    for _ in 0..4 {
        let [to, from] = [random.below(operations.len()), random.below(operations.len())];
        let Some(output) = operations[from].output().cloned() else { continue };
        let Operation { input, response: Some(Response { output: old, .. }), .. } =
            &mut operations[to]
        else {
            continue;
        };
        if fits(input, &output) {
            *old = output;
        }
    }
}

#[test]
fn all_orders_agree_on_registers() {
    use register::{Input, Output};
    let fits = |input: &Input<u64>, output: &Output<u64>| {
        matches!(input, Input::Read) == matches!(output, Output::Value(_))
            && !(matches!(input, Input::Write(_)) && matches!(output, Output::Refused))
    };
    generated(&Register::default(), |seed| registers(seed, TINY), fits);
}

#[test]
fn all_orders_agree_on_logs_without_offsets() {
    use append_log::{Input, Output};
    let fits = |input: &Input<u64>, output: &Output<u64>| {
        matches!(input, Input::Fetch(_)) == matches!(output, Output::Fetched { .. })
    };
    generated(&AppendLog::default(), |seed| logs(seed, TINY, false), fits);
}

#[test]
fn all_orders_agree_on_logs_with_offsets() {
    use append_log::{Input, Output};
    let fits = |input: &Input<u64>, output: &Output<u64>| {
        matches!(input, Input::Fetch(_)) == matches!(output, Output::Fetched { .. })
    };
    generated(&AppendLog::default(), |seed| logs(seed, TINY, true), fits);
}

#[test]
fn all_orders_agree_on_stores() {
    use key_value::{Input, Output};
    let fits = |input: &Input<u64, u64>, output: &Output<u64>| {
        matches!(input, Input::Get(_)) == matches!(output, Output::Values(_))
    };
    generated(&KeyValue::default(), |seed| stores(seed, TINY, 2), fits);
}

#[test]
fn all_orders_agree_on_queues() {
    use queue::{Input, Output};
    let fits = |input: &Input<u64>, output: &Output<u64>| {
        matches!(input, Input::Dequeue) == matches!(output, Output::Taken(_))
    };
    generated(&Queue::default(), |seed| queues(seed, TINY), fits);
}

/// A register that stores a value or the next: the specification leaves it open.
struct Sloppy;

impl Model for Sloppy {
    type Input = Option<u64>;
    type Output = u64;
    type State = u64;
    type Key = u64;

    fn init(&self) -> u64 {
        0
    }

    fn step(
        &self,
        state: &u64,
        input: &Option<u64>,
        output: Option<&u64>,
    ) -> impl IntoIterator<Item = u64> {
        match input {
            Some(written) => vec![*written, written + 1],
            None if output.is_none_or(|read| read == state) => vec![*state],
            None => vec![],
        }
    }

    fn read_only(&self, input: &Option<u64>, _output: Option<&u64>) -> bool {
        input.is_none()
    }

    fn describe(&self, input: &Option<u64>, output: Option<&u64>) -> String {
        format!("{input:?} {output:?}")
    }

    fn describe_state(&self, state: &u64) -> String {
        state.to_string()
    }
}

#[test]
fn all_orders_agree_on_a_nondeterministic_model() {
    let generate = |seed| {
        let (mut random, mut value, mut coin) = (Random(seed), 0, Random(seed ^ 1));
        let ask = |random: &mut Random| Some(random.below(3) as u64).filter(|_| random.percent(60));
        let serve = |input: &Option<u64>| {
            value = input.map_or(value, |written| written + coin.below(2) as u64);
            value
        };
        history(&mut random, TINY, ask, serve)
    };
    generated(&Sloppy, generate, |_, _| true);
}

#[test]
fn all_orders_agree_on_transactions() {
    let generate = |seed| {
        let (mut random, mut values) = (Random(seed), [None; 2]);
        let ask = |random: &mut Random| {
            let access = |random: &mut Random| match random.below(4) {
                key @ 0..2 => Access::Read(key),
                key => Access::Write(key - 2, random.below(3) as u64),
            };
            (0..=random.below(2)).map(|_| access(random)).collect::<Vec<_>>()
        };
        let serve = |input: &Vec<Access<usize, u64>>| {
            let mut serve_one = |access: &Access<usize, u64>| match *access {
                Access::Read(key) => Some(values[key]),
                Access::Write(key, value) => {
                    values[key] = Some(value);
                    None
                }
            };
            input.iter().filter_map(&mut serve_one).collect::<Vec<_>>()
        };
        history(&mut random, TINY, ask, serve)
    };
    let reads = |input: &Vec<Access<usize, u64>>| {
        input.iter().filter(|access| matches!(access, Access::Read(_))).count()
    };
    generated(&MultiRegister::default(), generate, |input, output| reads(input) == output.len());
}

/// A call at any time, with any input and an output that may or may not fit.
fn any_register_operation()
-> impl Strategy<Value = Operation<register::Input<u64>, register::Output<u64>>> {
    use register::{Input, Output};
    let value = 0_u64..2;
    let calls = prop_oneof![
        4 => prop::option::of(value.clone()).prop_map(|read| (Input::Read, Output::Value(read))),
        3 => value.clone().prop_map(|written| (Input::Write(written), Output::Done)),
        2 => (value.clone(), value, prop::bool::ANY).prop_map(|(expected, new, is_set)| {
            (Input::CompareAndSet(expected, new), if is_set { Output::Done } else { Output::Refused })
        }),
    ];
    (0_u64..3, 0_u64..12, prop::option::weighted(0.8, 0_u64..8), calls).prop_map(
        |(process, invoked, took, (input, output))| match took {
            Some(took) => Operation::completed(process, invoked, input, invoked + took, output),
            None => Operation::crashed(process, invoked, input),
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn all_orders_agree_on_arbitrary_registers(
        operations in prop::collection::vec(any_register_operation(), 0..7),
    ) {
        // Ties in time are judged by the moment alone in the oracle's prefixes; the engine breaks them.
        let is_legal = is_linearizable(&Register::default(), &operations);
        let verdict = check(&Register::default(), &operations, Budget::default());
        match &verdict {
            Verdict::Ok { orders } => {
                prop_assert!(is_legal);
                prop_assert!(orders.iter().all(|order| explains(&Register::default(), &operations, order)));
            }
            Verdict::Illegal(found) => {
                prop_assert!(!is_legal);
                is_minimal(&Register::default(), &operations, found);
            }
            Verdict::Unknown(_) => prop_assert!(false, "{verdict:?}"),
        }
    }
}
