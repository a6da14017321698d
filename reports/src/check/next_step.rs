//! The last line of a check: what it says as a whole, and what to do next.

use super::document::{Answer, Check, FileCheck, KindCheck, PromisedBy};
use crate::number::counted;

/// The line, in a few sentences.
pub(super) fn next_step(check: &Check) -> String {
    format!("{} {}", summary(check), advice(check))
}

/// How many files say what.
fn summary(check: &Check) -> String {
    let count = |answer| check.files.iter().filter(|file| file.answer == answer).count() as u64;
    let (held, violated) = (count(Answer::Held), count(Answer::Violated));
    match (check.files.len() as u64, check.answer) {
        (1, Answer::Held) => "The promises hold.".to_owned(),
        (1, Answer::Inconclusive) => "Not everything could be judged.".to_owned(),
        (1, Answer::Violated) => "A promise is broken.".to_owned(),
        (1, Answer::Unread) => "The file could not be read.".to_owned(),
        (files, _) => {
            let unread = match count(Answer::Unread) {
                0 => String::new(),
                unread => format!(", {unread} unread"),
            };
            let (files, open) = (counted(files, "file"), count(Answer::Inconclusive));
            format!("{files}: {held} held, {violated} violated, {open} inconclusive{unread}.")
        }
    }
}

fn advice(check: &Check) -> String {
    let of = |answer| check.files.iter().filter(move |file| file.answer == answer);
    match check.answer {
        Answer::Violated => of(Answer::Violated).map(of_violation).next(),
        Answer::Inconclusive => of(Answer::Inconclusive).map(of_open_question).next(),
        Answer::Held => Some(of_held(check)),
        Answer::Unread => Some("Mend what cannot be read; the other verdicts stand.".to_owned()),
    }
    .unwrap_or_else(|| "There was nothing to judge.".to_owned())
}

/// The promise may be the mistake; if it is not, here is all that is known.
fn of_violation(file: &FileCheck) -> String {
    let json = "--report json=PATH keeps all evidence".to_owned();
    match file.promised_by {
        PromisedBy::Defaults => format!(
            "Kafka's defaults were assumed: if the cluster was configured otherwise, say so with --contract KEY=VALUE,...; {json}."
        ),
        PromisedBy::File | PromisedBy::CommandLine | PromisedBy::Model => {
            format!("Begin with the first violation above; {json}.")
        }
    }
}

/// What the recording lacks.
fn of_open_question(file: &FileCheck) -> String {
    if file.properties.iter().all(|property| property.verdict == "vacuous") {
        return "Record what clients do and are told, then check again.".to_owned();
    }
    if file.promised_by == PromisedBy::Model {
        return "The search gave up: allow it more with --budget CONFIGURATIONS, or record fewer calls open at once."
            .to_owned();
    }
    "When all faults are over, read each partition to its end and record that (`drained`), then check again."
        .to_owned()
}

/// How to be stricter.
fn of_held(check: &Check) -> String {
    let mut kinds = check.files.iter().flat_map(|file| &file.anomalies);
    let permitted: Option<&KindCheck> = kinds.find(|kind| kind.severity == "warning");
    let prevention = permitted.and_then(|kind| kind.prevented_by.as_deref());
    match (permitted, prevention) {
        (Some(kind), Some(change)) => {
            format!("What was found is permitted; {change} would prevent {}.", kind.kind)
        }
        (Some(_), None) => "What was found is permitted.".to_owned(),
        (None, _) if check.files.iter().all(|file| file.promised_by == PromisedBy::Model) => {
            "An order was found that explains every response.".to_owned()
        }
        (None, _) => {
            "The table says how much each property was put to the test; --contract tries stricter promises.".to_owned()
        }
    }
}
