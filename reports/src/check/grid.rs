//! The operations around an anomaly as lines: a row per operation, a column per offset.
//!
//! Rows that prove the anomaly have a star and cells that it is about have brackets, beside any colour.

use anstyle::{AnsiColor, Style};

use super::document::{Cell, CellContent, Row, Window};
use crate::look::Look;

/// Values longer than this are cut at the front, where those of one producer are alike.
const VALUE_MAX: usize = 8;

/// The columns before those of the offsets.
const HEADINGS: [&str; 4] = ["op", "process", "ms", "what"];

/// The lines of a window, none if it has no rows; as wide as they have to be but for offsets that the width has no room for.
pub(super) fn grid(window: &Window, indent: &str, look: &Look) -> Vec<String> {
    if window.rows.is_empty() {
        return Vec::new();
    }
    let columns = (0..window.offsets.len()).collect();
    let mut shown = Shown { columns, kept: kept_values(window), ends: true };
    loop {
        let drawn = lines(window, &shown, indent, look);
        if drawn.width <= usize::from(look.width) || !shown.shrink(window) {
            return drawn.lines;
        }
    }
}

/// How much of a window is shown.
struct Shown {
    /// The offsets, by their places.
    columns: Vec<usize>,
    /// How many characters at the end of long values.
    kept: usize,
    /// Whether it is told when operations completed, beside when they began.
    ends: bool,
}

/// Lines and their width without colours.
struct Drawn {
    lines: Vec<String>,
    width: usize,
}

/// A text, where it stands in its column and in which style.
struct Field {
    text: String,
    to_the_right: bool,
    style: Option<Style>,
}

fn lines(window: &Window, shown: &Shown, indent: &str, look: &Look) -> Drawn {
    let mut rows = vec![heading(window, &shown.columns)];
    rows.extend(window.rows.iter().map(|row| fields(row, shown, look)));
    let width = |column: usize| rows.iter().map(|row| length(&row[column].text)).max().unwrap_or(0);
    let widths: Vec<usize> = (0..rows[0].len()).map(width).collect();
    let line = |row: &Vec<Field>| {
        let fields = row.iter().zip(&widths).map(|(field, width)| field.padded(*width, look));
        format!("{indent}{}\n", fields.collect::<Vec<_>>().join("  ").trim_end())
    };
    let width = length(indent) + widths.iter().map(|width| width + 2).sum::<usize>() - 2;
    Drawn { lines: rows.iter().map(line).collect(), width }
}

fn heading(window: &Window, columns: &[usize]) -> Vec<Field> {
    let dimmed = Some(Style::new().dimmed());
    let plain = |text: &&str| Field::new((*text).to_owned(), *text == "op", dimmed);
    let offset =
        |column: &usize| Field::new(format!("@{} ", window.offsets[*column]), true, dimmed);
    HEADINGS.iter().map(plain).chain(columns.iter().map(offset)).collect()
}

fn fields(row: &Row, shown: &Shown, look: &Look) -> Vec<Field> {
    let star = if row.proves { "*" } else { "" };
    let mut fields = vec![
        Field::new(format!("{star}{}", row.op), true, None),
        Field::new(look.plain(&row.process), false, None),
        Field::new(times(row, shown.ends, look), false, None),
        Field::new(row.what.clone(), false, None),
    ];
    let cell = |column: &usize| Field::of(row.cells[*column].as_ref(), shown.kept, look);
    fields.extend(shown.columns.iter().map(cell));
    fields
}

impl Field {
    fn new(text: String, to_the_right: bool, style: Option<Style>) -> Self {
        Field { text, to_the_right, style }
    }

    fn of(cell: Option<&Cell>, kept: usize, look: &Look) -> Self {
        let Some(cell) = cell else { return Field::new(String::new(), true, None) };
        let text = match &cell.content {
            CellContent::Record(value) => shortened(&look.plain(value), kept, look),
            CellContent::Passed => "-".to_owned(),
            CellContent::End => "end".to_owned(),
            CellContent::Next => "next".to_owned(),
        };
        match cell.conflicts {
            true => {
                let style = AnsiColor::Red.on_default().bold();
                Field::new(format!("[{text}]"), true, Some(style))
            }
            false => Field::new(format!("{text} "), true, None),
        }
    }

    fn padded(&self, width: usize, look: &Look) -> String {
        let padding = " ".repeat(width - length(&self.text));
        let bare = self.text.trim_end();
        let after = &self.text[bare.len()..];
        let text = self.style.map_or_else(|| bare.to_owned(), |it| look.paint(it, bare)) + after;
        if self.to_the_right { padding + &text } else { text + &padding }
    }
}

fn length(text: &str) -> usize {
    text.chars().count()
}

/// When an operation was invoked, and until when it took.
fn times(row: &Row, ends: bool, look: &Look) -> String {
    let ms = |nanos: u64| format!("{}.{:03}", nanos / 1_000_000, nanos / 1_000 % 1_000);
    let to = look.text("–", "-");
    match row.completed_ns {
        _ if !ends => ms(row.invoked_ns),
        Some(completed) if completed == row.invoked_ns => ms(completed),
        Some(completed) => format!("{}{to}{}", ms(row.invoked_ns), ms(completed)),
        None => format!("{}{to}", ms(row.invoked_ns)),
    }
}

/// How many characters at the end of a value tell it from the others of the window.
fn kept_values(window: &Window) -> usize {
    let cells = window.rows.iter().flat_map(|row| row.cells.iter().flatten());
    let mut values: Vec<&str> = cells
        .filter_map(|cell| match &cell.content {
            CellContent::Record(value) => Some(&value[..]),
            _ => None,
        })
        .collect();
    values.sort_unstable();
    values.dedup();
    let longest = values.iter().map(|value| length(value)).max().unwrap_or(0);
    let tells_apart = |kept: &usize| {
        let mut ends: Vec<_> = values.iter().map(|value| end(value, *kept)).collect();
        ends.sort_unstable();
        ends.dedup();
        ends.len() == values.len()
    };
    (VALUE_MAX - 2..longest).find(tells_apart).unwrap_or(longest)
}

/// The last characters of a text.
fn end(text: &str, kept: usize) -> &str {
    let from = text.char_indices().rev().nth(kept.saturating_sub(1));
    from.map_or(text, |(from, _)| &text[from..])
}

fn shortened(value: &str, kept: usize, look: &Look) -> String {
    if length(value) <= VALUE_MAX.max(kept + 1) {
        return value.to_owned();
    }
    format!("{}{}", look.text("…", ".."), end(value, kept))
}

impl Shown {
    /// Leaves out something: when operations completed, then one offset after the other, those first that are farthest
    /// from what the anomaly is about. False if there is nothing left that can be missed.
    fn shrink(&mut self, window: &Window) -> bool {
        if std::mem::take(&mut self.ends) {
            return true;
        }
        let conflicts = |column: &&usize| {
            window
                .rows
                .iter()
                .any(|row| row.cells[**column].as_ref().is_some_and(|it| it.conflicts))
        };
        let about: Vec<usize> = self.columns.iter().filter(conflicts).copied().collect();
        let distance = |column: usize| {
            let from = |about: &usize| window.offsets[*about].abs_diff(window.offsets[column]);
            about.iter().map(from).min().unwrap_or(column as u64)
        };
        let farthest = (0..self.columns.len()).max_by_key(|&index| distance(self.columns[index]));
        let missed = farthest.filter(|&index| distance(self.columns[index]) > 0);
        missed.map(|index| self.columns.remove(index)).is_some()
    }
}
