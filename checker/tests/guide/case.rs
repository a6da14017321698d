//! The files of this folder.

use ktrial_checker::anomaly::AnomalyKind;
use ktrial_checker::contract::Contract;
use ktrial_checker::klog::{self, Imported};
use ktrial_checker::verdict::Judgement;
use std::fs;
use std::path::{Path, PathBuf};

const HISTORY: &str = ".klog.jsonl";
const LOOK_ALIKE: &str = "-look-alike";

/// One history.
pub struct Case {
    /// `lost-write-look-alike`
    pub name: String,
    /// The kind it is about.
    pub kind: AnomalyKind,
    /// Whether it only looks as if it had such an anomaly.
    pub is_look_alike: bool,
    /// The file.
    pub text: String,
}

/// Where the histories are.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guide")
}

impl Case {
    /// All histories, by name.
    pub fn all() -> Vec<Case> {
        let files = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name());
        let files = files.map(|name| name.into_string().expect("names are ASCII"));
        let mut cases: Vec<_> =
            files.filter_map(|name| Some(Case::of(name.strip_suffix(HISTORY)?))).collect();
        cases.sort_by(|one, other| one.name.cmp(&other.name));
        cases
    }

    fn of(name: &str) -> Case {
        let kind = name.split_once(LOOK_ALIKE).map_or(name, |(kind, _)| kind);
        Case {
            name: name.to_owned(),
            kind: AnomalyKind::by_name(kind).unwrap_or_else(|| panic!("`{kind}` is no kind")),
            is_look_alike: name != kind,
            text: fs::read_to_string(folder().join(format!("{name}{HISTORY}"))).unwrap(),
        }
    }

    pub fn read(&self) -> Imported {
        let read = klog::read(self.text.as_bytes());
        read.unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    /// The judgement under the contract that the header tells.
    pub fn judge(&self) -> Judgement {
        let Imported { history, config, .. } = self.read();
        let contract = Contract::of_config(&config).unwrap().unwrap_or_default();
        ktrial_checker::judge(&history, &contract)
    }

    /// The story, and what is to be said of the history.
    pub fn expected(&self) -> (String, String) {
        let path = folder().join(format!("{}.expected.txt", self.name));
        let text = fs::read_to_string(&path).unwrap_or_default();
        let split = text.split_once("\n\n").unwrap_or((&text, ""));
        let is_story = split.0.lines().all(|line| line.starts_with("# "));
        assert!(is_story, "{} does not begin with # lines", path.display());
        (format!("{}\n", split.0), split.1.to_owned())
    }
}
