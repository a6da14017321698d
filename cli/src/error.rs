//! What a user can get wrong, said with the place and the nearest right thing.

use std::io;
use std::path::{Path, PathBuf};

use ktrial_checker::import::{Format, ReadError};
use ktrial_checker::settings::SettingError;
use ktrial_scenarios::bundle::BundleError;
use ktrial_scenarios::campaign::{CampaignError, ResultsError};
use ktrial_scenarios::format::{OverrideError, ScenarioError, nearest};
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, NamedSource, SourceSpan};

use ktrial_reports::Look;

/// A mistake of the user's, or a file that cannot be used. Exit code 2.
#[derive(Debug, Diagnostic, thiserror::Error)]
pub enum UserError {
    /// A word that names no scenario.
    #[error("no scenario is called `{name}`")]
    UnknownScenario {
        name: String,
        #[help]
        help: String,
    },
    /// A scenario file that is wrong.
    #[error(transparent)]
    #[diagnostic(transparent)]
    ScenarioFile(Box<WrongFile>),
    /// A bundle that is wrong.
    #[error("cannot replay {}: {message}", path.display())]
    Bundle { path: PathBuf, message: String },
    /// A `--set` that cannot be made.
    #[error("cannot make this change to {scenario}: {message}")]
    Change {
        scenario: String,
        message: String,
        #[help]
        help: Option<String>,
    },
    /// A scenario without a twin.
    #[error("{scenario} has no twin")]
    NoTwin { scenario: String },
    /// Two scenarios of one name.
    #[error("two different scenarios are called `{name}`")]
    #[diagnostic(help("results are kept by name: rename one of the files"))]
    SameName { name: String },
    /// A scenario without a seed.
    #[error("which seed of {subject}?")]
    #[diagnostic(help("add --seed, such as --seed 7, or name a bundle that ends in .ktr.json"))]
    NoSeed { subject: String },
    /// A bundle together with a seed.
    #[error("a bundle has its own seed and settings")]
    #[diagnostic(help("leave out --seed and --set"))]
    SeedOfBundle,
    /// A history that is wrong.
    #[error("{}: {message}", path.display())]
    History {
        path: PathBuf,
        message: String,
        #[help]
        help: Option<&'static str>,
    },
    /// A file that cannot be read or written.
    #[error("cannot use {}: {cause}", path.display())]
    File { path: PathBuf, cause: io::Error },
    /// A results file that cannot be used.
    #[error("{error}")]
    Results {
        error: ResultsError,
        #[help]
        help: Option<&'static str>,
    },
    /// A bundle that cannot be written.
    #[error(transparent)]
    Write(BundleError),
}

/// What is wrong with a scenario file, and where.
#[derive(Debug, Diagnostic, thiserror::Error)]
#[error("{message}")]
pub struct WrongFile {
    message: String,
    #[source_code]
    text: NamedSource<String>,
    #[label("here")]
    place: SourceSpan,
    #[help]
    help: Option<String>,
}

impl UserError {
    /// A word that names no scenario, with the nearest that does.
    pub fn unknown_scenario(name: &str, known: impl Iterator<Item = String>) -> Self {
        let known: Vec<_> = known.collect();
        let help = match nearest(name, known.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`? `ktrial list` shows all"),
            None => "`ktrial list` shows all; a file's name ends in .toml".to_owned(),
        };
        Self::UnknownScenario { name: name.to_owned(), help }
    }

    /// A scenario file that is wrong.
    pub fn scenario_file(path: &str, text: String, error: ScenarioError) -> Self {
        let ScenarioError { message, help, span } = error;
        let text = NamedSource::new(path, text);
        Self::ScenarioFile(Box::new(WrongFile { message, text, place: span.into(), help }))
    }

    /// A file that cannot be read or written.
    pub fn file(path: &Path, cause: io::Error) -> Self {
        Self::File { path: path.to_owned(), cause }
    }

    /// A history in a format that has no operations of models.
    pub fn not_of_model(path: &Path, format: Format) -> Self {
        let message = format!("{format} has no operations of a model");
        let help = Some("operations are events in JSON lines or EDN: --format jsonl or edn");
        Self::History { path: path.to_owned(), message, help }
    }

    /// A history that is to be converted to what it is.
    pub fn same_format(path: &Path, format: Format) -> Self {
        let message = format!("this is {format} already");
        let help = Some("other formats are jsonl, edn and jepsen; --format if the guess is wrong");
        Self::History { path: path.to_owned(), message, help }
    }

    /// A history that cannot be a part of another.
    pub fn not_merged(path: &Path, format: Format) -> Self {
        let message = format!("{format} cannot be merged: such a file tells of all clients");
        let help = Some("files that can are of one client each: verifiable and dump");
        Self::History { path: path.to_owned(), message, help }
    }

    /// A part of a history that is not in the format of the other parts.
    pub fn of_other_format(path: &Path, format: Format, first: Format) -> Self {
        let message = format!("this is {format}, the file before it {first}");
        let help = Some("files of one run are of one format: --format if the guess is wrong");
        Self::History { path: path.to_owned(), message, help }
    }

    /// A history that cannot be read. The help is for the first line.
    pub fn history(path: &Path, error: ReadError, help: Option<&'static str>) -> Self {
        match error {
            ReadError::Io(cause) => Self::file(path, cause),
            ReadError::Malformed { line, .. } | ReadError::Truncated { line } => {
                let help = help.filter(|_| line == 1);
                Self::History { path: path.to_owned(), message: error.to_string(), help }
            }
        }
    }

    /// A history whose header promises what nobody can.
    pub fn header(path: &Path, error: &SettingError) -> Self {
        let message = format!("line 1: {error}");
        Self::History { path: path.to_owned(), message, help: None }
    }

    /// A change that cannot be made.
    pub fn change(scenario: &str, error: OverrideError) -> Self {
        let OverrideError { message, help } = error;
        Self::Change { scenario: scenario.to_owned(), message, help }
    }

    /// The message as it is printed.
    pub fn rendered(&self, look: &Look) -> String {
        let theme = match (look.ascii, look.color) {
            (true, _) => GraphicalTheme::none(),
            (false, true) => GraphicalTheme::unicode(),
            (false, false) => GraphicalTheme::unicode_nocolor(),
        };
        let handler = GraphicalReportHandler::new_themed(theme).with_width(look.width.into());
        let mut text = String::new();
        handler.render_report(&mut text, self).expect("a string takes all");
        text
    }
}

impl From<CampaignError> for UserError {
    fn from(error: CampaignError) -> Self {
        match error {
            CampaignError::Results(error) => error.into(),
            CampaignError::Bundle(error) => Self::Write(error),
            CampaignError::History(error) => Self::File { path: error.path, cause: error.source },
        }
    }
}

impl From<ResultsError> for UserError {
    fn from(error: ResultsError) -> Self {
        let help = match error {
            ResultsError::Other { .. } => Some("name another folder, or remove that file"),
            ResultsError::Io { .. } | ResultsError::Damaged { .. } => None,
        };
        Self::Results { error, help }
    }
}
