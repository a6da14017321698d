//! The values in files: what is written there, compared as it is.

use crate::notation::{Form, Token};
use std::fmt;
use std::sync::Arc;

/// A scalar: a value that is written or the name of a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Atom {
    /// `true` or `false`.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A string, a keyword, or a number of another kind as it is written.
    Text(Arc<str>),
}

impl Atom {
    /// The scalar that a value is; `None` for a collection and for nothing.
    pub(super) fn of(form: Form<'_>) -> Option<Self> {
        match form.token() {
            Token::Bool(bool) => Some(Atom::Bool(bool)),
            Token::Int(int) => Some(Atom::Int(int)),
            _ => form.text().or(form.raw()).map(|text| Atom::Text(text.into())),
        }
    }
}

impl fmt::Display for Atom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Atom::Bool(bool) => bool.fmt(f),
            Atom::Int(int) => int.fmt(f),
            Atom::Text(text) => text.fmt(f),
        }
    }
}
