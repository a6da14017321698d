//! `int-poll-skip`, `int-nonmonotonic-poll` and the same of sends: records within one operation that lie in another order
//! than they were polled or sent in, or not next to each other. O(records).

use super::analysis::{Analysis, ByKey};
use super::case::{Case, Field};
use crate::jepsen::{Key, Kind, Value};

/// Errors of the two kinds.
#[derive(Default)]
pub(super) struct Steps {
    pub(super) skips: Vec<Case>,
    pub(super) nonmonotonic: Vec<Case>,
}

/// Successive values that an operation polled. Partitions that were rebalanced meanwhile owe nothing.
pub(super) fn polls(analysis: &Analysis<'_>) -> Steps {
    let mut steps = Steps::default();
    for (place, op) in analysis.ops() {
        steps.within(analysis, place, &analysis.reads[place], &op.rebalanced);
    }
    steps
}

/// Successive values that an operation sent.
pub(super) fn sends(analysis: &Analysis<'_>) -> Steps {
    let mut steps = Steps::default();
    for (place, _) in analysis.ops().filter(|(_, op)| op.kind != Kind::Invoke) {
        steps.within(analysis, place, &analysis.writes[place], &[]);
    }
    steps
}

impl Steps {
    fn within(&mut self, analysis: &Analysis<'_>, place: usize, by_key: &ByKey, except: &[Key]) {
        for (key, values) in by_key.iter().filter(|(key, _)| !except.contains(key)) {
            for pair in values.windows(2) {
                self.step(analysis, place, *key, [pair[0], pair[1]]);
            }
        }
    }

    fn step(
        &mut self,
        analysis: &Analysis<'_>,
        place: usize,
        key: Key,
        [first, second]: [Value; 2],
    ) {
        let delta = analysis.delta(Some(first), Some(second));
        let mut case = vec![
            ("key", Field::Key(key)),
            ("values", Field::Values(vec![first, second])),
            ("delta", Field::Int(delta)),
        ];
        if delta > 1 {
            case.push(("skipped", Field::Values(analysis.between(Some(first), Some(second)))));
            case.push(("op", Field::Op(place)));
            self.skips.push(Case::new(case));
        } else if delta < 1 {
            case.push(("op", Field::Op(place)));
            self.nonmonotonic.push(Case::new(case));
        }
    }
}
