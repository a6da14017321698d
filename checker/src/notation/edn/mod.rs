//! EDN, the notation Clojure prints data in and Jepsen keeps its histories in.

mod forms;
pub(super) mod lexer;
pub(super) mod scalar;
mod write;

pub use forms::Forms;
pub use write::write;

use super::Tokens;
use lexer::Lexer;

/// Appends the value that `text` is to a collection that is being built. Panics if it is none.
pub(crate) fn append(text: &str, out: &mut Tokens) {
    Lexer::new(text.as_bytes(), 0, true).form(out).expect("this is EDN already");
}
