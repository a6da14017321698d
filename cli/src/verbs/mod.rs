//! The verbs, a file each.

pub mod check;
pub mod completions;
pub mod convert;
pub mod list;
pub mod merge;
pub mod replay;
pub mod run;
pub mod schema;
pub mod show;

use std::io;

use crate::error::UserError;

/// Why a verb could not do its work.
#[derive(Debug)]
pub enum Failure {
    /// Something the user can put right.
    User(UserError),
    /// Standard output cannot be written.
    Output(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl<E: Into<UserError>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::User(error.into())
    }
}
