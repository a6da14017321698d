//! A check as a terminal shows it: a table of verdicts, what was found with its proof, what was promised, what to do next.

use anstyle::{AnsiColor, Style};

use super::document::{Check, Example, FileCheck, KindCheck, PromisedBy, PropertyCheck, UNREAD};
use super::grid::grid;
use super::next_step::next_step;
use crate::look::Look;
use crate::number::{counted, grouped};
use crate::table::{lines, table};
use crate::wrap::wrapped;

/// How many examples of a kind are shown unless more are asked for.
const EXAMPLES_SHOWN: usize = 3;

/// Settings that are told even if they are Kafka's defaults, because so much depends on them.
const TOLD_ALWAYS: [&str; 2] = ["acks", "min.insync.replicas"];

/// What an example is indented by.
const INDENT: &str = "    ";

/// The report of a check: of each kind the full count and at most so many `examples`, or, unless that is said, a few of what
/// breaks a property.
#[must_use]
pub fn check(check: &Check, examples: Option<usize>, look: &Look) -> String {
    let mut report = verdicts(check, look);
    for file in &check.files {
        if check.files.len() > 1 && !(file.anomalies.is_empty() && file.warnings.is_empty()) {
            report += &format!("\n{}\n", look.paint(Style::new().bold(), &look.plain(&file.file)));
        }
        report +=
            &file.anomalies.iter().map(|kind| found(kind, examples, look)).collect::<String>();
        report += &notes(file, check.files.len() > 1, look);
    }
    report + "\n" + &wrapped(&next_step(check), "", look.width)
}

fn verdicts(check: &Check, look: &Look) -> String {
    let several = check.files.len() > 1;
    let headings: &[&str] = if several {
        &["VERDICT", "FILE", "PROPERTY", "LOOKED AT"]
    } else {
        &["VERDICT", "PROPERTY", "LOOKED AT"]
    };
    let mut table = table(look, headings, headings.len() - 1);
    for (file, property) in rows(check) {
        let mut row = vec![property.words(), property.property.to_owned(), property.test()];
        if several {
            row.insert(1, look.plain(&file.file));
        }
        table.add_row(row);
    }
    let mut lines = lines(&table).into_iter();
    let mut text = look.paint(Style::new().bold(), &lines.next().unwrap_or_default()) + "\n";
    let mut properties = rows(check).map(|(_, property)| property).peekable();
    for line in lines {
        // A row may take several lines; the next one begins with the next verdict.
        let begun = properties.next_if(|property| line.starts_with(&property.words()));
        text += &begun.map_or(line.clone(), |property| painted(&line, property, look));
        text += "\n";
    }
    text
}

fn rows(check: &Check) -> impl Iterator<Item = (&FileCheck, &PropertyCheck)> {
    check.files.iter().flat_map(|file| file.properties.iter().map(move |it| (file, it)))
}

/// The line with its verdict in colour.
fn painted(line: &str, property: &PropertyCheck, look: &Look) -> String {
    let color = match (property.verdict, property.permitted) {
        ("valid", _) => AnsiColor::Green,
        ("invalid", false) | (UNREAD, _) => AnsiColor::Red,
        _ => AnsiColor::Yellow,
    };
    let words = property.words();
    look.paint(color.on_default().bold(), &words) + &line[words.len()..]
}

/// All of one kind: how many, what permits it, some examples.
fn found(kind: &KindCheck, examples: Option<usize>, look: &Look) -> String {
    let style = match kind.severity {
        "error" => AnsiColor::Red.on_default().bold(),
        "warning" => AnsiColor::Yellow.on_default().bold(),
        _ => Style::new().bold(),
    };
    let heading = format!("{} {}", kind.word(), kind.kind);
    let mut text = format!("\n{}: {}\n", look.paint(style, &heading), grouped(kind.count));
    for remedy in kind.remedies() {
        text += &wrapped(&remedy, "  ", look.width);
    }
    let shown = match (examples, kind.severity) {
        (Some(shown), _) => shown,
        (None, "info") => 0,
        (None, _) => EXAMPLES_SHOWN,
    };
    let shown = shown.min(kind.examples.len());
    text += &kind.examples[..shown].iter().map(|it| told(it, look)).collect::<String>();
    if shown < kind.examples.len() {
        let more = counted((kind.examples.len() - shown) as u64, "more example");
        text += &format!("  {more} with --verbose\n");
    }
    text
}

fn told(example: &Example, look: &Look) -> String {
    let place = look.paint(Style::new().bold(), &look.plain(&example.place()));
    let mut text = format!("  {place}\n");
    for sentence in &example.explain {
        text += &wrapped(&look.plain(sentence), INDENT, look.width);
    }
    text += &grid(&example.window, INDENT, look).concat();
    if example.window.others > 0 {
        let others = counted(example.window.others, "more operation");
        text += &format!("{INDENT}and {others} at these offsets\n");
    }
    text
}

/// What must be known of a file, and what was promised.
fn notes(file: &FileCheck, named: bool, look: &Look) -> String {
    let name = if named { format!("{}: ", look.plain(&file.file)) } else { String::new() };
    let mut text = "\n".to_owned();
    for warning in &file.warnings {
        text += &wrapped(&look.plain(&format!("{name}{warning}")), "warning: ", look.width);
    }
    for excused in &file.excused {
        let excused = format!("{name}{}", excused.explain);
        text += &wrapped(&look.plain(&excused), "excused: ", look.width);
    }
    if file.contract.is_empty() {
        return String::new();
    }
    let told = file.contract.iter().filter(|it| !it.is_default || TOLD_ALWAYS.contains(&it.key));
    let settings: Vec<_> = told.map(|it| format!("{}={}", it.key, it.value)).collect();
    let by = match file.promised_by {
        PromisedBy::Defaults => ", else Kafka's defaults; nothing was said",
        PromisedBy::File => ", else Kafka's defaults; the file's header says so",
        PromisedBy::CommandLine => ", else Kafka's defaults; --contract says so",
        PromisedBy::Model => "",
    };
    let contract = format!("{name}{}{by}", settings.join(", "));
    text + &wrapped(&contract, "contract: ", look.width)
}
