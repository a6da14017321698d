//! `ktrial check --compat jepsen`: a history judged by the rules of Jepsen's checker, and its map of results.

use ktrial_checker::import::{self, Format};
use ktrial_checker::jepsen::compat::{Options, Results, Validity, judge};
use ktrial_checker::jepsen::{Function, Ops};

use crate::exit::Exit;
use crate::flags::CheckFlags;
use crate::source::{Source, wrong};
use crate::terminal::{self, Terminal};
use crate::verbs::Failure;

/// Prints a map for each file, as Jepsen would.
///
/// # Errors
/// When a file is not a history, or the output cannot be written.
pub fn check(flags: &CheckFlags, terminal: &Terminal) -> Result<Exit, Failure> {
    let mut exits = Vec::new();
    for path in &flags.files {
        let ops = Source::open(path)?.read(flags.format, terminal, |path, format, input| {
            match format {
                Format::Edn => Ops::read_edn(input),
                _ => import::read(Some(format), input).map(|it| Ops::of_history(&it.history)),
            }
            .map_err(|error| wrong(path, format, error))
        });
        exits.push(one(&ops?).map_err(Failure::Output)?);
    }
    let worst = [Exit::Violated, Exit::Inconclusive].into_iter().find(|exit| exits.contains(exit));
    Ok(worst.unwrap_or(Exit::Held))
}

fn one(ops: &Ops) -> std::io::Result<Exit> {
    // Only a consumer that subscribes can have been rebalanced, which excuses jumps.
    let subscribes = ops.list.iter().any(|op| op.f == Function::Subscribe);
    let results: Results<'_> = judge(ops, &Options { subscribes, ..Options::default() });
    terminal::print(&(results.to_edn() + "\n"))?;
    Ok(match results.validity() {
        Validity::Valid => Exit::Held,
        Validity::Invalid => Exit::Violated,
        Validity::Unknown => Exit::Inconclusive,
    })
}
