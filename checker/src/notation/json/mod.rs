//! JSON, one value a line, with words for what only EDN has.
//!
//! | EDN | JSON |
//! |---|---|
//! | `:x` | `{"$keyword":"x"}` |
//! | `#{1 2}` | `{"$set":[1,2]}` |
//! | `#inst "2026-01-01"` | `{"$tagged":["inst","2026-01-01"]}` |
//! | `{1 2}`, and a map with a key like `"$x"` | `{"$map":[[1,2]]}` |
//! | `1/3`, `\a`, a symbol | `{"$edn":"1/3"}` |

mod cursor;
mod read;
mod write;

pub(crate) use cursor::LineCursor;
pub(crate) use read::read;
pub use write::write;
pub(super) use write::{is_number, is_object, quoted};

const KEYWORD: &str = "$keyword";
const SET: &str = "$set";
const TAGGED: &str = "$tagged";
const PAIRS: &str = "$map";
const EDN: &str = "$edn";
