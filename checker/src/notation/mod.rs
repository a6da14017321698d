//! Text to data and back, the same for JSON and EDN.
//!
//! ```text
//!   a line of JSON  ──►  json::read  ──►            ──►  json::write  ──►  klog/1
//!                                          Tokens
//!   a file of EDN   ──►  edn::Forms  ──►            ──►  edn::write   ──►  Jepsen's history
//! ```
//! [`Tokens`] hold one value as a flat row, [`Form`] is the way into it. Who reads operations walks them by a `Cursor`: over
//! tokens, or over the text of a line of JSON. [`convert`] turns a whole file of one notation into the other, line by line
//! and without loss; [`names`] says which strings of `klog/1` are keywords in EDN.

pub mod convert;
mod cursor;
pub mod edn;
mod error;
mod form;
mod form_cursor;
pub mod json;
pub mod names;
mod token;

pub(crate) use cursor::Cursor;
pub use error::ReadError;
pub(crate) use error::{Problem, cut_line};
pub use form::{Entries, Form, Forms};
use form_cursor::FormCursor;
pub use token::{Shape, Text, Token, Tokens};
