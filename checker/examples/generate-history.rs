//! Generates a history to try the checker on: `klog/1` on standard output, valid but for the anomalies that are named.
//!
//! ```sh
//! cargo run --release -p ktrial-checker --example generate-history -- 1000000 > valid.klog.jsonl
//! cargo run --release -p ktrial-checker --example generate-history -- 1000000 lost-write poll-skip > spoilt.klog.jsonl
//! ```
//! The number is that of turns; a client gets to do something in about two of three. The same words give the same history.

#[path = "../tests/generated/expected.rs"]
mod expected;
#[path = "../tests/generated/generator/mod.rs"]
mod generator;
#[path = "../tests/generated/injector/mod.rs"]
mod injector;
#[path = "../tests/generated/random.rs"]
mod random;
#[path = "../tests/generated/step.rs"]
mod step;

use generator::{Features, Size, valid_with};
use ktrial_checker::anomaly::AnomalyKind;
use ktrial_checker::contract::Contract;
use ktrial_checker::klog;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

const USAGE: &str = "usage: generate-history TURNS [ANOMALY]...";

/// What is generated: how many turns, and which anomalies are put in.
type Wanted = (usize, Vec<AnomalyKind>);

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let generated = wanted(&words).and_then(|wanted| generate(&wanted).map_err(|e| e.to_string()));
    match generated {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn wanted(words: &[String]) -> Result<Wanted, String> {
    let (turns, kinds) = words.split_first().ok_or("how many turns?")?;
    let turns = turns.parse().map_err(|_| format!("`{turns}` is no number of turns"))?;
    let kind = |name: &String| {
        AnomalyKind::by_name(name).ok_or_else(|| format!("no anomaly is called `{name}`"))
    };
    Ok((turns, kinds.iter().map(kind).collect::<Result<_, _>>()?))
}

fn generate((turns, kinds): &Wanted) -> io::Result<()> {
    let size =
        Size { partitions: 6, producers: 4, readers: 2, members: 2, turns: *turns, poll_max: 50 };
    let mut steps = valid_with(1, size, Features::PLAIN);
    for kind in kinds {
        match injector::inject(*kind, steps.clone(), 1) {
            Some(spoilt) => steps = spoilt.steps,
            None => eprintln!("{kind}: the history is too short for it"),
        }
    }
    let history = step::record(&steps, size.partitions);
    let contract =
        Contract { min_insync_replicas: 2, replication_factor: 3, ..Contract::default() };
    let mut out = BufWriter::new(io::stdout().lock());
    klog::write_with_contract(&history, &contract, &mut out)?;
    out.flush()
}
