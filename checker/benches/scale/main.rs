//! How long judging takes and how much memory, from ten thousand to ten million operations of fifty clients.
//!
//! ```sh
//! cargo bench -p ktrial-checker --bench scale            # up to a million operations
//! cargo bench -p ktrial-checker --bench scale -- --large # ten million too
//! ```
//! Each row is a process of its own, so that no row has another's memory. Times are processor times of one core. `history`
//! and `judging` are the bytes per operation that are resident for the history alone and, at most, while it is judged;
//! `budget` is 64 bytes an operation, 16 a span of a poll and 16 an offset of a log. Files are read and judged.
//!
//! Measured on one of two cores at 3.9 GHz with nothing else to do (AMD EPYC); the row of a million came to 5.6 M to 6.3 M
//! operations a second, and to 4.1 M to 5.2 M when ten other processes used the caches:
//!
//! ```text
//! from      operations  partitions      time  operations/s  history  judging  budget
//! memory         10028          16     0.7ms       14.00 M    138.1    234.5    80.6
//! memory       1000034          16   178.7ms        5.60 M     83.2    135.5    80.7
//! memory      10000034          16  2287.0ms        4.37 M     82.6    134.5    80.7
//! memory      10000032          64  2547.9ms        3.92 M     89.1    142.8    85.3
//! jsonl        1000034          16   915.6ms        1.09 M
//! edn           300030          16   387.8ms        0.77 M
//! ```
//! Ten times as many operations take 11 to 14 times as long: a history of a million is still half in the caches.
//! The history is over the budget because an event takes 32 bytes, a send therefore 64, and a record another 8 for each
//! poll that returned it; judging adds 28 bytes a send, and 16 an offset, 12 more while groups are followed.

#[path = "../../tests/generated/random.rs"]
mod random;
mod resources;
mod workload;

use ktrial_checker::contract::Contract;
use ktrial_checker::history::History;
use ktrial_checker::import::{self, Format};
use ktrial_checker::verdict::Verdict;
use ktrial_checker::{judge, klog};
use resources::{forget_peak, peak, processor_time, resident};
use std::env::{args, current_exe};
use std::process::Command;
use std::time::Duration;
use workload::Workload;

/// Short things are repeated until they took this long.
const LONG_ENOUGH: Duration = Duration::from_millis(500);

/// What is measured: where the history comes from, how many operations, over how many partitions.
const ROWS: &[(&str, u64, u32)] = &[
    ("memory", 10_000, 16),
    ("memory", 1_000_000, 16),
    ("memory", 10_000_000, 16),
    ("memory", 10_000_000, 64),
    ("jsonl", 1_000_000, 16),
    ("edn", 300_000, 16),
];
/// Only `--large` measures more.
const SMALL: u64 = 1_000_000;

fn main() {
    let words: Vec<String> = args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["row", number, ..] => row(ROWS[number.parse::<usize>().expect("a row's number")]),
        _ => table(words.contains(&"--large")),
    }
}

fn table(is_large: bool) {
    println!("from      operations  partitions      time  operations/s  history  judging  budget");
    for (number, _) in ROWS.iter().enumerate().filter(|(_, row)| is_large || row.1 <= SMALL) {
        let program = current_exe().expect("the program knows where it is");
        let row = Command::new(program).args(["row", &number.to_string()]).status();
        assert!(row.is_ok_and(|status| status.success()), "row {number} is measured");
    }
}

fn row((from, operations, partitions): (&str, u64, u32)) {
    let before = resident();
    let workload = workload::record(operations, partitions);
    let operations = workload.operations;
    let (time, memory) = match from {
        "memory" => in_memory(&workload, before),
        "jsonl" => (from_file(Format::Klog, &jsonl(&workload.history)), String::new()),
        _ => (from_file(Format::Edn, &edn(&workload.history)), String::new()),
    };
    let per_second = operations as f64 / time.as_secs_f64();
    println!(
        "{from:<8} {operations:>11} {partitions:>11} {:>7.1}ms {:>11.2} M  {memory}",
        time.as_secs_f64() * 1000.0,
        per_second / 1e6,
    );
}

fn in_memory(workload: &Workload, before: u64) -> (Duration, String) {
    let recorded = resident() - before;
    forget_peak();
    judged(&workload.history);
    let judging = peak() - before;
    let time = repeated(|| judged(&workload.history));
    let Workload { operations, spans, slots, .. } = *workload;
    let budget = 64 * operations + 16 * spans + 16 * slots;
    let each = |bytes: u64| bytes as f64 / operations as f64;
    (time, format!("{:>7.1} {:>8.1} {:>7.1}", each(recorded), each(judging), each(budget)))
}

fn judged(history: &History) {
    let judgement = judge(history, &Contract::default());
    let broken = judgement.properties.iter().find(|(_, verdict)| **verdict == Verdict::Invalid);
    assert_eq!(broken, None, "a valid history is measured: {:?}", judgement.anomalies.keys());
}

fn jsonl(history: &History) -> Vec<u8> {
    let mut file = Vec::new();
    klog::write(history, &mut file).expect("a vector takes everything");
    file
}

fn edn(history: &History) -> Vec<u8> {
    let mut file = Vec::new();
    ktrial_checker::notation::convert::klog_to_edn(&jsonl(history)[..], &mut file)
        .expect("what was written can be read");
    file
}

/// Reading and judging.
fn from_file(format: Format, file: &[u8]) -> Duration {
    repeated(|| judged(&import::read(Some(format), file).expect("just written").history))
}

fn repeated(act: impl Fn()) -> Duration {
    let (start, mut times) = (processor_time(), 0);
    while processor_time() - start < LONG_ENOUGH {
        act();
        times += 1;
    }
    (processor_time() - start) / times
}
