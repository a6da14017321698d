//! The guide for people, README.md of this crate: a section for each kind, with its files and a picture that shows the same
//! clients, records and offsets as the file.

use crate::case::{Case, folder};
use ktrial_checker::anomaly::AnomalyKind;
use ktrial_checker::verdict::Property;
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::fs;

fn page() -> String {
    fs::read_to_string(folder().join("../../README.md")).unwrap()
}

/// The section under a heading, up to the next one of the same level or a higher one.
fn section<'p>(page: &'p str, heading: &str) -> Option<&'p str> {
    let (_, rest) = page.split_once(&format!("\n{heading}\n"))?;
    let level = heading.split(' ').next().expect("a heading has a level").len();
    let is_end = |line: &str| {
        line.starts_with('#') && line.split(' ').next().expect("a line has a word").len() <= level
    };
    let length = rest.lines().take_while(|line| !is_end(line)).map(|line| line.len() + 1).sum();
    Some(&rest[..rest.len().min(length)])
}

fn section_of(page: &str, kind: AnomalyKind) -> &str {
    section(page, &format!("### {kind}")).unwrap_or_else(|| panic!("README.md has no ### {kind}"))
}

#[test]
fn every_kind_has_a_section_under_its_property() {
    let page = page();
    for kind in AnomalyKind::ALL {
        let property = section(&page, &format!("## {}", kind.property()));
        let property = property.unwrap_or_else(|| panic!("no ## {}", kind.property()));
        assert!(property.contains(&format!("\n### {kind}\n")), "no {kind} in {}", kind.property());
    }
}

#[test]
fn no_section_is_of_nothing() {
    let page = page();
    for heading in page.lines().filter_map(|line| line.strip_prefix("### ")) {
        assert!(AnomalyKind::by_name(heading).is_some(), "`{heading}` is no kind");
    }
    for property in Property::ALL {
        assert!(page.contains(&format!("\n## {property}\n")), "README.md has no ## {property}");
    }
}

#[test]
fn every_section_links_its_files_and_links_lead_somewhere() {
    let page = page();
    for case in Case::all() {
        let file = format!("(tests/guide/{}.klog.jsonl)", case.name);
        let expected = format!("(tests/guide/{}.expected.txt)", case.name);
        let section = section_of(&page, case.kind);
        assert!(section.contains(&file), "### {} does not link {file}", case.kind);
        assert!(
            case.is_look_alike || section.contains(&expected),
            "{} lacks {expected}",
            case.kind
        );
    }
    let links = page.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0));
    for link in links.filter(|link| !link.contains("://")) {
        let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
        let is_there = match file {
            "" => page.contains(&format!("# {anchor}\n")),
            file => folder().join("../..").join(file).exists(),
        };
        assert!(is_there, "README.md links {link}");
    }
}

#[test]
fn every_picture_shows_the_clients_records_and_offsets_of_its_file() {
    let page = page();
    for case in Case::all().into_iter().filter(|case| !case.is_look_alike) {
        let section = section_of(&page, case.kind);
        let picture = section.split("```").nth(1).expect("a section has a picture");
        let drawn: BTreeSet<&str> =
            picture.split([' ', ',', '\n']).filter(|word| !word.is_empty()).collect();
        let said = Said::by(&case);
        for word in said.clients.iter().chain(&said.records) {
            assert!(drawn.contains(&word[..]), "the picture of {} lacks {word}", case.kind);
        }
        for offset in drawn.iter().filter_map(|word| word.strip_prefix('@')) {
            let is_there = offset.parse().is_ok_and(|offset| said.numbers.contains(&offset));
            assert!(is_there, "{} speaks of no offset {offset}", case.name);
        }
    }
}

/// What a file speaks of.
#[derive(Default)]
struct Said {
    clients: BTreeSet<String>,
    /// Records, and the offsets they were read at, as a picture has them.
    records: BTreeSet<String>,
    numbers: BTreeSet<u64>,
}

impl Said {
    fn by(case: &Case) -> Self {
        let mut said = Said::default();
        for line in case.text.lines().skip(1) {
            let json: Json = serde_json::from_str(line).unwrap();
            said.clients.insert(json["process"].as_str().expect("a name").to_owned());
            said.note(&json["value"]);
            said.note(&json["drained"]);
        }
        said
    }

    /// Every `[offset, record]`, `["send", partition, record]` and number in a value.
    fn note(&mut self, json: &Json) {
        match json {
            Json::Array(items) => {
                match &items[..] {
                    [Json::Number(offset), Json::String(record)] => self.read(offset, record),
                    [Json::String(f), _, Json::String(record), ..] if f == "send" => {
                        self.records.insert(record.clone());
                    }
                    _ => {}
                }
                items.iter().for_each(|item| self.note(item));
            }
            Json::Object(fields) => fields.values().for_each(|value| self.note(value)),
            Json::Number(number) => self.numbers.extend(number.as_u64()),
            Json::Null | Json::Bool(_) | Json::String(_) => {}
        }
    }

    fn read(&mut self, offset: &serde_json::Number, record: &str) {
        self.records.extend([format!("@{offset}"), record.to_owned()]);
    }
}
