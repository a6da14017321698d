//! What was typed: the command line as clap reads it, and the help it prints.

use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;
use ktrial_checker::contract::Contract;
use ktrial_checker::import::Format;
use ktrial_checker::linearizability::ModelName;
use ktrial_checker::settings::{SETTINGS, SettingError};
use ktrial_scenarios::campaign::{Partition, SeedRange, parse_seed};
use ktrial_scenarios::format::{Duration, Override, nearest};
use ktrial_scenarios::run::Until;

const EXAMPLES: &str = "\
Examples:
  ktrial run                                     the whole catalogue, 200 seeds each
  ktrial run acks-one-loses                      how acks=1 loses a record, with evidence
  ktrial run acks-one-loses --set producer.acks=all
                                                 the same with one setting changed
  ktrial run 'acks-*' --seeds 0..10000 --out results
                                                 many seeds, kept in a folder; run again to go on
  ktrial replay acks-one-loses --seed 7 --trace  one seed, told line by line
  ktrial show acks-one-loses > mine.toml         the start of a scenario of your own
  ktrial check history.klog.jsonl                a history of your own cluster, judged

Exit codes:
  0 everything asked for held    1 a violation                 2 wrong command line or file
  3 inconclusive                 4 nothing ran                 5 two runs of one seed differ
  101 ktrial panicked";

/// Puts a simulated Kafka cluster on trial: brokers crash, links break, machines lose power, and what the clients saw is
/// judged. The same seed gives the same trial, bit for bit.
#[derive(Debug, Parser)]
#[command(name = "ktrial", version, after_help = EXAMPLES, max_term_width = 100, disable_help_subcommand = true)]
pub struct Flags {
    #[command(subcommand)]
    pub verb: Verb,
    #[command(flatten)]
    pub terminal: TerminalFlags,
}

/// How the output looks.
#[derive(Args, Debug)]
pub struct TerminalFlags {
    /// When to use colours
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN", help_heading = "Output")]
    pub color: Color,
    /// Use only ASCII characters
    #[arg(long, global = true, help_heading = "Output")]
    pub ascii: bool,
    /// No progress, only the result
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = "Output")]
    pub quiet: bool,
    /// Show evidence of all that was found, and what a setting that was accepted does not do
    #[arg(short, long, global = true, help_heading = "Output")]
    pub verbose: bool,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Run scenarios over many seeds and judge them
    Run(RunFlags),
    /// Run one seed again and check that it goes as before
    Replay(ReplayFlags),
    /// Join the results of several runs and judge them together
    Merge(MergeFlags),
    /// Judge recorded histories of a log
    Check(CheckFlags),
    /// Rewrite a recorded history in another format
    Convert(ConvertFlags),
    /// List the scenarios that come with ktrial
    List {
        /// Only the names, one on a line
        #[arg(long)]
        names: bool,
    },
    /// Print a scenario as the file it is
    Show {
        /// A scenario of the catalogue, or its twin as NAME+twin
        name: String,
    },
    /// Print the JSON Schema of something that ktrial reads or writes
    Schema {
        /// What to describe
        what: SchemaOf,
    },
    /// Print a completion script
    Completions {
        /// The shell to complete for
        shell: Shell,
    },
}

/// What a JSON Schema is printed of.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum SchemaOf {
    /// A scenario file
    Scenario,
    /// The bundle a failing seed leaves
    Bundle,
    /// The summary of a run
    Summary,
    /// A plan of faults
    Plan,
    /// A line of a history, klog/1
    History,
    /// The report of judged histories
    Check,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Scenarios are named by the catalogue's names, by patterns of them ('acks-*') or by files (mine.toml). \
The twin of a scenario, its smallest change that turns the answer round, is NAME+twin. Without a name \
the whole catalogue runs, twins included.

Examples:
  ktrial run --budget 60s --jobs 2
  ktrial run acks-all-survives --seeds 0..100000 --max-fail 1 --out results
  ktrial run mine.toml --set broker.min.insync.replicas=1 --set faults.draw.crash.every=300ms
  ktrial run acks-one-loses --seed 1 --history histories
  ktrial run --partition hash:1/4 --out part-1 --report json=part-1.json")]
pub struct RunFlags {
    /// What to run; the whole catalogue if nothing is named
    #[arg(value_name = "NAME|FILE|PATTERN", value_hint = ValueHint::AnyPath)]
    pub scenarios: Vec<String>,
    /// The seeds FROM..TO, without TO [default: 0..200]
    #[arg(long, value_name = "FROM..TO", group = "chosen")]
    pub seeds: Option<SeedRange>,
    /// One seed: decimal, 0x-hexadecimal, or a 40-digit commit hash
    #[arg(long, value_name = "SEED", value_parser = parse_seed, conflicts_with = "seeds", group = "chosen")]
    pub seed: Option<u64>,
    /// Stop after this wall-clock time, shared by all scenarios; seeds are then unlimited unless named
    #[arg(long, value_name = "TIME")]
    pub budget: Option<Duration>,
    /// How many threads to use [default: all cores]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,
    /// Change a setting: producer.KEY, consumer.KEY, broker.KEY, topic.KEY, or a path in the scenario file
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = parse_override)]
    pub changes: Vec<Override>,
    /// Stop a scenario after this many failing seeds
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_fail: Option<u64>,
    /// Run each seed twice and compare
    #[arg(long)]
    pub check_determinism: bool,
    /// Run only this share of the seeds: hash:M/N, M from 1 to N
    #[arg(long, value_name = "SHARE")]
    pub partition: Option<Partition>,
    /// Keep results and the bundles of failing seeds in a folder; a second run goes on where the first was stopped
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub out: Option<PathBuf>,
    /// Keep the history of every trial as FOLDER/NAME-SEED.klog.jsonl, for ktrial check; name the seeds, each takes some
    /// 100 kB
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath, requires = "chosen")]
    pub history: Option<PathBuf>,
    /// Write a report: json=PATH
    #[arg(long = "report", value_name = "FORMAT=PATH", value_parser = parse_report)]
    pub reports: Vec<Report>,
}

/// A report to be written into a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// The summary as JSON.
    Json(PathBuf),
}

#[derive(Args, Debug)]
#[command(after_help = "\
A history says what producers and consumers did and were told. It is judged by what was promised: an anomaly that the contract permits is shown and does not fail. \
What the file's header says of the configuration counts, else Kafka's defaults; --contract has the last word.

Exit codes: 0 all held, 1 a broken promise, 2 a file that cannot be read (the others are judged), 3 not everything could be judged.

Examples:
  ktrial check history.klog.jsonl
  ktrial check run-*.klog.jsonl --contract acks=all,min.insync.replicas=2
  ktrial check - --report json=check.json --report junit=check.xml < history.klog.jsonl
  ktrial check history.klog.jsonl --report md=$GITHUB_STEP_SUMMARY
  ktrial check producer.log consumer.log --merge
  ktrial check history.edn --compat jepsen --report junit=jepsen.xml
  ktrial check registers.edn --model register --budget 50000000")]
pub struct CheckFlags {
    /// The histories; - is standard input
    #[arg(value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
    /// What the files are [default: guessed from how each begins]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub format: Option<HistoryFormat>,
    /// What was promised, by Kafka's names
    #[arg(long, value_name = "KEY=VALUE,...", value_delimiter = ',', value_parser = parse_promise)]
    pub contract: Vec<Promise>,
    /// Judge another system than a log: whether its operations, read from jsonl or edn, are linearizable
    #[arg(long, value_name = "MODEL", value_parser = model_parser(), conflicts_with = "contract")]
    pub model: Option<ModelName>,
    /// How much the search for an order may try, in configurations [default: 4000000, some seconds]
    #[arg(long, value_name = "CONFIGURATIONS", value_parser = clap::value_parser!(u64).range(1..), requires = "model")]
    pub budget: Option<u64>,
    /// Judge by another checker's rules, its quirks included, and print what it would print
    #[arg(long, value_enum, value_name = "CHECKER", conflicts_with_all = ["contract", "model", "merge", "examples"])]
    pub compat: Option<Compat>,
    /// How consumers of the Jepsen test get partitions: who subscribes may jump [default: as the header or the operations say]
    #[arg(long, value_enum, value_name = "HOW", requires = "compat")]
    pub sub_via: Option<SubVia>,
    /// Whether adjacent records make the Jepsen test's senders depend on each other [default: as the header says, else true]
    #[arg(long, value_name = "BOOL", requires = "compat")]
    pub ww_deps: Option<bool>,
    /// Judge all files as one history: what several verifiable clients printed, or several readers dumped
    #[arg(long, conflicts_with = "model")]
    pub merge: bool,
    /// Show so many examples of each kind, 32 at most [default: 3 of what breaks a property; with --verbose all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=32))]
    pub examples: Option<u8>,
    /// Write a report: json=PATH, junit=PATH (XML) or md=PATH (a job summary)
    #[arg(long = "report", value_name = "FORMAT=PATH", value_parser = parse_check_report)]
    pub reports: Vec<CheckReport>,
}

/// A format that histories come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum HistoryFormat {
    /// klog/1, JSON lines: what trials and applications record
    Jsonl,
    /// What a Jepsen test leaves: an operation a line, or all in one vector
    Edn,
    /// What Kafka's VerifiableProducer and VerifiableConsumer print
    Verifiable,
    /// What a mere reader saw: topic, partition, offset, key and value a line, as kcat prints them
    Dump,
}

impl From<HistoryFormat> for Format {
    fn from(format: HistoryFormat) -> Self {
        match format {
            HistoryFormat::Jsonl => Self::Klog,
            HistoryFormat::Edn => Self::Edn,
            HistoryFormat::Verifiable => Self::Verifiable,
            HistoryFormat::Dump => Self::Dump,
        }
    }
}

#[derive(Args, Debug)]
#[command(after_help = "\
From jsonl to edn and back, nothing is lost: fields that ktrial does not know are kept, keywords, tags and the header come back. \
As jepsen, only the operations that Jepsen's checker knows are written, each process with one at a time. What Kafka's \
verifiable clients print, or a dump, becomes the history that `ktrial check` judges; files of several clients of one run, named \
together, become one.

The output file is written whole or not at all. A last line that was cut off is left out, with a warning.

Examples:
  ktrial convert history.edn --to jsonl -o history.klog.jsonl
  ktrial convert history.klog.jsonl --to jepsen > history.edn
  ktrial convert producer-1.log producer-2.log consumer.log --to jsonl -o run.klog.jsonl
  zcat history.edn.gz | ktrial convert - --to jsonl | grep '\"fail\"'")]
pub struct ConvertFlags {
    /// The history; - is standard input. Several files are of several clients: verifiable or dump
    #[arg(value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
    /// What to write
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub to: Target,
    /// Where to [default: standard output]
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
    /// What the file is [default: guessed from how it begins]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub format: Option<HistoryFormat>,
}

/// What a history is converted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Target {
    /// klog/1, JSON lines
    Jsonl,
    /// The same in EDN, an operation a line
    Edn,
    /// EDN with the operations that Jepsen's Kafka checker knows
    Jepsen,
}

/// Another checker, by whose rules a history is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Compat {
    /// The checker of Jepsen's Kafka tests; prints its map of results
    Jepsen,
}

/// How the consumers of a Jepsen test get their partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SubVia {
    /// They are told which
    Assign,
    /// Their group decides
    Subscribe,
}

/// One setting of a contract, known to be possible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promise {
    /// The setting.
    pub key: String,
    /// Its value.
    pub value: String,
}

/// A report of a check to be written into a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckReport {
    /// What it is written as.
    pub format: CheckReportFormat,
    /// Where to.
    pub path: PathBuf,
}

/// What a check is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckReportFormat {
    /// The whole check as JSON.
    Json,
    /// JUnit XML.
    Junit,
    /// Markdown.
    Markdown,
}

#[derive(Args, Debug)]
#[command(after_help = "\
A bundle is replayed as it was; a scenario's seed is run twice. The exit code is 0 if the trace hashes are \
equal, whatever the trial finds, and 5 if they are not. To judge a seed, run it: ktrial run SCENARIO --seed SEED.

Examples:
  ktrial replay results/acks-one-loses-7-1f0c9a34.ktr.json
  ktrial replay acks-one-loses --seed 7 --trace --until 1.204s
  ktrial replay acks-one-loses --seed 7 --trace --until e412")]
pub struct ReplayFlags {
    /// A bundle (*.ktr.json), or a scenario together with --seed
    #[arg(value_name = "BUNDLE|SCENARIO", value_hint = ValueHint::AnyPath)]
    pub subject: String,
    /// The seed of a scenario: decimal, 0x-hexadecimal, or a 40-digit commit hash
    #[arg(long, value_name = "SEED", value_parser = parse_seed)]
    pub seed: Option<u64>,
    /// Change a setting of a scenario, as for run
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = parse_override, requires = "seed")]
    pub changes: Vec<Override>,
    /// Tell the trial line by line: time, node, what happened, and the event that caused it
    #[arg(long)]
    pub trace: bool,
    /// Stop the telling at a simulated time (1.204s) or after an event (e412)
    #[arg(long, value_name = "TIME|EVENT", requires = "trace")]
    pub until: Option<Until>,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  ktrial merge part-1 part-2 part-3 part-4 --report json=whole.json")]
pub struct MergeFlags {
    /// Folders that were given to run as --out
    #[arg(value_name = "FOLDER", required = true, value_hint = ValueHint::DirPath)]
    pub folders: Vec<PathBuf>,
    /// Write a report: json=PATH
    #[arg(long = "report", value_name = "FORMAT=PATH", value_parser = parse_report)]
    pub reports: Vec<Report>,
}

fn parse_override(text: &str) -> Result<Override, String> {
    text.parse().map_err(|error: ktrial_scenarios::format::OverrideError| {
        error.help.unwrap_or(error.message)
    })
}

fn parse_report(text: &str) -> Result<Report, String> {
    match text.split_once('=') {
        Some(("json", path)) if !path.is_empty() => Ok(Report::Json(path.into())),
        _ => Err("write json=PATH".to_owned()),
    }
}

/// The models by name; a register has two.
fn model_parser() -> impl TypedValueParser<Value = ModelName> {
    let value = |model: ModelName| match model {
        ModelName::Register => PossibleValue::new(model.name()).alias("cas-register"),
        _ => PossibleValue::new(model.name()),
    };
    PossibleValuesParser::new(ModelName::ALL.map(value))
        .map(|name| ModelName::by_name(&name).expect("only names of models are possible"))
}

fn parse_check_report(text: &str) -> Result<CheckReport, String> {
    let (format, path) = text.split_once('=').unwrap_or((text, ""));
    let format = match format {
        "json" => Some(CheckReportFormat::Json),
        "junit" => Some(CheckReportFormat::Junit),
        "md" => Some(CheckReportFormat::Markdown),
        _ => None,
    };
    match format {
        Some(format) if !path.is_empty() => Ok(CheckReport { format, path: path.into() }),
        _ => Err("write json=PATH, junit=PATH or md=PATH".to_owned()),
    }
}

fn parse_promise(text: &str) -> Result<Promise, String> {
    let Some((key, value)) = text.split_once('=') else {
        return Err("write KEY=VALUE, such as acks=all".to_owned());
    };
    let (key, value) = (key.trim(), value.trim());
    match Contract::default().set(key, value) {
        Ok(()) => Ok(Promise { key: key.to_owned(), value: value.to_owned() }),
        Err(error) => Err(format!("{error}{}", nearest_setting(&error))),
    }
}

/// The setting that was probably meant, or all of them.
fn nearest_setting(error: &SettingError) -> String {
    let SettingError::UnknownKey { key } = error else { return String::new() };
    let keys = || SETTINGS.iter().map(|setting| setting.key);
    match nearest(key, keys()) {
        Some(near) => format!("; did you mean `{near}`?"),
        None => format!("; it has {}", keys().collect::<Vec<_>>().join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Flags::command().debug_assert();
    }

    #[test]
    fn a_report_needs_a_format_and_a_path() {
        assert_eq!(parse_report("json=out.json"), Ok(Report::Json("out.json".into())));
        for wrong in ["json", "json=", "html=out.html"] {
            assert_eq!(parse_report(wrong), Err("write json=PATH".to_owned()));
        }
    }
}
