//! A line of JSON being written, from left to right, into one buffer.

use std::fmt::{Display, Write};

/// The text of a line so far.
#[derive(Debug, Default)]
pub(super) struct Text {
    json: String,
}

impl Text {
    pub(super) fn push(&mut self, json: &str) {
        self.json.push_str(json);
    }

    /// Adds what prints as JSON.
    pub(super) fn show(&mut self, json: impl Display) {
        write!(self.json, "{json}").expect("a string takes everything");
    }

    /// `,"name":`
    pub(super) fn name(&mut self, name: &str) {
        self.json.extend([",\"", name, "\":"]);
    }

    /// `,"name":value`
    pub(super) fn field(&mut self, name: &str, value: impl Display) {
        self.name(name);
        self.show(value);
    }

    /// Elements between brackets, commas between them.
    pub(super) fn list<T>(
        &mut self,
        brackets: [&str; 2],
        elements: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T),
    ) {
        self.push(brackets[0]);
        for (place, element) in elements.into_iter().enumerate() {
            if place > 0 {
                self.push(",");
            }
            write(self, element);
        }
        self.push(brackets[1]);
    }

    /// Hands out the line, with its end, and begins the next.
    pub(super) fn take(
        &mut self,
        use_it: impl FnOnce(&[u8]) -> std::io::Result<()>,
    ) -> std::io::Result<()> {
        self.json.push('\n');
        let result = use_it(self.json.as_bytes());
        self.json.clear();
        result
    }
}

/// A string as JSON.
pub(super) fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a string always has a JSON form")
}
