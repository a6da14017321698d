//! Progress on standard error: a bar on a terminal, else a line every ten seconds.

use std::io::{self, BufRead, Read};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use ktrial_scenarios::campaign::Progress;

use crate::terminal::Terminal;

/// The time between two lines where no bar can be drawn.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// The progress of one campaign.
pub enum Meter {
    /// Nothing is shown.
    Silent,
    /// A bar that is drawn over and over.
    Bar(ProgressBar),
    /// A line now and then.
    Lines(Lines),
}

/// What a line is made of, and when the last one was printed.
pub struct Lines {
    scenario: String,
    seeds: Option<u64>,
    last: Instant,
}

impl Meter {
    /// The meter of a campaign of so many seeds; their number is not known when a budget ends it.
    pub fn start(terminal: &Terminal, scenario: &str, seeds: Option<u64>) -> Self {
        match (terminal.quiet, terminal.live) {
            (true, _) => Self::Silent,
            (false, true) => Self::Bar(bar(scenario, seeds, terminal.err.ascii)),
            (false, false) => {
                Self::Lines(Lines { scenario: scenario.to_owned(), seeds, last: Instant::now() })
            }
        }
    }

    /// Shows how far the campaign is.
    pub fn show(&mut self, progress: Progress) {
        match self {
            Self::Silent => {}
            Self::Bar(bar) => {
                bar.set_position(progress.done);
                if progress.failed > 0 {
                    bar.set_message(format!("{} failed", progress.failed));
                }
            }
            Self::Lines(lines) => lines.show(progress),
        }
    }

    /// Takes the bar away.
    pub fn finish(self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

impl Lines {
    fn show(&mut self, Progress { done, failed }: Progress) {
        if self.last.elapsed() < LINE_EVERY {
            return;
        }
        self.last = Instant::now();
        let of = self.seeds.map_or_else(String::new, |seeds| format!(" of {seeds}"));
        eprintln!("{}: {done}{of} seeds, {failed} failed", self.scenario);
    }
}

/// The progress of reading a history.
pub enum Reading {
    /// Nothing is shown.
    Silent,
    /// A bar that is drawn over and over.
    Bar(ProgressBar),
    /// A line now and then.
    Lines {
        /// The file.
        file: String,
        /// Its bytes, if their number is known.
        bytes: Option<u64>,
        /// When the last line was printed.
        last: Instant,
    },
}

impl Reading {
    /// The progress through a file of so many bytes; their number is not known of what comes through a pipe.
    pub fn start(terminal: &Terminal, file: &str, bytes: Option<u64>) -> Self {
        match (terminal.quiet, terminal.live) {
            (true, _) => Self::Silent,
            (false, true) => Self::Bar(bytes_bar(file, bytes, terminal.err.ascii)),
            (false, false) => Self::Lines { file: file.to_owned(), bytes, last: Instant::now() },
        }
    }

    /// Shows how many bytes were read.
    pub fn show(&mut self, read: u64) {
        match self {
            Self::Bar(bar) => bar.set_position(read),
            Self::Lines { file, bytes, last } if last.elapsed() >= LINE_EVERY => {
                *last = Instant::now();
                let of = bytes.map_or_else(String::new, |bytes| format!(" of {}", bytes >> 20));
                eprintln!("{file}: {}{of} MiB read", read >> 20);
            }
            Self::Silent | Self::Lines { .. } => {}
        }
    }

    /// Takes the bar away.
    pub fn finish(self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

/// Input that tells how much of it was read.
pub struct Counted<'r, R> {
    input: R,
    reading: &'r mut Reading,
    read: u64,
    /// How much was read when that was last shown.
    shown: u64,
}

/// The bytes between two looks at the clock.
const BYTES_BETWEEN: u64 = 1 << 20;

impl<'r, R: BufRead> Counted<'r, R> {
    /// Shows by `reading` how much of `input` was read.
    pub fn new(input: R, reading: &'r mut Reading) -> Self {
        Self { input, reading, read: 0, shown: 0 }
    }

    fn count(&mut self, bytes: usize) {
        self.read += bytes as u64;
        if self.read - self.shown >= BYTES_BETWEEN {
            self.shown = self.read;
            self.reading.show(self.read);
        }
    }
}

impl<R: BufRead> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.input.read(buffer)?;
        self.count(bytes);
        Ok(bytes)
    }
}

impl<R: BufRead> BufRead for Counted<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.input.fill_buf()
    }

    fn consume(&mut self, bytes: usize) {
        self.input.consume(bytes);
        self.count(bytes);
    }
}

fn bytes_bar(file: &str, bytes: Option<u64>, ascii: bool) -> ProgressBar {
    let bar = bytes.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
    let template = match bytes {
        Some(_) => "{prefix} {bar:30} {bytes}/{total_bytes}, {bytes_per_sec}, {eta} left",
        None => "{prefix} {spinner} {bytes}, {bytes_per_sec}",
    };
    styled(bar, template, file, ascii)
}

fn bar(scenario: &str, seeds: Option<u64>, ascii: bool) -> ProgressBar {
    let bar = seeds.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
    let template = match seeds {
        Some(_) => "{prefix} {bar:30} {pos}/{len} seeds, {per_sec}, {eta} left {msg}",
        None => "{prefix} {spinner} {pos} seeds, {per_sec} {msg}",
    };
    styled(bar, template, scenario, ascii)
}

fn styled(bar: ProgressBar, template: &str, prefix: &str, ascii: bool) -> ProgressBar {
    let style = ProgressStyle::with_template(template).expect("the template is valid");
    bar.set_style(if ascii { style.progress_chars("#>-").tick_chars("-\\|/ ") } else { style });
    bar.set_prefix(prefix.to_owned());
    bar
}
