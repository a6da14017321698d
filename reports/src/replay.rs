//! What a replay says at its end: whether it went as before, and what the trial found.

use anstyle::AnsiColor;
use ktrial_scenarios::digest::Digest;
use ktrial_scenarios::outcome::TrialOutcome;
use ktrial_scenarios::violation::Violation;

use crate::look::Look;
use crate::number::{counted, seconds};
use crate::wrap::wrapped;

/// The report of a replay. `expected` is the hash of the run before.
#[must_use]
pub fn replay(
    outcome: &TrialOutcome,
    violations: &[Violation],
    expected: Digest,
    look: &Look,
) -> String {
    let mut text = format!(
        "seed {}: {}, {} of simulated time, {}\n",
        outcome.seed,
        counted(outcome.events, "event"),
        seconds(outcome.simulated_ns),
        counted(outcome.acked_records, "acknowledged record"),
    );
    text += &hash_line(outcome.trace_hash, expected, look);
    for (property, verdict) in &outcome.verdicts {
        text += &format!("{property}: {}\n", verdict.name());
    }
    for (kind, anomaly) in &outcome.anomalies {
        text += &format!("{kind}: {}\n", anomaly.count);
        for sentence in anomaly.examples.first().into_iter().flat_map(|example| &example.evidence) {
            text += &wrapped(&look.plain(sentence), "    ", look.width);
        }
    }
    for broken in &outcome.invariant_violations {
        let (invariant, at) = (&broken.invariant, seconds(broken.at_ns));
        let sentence =
            format!("{invariant} broke at {at}, event e{}: {}", broken.event, broken.text);
        text += &wrapped(&look.plain(&sentence), "invariant ", look.width);
    }
    for violation in violations {
        text +=
            &look.paint(AnsiColor::Red.on_default().bold(), &format!("not expected: {violation}"));
        text += "\n";
    }
    text
}

fn hash_line(hash: Digest, expected: Digest, look: &Look) -> String {
    if hash == expected {
        return format!("trace hash {hash}, as before\n");
    }
    let diverged = look.paint(AnsiColor::Red.on_default().bold(), "DIVERGED");
    format!("trace hash {hash}, {diverged}: it was {expected}\n")
}
