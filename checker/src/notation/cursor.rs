//! A value walked once from left to right, whatever its notation.
//!
//! Who reads operations asks for what it expects where it expects it, and an error can say so. The same questions are
//! answered by a line of JSON, without a tree of it ([`LineCursor`](super::json::LineCursor)), and by a value of EDN
//! ([`FormCursor`](super::FormCursor)).

use super::Problem;
use std::fmt::Debug;
use std::ops::Deref;

/// How walking over something went.
pub(crate) type Walk = Result<(), Problem>;

/// A place in a value.
pub(crate) trait Cursor: Copy + Debug {
    /// The characters of a scalar.
    type Text: Deref<Target = str> + Debug;

    /// Where the next thing begins, in bytes.
    fn place(&mut self) -> usize;

    /// The error of not finding here what was expected.
    fn expected(&mut self, what: &str) -> Problem;

    /// Whether `null` comes next.
    fn is_null(&mut self) -> bool;

    /// Whether a list comes next.
    fn is_list(&mut self) -> bool;

    /// Whether a map comes next.
    fn is_map(&mut self) -> bool;

    /// Walks a map; `entry` gets each name and must walk its value.
    fn object(&mut self, what: &str, entry: impl FnMut(&mut Self, &str) -> Walk) -> Walk;

    /// Walks a list; `element` must walk each of its elements.
    fn array(&mut self, what: &str, element: impl FnMut(&mut Self) -> Walk) -> Walk;

    /// Begins a list that has a first element.
    fn enter(&mut self, what: &str) -> Walk;

    /// Whether the list that was begun has another element. If so, it comes next.
    fn another(&mut self) -> bool;

    /// Ends the list that was begun.
    fn leave(&mut self) -> Walk;

    /// A string's characters.
    fn string(&mut self, what: &str) -> Result<Self::Text, Problem>;

    /// What may name something: a string's characters, or the digits of a number from 0 on.
    fn name(&mut self, what: &str) -> Result<Self::Text, Problem>;

    /// A number from 0 to 10^18 without fraction or exponent, if that is what comes next.
    fn take_natural(&mut self) -> Option<u64>;

    /// An integer.
    fn integer(&mut self, what: &str) -> Result<i64, Problem>;

    /// A string, number, boolean or null, as JSON writes it.
    fn scalar(&mut self, what: &str) -> Result<Self::Text, Problem>;

    /// Passes over one value of any shape.
    fn skip(&mut self) -> Walk;

    /// Passes over one value that will be read later: where it ends is found, what is in it need not be checked.
    fn skip_unread(&mut self) -> Walk;

    /// The list that was begun must have another element.
    fn go_on(&mut self, what: &str) -> Walk {
        if self.another() { Ok(()) } else { Err(self.expected(what)) }
    }
}

/// A text as an error quotes it: up to where something else begins, and not too much of it.
pub(super) fn excerpt(text: &str) -> String {
    let end = text.find([',', ']', '}', ' ']).unwrap_or(text.len()).max(1);
    match text.char_indices().nth(24) {
        Some((cut, _)) if cut < end => format!("`{}...`", &text[..cut]),
        _ => format!("`{}`", text.get(..end).unwrap_or(text)),
    }
}
