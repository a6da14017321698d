//! The report of a run: a table with a line for each scenario, what was found with evidence, and the figures of the run.

use std::fmt::Write;

use anstyle::Style;
use ktrial_scenarios::campaign::{Campaign, Conclusion};

use crate::evidence::{coverage, findings, reasons};
use crate::look::Look;
use crate::number::{counted, grouped, short};
use crate::table::{lines, table};
use crate::word::Word;
use crate::wrap::wrapped;

/// Up to this many campaigns, what was expected to be found is shown with evidence as well.
const SHOWN_IN_FULL: usize = 2;

/// The report of a run. Evidence of expected findings and the rare things that happened are shown when few campaigns ran or
/// `evidence` asks for it; evidence of violations always is.
#[must_use]
pub fn campaigns(campaigns: &[Campaign], evidence: bool, look: &Look) -> String {
    let mut report = summary_table(campaigns, look);
    for campaign in campaigns {
        let in_full = evidence || campaigns.len() <= SHOWN_IN_FULL;
        report += &reasons(campaign, in_full, look);
        if in_full {
            report += &findings(campaign, look);
            report += &coverage(campaign, look);
        }
    }
    report + "\n" + &wrapped(&figures(campaigns, look), "", look.width)
}

fn summary_table(campaigns: &[Campaign], look: &Look) -> String {
    let headings = ["VERDICT", "SCENARIO", "EXPECTED", "SEEDS", "FOUND"];
    let mut table = table(look, &headings, 4);
    for campaign in campaigns {
        table.add_row(row(campaign, look));
    }
    let mut lines = lines(&table).into_iter();
    let mut text = look.paint(Style::new().bold(), &lines.next().unwrap_or_default()) + "\n";
    let mut words = campaigns.iter().map(Word::of).peekable();
    for line in lines {
        // A row may take several lines; the next one begins with the next campaign's word.
        let word = words.next_if(|word| line.starts_with(word.text()));
        let painted = word.map_or(line.clone(), |word| painted(&line, word, look));
        text += &(painted + "\n");
    }
    text
}

/// The line with its verdict in colour.
fn painted(line: &str, word: Word, look: &Look) -> String {
    look.paint(word.style(), word.text()) + &line[word.text().len()..]
}

fn row(campaign: &Campaign, look: &Look) -> Vec<String> {
    vec![
        Word::of(campaign).text().to_owned(),
        look.plain(&campaign.case.scenario.name),
        expected(campaign.judgement.conclusion).to_owned(),
        seeds(campaign),
        found(campaign),
    ]
}

fn expected(conclusion: Conclusion) -> &'static str {
    match conclusion {
        Conclusion::Held => "yes",
        Conclusion::NothingRan | Conclusion::Inconclusive => "open",
        Conclusion::Violated | Conclusion::Diverged | Conclusion::Panicked => "NO",
    }
}

/// The range, and the number of seeds that ran if that is less.
fn seeds(campaign: &Campaign) -> String {
    let run = campaign.tally.seeds_run();
    if run == campaign.seeds.count() {
        campaign.seeds.to_string()
    } else {
        format!("{} ({} ran)", campaign.seeds, grouped(run))
    }
}

/// What was found, the most frequent first, each with its share of the seeds.
fn found(campaign: &Campaign) -> String {
    let mut anomalies: Vec<_> = campaign.tally.anomalies.iter().collect();
    anomalies.sort_by_key(|(_, counts)| std::cmp::Reverse(counts.seeds));
    let run = campaign.tally.seeds_run();
    let share = |seeds: u64| {
        if seeds == run { "all".to_owned() } else { format!("{}%", percent(seeds, run)) }
    };
    let texts: Vec<_> =
        anomalies.iter().map(|(kind, counts)| format!("{kind} {}", share(counts.seeds))).collect();
    if texts.is_empty() { "-".to_owned() } else { texts.join(", ") }
}

/// A share in percent with one digit after the point below ten: `0.5`, `28`; never 0 for what was seen.
fn percent(part: u64, whole: u64) -> String {
    let per_mille = (part * 1_000 / whole).max(1);
    if per_mille < 100 {
        format!("{}.{}", per_mille / 10, per_mille % 10)
    } else {
        (per_mille / 10).to_string()
    }
}

/// What ran in how much time, and how many expectations came true.
fn figures(campaigns: &[Campaign], look: &Look) -> String {
    let sum = |count: fn(&Campaign) -> u64| campaigns.iter().map(count).sum::<u64>();
    let held = sum(|campaign| u64::from(campaign.judgement.conclusion == Conclusion::Held));
    let wall_ms = sum(|campaign| campaign.timing.wall_ms);
    let mut text = format!(
        "{} of {} as expected {} {}, {} events, {} acked records",
        held,
        counted(campaigns.len() as u64, "scenario"),
        look.text("·", "-"),
        counted(sum(|campaign| campaign.tally.seeds_run()), "trial"),
        short(sum(|campaign| campaign.tally.events)),
        short(sum(|campaign| campaign.tally.acked_records)),
    );
    write!(text, " in {}.{}s", wall_ms / 1_000, wall_ms % 1_000 / 100).expect("a string takes all");
    let busy_ms = |per_second: u64, wall_ms: u64| u128::from(per_second) * u128::from(wall_ms);
    let ran = campaigns
        .iter()
        .map(|it| busy_ms(it.timing.events_per_second, it.timing.wall_ms))
        .sum::<u128>();
    if let Ok(speed @ 1..) = u64::try_from(ran / u128::from(wall_ms.max(1))) {
        write!(text, ": {} events/s", short(speed)).expect("a string takes all");
    }
    text
}
