//! A log with known offsets is judged in one sweep, and the engine must come to the same verdict.
//!
//! Order the appends and the exact reads by where they stand in the log: an append at offset o after a read that saw the
//! end o, and before one that saw o + 1. The history is linearizable exactly if nothing that stands earlier was invoked
//! after something that stands later had returned (Gibbons and Korach: with a known write order, it is easy).

use crate::generator::{Shape, logs};
use crate::oracle::explains;
use crate::random::Random;
use ktrial_checker::linearizability::models::append_log::{AppendLog, Input, Output};
use ktrial_checker::linearizability::{Budget, Operation, Response, Verdict, check};

const CASES: u64 = 4_000;

type Call = Operation<Input<u64>, Output<u64>>;

/// The sweep. `log` is what the log holds in the end: the place of an append whose offset nobody told is where it is.
fn is_linearizable(operations: &[Call], log: &[u64]) -> bool {
    let mut placed: Vec<(u64, &Call)> =
        operations.iter().filter_map(|call| Some((place(call, log)?, call))).collect();
    placed.sort_by_key(|(place, _)| *place);
    let (mut latest_before, mut latest) = (0, 0);
    for same in placed.chunk_by(|(a, _), (b, _)| a == b) {
        latest_before = latest.max(latest_before);
        if same
            .iter()
            .any(|(_, call)| call.returned().is_some_and(|returned| returned < latest_before))
        {
            return false;
        }
        latest = same.iter().map(|(_, call)| call.invoked).max().unwrap();
    }
    true
}

/// Where a call stands: 2o + 1 for an append at offset o, 2e for a read that saw the end e.
fn place(call: &Call, log: &[u64]) -> Option<u64> {
    match (&call.input, call.output()) {
        (_, Some(Output::Appended(Some(offset)))) => Some(2 * offset + 1),
        (Input::Append(value), _) => {
            log.iter().position(|there| there == value).map(|offset| 2 * offset as u64 + 1)
        }
        (Input::Fetch(_), Some(Output::Fetched { end, .. })) => end.map(|end| 2 * end),
        (Input::Fetch(_), _) => None,
    }
}

/// A history of a log of which some offsets were exchanged and some reads moved, consistently: everyone agrees on what
/// the log holds, and a last read shows all of it. What is left to break is real time.
fn displaced(seed: u64, tells_offsets: bool) -> (Vec<Call>, Vec<u64>) {
    let shape = Shape { clients: 5, operations: 30, crash_percent: 8 };
    let (mut operations, mut random) = (logs(seed, shape, true), Random(!seed));
    let mut log = contents(&operations);
    for _ in 0..random.below(3) {
        if log.len() > 1 {
            let at = random.below(log.len() - 1);
            log.swap(at, at + 1);
        }
    }
    for operation in &mut operations {
        displace(operation, &log, &mut random, tells_offsets);
    }
    let now = operations.iter().filter_map(Operation::returned).max().unwrap_or(0);
    let everything = Output::Fetched { values: log.clone(), end: Some(log.len() as u64) };
    operations.push(Operation::completed(99_u64, now + 1, Input::Fetch(0), now + 2, everything));
    (operations, log)
}

/// The appends that took effect for all we know: acknowledged ones by offset, and fetched ones.
fn contents(operations: &[Call]) -> Vec<u64> {
    let mut log = std::collections::BTreeMap::new();
    for operation in operations {
        match (&operation.input, operation.output()) {
            (Input::Append(value), Some(Output::Appended(Some(offset)))) => {
                log.insert(*offset, *value);
            }
            (Input::Fetch(from), Some(Output::Fetched { values, .. })) => {
                log.extend((*from..).zip(values.iter().copied()));
            }
            _ => {}
        }
    }
    log.into_values().collect()
}

fn displace(operation: &mut Call, log: &[u64], random: &mut Random, tells_offsets: bool) {
    let Operation { input, response: Some(Response { output, .. }), .. } = operation else {
        return;
    };
    match (input, output) {
        (Input::Append(value), Output::Appended(offset)) => {
            let at = log.iter().position(|there| there == value).map(|at| at as u64);
            *offset = at.filter(|_| tells_offsets);
        }
        (Input::Fetch(from), Output::Fetched { values, end }) => {
            let last = log.len() as u64;
            let moved = if random.percent(3) {
                random.below(log.len() + 1) as u64
            } else {
                last.min(end.unwrap())
            };
            *from = (*from).min(moved);
            *values = log[*from as usize..moved as usize].iter().copied().take(8).collect();
            *end = Some(moved);
        }
        _ => {}
    }
}

fn sweep_agrees(tells_offsets: bool) {
    let mut verdicts = [0_u64; 2];
    for seed in 0..CASES {
        let (operations, log) = displaced(seed, tells_offsets);
        let is_legal = is_linearizable(&operations, &log);
        verdicts[usize::from(is_legal)] += 1;
        let cheap = Budget { counterexample: 0, ..Budget::default() };
        match check(&AppendLog::default(), &operations, cheap) {
            Verdict::Ok { orders } => {
                assert!(is_legal, "seed {seed}: {operations:#?}");
                assert!(explains(&AppendLog::default(), &operations, &orders[0]), "seed {seed}");
            }
            Verdict::Illegal(_) => assert!(!is_legal, "seed {seed}: {operations:#?}"),
            Verdict::Unknown(progress) => panic!("seed {seed}: {progress:?}"),
        }
    }
    let [illegal, legal] = verdicts;
    assert!(illegal > CASES / 5 && legal > CASES / 5, "{illegal} illegal, {legal} legal");
}

#[test]
fn the_sweep_agrees_where_offsets_are_told() {
    sweep_agrees(true);
}

#[test]
fn the_sweep_agrees_where_offsets_must_be_found_out() {
    sweep_agrees(false);
}
