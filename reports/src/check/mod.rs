//! Reports of judged histories: what `ktrial check` prints and writes.
//!
//! - [`Check`]: the document, which is the JSON report
//! - [`check()`]: text for a terminal
//! - [`check_markdown`]: a job summary
//! - [`check_junit`]: JUnit XML, a suite per file and a case per property

mod document;
mod grid;
mod jepsen;
mod junit;
mod markdown;
mod model;
mod next_step;
mod text;

pub use document::{Answer, CHECK_SCHEMA, Check, FileCheck, PromisedBy, remarks};
pub use junit::check_junit;
pub use markdown::check_markdown;
pub use text::check;

use crate::number::grouped;
use document::{Example, KindCheck, PropertyCheck};

impl PropertyCheck {
    /// The verdict in words: `valid`, `invalid, permitted`.
    fn words(&self) -> String {
        format!("{}{}", self.verdict, if self.permitted { ", permitted" } else { "" })
    }

    /// Why, if that has to be said, and how much the property was put to the test, if it was at all.
    fn test(&self) -> String {
        let reason = self.reason.clone().unwrap_or_default();
        if self.looked_at.is_empty() || self.verdict == "vacuous" {
            return reason;
        }
        let counter = |(name, count): (&&str, &u64)| {
            format!("{} {}", name.replace('_', " "), grouped(*count))
        };
        let counters: Vec<_> = self.looked_at.iter().map(counter).collect();
        let because = if reason.is_empty() { reason } else { reason + ": " };
        because + &counters.join(", ")
    }
}

impl KindCheck {
    /// What the severity means.
    fn word(&self) -> &'static str {
        match self.severity {
            "error" => "VIOLATION",
            "warning" => "PERMITTED",
            _ => "NOTED",
        }
    }

    /// Which setting permits it and what would prevent it, a sentence each.
    fn remedies(&self) -> Vec<String> {
        let permitted = self.allowed_by.iter().map(|setting| format!("Permitted by {setting}."));
        let prevented = self.prevented_by.iter().map(|change| format!("Prevented by {change}."));
        permitted.chain(prevented).collect()
    }
}

impl Example {
    /// The partition with the first offset, `orders-0@42`.
    fn place(&self) -> String {
        match self.offsets.first() {
            Some(offset) => format!("{}@{offset}", self.key),
            None => self.key.clone(),
        }
    }
}
