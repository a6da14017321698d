//! How a report looks: the width it has, the characters and colours it may use.

use anstyle::Style;

/// How a report looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// The number of columns.
    pub width: u16,
    /// Whether only ASCII characters are used.
    pub ascii: bool,
    /// Whether colours are used. No meaning is in the colour alone.
    pub color: bool,
}

impl Look {
    /// Text in a style, or as it is when colours are not used.
    pub(crate) fn paint(&self, style: Style, text: &str) -> String {
        if self.color { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    /// One of two texts: with all characters, or in ASCII.
    pub(crate) fn text(&self, full: &'static str, ascii: &'static str) -> &'static str {
        if self.ascii { ascii } else { full }
    }

    /// Replaces what is not ASCII when only ASCII is used.
    pub(crate) fn plain(&self, text: &str) -> String {
        if self.ascii {
            text.chars().map(|c| if c.is_ascii() { c } else { '?' }).collect()
        } else {
            text.to_owned()
        }
    }
}
