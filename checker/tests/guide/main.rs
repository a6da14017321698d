//! The field guide as tests: hand-made histories in this folder, one per kind of anomaly and at least one look-alike of each,
//! with what is said of them beside.
//!
//! ```text
//!   lost-write.klog.jsonl              a history with a lost write
//!   lost-write.expected.txt            its story (# lines) and what the checker says of it
//!   lost-write-look-alike.klog.jsonl   a history that looks like it and is fine, or permitted
//!   ../../README.md                    the guide, with a picture of each
//! ```
//! Who adds a kind adds its files and its section. An expected text is written by hand as far as the story; the rest is
//! copied, once it was read and found right, from where the failing test says that it has put what it got.

mod case;
mod readme;
mod told;

use case::Case;
use jsonschema::Validator;
use ktrial_checker::anomaly::{AnomalyKind, Severity};
use ktrial_checker::klog;
use std::fs;
use std::path::Path;

#[test]
fn every_kind_has_a_history_and_a_look_alike() {
    let cases = Case::all();
    let has = |kind, is_look_alike| {
        cases.iter().any(|case| case.kind == kind && case.is_look_alike == is_look_alike)
    };
    let lacking = AnomalyKind::ALL.iter().filter(|&&kind| !has(kind, false) || !has(kind, true));
    let lacking: Vec<_> = lacking.map(|kind| kind.name()).collect();
    assert_eq!(lacking, [""; 0], "kinds without a history or a look-alike in tests/guide");
}

#[test]
fn every_history_is_judged_as_expected() {
    let differences: Vec<String> = Case::all().iter().filter_map(difference).collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// How what is said of a case differs from what is expected. What is said is left for whoever finds it right.
fn difference(case: &Case) -> Option<String> {
    let (story, expected) = case.expected();
    let got = told::told(&case.judge());
    if got == expected {
        return None;
    }
    let left = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}.expected.txt", case.name));
    fs::write(&left, format!("{story}\n{got}")).unwrap();
    let lines = |sign: char, these: &str, others: &str| -> String {
        let only = these.lines().filter(|line| !others.lines().any(|other| other == *line));
        only.map(|line| format!("  {sign} {line}\n")).collect()
    };
    Some(format!(
        "{}.expected.txt: - is expected, + was said (whole in {})\n{}{}",
        case.name,
        left.display(),
        lines('-', &expected, &got),
        lines('+', &got, &expected)
    ))
}

#[test]
fn every_history_has_a_story() {
    for case in Case::all() {
        assert!(case.expected().0.len() > 20, "{}.expected.txt begins with no story", case.name);
    }
}

/// How bad the kind is that a case is about, if the case has it.
fn severity(case: &Case) -> Option<Severity> {
    case.judge().anomalies.get(&case.kind).map(|found| found.severity)
}

#[test]
fn a_look_alike_is_not_what_it_looks_like_or_less_bad() {
    for kind in AnomalyKind::ALL {
        let cases = Case::all().into_iter().filter(|case| case.kind == *kind);
        let (look_alikes, real): (Vec<_>, Vec<_>) = cases.partition(|case| case.is_look_alike);
        for real in &real {
            assert!(severity(real).is_some(), "{} has no {kind}", real.name);
            for look_alike in &look_alikes {
                let is_less = severity(look_alike) < severity(real);
                assert!(is_less, "{} is as bad as {}", look_alike.name, real.name);
            }
        }
    }
}

#[test]
fn every_line_is_as_the_schema_says_and_understood() {
    let schema = serde_json::from_str(klog::SCHEMA).expect("the schema is JSON");
    let schema: Validator = jsonschema::draft202012::new(&schema).expect("the schema is one");
    for case in Case::all() {
        for line in case.text.lines() {
            let json = serde_json::from_str(line).expect("a line is JSON");
            let mistakes: Vec<_> =
                schema.iter_errors(&json).map(|error| error.to_string()).collect();
            assert_eq!(mistakes, [""; 0], "{}: {line}", case.name);
        }
        let ignored: Vec<_> = case.read().ignored.into_keys().collect();
        assert_eq!(ignored, [""; 0], "{} says what is passed over", case.name);
    }
}

#[test]
fn every_history_is_short() {
    for case in Case::all() {
        let lines = case.text.lines().count();
        assert!((4..=30).contains(&lines), "{} has {lines} lines", case.name);
    }
}
