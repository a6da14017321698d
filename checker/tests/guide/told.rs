//! What is said of a history, in short: the verdicts, of each kind found how often, how bad, and one proof, and what retention
//! and compaction excuse.

use ktrial_checker::anomaly::{Anomaly, AnomalyKind, Severity};
use ktrial_checker::verdict::{Found, Judgement};

/// The whole judgement.
pub fn told(judgement: &Judgement) -> String {
    let verdicts = judgement.properties.iter();
    let verdicts = verdicts.map(|(property, verdict)| format!("{property:<16}  {verdict}\n"));
    let kinds = judgement.anomalies.iter().map(|(&kind, found)| kind_told(kind, found));
    let excused = judgement.excused.iter().map(|excused| format!("\nexcused: {excused}\n"));
    verdicts.chain(kinds).chain(excused).collect()
}

fn kind_told(kind: AnomalyKind, found: &Found) -> String {
    let example = found.examples.first().expect("what is found has an example");
    let severity = match found.severity {
        Severity::Info => "counted only",
        Severity::Warning => "permitted",
        Severity::Error => "a promise broken",
    };
    let sentences: String = example.explain.iter().map(|line| format!("  {line}\n")).collect();
    format!(
        "\n{kind}: {}, {severity}\n{}  {}\n{sentences}",
        found.count,
        permission(example),
        place(example)
    )
}

fn permission(example: &Anomaly) -> String {
    let line = |what: &str, setting: &Option<String>| {
        setting.as_ref().map_or_else(String::new, |setting| format!("  {what} {setting}\n"))
    };
    line("permitted by", &example.allowed_by) + &line("prevented by", &example.prevented_by)
}

fn place(example: &Anomaly) -> String {
    let offsets = example.offsets.iter().filter_map(|offset| offset.known());
    offsets.fold(example.key.clone(), |told, offset| format!("{told} @{offset}"))
}
