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

pub(crate) use cursor::Cursor;
pub(crate) use read::read;
pub(super) use write::is_object;
pub use write::write;

const KEYWORD: &str = "$keyword";
const SET: &str = "$set";
const TAGGED: &str = "$tagged";
const PAIRS: &str = "$map";
const EDN: &str = "$edn";
