//! The results file: one line of JSON per trial, only ever appended to.
//!
//! A campaign that is killed leaves a file that ends, at worst, in half a line; the next run of the same campaign cuts that
//! off, takes the outcomes that are there and goes on. The first line says which scenario and which ktrial wrote the file:
//! outcomes of another scenario are not mixed in.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::KTRIAL_VERSION;
use crate::format::Scenario;
use crate::outcome::TrialOutcome;

/// What the name of a results file ends in.
pub const RESULTS_SUFFIX: &str = ".results.jsonl";

const SCHEMA: &str = "ktrial-results/1.0";

/// The first line of a results file. It has the whole scenario, so that results can be judged wherever they are taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Header {
    schema: String,
    ktrial_version: String,
    scenario: Scenario,
}

impl Header {
    fn of(scenario: &Scenario) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            ktrial_version: KTRIAL_VERSION.to_owned(),
            scenario: scenario.clone(),
        }
    }
}

impl Header {
    /// Refuses results of another scenario or another ktrial.
    fn must_be(&self, wanted: &Self, path: &Path) -> Result<(), ResultsError> {
        if self == wanted {
            return Ok(());
        }
        let (found, wanted) = (self.to_string(), wanted.to_string());
        Err(ResultsError::Other { path: path.to_owned(), found, wanted })
    }
}

impl fmt::Display for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { schema, ktrial_version, scenario } = self;
        let digest = scenario.digest();
        write!(f, "scenario {} ({digest}) by ktrial {ktrial_version} ({schema})", scenario.name)
    }
}

/// The results file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ResultsError {
    /// The file cannot be read or written.
    #[error("cannot use {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The file has outcomes of another scenario, or of another ktrial.
    #[error("{} has results of {found}; this is {wanted}", path.display())]
    Other {
        /// The file.
        path: PathBuf,
        /// Whose outcomes are in it.
        found: String,
        /// Whose outcomes were to be added.
        wanted: String,
    },
    /// A line that is not the last one is not an outcome.
    #[error("{}:{line}: {message}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        message: String,
    },
}

/// Outcomes by seed.
pub type Outcomes = BTreeMap<u64, TrialOutcome>;

/// A results file that is open for appending.
#[derive(Debug)]
pub struct Results {
    path: PathBuf,
    file: File,
}

impl Results {
    /// Opens the results file of a scenario in a folder, making both if need be, and reads the outcomes it has.
    ///
    /// # Errors
    /// When the file cannot be used, or is another scenario's.
    pub fn open(folder: &Path, scenario: &Scenario) -> Result<(Self, Outcomes), ResultsError> {
        let path = folder.join(format!("{}{RESULTS_SUFFIX}", scenario.name));
        let io_error = |source| ResultsError::Io { path: path.clone(), source };
        fs::create_dir_all(folder).map_err(io_error)?;
        let text = read_if_there(&path).map_err(io_error)?;
        let whole_lines = text.rfind('\n').map_or(0, |end| end + 1);
        let outcomes = match read(&path, &text[..whole_lines])? {
            None => BTreeMap::new(),
            Some((header, outcomes)) => {
                header.must_be(&Header::of(scenario), &path)?;
                outcomes
            }
        };
        let file = OpenOptions::new().create(true).append(true).open(&path).map_err(io_error)?;
        file.set_len(whole_lines as u64).map_err(io_error)?;
        let mut results = Self { path: path.clone(), file };
        if whole_lines == 0 {
            results.write_line(&Header::of(scenario))?;
        }
        Ok((results, outcomes))
    }

    /// Reads what a results file has, without opening it for more: nothing if not even its first line is whole.
    ///
    /// # Errors
    /// When the file cannot be read, or was written by another ktrial.
    pub fn read(path: &Path) -> Result<Option<(Scenario, Outcomes)>, ResultsError> {
        let io_error = |source| ResultsError::Io { path: path.to_owned(), source };
        let text = fs::read_to_string(path).map_err(io_error)?;
        let whole_lines = text.rfind('\n').map_or(0, |end| end + 1);
        let Some((header, outcomes)) = read(path, &text[..whole_lines])? else { return Ok(None) };
        header.must_be(&Header::of(&header.scenario), path)?;
        Ok(Some((header.scenario, outcomes)))
    }

    /// Appends an outcome.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn append(&mut self, outcome: &TrialOutcome) -> Result<(), ResultsError> {
        self.write_line(outcome)
    }

    /// Writes a whole line at once, so that a kill cuts one line at most.
    fn write_line(&mut self, value: &impl Serialize) -> Result<(), ResultsError> {
        let mut line = serde_json::to_vec(value).expect("an outcome always has a JSON form");
        line.push(b'\n');
        self.file
            .write_all(&line)
            .map_err(|source| ResultsError::Io { path: self.path.clone(), source })
    }
}

fn read_if_there(path: &Path) -> io::Result<String> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        other => other,
    }
}

/// Reads the whole lines of a results file: nothing if there are none.
fn read(path: &Path, text: &str) -> Result<Option<(Header, Outcomes)>, ResultsError> {
    let damaged = |line: usize, error: serde_json::Error| ResultsError::Damaged {
        path: path.to_owned(),
        line: line + 1,
        message: error.to_string(),
    };
    let mut lines = text.lines().enumerate();
    let Some((line, header)) = lines.next() else { return Ok(None) };
    let header = serde_json::from_str(header).map_err(|error| damaged(line, error))?;
    let outcome = |(line, text)| {
        let outcome: TrialOutcome =
            serde_json::from_str(text).map_err(|error| damaged(line, error))?;
        Ok((outcome.seed, outcome))
    };
    let outcomes = lines.map(outcome).collect::<Result<_, _>>()?;
    Ok(Some((header, outcomes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;

    fn scenario() -> Scenario {
        crate::catalogue::ENTRIES[0].scenario()
    }

    fn outcome(seed: u64) -> TrialOutcome {
        TrialOutcome { events: 7, ..TrialOutcome::new(seed, Digest::empty()) }
    }

    fn written(folder: &Path, seeds: std::ops::Range<u64>) -> PathBuf {
        let (mut results, _) = Results::open(folder, &scenario()).expect("usable");
        for seed in seeds {
            results.append(&outcome(seed)).expect("written");
        }
        results.path
    }

    #[test]
    fn what_was_appended_is_read_back() {
        let folder = tempfile::tempdir().expect("a folder");
        written(folder.path(), 0..3);
        written(folder.path(), 3..5);
        let (_, outcomes) = Results::open(folder.path(), &scenario()).expect("usable");
        assert_eq!(outcomes, (0..5).map(|seed| (seed, outcome(seed))).collect());
    }

    #[test]
    fn a_file_cut_anywhere_loses_only_the_line_that_was_cut() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = written(folder.path(), 0..3);
        let whole = fs::read(&path).expect("readable");
        let near_line_ends = |length: &usize| {
            length.is_multiple_of(101) || whole[*length] == b'\n' || whole[length - 1] == b'\n'
        };
        for length in (0..whole.len()).filter(near_line_ends) {
            fs::write(&path, &whole[..length]).expect("cut");
            let (mut results, outcomes) =
                Results::open(folder.path(), &scenario()).expect("usable");
            let lines = whole[..length].iter().filter(|byte| **byte == b'\n').count();
            assert_eq!(outcomes.len(), lines.saturating_sub(1), "cut at {length}");
            for seed in outcomes.len() as u64..3 {
                results.append(&outcome(seed)).expect("written");
            }
            assert_eq!(fs::read(&path).expect("readable"), whole, "cut at {length}");
        }
    }

    #[test]
    fn results_of_another_scenario_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        written(folder.path(), 0..1);
        let changed =
            scenario().with(&["cluster.brokers=5".parse().expect("a change")]).expect("valid");
        let error = Results::open(folder.path(), &changed).expect_err("another scenario");
        assert!(matches!(error, ResultsError::Other { .. }), "{error}");
    }

    #[test]
    fn a_damaged_line_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = written(folder.path(), 0..1);
        let text = fs::read_to_string(&path).expect("readable") + "{}\n";
        fs::write(&path, text).expect("written");
        let error = Results::open(folder.path(), &scenario()).expect_err("damaged");
        assert!(error.to_string().contains("results.jsonl:3: missing field `seed`"), "{error}");
    }
}
