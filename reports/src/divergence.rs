//! Where two runs of one seed part ways, in three lines.

use ktrial_scenarios::divergence::Divergence;
use ktrial_scenarios::run::TraceLine;

use crate::look::Look;
use crate::trace::trace_line;

/// The last event that both runs have and the first that only one has.
pub(crate) fn parting(divergence: &Divergence, indent: &str, look: &Look) -> String {
    let line = |what: &str, line: &Option<TraceLine>| {
        let told =
            line.as_ref().map_or_else(|| "nothing".to_owned(), |line| trace_line(line, look));
        format!("{indent}{what}: {}\n", told.trim_start())
    };
    let Divergence { last_common, first, second } = divergence;
    line("both runs", last_common) + &line("then one ", first) + &line("the other", second)
}

/// The report of a replay that went another way: where two runs of now part, or that they do not.
#[must_use]
pub fn divergence(divergence: Option<&Divergence>, look: &Look) -> String {
    match divergence {
        Some(divergence) => parting(divergence, "", look),
        None => "two runs of now are alike: another ktrial made the bundle, or the mistake comes and goes\n".to_owned(),
    }
}
