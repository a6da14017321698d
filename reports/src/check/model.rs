//! The check of a history of a user's own system against a model: one property, linearizability.

use ktrial_checker::linearizability::{ModelName, Outcome, Verdict};

use super::document::{
    Answer, Example, FileCheck, KindCheck, PromisedBy, PropertyCheck, SettingValue, Window,
};

/// What the property is called.
const PROPERTY: &str = "linearizability";

impl FileCheck {
    /// The check of one file against a model.
    #[must_use]
    pub fn of_model(file: &str, model: ModelName, outcome: &Outcome) -> Self {
        let operations = outcome.operations as u64;
        let counters = [("operations", operations), ("unanswered", outcome.unanswered as u64)];
        let answer = match &outcome.verdict {
            Verdict::Ok { .. } if operations > 0 => Answer::Held,
            Verdict::Ok { .. } | Verdict::Unknown(_) => Answer::Inconclusive,
            Verdict::Illegal(_) => Answer::Violated,
        };
        let model = model.name().to_owned();
        FileCheck {
            file: file.to_owned(),
            answer,
            events: operations,
            warnings: Vec::new(),
            contract: vec![SettingValue { key: "model", value: model, is_default: false }],
            promised_by: PromisedBy::Model,
            properties: vec![property(operations, outcome, counters.into())],
            anomalies: violation(&outcome.verdict).into_iter().collect(),
            excused: Vec::new(),
            coverage: counters.into(),
        }
    }
}

fn property(
    operations: u64,
    outcome: &Outcome,
    looked_at: std::collections::BTreeMap<&'static str, u64>,
) -> PropertyCheck {
    let (verdict, reason) = match &outcome.verdict {
        Verdict::Ok { .. } if operations == 0 => {
            ("vacuous", Some("there is no operation".to_owned()))
        }
        Verdict::Unknown(progress) => {
            ("unknown", Some(progress.explain.join(" ").trim_end_matches('.').to_owned()))
        }
        verdict => (verdict.name(), None),
    };
    PropertyCheck { property: PROPERTY, verdict, permitted: false, reason, looked_at }
}

/// The one thing that can be wrong: responses that no order explains.
fn violation(verdict: &Verdict) -> Option<KindCheck> {
    let Verdict::Illegal(counterexample) = verdict else { return None };
    let example = Example {
        key: counterexample.partition.clone().unwrap_or_else(|| "the whole history".to_owned()),
        offsets: Vec::new(),
        ops: Vec::new(),
        missing: Vec::new(),
        explain: counterexample.explain.clone(),
        window: Window { offsets: Vec::new(), rows: Vec::new(), others: 0 },
    };
    Some(KindCheck {
        kind: "contradiction",
        property: PROPERTY,
        severity: "error",
        count: 1,
        allowed_by: None,
        prevented_by: None,
        examples: vec![example],
    })
}
