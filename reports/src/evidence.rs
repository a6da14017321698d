//! What was found, with its proof: what happened to which record, when, which setting allowed it, what prevents it.

use std::fmt::Write;

use anstyle::Style;
use ktrial_scenarios::campaign::{Campaign, Failure};
use ktrial_scenarios::outcome::{AnomalyKind, Example};

use crate::alike::as_one;
use crate::divergence::parting;
use crate::look::Look;
use crate::number::{counted, seconds, short};
use crate::word::Word;
use crate::wrap::wrapped;

/// How many failing seeds of a campaign are shown with evidence when it is shown in full; else one is.
const FAILURES_SHOWN: usize = 3;

/// What a section is indented by.
const INDENT: &str = "    ";

/// Why a campaign is not as expected: its reasons, then its first failing seeds. Nothing if it is.
pub(crate) fn reasons(campaign: &Campaign, in_full: bool, look: &Look) -> String {
    let reasons = campaign.judgement.reasons.iter();
    let mut text: String = reasons.map(|reason| heading(campaign, reason, look)).collect();
    if !text.is_empty() {
        text.insert(0, '\n');
    }
    for (reason, seeds) in as_one(&campaign.tally.unknown_because) {
        text += &wrapped(&format!("{reason} ({})", counted(seeds, "seed")), INDENT, look.width);
    }
    for (seed, failure) in
        campaign.tally.failures.iter().take(if in_full { FAILURES_SHOWN } else { 1 })
    {
        text += &failing_seed(campaign, *seed, failure, look);
    }
    text
}

/// What was found as expected, with the first example of each kind.
pub(crate) fn findings(campaign: &Campaign, look: &Look) -> String {
    let expected = campaign.tally.anomalies.iter();
    let expected = expected.filter(|(kind, _)| campaign.case.scenario.expect.tolerates(**kind));
    let mut text = String::new();
    for (kind, counts) in expected {
        let seeds = counted(counts.seeds, "seed");
        text +=
            &heading(campaign, &format!("{kind} on {seeds}, first {}", counts.first_seed), look);
        if let Some(example) = campaign.tally.examples.get(kind) {
            text += &story(campaign, *kind, example, look);
        }
        text += &command(campaign, counts.first_seed, look);
    }
    text
}

/// How often each rare thing happened, and which never did: a scenario in which nothing rare happens tests little.
pub(crate) fn coverage(campaign: &Campaign, look: &Look) -> String {
    let (never, seen): (Vec<_>, Vec<_>) =
        campaign.tally.probes.iter().partition(|(_, count)| **count == 0);
    let seen: Vec<_> =
        seen.into_iter().map(|(probe, count)| format!("{probe} {}", short(*count))).collect();
    let never: Vec<_> = never.into_iter().map(|(probe, _)| probe.as_str()).collect();
    let mut text = String::new();
    for (what, probes) in [("happened: ", seen.join(", ")), ("never happened: ", never.join(", "))]
    {
        if !probes.is_empty() {
            text += &wrapped(&look.plain(&probes), &format!("{INDENT}{what}"), look.width);
        }
    }
    if text.is_empty() {
        text
    } else {
        format!("\n{}{text}", heading(campaign, "rare things", look))
    }
}

fn heading(campaign: &Campaign, text: &str, look: &Look) -> String {
    let name = look.paint(Style::new().bold(), &look.plain(&campaign.case.scenario.name));
    format!("{name}: {}\n", look.plain(text))
}

fn failing_seed(campaign: &Campaign, seed: u64, failure: &Failure, look: &Look) -> String {
    let outcome = &failure.outcome;
    let mut text = format!("\n  seed {seed}\n");
    let mut say = |sentence: String| text += &wrapped(&look.plain(&sentence), INDENT, look.width);
    if let Some(message) = &outcome.panic {
        say(format!("ktrial panicked: {message}"));
    }
    if let (true, Some(second)) = (outcome.diverged(), outcome.second_trace_hash) {
        say(format!("two runs differ: trace hash {} and {second}", outcome.trace_hash));
    }
    if let Some(divergence) = &failure.divergence {
        text += &parting(divergence, INDENT, look);
    }
    let mut say = |sentence: String| text += &wrapped(&look.plain(&sentence), INDENT, look.width);
    if let Some(broken) = outcome.invariant_violations.first() {
        let (invariant, at) = (&broken.invariant, seconds(broken.at_ns));
        say(format!(
            "at {at}, event e{}: invariant {invariant} broke: {}",
            broken.event, broken.text
        ));
    }
    if let Some(stuck) = &outcome.stuck {
        say(format!("no progress after healing: {stuck}"));
    }
    for (kind, anomaly) in &outcome.anomalies {
        let Some(example) = anomaly.examples.first() else { continue };
        if !campaign.case.scenario.expect.tolerates(*kind) {
            text += &story(campaign, *kind, example, look);
        }
    }
    text + &command(campaign, seed, look)
}

/// What happened to one record.
fn story(campaign: &Campaign, kind: AnomalyKind, example: &Example, look: &Look) -> String {
    let word = Word::of_anomaly(kind);
    let mut text = format!("{INDENT}{} ", look.paint(word.style(), word.text()));
    let at = seconds(example.at_ns);
    writeln!(text, "{} {kind}, seen at {at}", look.plain(&example.record))
        .expect("a string takes all");
    let mut say = |sentence: &str| text += &wrapped(&look.plain(sentence), INDENT, look.width);
    for sentence in &example.evidence {
        say(sentence);
    }
    if let Some(setting) = &example.allowed_by {
        say(&format!("Allowed by {setting}."));
    }
    if let Some(prevention) = prevention(campaign, kind) {
        say(&prevention);
    }
    text
}

/// The twin's change, if it is what keeps this kind of anomaly away.
fn prevention(campaign: &Campaign, kind: AnomalyKind) -> Option<String> {
    let twin = campaign.case.scenario.twin.as_ref()?;
    if twin.expectation().tolerates(kind) {
        return None;
    }
    let (key, value) = twin.set.iter().next()?;
    Some(format!("Prevented by --set {key}={value}. {}", twin.because))
}

fn command(campaign: &Campaign, seed: u64, look: &Look) -> String {
    format!("{INDENT}{}\n", look.paint(Style::new().dimmed(), &campaign.replay_command(seed)))
}
