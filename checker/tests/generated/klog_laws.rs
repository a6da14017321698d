//! `klog/1` carries everything a history says, and no file whatever makes the reader panic.

use super::{SMALL, arbitrary, cases, step, valid, vocabulary};
use ktrial_checker::anomaly::AnomalyKind as Kind;
use ktrial_checker::contract::Contract;
use ktrial_checker::history::History;
use ktrial_checker::judge;
use ktrial_checker::klog::{self, ReadError};
use ktrial_checker::verdict::{Found, Property};
use proptest::prelude::*;

pub fn written(history: &History) -> Vec<u8> {
    let mut file = Vec::new();
    klog::write(history, &mut file).expect("a vector takes everything");
    file
}

/// All that people read of a judgement.
fn told(history: &History) -> impl PartialEq + std::fmt::Debug {
    let judgement = judge(history, &Contract::default());
    let examples =
        |found: &Found| found.examples.iter().map(|example| example.explain.clone()).collect();
    let anomalies: Vec<(Kind, u64, Vec<_>)> = judgement
        .anomalies
        .iter()
        .map(|(&kind, found)| (kind, found.count, examples(found)))
        .collect();
    (judgement.properties, anomalies, judgement.coverage)
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn a_history_survives_its_file(steps in arbitrary::steps(), seed: u64) {
        for history in [step::record(&steps, 2), step::record(&valid(seed, SMALL), SMALL.partitions)] {
            let file = written(&history);
            let imported = klog::read(&file[..]).unwrap();
            prop_assert!(imported.ignored.is_empty());
            prop_assert_eq!(String::from_utf8(written(&imported.history)), String::from_utf8(file));
            let contract = Contract::default();
            prop_assert_eq!(judge(&imported.history, &contract), judge(&history, &contract));
        }
    }

    #[test]
    fn every_word_survives_its_file(history in vocabulary::histories()) {
        let file = written(&history);
        let imported = klog::read(&file[..]).unwrap();
        prop_assert!(imported.ignored.is_empty(), "{:?}", imported.ignored);
        prop_assert_eq!(imported.history.meta(), history.meta());
        prop_assert_eq!(imported.history.len(), history.len());
        prop_assert_eq!(String::from_utf8(written(&imported.history)), String::from_utf8(file));
        // Values that are no numbers may be numbered otherwise, but not be told otherwise.
        prop_assert_eq!(told(&imported.history), told(&history));
    }

    #[test]
    fn no_damaged_file_makes_the_reader_or_the_judges_panic(
        history in vocabulary::histories(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3), 1..4),
    ) {
        let mut file = written(&history);
        for (place, byte, how) in damage {
            let place = place.index(file.len());
            match how {
                _ if file.len() < 2 => {}
                0 => file[place] = byte,
                1 => drop(file.remove(place)),
                _ => file.truncate(place.max(1)),
            }
        }
        let judged = klog::read(&file[..]).map(|imported| judge(&imported.history, &Contract::default()));
        prop_assert!(judged.is_err() || judged.is_ok_and(|judgement| judgement.properties.len() == Property::ALL.len()));
    }

    #[test]
    fn a_file_cut_short_is_told_from_a_broken_one(history in vocabulary::histories(), cut: prop::sample::Index) {
        let file = written(&history);
        let cut = 1 + cut.index(file.len() - 1);
        let at_the_end_of_a_line = file[cut - 1] == b'\n' || file[cut] == b'\n';
        let whole_lines = file[..cut].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let number = file[..cut].iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
        match klog::read(&file[..cut]) {
            Ok(imported) if at_the_end_of_a_line => prop_assert_eq!(imported.cut_line, None),
            Ok(imported) => {
                prop_assert_eq!(imported.cut_line, Some(number));
                let before = klog::read(&file[..whole_lines]).unwrap().history;
                prop_assert_eq!(written(&imported.history), written(&before), "nothing of the line itself is taken");
            }
            Err(ReadError::Truncated { line }) => prop_assert_eq!(line, 1, "only the header cannot be done without"),
            Err(error) => prop_assert!(false, "{error}"),
        }
    }
}
