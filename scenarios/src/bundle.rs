//! The bundle a failing seed leaves: all that is needed to replay it, in one JSON document.
//!
//! A bundle has no time of day, host or path in it: equal failures leave equal bytes.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use ktrial_sim::fault::FaultPlan;
use ktrial_sim::trace::TRACE_FORMAT;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::KTRIAL_VERSION;
use crate::digest::Digest;
use crate::format::Scenario;
use crate::outcome::{Anomaly, AnomalyKind, AnomalyName, InvariantViolation, TrialOutcome};
use crate::violation::Violation;
use crate::whole_file::write_whole;

/// What the name of a bundle ends in.
pub const BUNDLE_SUFFIX: &str = ".ktr.json";

/// The schema that bundles are written by; a reader refuses another number before the dot.
pub const BUNDLE_SCHEMA: &str = "ktrial-bundle/1.0";

/// A failing seed with all that is needed to replay it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Bundle {
    /// `ktrial-bundle/1.0`.
    pub schema: String,
    /// The version of ktrial that wrote it.
    pub ktrial_version: String,
    /// The format of the trace, raised whenever an old seed gives another trace; a reader refuses any but its own.
    pub trace_format: u32,
    /// The scenario after every change.
    pub scenario: Scenario,
    /// The seed.
    pub seed: u64,
    /// The faults that struck, as `ktrial schema plan` describes them.
    pub fault_plan: FaultPlan,
    /// The hash over all events of the trial.
    pub trace_hash: Digest,
    /// What was wrong.
    pub violations: Vec<Violation>,
    /// What went wrong for the clients, with evidence.
    #[schemars(with = "BTreeMap<AnomalyName, Anomaly>")]
    pub anomalies: BTreeMap<AnomalyKind, Anomaly>,
    /// Invariants of the model that broke.
    pub invariant_violations: Vec<InvariantViolation>,
    /// How often each rare thing happened.
    pub probes: BTreeMap<String, u64>,
}

/// The file is not a bundle this ktrial can read.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The file cannot be read or written.
    #[error("cannot use {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The text is not a bundle; the place is a line and a column, both from 1.
    #[error("{message}")]
    Format {
        /// What is wrong.
        message: String,
        /// The line.
        line: usize,
        /// The column.
        column: usize,
    },
    /// The bundle's scenario or plan cannot be run.
    #[error("{0}")]
    Content(String),
    /// The bundle was written by a schema this ktrial does not know.
    #[error("the bundle's schema is {found}; this ktrial reads {BUNDLE_SCHEMA}")]
    Schema {
        /// The bundle's schema.
        found: String,
    },
    /// The bundle's seed gives another trial in this ktrial.
    #[error(
        "the bundle's trace format is {found}, this ktrial's is {TRACE_FORMAT}: replay it with ktrial {ktrial_version}, \
         which made it"
    )]
    TraceFormat {
        /// The bundle's trace format.
        found: u32,
        /// The version of ktrial that wrote it.
        ktrial_version: String,
    },
}

impl Bundle {
    /// The bundle of a trial that was not as expected.
    #[must_use]
    pub fn new(
        scenario: &Scenario,
        outcome: &TrialOutcome,
        violations: &[Violation],
        fault_plan: FaultPlan,
    ) -> Self {
        Self {
            schema: BUNDLE_SCHEMA.to_owned(),
            ktrial_version: KTRIAL_VERSION.to_owned(),
            trace_format: TRACE_FORMAT,
            scenario: scenario.clone(),
            seed: outcome.seed,
            fault_plan,
            trace_hash: outcome.trace_hash,
            violations: violations.to_vec(),
            anomalies: outcome.anomalies.clone(),
            invariant_violations: outcome.invariant_violations.clone(),
            probes: outcome.probes.clone(),
        }
    }

    /// The name of the bundle's file.
    #[must_use]
    pub fn file_name(&self) -> String {
        file_name(&self.scenario.name, self.seed, self.trace_hash)
    }

    /// Writes the bundle into a folder, under its own name, whole or not at all.
    ///
    /// # Errors
    /// When the file cannot be written.
    ///
    /// # Panics
    /// Never: a bundle always has a JSON form.
    pub fn write(&self, folder: &Path) -> Result<PathBuf, BundleError> {
        let path = folder.join(self.file_name());
        let json =
            serde_json::to_string_pretty(self).expect("a bundle always has a JSON form") + "\n";
        write_whole(&path, |out| out.write_all(json.as_bytes()))
            .map_err(|source| BundleError::Io { path: path.clone(), source })?;
        Ok(path)
    }

    /// Reads the text of a bundle.
    ///
    /// # Errors
    /// When the text is not a bundle, is one of a schema with another number before the dot or of another trace format, or has
    /// a scenario or a plan that cannot be run.
    pub fn from_json(text: &str) -> Result<Self, BundleError> {
        /// What is looked at before the rest is read: the rest may have changed.
        #[derive(Deserialize)]
        struct Head {
            schema: String,
            trace_format: Option<u32>,
            ktrial_version: Option<String>,
        }
        let format = |error: serde_json::Error| BundleError::Format {
            message: error.to_string(),
            line: error.line(),
            column: error.column(),
        };
        let head: Head = serde_json::from_str(text).map_err(format)?;
        if major(&head.schema) != major(BUNDLE_SCHEMA) {
            return Err(BundleError::Schema { found: head.schema });
        }
        if let Some(found) = head.trace_format.filter(|&found| found != TRACE_FORMAT) {
            let ktrial_version = head.ktrial_version.unwrap_or_default();
            return Err(BundleError::TraceFormat { found, ktrial_version });
        }
        serde_json::from_str::<Self>(text).map_err(format)?.checked()
    }

    fn checked(self) -> Result<Self, BundleError> {
        let scenario =
            self.scenario.with(&[]).map_err(|error| BundleError::Content(error.message))?;
        let plan = self.fault_plan.validate(&scenario.nodes().fleet());
        plan.map_err(|error| BundleError::Content(error.to_string()))?;
        Ok(self)
    }
}

/// The name of a bundle's file: scenario, seed and the first digits of the trace hash.
pub(crate) fn file_name(scenario: &str, seed: u64, trace_hash: Digest) -> String {
    let hash = trace_hash.to_string();
    format!("{scenario}-{seed}-{}{BUNDLE_SUFFIX}", &hash[..8])
}

/// A schema's name with the number before the dot.
fn major(schema: &str) -> &str {
    schema.split_once('.').map_or(schema, |(major, _)| major)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn bundle() -> Bundle {
        let outcome = TrialOutcome::panicked(7, "why".to_owned());
        let scenario = crate::catalogue::ENTRIES[0].scenario();
        Bundle::new(&scenario, &outcome, &[Violation::Panic], FaultPlan::default())
    }

    #[test]
    fn a_bundle_reads_back_from_its_file_and_is_the_same_bytes_each_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = bundle().write(folder.path()).expect("written");
        let text = fs::read_to_string(&path).expect("readable");
        assert_eq!(Bundle::from_json(&text).expect("a bundle"), bundle());
        bundle().write(folder.path()).expect("written again");
        assert_eq!(fs::read_to_string(&path).expect("readable"), text);
        assert_eq!(
            fs::read_dir(folder.path()).expect("a folder").count(),
            1,
            "nothing else is left"
        );
    }

    #[test]
    fn a_newer_minor_schema_is_read_and_a_newer_major_one_refused() {
        let json = serde_json::to_string(&bundle()).expect("JSON");
        assert!(Bundle::from_json(&json.replace("bundle/1.0", "bundle/1.7")).is_ok());
        let error =
            Bundle::from_json(&json.replace("bundle/1.0", "bundle/2.0")).expect_err("newer");
        assert_eq!(
            error.to_string(),
            "the bundle's schema is ktrial-bundle/2.0; this ktrial reads ktrial-bundle/1.0"
        );
    }

    #[test]
    fn a_bundle_of_another_trace_format_is_refused() {
        let other = Bundle {
            trace_format: TRACE_FORMAT + 1,
            ktrial_version: "7.0.0".to_owned(),
            ..bundle()
        };
        let json = serde_json::to_string(&other).expect("JSON");
        assert_eq!(
            Bundle::from_json(&json).expect_err("another format").to_string(),
            format!(
                "the bundle's trace format is {}, this ktrial's is {TRACE_FORMAT}: replay it with ktrial 7.0.0, which \
                 made it",
                TRACE_FORMAT + 1
            )
        );
    }

    #[test]
    fn a_bundle_that_cannot_be_run_is_refused() {
        let json = serde_json::to_string(&bundle()).expect("JSON");
        let error = Bundle::from_json(&json.replace("\"brokers\":3", "\"brokers\":2"))
            .expect_err("too few");
        assert_eq!(error.to_string(), "replication factor 3 needs 3 brokers, the cluster has 2");
    }

    #[test]
    fn what_is_no_bundle_is_refused_with_its_place() {
        let error = Bundle::from_json("{\n \"schema\": 1}").expect_err("no bundle");
        assert!(matches!(error, BundleError::Format { line: 2, .. }), "{error:?}");
    }
}
