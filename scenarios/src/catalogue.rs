//! The scenarios that come with ktrial, compiled in. Each is a file of `scenarios/catalogue/`, the same a user would write.

use crate::format::{Scenario, TWIN_SUFFIX};

/// A scenario of the catalogue: its name and the text of its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name it is run by.
    pub name: &'static str,
    /// The text of its file.
    pub source: &'static str,
}

/// Lists the files of the catalogue by name.
macro_rules! catalogue {
    ($($name:literal),* $(,)?) => {
        /// Every scenario of the catalogue; the flagship first, then from the producer's end to the consumer's.
        pub const ENTRIES: &[Entry] = &[$(
            Entry { name: $name, source: include_str!(concat!("../catalogue/", $name, ".toml")) },
        )*];
    };
}

catalogue![
    "acks-all-survives",
    "acks-one-loses",
    "acks-zero-loses",
    "min-isr-one-loses",
    "unclean-election-loses",
    "power-loss-everywhere-loses",
    "retry-duplicates",
    "retry-reorders",
    "zombie-leader-loses-acks-one",
    "commit-before-processing-loses",
    "commit-after-processing-duplicates",
    "latest-reset-skips",
];

impl Entry {
    /// The scenario.
    ///
    /// # Panics
    /// When the file is wrong, which a test rules out.
    #[must_use]
    pub fn scenario(&self) -> Scenario {
        Scenario::from_toml(self.name, self.source).expect("every file of the catalogue is valid")
    }
}

/// Every scenario of the catalogue, each followed by its twin.
///
/// # Panics
/// When a file is wrong, which a test rules out.
pub fn all() -> impl Iterator<Item = Scenario> {
    ENTRIES.iter().flat_map(|entry| {
        let scenario = entry.scenario();
        let twin = scenario.twin().expect("every twin of the catalogue is valid");
        [Some(scenario), twin].into_iter().flatten()
    })
}

/// The scenario or twin of this name.
#[must_use]
pub fn find(name: &str) -> Option<Scenario> {
    let base = name.strip_suffix(TWIN_SUFFIX).unwrap_or(name);
    let scenario = ENTRIES.iter().find(|entry| entry.name == base)?.scenario();
    if base == name { Some(scenario) } else { scenario.twin().expect("every twin is valid") }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::format::Expectation;

    #[test]
    fn every_file_is_listed() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/catalogue");
        let files = std::fs::read_dir(folder).expect("the catalogue's folder");
        let files: BTreeSet<_> = files
            .map(|file| file.expect("readable").file_name().into_string().expect("UTF-8"))
            .collect();
        let listed: BTreeSet<_> =
            ENTRIES.iter().map(|entry| format!("{}.toml", entry.name)).collect();
        assert_eq!(files, listed);
    }

    #[test]
    fn every_scenario_asks_a_question_teaches_and_has_a_twin() {
        for scenario in ENTRIES.iter().map(Entry::scenario) {
            let name = &scenario.name;
            assert!(scenario.title.ends_with('?'), "{name}: {}", scenario.title);
            assert!(scenario.teaches.len() > 100, "{name}: {}", scenario.teaches);
            let Expectation { holds, finds, .. } = &scenario.expect;
            assert!(!(holds.is_empty() && finds.is_empty()), "{name} expects something");
            let twin = scenario.twin.as_ref().expect(name);
            assert_eq!(twin.set.iter().count(), 1, "{name}: the twin is one change");
            assert!(twin.because.ends_with('.'), "{name}: {}", twin.because);
        }
    }

    #[test]
    fn a_twin_differs_from_its_scenario_and_is_found_by_name() {
        for entry in ENTRIES {
            let scenario = entry.scenario();
            let twin = find(&format!("{}+twin", entry.name)).expect("a twin");
            assert_ne!(twin.digest(), scenario.digest());
            assert_eq!((twin.twin, &scenario.name[..]), (None, entry.name));
        }
        assert_eq!(find("no-such-scenario"), None);
    }

    #[test]
    fn a_scenario_written_out_reads_back_the_same() {
        for scenario in all() {
            let text = scenario.to_toml();
            assert_eq!(Scenario::from_toml("", &text), Ok(scenario), "{text}");
        }
    }
}
