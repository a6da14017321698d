//! The check of a history by the rules of Jepsen's checker: one property, its errors by Jepsen's names.

use ktrial_checker::jepsen::Ops;
use ktrial_checker::jepsen::compat::{Options, Results, Validity};

use super::document::{
    Answer, Example, FileCheck, KindCheck, PromisedBy, PropertyCheck, SettingValue, Window,
};

/// What the property is called.
const PROPERTY: &str = "jepsen";

impl FileCheck {
    /// The check of one file by Jepsen's rules.
    #[must_use]
    pub fn of_jepsen(
        file: &str,
        ops: &Ops,
        results: &Results<'_>,
        promised_by: PromisedBy,
    ) -> Self {
        let (answer, verdict) = match results.validity() {
            Validity::Valid => (Answer::Held, "valid"),
            Validity::Invalid => (Answer::Violated, "invalid"),
            Validity::Unknown => (Answer::Inconclusive, "unknown"),
        };
        let operations = ops.list.len() as u64;
        let counters = [("operations", operations)];
        let property = PropertyCheck {
            property: PROPERTY,
            verdict,
            permitted: false,
            reason: results.why_unknown(),
            looked_at: counters.into(),
        };
        FileCheck {
            file: file.to_owned(),
            answer,
            events: operations,
            warnings: Vec::new(),
            contract: settings(results.options()),
            promised_by,
            properties: vec![property],
            anomalies: anomalies(results),
            excused: Vec::new(),
            coverage: counters.into(),
        }
    }
}

fn settings(options: Options) -> Vec<SettingValue> {
    let sub_via = if options.subscribes { "subscribe" } else { "assign" };
    let default = Options::default();
    vec![
        SettingValue {
            key: "sub_via",
            value: sub_via.to_owned(),
            is_default: options.subscribes == default.subscribes,
        },
        SettingValue {
            key: "ww_deps",
            value: options.ww_deps.to_string(),
            is_default: options.ww_deps == default.ww_deps,
        },
    ]
}

/// The errors: what Jepsen does not allow first.
fn anomalies(results: &Results<'_>) -> Vec<KindCheck> {
    let bad = results.bad_error_types();
    let (mut wrong, allowed): (Vec<_>, Vec<_>) =
        results.error_types().into_iter().partition(|error| bad.contains(error));
    let is_bad = wrong.len();
    wrong.extend(allowed);
    let kind = |(place, error): (usize, &'static str)| KindCheck {
        kind: error,
        property: PROPERTY,
        severity: if place < is_bad { "error" } else { "warning" },
        count: results.count(error),
        allowed_by: (place >= is_bad).then(|| "Jepsen's rules".to_owned()),
        prevented_by: None,
        examples: results.examples(error).into_iter().map(example).collect(),
    };
    wrong.into_iter().enumerate().map(kind).collect()
}

/// An instance as Jepsen prints it.
fn example((key, instance): (Option<String>, String)) -> Example {
    Example {
        key: key.unwrap_or_else(|| "the whole history".to_owned()),
        offsets: Vec::new(),
        ops: Vec::new(),
        missing: Vec::new(),
        explain: vec![instance],
        window: Window { offsets: Vec::new(), rows: Vec::new(), others: 0 },
    }
}
