//! Tables without lines: columns, a heading, nothing else.

use comfy_table::presets::NOTHING;
use comfy_table::{ColumnConstraint, ContentArrangement, Table};

use crate::look::Look;

/// A table of this width with these headings. Only the column `wide` is broken into lines when the width does not suffice.
pub(crate) fn table(look: &Look, headings: &[&str], wide: usize) -> Table {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(look.width)
        .set_header(headings);
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if index != wide {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    table
}

/// The table's lines without the spaces that fill the last column.
pub(crate) fn lines(table: &Table) -> Vec<String> {
    table.lines().map(|line| line.trim_end().to_owned()).collect()
}
