//! What comes of it all: valid or not, and the map that Jepsen prints.

use super::Options;
use super::case::{Case, Field, list};
use super::consume_counts::ConsumeCounts;
use super::realtime_lag::Lag;
use super::unseen::Unseen;
use crate::anomaly::EXAMPLES_MAX;
use crate::jepsen::write::write_key;
use crate::jepsen::{Key, Kind, Ops, Value};
use crate::notation::{Shape, Tokens, edn, json};
use std::collections::BTreeMap;

/// As many values of a partition as are printed of those unseen.
const UNSEEN_MAX: usize = 32;

/// Whether a history is valid by Jepsen's rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    /// Nothing was found but what is allowed.
    Valid,
    /// Something was.
    Invalid,
    /// The checker gives up.
    Unknown,
}

/// What Jepsen's checker says of a history.
#[derive(Clone, Debug)]
pub struct Results<'o> {
    ops: &'o Ops,
    options: Options,
    errors: BTreeMap<&'static str, Vec<Case>>,
    unknown: Option<Case>,
    /// Values that were acknowledged and never polled.
    pub unseen: Unseen,
    /// The longest lag, if lags could be told.
    pub worst_realtime_lag: Option<Lag>,
    /// How often subscribed processes consumed values.
    pub consume_counts: ConsumeCounts,
}

impl<'o> Results<'o> {
    pub(super) fn new(ops: &'o Ops, options: Options) -> Self {
        Results {
            ops,
            options,
            errors: BTreeMap::new(),
            unknown: None,
            unseen: Unseen::default(),
            worst_realtime_lag: None,
            consume_counts: ConsumeCounts::default(),
        }
    }

    pub(super) fn report(&mut self, error: &'static str, cases: Vec<Case>) {
        if !cases.is_empty() {
            self.errors.insert(error, cases);
        }
    }

    pub(super) fn unknown(&mut self, why: Case) {
        self.unknown = Some(why);
    }

    /// Whether the history is valid.
    #[must_use]
    pub fn validity(&self) -> Validity {
        match (&self.unknown, self.bad_error_types().is_empty()) {
            (Some(_), _) => Validity::Unknown,
            (None, true) => Validity::Valid,
            (None, false) => Validity::Invalid,
        }
    }

    /// The errors found, in the order of their names.
    #[must_use]
    pub fn error_types(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self.errors.keys().copied().collect();
        if !self.unseen.values.is_empty() {
            names.push("unseen");
        }
        names.sort_unstable();
        names
    }

    /// Those of them that are not allowed.
    #[must_use]
    pub fn bad_error_types(&self) -> Vec<&'static str> {
        let mut names = self.error_types();
        names.retain(|name| !self.allows(name));
        names
    }

    /// All instances of an error other than `unseen`.
    #[must_use]
    pub fn cases(&self, error: &str) -> &[Case] {
        self.errors.get(error).map_or(&[], Vec::as_slice)
    }

    /// How many instances of an error there are.
    #[must_use]
    pub fn count(&self, error: &str) -> u64 {
        match error {
            "unseen" => self.unseen.values.values().map(|values| values.len() as u64).sum(),
            error => self.cases(error).len() as u64,
        }
    }

    /// Some instances of an error as Jepsen prints them, each with its partition if it has one.
    #[must_use]
    pub fn examples(&self, error: &str) -> Vec<(Option<String>, String)> {
        if error == "unseen" {
            let by_key = self.unseen.values.iter();
            return by_key.map(|(key, values)| self.unseen_example(*key, values)).collect();
        }
        let instance = |case: &Case| {
            let key = case.field("key").and_then(|field| match field {
                Field::Key(key) => Some(self.bare_name(*key)),
                _ => None,
            });
            (key, printed(|out| case.write(self.ops, out)))
        };
        let cases = most_interesting(error, self.cases(error)).into_iter();
        cases.take(EXAMPLES_MAX).map(instance).collect()
    }

    fn unseen_example(&self, key: Key, values: &[Value]) -> (Option<String>, String) {
        let names = &self.ops.names;
        let shown = &values[..values.len().min(UNSEEN_MAX)];
        let write = |value: &Value, out: &mut Tokens| edn::append(names.of_value(*value), out);
        (Some(self.bare_name(key)), printed(|out| list(shown, out, write)))
    }

    /// What a partition is called, without the marks of a string.
    fn bare_name(&self, key: Key) -> String {
        self.ops.names.of_key(key).trim_matches('"').to_owned()
    }

    /// Why the checker gives up, if it does.
    #[must_use]
    pub fn why_unknown(&self) -> Option<String> {
        self.unknown.as_ref().map(|why| printed(|out| why.write(self.ops, out)))
    }

    /// What was known of the test.
    #[must_use]
    pub fn options(&self) -> Options {
        self.options
    }

    /// What Jepsen takes for normal: sends that interleave, and circles of writes, always; consumers that jump, if they
    /// subscribe; circles of writes and reads, if writes are edges at all.
    fn allows(&self, error: &str) -> bool {
        match error {
            "int-send-skip"
            | "G0"
            | "G0-realtime"
            | "PL-1-cycle-exists"
            | "strong-PL-1-cycle-exists" => true,
            "poll-skip" | "nonmonotonic-poll" => self.options.subscribes,
            "G1c" | "G1c-realtime" | "PL-2-cycle-exists" | "strong-PL-2-cycle-exists" => {
                self.options.ww_deps
            }
            _ => false,
        }
    }

    /// The results as Jepsen prints them.
    #[must_use]
    pub fn to_edn(&self) -> String {
        printed(|out| self.write(out))
    }

    /// The same as JSON, with strings for keywords and for the keys of maps.
    #[must_use]
    pub fn to_json(&self) -> String {
        let (mut tokens, mut text) = (Tokens::new(), String::new());
        self.write(&mut tokens);
        tokens.plain();
        json::write(tokens.form(), &mut text);
        text
    }

    fn write(&self, out: &mut Tokens) {
        out.open(Shape::Map);
        out.keyword("valid?");
        match self.validity() {
            Validity::Valid => edn::append("true", out),
            Validity::Invalid => edn::append("false", out),
            Validity::Unknown => out.keyword("unknown"),
        }
        if let Some(why) = &self.unknown {
            out.keyword("error");
            why.write(self.ops, out);
        }
        self.write_summary(out);
        for (name, cases) in &self.errors {
            out.keyword(name);
            self.write_cases(name, cases, out);
        }
        if !self.unseen.values.is_empty() {
            self.write_unseen(out);
        }
        out.close();
    }

    fn write_summary(&self, out: &mut Tokens) {
        let words =
            |words: &[&str], out: &mut Tokens| list(words, out, |word, out| out.keyword(word));
        out.keyword("error-types");
        words(&self.error_types(), out);
        out.keyword("bad-error-types");
        words(&self.bad_error_types(), out);
        out.keyword("info-txn-causes");
        list(&self.info_causes(), out, |cause, out| edn::append(cause, out));
        out.keyword("worst-realtime-lag");
        self.write_lag(out);
        out.keyword("consume-counts");
        self.write_consume_counts(out);
    }

    /// The distinct errors of operations with an unknown outcome.
    fn info_causes(&self) -> Vec<&str> {
        let mut causes: Vec<&str> = Vec::new();
        for op in self.ops.list.iter().filter(|op| op.kind == Kind::Info && op.f.has_micro_ops()) {
            let cause = op.error.as_deref().unwrap_or("nil");
            if !causes.contains(&cause) {
                causes.push(cause);
            }
        }
        causes
    }

    fn write_lag(&self, out: &mut Tokens) {
        out.open(Shape::Map);
        let (time, lag) = self.worst_realtime_lag.map_or((0, 0), |worst| (worst.time, worst.lag));
        out.keyword("time");
        edn::append(&seconds(time), out);
        if let Some(worst) = self.worst_realtime_lag {
            out.keyword("process");
            edn::append(self.ops.names.of_process(worst.process), out);
            out.keyword("key");
            write_key(worst.key, &self.ops.names, out);
        }
        out.keyword("lag");
        edn::append(&seconds(lag), out);
        out.close();
    }

    fn write_consume_counts(&self, out: &mut Tokens) {
        out.open(Shape::Map);
        out.keyword("distribution");
        out.open(Shape::Map);
        for (&times, &values) in &self.consume_counts.distribution {
            out.int(times as i64);
            out.int(values as i64);
        }
        out.close();
        out.keyword("dup-counts");
        self.write_dup_counts(out);
        out.close();
    }

    fn write_dup_counts(&self, out: &mut Tokens) {
        let names = &self.ops.names;
        let mut by_key: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (&value, &times) in &self.consume_counts.duplicates {
            by_key.entry(names.key_of(value)).or_default().push((value, times));
        }
        out.open(Shape::Map);
        for (key, counts) in by_key {
            write_key(key, names, out);
            out.open(Shape::Map);
            for (value, times) in counts {
                edn::append(names.of_value(value), out);
                out.int(times as i64);
            }
            out.close();
        }
        out.close();
    }

    fn write_cases(&self, name: &str, cases: &[Case], out: &mut Tokens) {
        out.open(Shape::Map);
        out.keyword("count");
        out.int(cases.len() as i64);
        out.keyword("errs");
        list(&most_interesting(name, cases), out, |case, out| case.write(self.ops, out));
        out.close();
    }

    fn write_unseen(&self, out: &mut Tokens) {
        out.keyword("unseen");
        out.open(Shape::Map);
        if let Some(time) = self.unseen.time {
            out.keyword("time");
            out.int(time);
        }
        out.keyword("unseen");
        out.open(Shape::Map);
        for (&key, values) in &self.unseen.values {
            write_key(key, &self.ops.names, out);
            out.int(values.len() as i64);
        }
        out.close();
        out.keyword("messages");
        out.open(Shape::Map);
        for (&key, values) in &self.unseen.values {
            write_key(key, &self.ops.names, out);
            let shown = &values[..values.len().min(UNSEEN_MAX)];
            list(shown, out, |value, out| edn::append(self.ops.names.of_value(*value), out));
        }
        out.close();
        out.close();
    }
}

fn printed(write: impl FnOnce(&mut Tokens)) -> String {
    let (mut tokens, mut text) = (Tokens::new(), String::new());
    write(&mut tokens);
    edn::write(tokens.form(), &mut text);
    text
}

/// Which instances Jepsen prints, and in which order.
fn most_interesting<'c>(name: &str, cases: &'c [Case]) -> Vec<&'c Case> {
    let (by, shown, largest_last) = match name {
        "duplicate" => ("count", 32, false),
        "inconsistent-offsets" => ("values", 32, false),
        "G0" | "G0-realtime" | "G1c" | "G1c-realtime" => ("steps", 8, false),
        "int-nonmonotonic-poll"
        | "int-nonmonotonic-send"
        | "nonmonotonic-poll"
        | "nonmonotonic-send" => ("delta", 8, false),
        "int-poll-skip" | "int-send-skip" | "poll-skip" => ("delta", 8, true),
        _ => return cases.iter().collect(),
    };
    let mut sorted: Vec<&Case> = cases.iter().collect();
    sorted.sort_by_key(|case| case.size(by));
    let cut = sorted.len().min(shown);
    if largest_last {
        sorted.split_off(sorted.len() - cut)
    } else {
        sorted.into_iter().take(cut).collect()
    }
}

/// Nanoseconds as seconds: `1.5`, `0.0`.
fn seconds(nanoseconds: i64) -> String {
    let (whole, fraction) = (nanoseconds / 1_000_000_000, (nanoseconds % 1_000_000_000).abs());
    let sign = if nanoseconds < 0 && whole == 0 { "-" } else { "" };
    let fraction = format!("{fraction:09}");
    let fraction = fraction.trim_end_matches('0');
    format!("{sign}{whole}.{}", if fraction.is_empty() { "0" } else { fraction })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nanoseconds_are_printed_as_seconds() {
        let printed = [0, 1_500_000_000, 22, -1_000_000].map(seconds);
        assert_eq!(printed, ["0.0", "1.5", "0.000000022", "-0.001"]);
    }
}
