//! Prints how many messages per second each simulator moves, in one run, so that a busy machine slows all alike.
//!
//! `cargo run --release` in this folder. An argument is a number of repetitions (default 5); the best of each is shown,
//! and simulators take turns, so that a slow minute hits them all.

use std::time::Instant;

use comfy_table::Table;
use comfy_table::presets::ASCII_MARKDOWN;
use ktrial_bench::{Ring, on_ktrial, on_madsim, on_turmoil};

/// A simulator, how it plays, and how many messages it gets: enough for a stable figure, not so many that the slowest
/// takes minutes.
struct Contender {
    name: &'static str,
    play: fn(u64, Ring) -> u64,
    messages: u64,
}

const CONTENDERS: [Contender; 4] = [
    Contender { name: "ktrial-sim", play: on_ktrial::run, messages: 2_000_000 },
    Contender { name: "madsim 0.2, datagrams", play: on_madsim::run_datagrams, messages: 200_000 },
    Contender { name: "madsim 0.2, TCP", play: on_madsim::run_streams, messages: 100_000 },
    Contender { name: "turmoil 0.7, TCP", play: on_turmoil::run, messages: 20_000 },
];

const RING_SIZES: [u16; 2] = [5, 50];

fn main() {
    let repetitions = std::env::args()
        .nth(1)
        .map_or(5, |argument| argument.parse().expect("the argument is a number of repetitions"));
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN);
    table.set_header(["nodes", "simulator", "messages/s", "ns/message", "ktrial is faster by"]);
    for nodes in RING_SIZES {
        let rates = measure(nodes, repetitions);
        for (contender, &rate) in CONTENDERS.iter().zip(&rates) {
            table.add_row([
                nodes.to_string(),
                contender.name.to_owned(),
                format!("{rate:.0}"),
                format!("{:.0}", 1e9 / rate),
                format!("{:.1}x", rates[0] / rate),
            ]);
        }
    }
    println!("{table}");
}

/// Messages per second of each contender, the best of all repetitions.
fn measure(nodes: u16, repetitions: u64) -> [f64; CONTENDERS.len()] {
    let mut best = [0.0; CONTENDERS.len()];
    for seed in 0..repetitions {
        for (contender, best) in CONTENDERS.iter().zip(&mut best) {
            *best = f64::max(*best, rate(contender, seed, nodes));
        }
    }
    best
}

fn rate(contender: &Contender, seed: u64, nodes: u16) -> f64 {
    let ring = Ring { nodes, rounds: contender.messages / 2 / u64::from(nodes) };
    let start = Instant::now();
    let messages = (contender.play)(seed, ring);
    let seconds = start.elapsed().as_secs_f64();
    assert_eq!(messages, ring.messages(), "{} moved every message", contender.name);
    messages as f64 / seconds
}
