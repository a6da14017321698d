//! The exit codes, all of them.

use std::process::ExitCode;

use ktrial_reports::Answer;
use ktrial_scenarios::campaign::Conclusion;

/// What the command tells the shell. Of several answers the worst counts: 101, then 5, 2, 1, 3, 4, 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Everything that was asked for held. A scenario that was to lose a record and lost it held; a replay that went as before
    /// held, whatever it found.
    Held = 0,
    /// At least one violation, or an anomaly that had to be found was not.
    Violated = 1,
    /// The command line or a file is wrong; nothing was run, or not every history judged.
    Usage = 2,
    /// Nothing was wrong, but not everything could be judged: too few seeds, or a history that does not tell.
    Inconclusive = 3,
    /// No seed was selected to run.
    NothingRan = 4,
    /// Two runs of one seed differ: a mistake in ktrial.
    Diverged = 5,
    /// ktrial panicked: a mistake in ktrial. Rust's own code for it.
    Panicked = 101,
}

impl From<Conclusion> for Exit {
    fn from(conclusion: Conclusion) -> Self {
        match conclusion {
            Conclusion::Held => Self::Held,
            Conclusion::NothingRan => Self::NothingRan,
            Conclusion::Inconclusive => Self::Inconclusive,
            Conclusion::Violated => Self::Violated,
            Conclusion::Diverged => Self::Diverged,
            Conclusion::Panicked => Self::Panicked,
        }
    }
}

impl From<Answer> for Exit {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Held => Self::Held,
            Answer::Inconclusive => Self::Inconclusive,
            Answer::Violated => Self::Violated,
            Answer::Unread => Self::Usage,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
