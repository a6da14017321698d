//! A check as JUnit XML: a suite per file, a case per property, in the dialect that Jenkins, GitLab and GitHub actions read.
//!
//! There are no times and no names of hosts in it: equal checks give equal bytes.

use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use super::document::{Check, FileCheck, KindCheck, PropertyCheck, UNREAD};

/// The report. Characters that XML cannot have are left out.
///
/// # Panics
/// Never: a report made here always has an XML form.
#[must_use]
pub fn check_junit(check: &Check) -> String {
    let mut report = Report::new("ktrial check");
    report.add_test_suites(check.files.iter().map(suite));
    report.to_string().expect("a report always has an XML form")
}

fn suite(file: &FileCheck) -> TestSuite {
    let mut suite = TestSuite::new(file.file.as_str());
    for setting in &file.contract {
        suite.add_property(Property::new(setting.key, setting.value.as_str()));
    }
    suite.add_test_cases(file.properties.iter().map(|property| case(file, property)));
    if !file.warnings.is_empty() {
        suite.set_system_err(file.warnings.join("\n"));
    }
    suite
}

fn case(file: &FileCheck, property: &PropertyCheck) -> TestCase {
    let kinds = || file.anomalies.iter().filter(|kind| kind.property == property.property);
    let mut case = TestCase::new(property.property, status(property, kinds()));
    case.set_classname(file.file.as_str());
    let permitted: Vec<_> = kinds().filter(|kind| kind.severity != "error").map(story).collect();
    case.set_system_out(format!("{}\n{}", property.test(), permitted.concat()));
    case
}

fn status<'a>(
    property: &PropertyCheck,
    kinds: impl Iterator<Item = &'a KindCheck>,
) -> TestCaseStatus {
    let broken: Vec<_> = kinds.filter(|kind| kind.severity == "error").collect();
    if let Some(worst) = broken.first() {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        let counts: Vec<_> =
            broken.iter().map(|kind| format!("{} {}", kind.count, kind.kind)).collect();
        status.set_type(worst.kind).set_message(counts.join(", "));
        status.set_description(broken.into_iter().map(story).collect::<String>());
        return status;
    }
    if property.verdict == "valid" || property.permitted {
        return TestCaseStatus::success();
    }
    let reason = property.reason.as_deref().unwrap_or_default();
    if property.verdict == UNREAD {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status.set_type(UNREAD).set_message(reason);
        return status;
    }
    let mut status = TestCaseStatus::skipped();
    status.set_message(format!("{}: {reason}", property.verdict));
    status
}

/// All of one kind: how many, what permits it, the sentences of the examples.
fn story(kind: &KindCheck) -> String {
    let mut text = format!("{} {}: {}\n", kind.word(), kind.kind, kind.count);
    for remedy in kind.remedies() {
        text += &format!("  {remedy}\n");
    }
    for example in &kind.examples {
        text += &format!("  {}\n    {}\n", example.place(), example.explain.join("\n    "));
    }
    text
}
