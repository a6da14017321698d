//! A check as Markdown, for a job summary: a table of verdicts, then what was found, folded.
//!
//! GitHub refuses a summary above 1 MiB as a whole, so what does not fit is left out from the end, and the report says so.

use super::document::{Check, Example, FileCheck, KindCheck};
use super::grid::grid;
use super::next_step::next_step;
use crate::look::Look;
use crate::number::{counted, grouped};

/// The most bytes of a report.
const BYTES_MAX: usize = 900 * 1024;

/// How the tables of operations look: as wide as they like, without colours.
const LOOK: Look = Look { width: u16::MAX, ascii: false, color: false };

/// The report.
#[must_use]
pub fn check_markdown(check: &Check) -> String {
    let mut report = format!("## ktrial check\n\n{}\n\n", escaped(&next_step(check)));
    report += &verdicts(check);
    let files = check.files.iter();
    let sections: Vec<_> =
        files.flat_map(|file| file.anomalies.iter().map(move |kind| section(file, kind))).collect();
    let mut left_out = 0;
    for section in &sections {
        if report.len() + section.len() <= BYTES_MAX {
            report += section;
        } else {
            left_out += 1;
        }
    }
    if left_out > 0 {
        report +=
            &format!("\n{} left out: too long for a summary.\n", counted(left_out, "section"));
    }
    report
}

fn verdicts(check: &Check) -> String {
    let mut text = "| file | property | verdict | looked at |\n|---|---|---|---|\n".to_owned();
    for file in &check.files {
        for property in &file.properties {
            text += &format!(
                "| {} | {} | **{}** | {} |\n",
                escaped(&file.file),
                property.property,
                property.words(),
                escaped(&property.test())
            );
        }
        for excused in &file.excused {
            let explain = escaped(&excused.explain);
            text += &format!("| {} | | excused | {explain} |\n", escaped(&file.file));
        }
        for warning in &file.warnings {
            text += &format!("| {} | | warning | {} |\n", escaped(&file.file), escaped(warning));
        }
    }
    text
}

/// All of one kind in one file.
fn section(file: &FileCheck, kind: &KindCheck) -> String {
    let open = if kind.severity == "error" { " open" } else { "" };
    let (word, name, count) = (kind.word(), kind.kind, grouped(kind.count));
    let file = escaped(&file.file);
    let mut text =
        format!("\n<details{open}><summary>{word} {name}: {count} in {file}</summary>\n\n");
    for remedy in kind.remedies() {
        text += &format!("{}\n", escaped(&remedy));
    }
    text += &kind.examples.iter().map(told).collect::<String>();
    text + "\n</details>\n"
}

fn told(example: &Example) -> String {
    let sentences: Vec<_> = example.explain.iter().map(|sentence| escaped(sentence)).collect();
    let story = format!("\n**{}** {}\n", escaped(&example.place()), sentences.join(" "));
    match grid(&example.window, "", &LOOK).concat() {
        grid if grid.is_empty() => story,
        grid => format!("{story}\n```text\n{grid}```\n"),
    }
}

/// Text in which nothing has a meaning of its own.
fn escaped(text: &str) -> String {
    let special = |c: char| "\\`*_{}[]<>|#&~".contains(c);
    let escape = |c: char| if special(c) { format!("\\{c}") } else { c.to_string() };
    text.chars().map(escape).collect()
}
