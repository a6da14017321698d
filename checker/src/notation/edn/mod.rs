//! EDN, the notation Clojure prints data in and Jepsen keeps its histories in.

mod forms;
mod lexer;
pub(super) mod scalar;
mod write;

pub use forms::Forms;
pub use write::write;
