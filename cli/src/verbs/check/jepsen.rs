//! `ktrial check --compat jepsen`: a history judged by the rules of Jepsen's checker, and its map of results.

use std::collections::BTreeMap;
use std::path::Path;

use ktrial_checker::import::{self, Format};
use ktrial_checker::jepsen::compat::{Options, judge};
use ktrial_checker::jepsen::{Function, Ops};
use ktrial_reports::{FileCheck, PromisedBy};

use crate::flags::{CheckFlags, SubVia};
use crate::source::{Source, wrong};
use crate::terminal::{self, Terminal};
use crate::verbs::Failure;

/// The judgement of one file, whose map is printed as Jepsen would.
pub(super) fn judged(
    path: &Path,
    flags: &CheckFlags,
    terminal: &Terminal,
) -> Result<FileCheck, Failure> {
    let source = Source::open(path)?;
    let name = source.name.display().to_string();
    let (ops, config) = source.read(flags.format, terminal, |path, format, input| {
        match format {
            Format::Edn => Ops::read_edn(input).map(|ops| (ops, BTreeMap::new())),
            _ => import::read(Some(format), input)
                .map(|imported| (Ops::of_history(&imported.history), imported.config)),
        }
        .map_err(|error| wrong(path, format, error))
    })?;
    let test = Test { flags, config: &config, ops: &ops };
    let results = judge(&ops, &test.options());
    terminal::print(&(results.to_edn() + "\n"))?;
    Ok(FileCheck::of_jepsen(&name, &ops, &results, test.known_by()))
}

/// What is known of the test that left a history.
struct Test<'t> {
    flags: &'t CheckFlags,
    /// What the file's header says.
    config: &'t BTreeMap<String, String>,
    ops: &'t Ops,
}

impl Test<'_> {
    /// The command line has the last word, then the header, then what was done.
    fn options(&self) -> Options {
        let Test { flags, config, ops } = self;
        let subscribes = match (flags.sub_via, config.get("sub_via")) {
            (Some(sub_via), _) => sub_via == SubVia::Subscribe,
            (None, Some(sub_via)) => sub_via.contains("subscribe"),
            // Only a consumer that subscribes can have been rebalanced, which excuses jumps.
            (None, None) => ops.list.iter().any(|op| op.f == Function::Subscribe),
        };
        let of_header = config.get("ww_deps").map(|ww_deps| ww_deps == "true");
        let ww_deps = flags.ww_deps.or(of_header).unwrap_or(Options::default().ww_deps);
        Options { subscribes, ww_deps }
    }

    fn known_by(&self) -> PromisedBy {
        let Test { flags, config, .. } = self;
        match (flags.sub_via.is_some() || flags.ww_deps.is_some(), config) {
            (true, _) => PromisedBy::CommandLine,
            (false, config) if ["sub_via", "ww_deps"].iter().any(|it| config.contains_key(*it)) => {
                PromisedBy::File
            }
            _ => PromisedBy::Defaults,
        }
    }
}
