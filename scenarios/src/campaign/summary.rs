//! The summary of campaigns as JSON: what `--report json=PATH` writes and `ktrial schema summary` describes.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::conclusion::Conclusion;
use super::tally::{AnomalyCounts, VerdictCounts};
use super::{Campaign, Timing};
use crate::KTRIAL_VERSION;
use crate::digest::Digest;
use crate::outcome::{AnomalyKind, AnomalyName, Property, PropertyName};

/// The schema that summaries are written by; the number before the dot changes when a reader of the old one would err.
pub const SUMMARY_SCHEMA: &str = "ktrial-summary/1.0";

/// All campaigns of one run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// `ktrial-summary/1.0`.
    pub schema: String,
    /// The version of ktrial that ran.
    pub ktrial_version: String,
    /// The worst conclusion of all scenarios.
    pub conclusion: Conclusion,
    /// One campaign each, in the order in which they ran.
    pub scenarios: Vec<ScenarioSummary>,
}

/// One campaign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScenarioSummary {
    /// The scenario's name.
    pub scenario: String,
    /// The digest of the scenario after every change.
    pub scenario_digest: Digest,
    /// Which seeds ran.
    pub seeds: Seeds,
    /// The number of seeds with each verdict on each property.
    #[schemars(with = "BTreeMap<PropertyName, VerdictCounts>")]
    pub verdicts: BTreeMap<Property, VerdictCounts>,
    /// What was found, by kind.
    #[schemars(with = "BTreeMap<AnomalyName, AnomalyCounts>")]
    pub anomalies: BTreeMap<AnomalyKind, AnomalyCounts>,
    /// Whether everything that was expected came true.
    pub expectation_met: bool,
    /// What the campaign says of the scenario.
    pub conclusion: Conclusion,
    /// Why the conclusion is not `held`, a sentence each.
    pub reasons: Vec<String>,
    /// The failing seeds with the lowest numbers, each with the command that replays it.
    pub failures: Vec<FailureSummary>,
    /// The number of failing seeds.
    pub failing_seeds: u64,
    /// The digest of the scenario and of each seed with its trace hash.
    pub campaign_hash: Digest,
    /// Events of all trials.
    pub events: u64,
    /// Records acknowledged in all trials.
    pub acked_records: u64,
    /// How often each rare thing happened; 0 for those that never did.
    pub probes: BTreeMap<String, u64>,
    /// How long it took; the only part that differs between equal runs.
    pub timing: Timing,
}

/// Which seeds ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Seeds {
    /// The first seed.
    pub from: u64,
    /// The seed after the last one.
    pub to: u64,
    /// The number of seeds that ran, which is less than `to - from` when the campaign was partitioned or ended early.
    pub run: u64,
}

/// One failing seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FailureSummary {
    /// The seed.
    pub seed: u64,
    /// What is wrong, in words.
    pub violations: Vec<String>,
    /// The command that replays it.
    pub replay: String,
}

impl Summary {
    /// The summary of all campaigns of one run.
    #[must_use]
    pub fn of(campaigns: &[Campaign]) -> Self {
        let worst = campaigns.iter().map(|campaign| campaign.judgement.conclusion).max();
        Self {
            schema: SUMMARY_SCHEMA.to_owned(),
            ktrial_version: KTRIAL_VERSION.to_owned(),
            conclusion: worst.unwrap_or(Conclusion::NothingRan),
            scenarios: campaigns.iter().map(ScenarioSummary::of).collect(),
        }
    }
}

impl ScenarioSummary {
    fn of(campaign: &Campaign) -> Self {
        let Campaign { case, seeds, tally, judgement, timing, .. } = campaign;
        let failure = |(seed, failure): (&u64, &super::Failure)| FailureSummary {
            seed: *seed,
            violations: failure.violations.iter().map(ToString::to_string).collect(),
            replay: campaign.replay_command(*seed),
        };
        Self {
            scenario: case.scenario.name.clone(),
            scenario_digest: case.scenario.digest(),
            seeds: Seeds { from: seeds.from, to: seeds.to, run: tally.seeds_run() },
            verdicts: tally.verdicts.clone(),
            anomalies: tally.anomalies.clone(),
            expectation_met: judgement.conclusion == Conclusion::Held,
            conclusion: judgement.conclusion,
            reasons: judgement.reasons.clone(),
            failures: tally.failures.iter().map(failure).collect(),
            failing_seeds: tally.failing_seeds,
            campaign_hash: tally.campaign_hash(&case.scenario),
            events: tally.events,
            acked_records: tally.acked_records,
            probes: tally.probes.clone(),
            timing: *timing,
        }
    }
}
