//! What the reports of judged histories look like. The histories are files: the example of the README, and a few lines.

use ktrial_checker::contract::Contract;
use ktrial_checker::jepsen::{Ops, compat};
use ktrial_checker::klog;
use ktrial_checker::linearizability::{Budget, ModelName, Notation, check_named};
use ktrial_reports::{
    Answer, Check, FileCheck, Look, PromisedBy, check, check_junit, check_markdown,
};

const PLAIN: Look = Look { width: 100, ascii: false, color: false };

const OVERWRITTEN: &str = include_str!("../../examples/overwritten.klog.jsonl");

/// A file, judged by what its header says and by what is said here.
fn judged(name: &str, text: &str, promises: &[(&str, &str)]) -> FileCheck {
    let imported = klog::read(text.as_bytes()).expect("a history");
    let of_header = Contract::of_config(&imported.config).expect("settings");
    let mut contract = of_header.clone().unwrap_or_default();
    for (key, value) in promises {
        contract.set(key, value).expect("a setting");
    }
    let judgement = ktrial_checker::judge(&imported.history, &contract);
    let promised_by = match (promises, of_header) {
        ([], None) => PromisedBy::Defaults,
        ([], Some(_)) => PromisedBy::File,
        _ => PromisedBy::CommandLine,
    };
    FileCheck::new(name, &imported, &judgement, &contract, promised_by)
}

fn overwritten(promises: &[(&str, &str)]) -> FileCheck {
    judged("overwritten.klog.jsonl", OVERWRITTEN, promises)
}

/// What is left of the example when its recorder is killed before the final read.
fn unread() -> FileCheck {
    let cut = OVERWRITTEN.len() - 100;
    judged("unread.klog.jsonl", &OVERWRITTEN[..cut], &[])
}

fn empty() -> FileCheck {
    judged("empty.klog.jsonl", "{\"h\":\"klog/1\"}\n", &[])
}

/// One record, sent 40 times over: each later place is a duplicate.
fn duplicates() -> FileCheck {
    let mut text = "{\"h\":\"klog/1\"}\n".to_owned();
    text += r#"{"time":1,"process":0,"type":"invoke","f":"send","value":[["send","t-0",1099511627916]]}"#;
    let records: Vec<_> = (0..41).map(|offset| format!("[{offset},1099511627916]")).collect();
    text += "\n{\"time\":9,\"process\":1,\"type\":\"ok\",\"f\":\"poll\",\"value\":[[\"poll\",{\"t-0\":[";
    text += &format!("{}]}}]]}}\n", records.join(","));
    judged("duplicates.klog.jsonl", &text, &[("idempotence", "false")])
}

#[test]
fn a_broken_promise_is_told_with_its_proof_and_the_operations_around_it() {
    insta::assert_snapshot!(check(&Check::of(vec![overwritten(&[])]), None, &PLAIN));
}

#[test]
fn what_the_contract_permits_is_told_and_holds() {
    insta::assert_snapshot!(check(&Check::of(vec![overwritten(&[("acks", "1")])]), None, &PLAIN));
}

#[test]
fn several_files_are_one_table() {
    let files = vec![overwritten(&[]), unread(), empty(), duplicates()];
    insta::assert_snapshot!(check(&Check::of(files), None, &PLAIN));
}

#[test]
fn an_empty_history_is_not_valid() {
    insta::assert_snapshot!(check(&Check::of(vec![empty()]), None, &PLAIN));
}

#[test]
fn junit_has_a_suite_per_file_and_a_case_per_property() {
    insta::assert_snapshot!(check_junit(&Check::of(vec![overwritten(&[]), unread()])));
}

#[test]
fn markdown_folds_what_was_found() {
    insta::assert_snapshot!(check_markdown(&Check::of(vec![overwritten(&[]), unread()])));
}

#[test]
fn json_has_everything() {
    let check = Check::of(vec![overwritten(&[])]);
    insta::assert_snapshot!(serde_json::to_string_pretty(&check).expect("JSON"));
}

#[test]
fn a_summary_too_long_for_github_says_what_it_leaves_out() {
    let markdown = check_markdown(&Check::of(vec![duplicates(); 1_000]));
    assert!(markdown.len() < 1_000 * 1_024, "{} bytes", markdown.len());
    assert!(markdown.ends_with(" sections left out: too long for a summary.\n"), "{markdown}");
}

#[test]
fn all_examples_are_shown_when_asked_for() {
    let check_of = |examples| check(&Check::of(vec![duplicates()]), examples, &PLAIN);
    assert!(check_of(None).contains("duplicate: 40\n"), "{}", check_of(None));
    assert_eq!(check_of(None).matches("  t-0@").count(), 3);
    assert_eq!(check_of(Some(32)).matches("  t-0@").count(), 32);
    assert_eq!(check_of(Some(7)).matches("  t-0@").count(), 7);
    assert!(check_of(Some(0)).contains("\n  32 more examples with --verbose\n"));
}

#[test]
fn a_file_that_cannot_be_read_has_its_place_in_every_report() {
    let wrong = FileCheck::unread("wrong.klog.jsonl", "wrong.klog.jsonl: line 5: no history");
    let checked = Check::of(vec![overwritten(&[]), wrong, empty()]);
    assert_eq!(checked.answer, Answer::Unread);
    let text = check(&checked, None, &PLAIN);
    assert!(text.contains("\nunread   wrong.klog.jsonl"), "{text}");
    assert!(text.contains("3 files: 0 held, 1 violated, 1 inconclusive, 1 unread."), "{text}");
    assert!(text.contains("VIOLATION lost-write: 1"), "{text}");
    let junit = check_junit(&checked);
    assert!(junit.contains("<error message=\"wrong.klog.jsonl: line 5: no history\""), "{junit}");
    let markdown = check_markdown(&checked);
    assert!(markdown.contains("| history | **unread** | wrong.klog.jsonl: line 5"), "{markdown}");
}

#[test]
fn what_jepsen_finds_has_all_reports() {
    let history = klog::read(OVERWRITTEN.as_bytes()).expect("a history").history;
    let ops = Ops::of_history(&history);
    let results = compat::judge(&ops, &compat::Options { subscribes: true, ww_deps: false });
    let judged =
        FileCheck::of_jepsen("overwritten.klog.jsonl", &ops, &results, PromisedBy::CommandLine);
    let checked = Check::of(vec![judged]);
    assert_eq!(checked.answer, Answer::Violated);
    insta::assert_snapshot!(serde_json::to_string_pretty(&checked.files).expect("JSON"));
    assert!(check_junit(&checked).contains("1 inconsistent-offsets, 1 lost-write, 1 unseen"));
}

#[test]
fn ascii_is_ascii_and_fits_the_width() {
    let narrow = Look { width: 80, ascii: true, color: false };
    let files = vec![overwritten(&[]), unread(), empty(), duplicates()];
    let report = check(&Check::of(files), Some(32), &narrow);
    assert!(report.is_ascii(), "{report}");
    assert!(report.lines().map(str::len).max() <= Some(80), "{report}");
}

#[test]
fn colours_add_nothing_but_colour() {
    let checked = Check::of(vec![overwritten(&[]), unread(), duplicates()]);
    let colored = check(&checked, Some(32), &Look { color: true, ..PLAIN });
    let mut parts = colored.split("\u{1b}[");
    let mut plain = parts.next().expect("there is always a first part").to_owned();
    for part in parts {
        plain += part.split_once('m').expect("a colour ends in m").1;
    }
    assert_eq!(plain, check(&checked, Some(32), &PLAIN));
    assert!(colored.len() > plain.len());
}

#[test]
fn operations_that_no_order_explains_are_a_contradiction() {
    let file = r#"{"process":0,"type":"invoke","f":"write","value":1}
{"process":0,"type":"ok","f":"write","value":1}
{"process":1,"type":"invoke","f":"read","value":null}
{"process":1,"type":"ok","f":"read","value":null}"#;
    let model = ModelName::Register;
    let outcome = check_named(model, file.as_bytes(), Notation::Json, Budget::default());
    let judged = FileCheck::of_model("register.jsonl", model, &outcome.expect("a history"));
    let checked = Check::of(vec![judged]);
    let reports = [check(&checked, None, &PLAIN), check_junit(&checked), check_markdown(&checked)];
    insta::assert_snapshot!(reports.join("\n---\n"));
}
