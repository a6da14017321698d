//! `ktrial convert`: a history in another format.

use std::io::{self, BufRead, BufWriter, Write};
use std::path::Path;

use ktrial_checker::history::History;
use ktrial_checker::import::{self, Format};
use ktrial_checker::jepsen::Ops;
use ktrial_checker::klog;
use ktrial_checker::notation::convert::{ConvertError, edn_to_klog, klog_to_edn};
use ktrial_reports::remarks;
use ktrial_scenarios::whole_file::write_whole;

use super::Failure;
use crate::error::UserError;
use crate::exit::Exit;
use crate::flags::{ConvertFlags, Target};
use crate::merged::{cut, merged};
use crate::source::{Source, wrong};
use crate::terminal::Terminal;

/// Rewrites a history, or several files of one, in the format that is asked for.
///
/// # Errors
/// When a file is not a history, or the result cannot be written.
pub fn convert(flags: &ConvertFlags, terminal: &Terminal) -> Result<Exit, Failure> {
    let convert = |out: &mut dyn Write| converted(flags, terminal, out);
    let warnings = match flags.output.as_deref().filter(|path| *path != Path::new("-")) {
        Some(path) => write_whole(path, |out| convert(out)).map_err(|error| into_file(path, error)),
        None => {
            let mut out = BufWriter::new(io::stdout().lock());
            convert(&mut out).and_then(|warnings| Ok(out.flush().map(|()| warnings)?))
        }
    };
    for warning in warnings?.iter().filter(|_| !terminal.quiet) {
        eprintln!("warning: {warning}");
    }
    Ok(Exit::Held)
}

/// Writing failed: it was this file, not standard output.
fn into_file(path: &Path, error: Failure) -> Failure {
    match error {
        Failure::Output(cause) => UserError::file(path, cause).into(),
        error => error,
    }
}

/// Writes the result. Returns what was left out.
fn converted(
    flags: &ConvertFlags,
    terminal: &Terminal,
    out: &mut dyn Write,
) -> Result<Vec<String>, Failure> {
    if let [path] = &flags.files[..] {
        let target = flags.to;
        return Source::open(path)?.read(flags.format, terminal, |path, format, input| {
            one(path, format, input, target, out)
        });
    }
    let (imported, warnings) = merged(&flags.files, flags.format, terminal)?;
    write(&imported.history, flags.to, out)?;
    Ok(warnings.into_iter().chain(remarks(&imported)).collect())
}

fn one(
    path: &Path,
    format: Format,
    input: impl BufRead,
    target: Target,
    out: &mut dyn Write,
) -> Result<Vec<String>, Failure> {
    let failed = |error| match error {
        ConvertError::Read(error) => Failure::User(wrong(path, format, error)),
        ConvertError::Write(error) => Failure::Output(error),
    };
    let cut_line = match (format, target) {
        (Format::Klog, Target::Edn) => klog_to_edn(input, out).map_err(failed)?,
        (Format::Edn, Target::Jsonl) => edn_to_klog(input, out).map_err(failed)?,
        (Format::Klog, Target::Jsonl) | (Format::Edn, Target::Edn) => {
            return Err(UserError::same_format(path, format).into());
        }
        (Format::Edn, Target::Jepsen) => {
            let ops = Ops::read_edn(input).map_err(|error| wrong(path, format, error))?;
            ops.one_at_a_time().write_edn(out)?;
            None
        }
        (Format::Klog | Format::Verifiable | Format::Dump, _) => {
            let imported = import::read(Some(format), input);
            let imported = imported.map_err(|error| wrong(path, format, error))?;
            write(&imported.history, target, out)?;
            let cut = imported.cut_line.map(|line| cut(path, line));
            return Ok(cut.into_iter().chain(remarks(&imported)).collect());
        }
    };
    Ok(cut_line.map(|line| cut(path, line)).into_iter().collect())
}

fn write(history: &History, target: Target, out: &mut dyn Write) -> io::Result<()> {
    match target {
        Target::Jsonl => klog::write(history, out),
        Target::Jepsen => Ops::of_history(history).one_at_a_time().write_edn(out),
        Target::Edn => {
            let mut text = Vec::new();
            klog::write(history, &mut text)?;
            match klog_to_edn(&text[..], out) {
                Ok(_) => Ok(()),
                Err(ConvertError::Write(error)) => Err(error),
                Err(ConvertError::Read(error)) => unreachable!("klog/1 was just written: {error}"),
            }
        }
    }
}
