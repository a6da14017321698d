//! Rows of cells by two small ids, a row being made when it is first touched.

/// Cells by (row, column); untouched ones have their default value.
#[derive(Clone, Debug)]
pub(crate) struct Table<T> {
    rows: Vec<Vec<T>>,
    width: usize,
}

impl<T: Clone + Default> Table<T> {
    /// A table with rows of `width` cells.
    pub(crate) fn new(rows: usize, width: usize) -> Self {
        Table { rows: vec![Vec::new(); rows], width }
    }

    pub(crate) fn cell(&mut self, row: u32, column: u32) -> &mut T {
        &mut self.row(row)[column as usize]
    }

    pub(crate) fn row(&mut self, row: u32) -> &mut [T] {
        let cells = &mut self.rows[row as usize];
        if cells.is_empty() {
            cells.resize(self.width, T::default());
        }
        cells
    }

    pub(crate) fn get(&self, row: u32, column: u32) -> Option<&T> {
        self.rows[row as usize].get(column as usize)
    }

    /// All cells of all rows that were touched, with their row and column.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, u32, &T)> {
        let rows = (0..).zip(&self.rows);
        rows.flat_map(|(row, cells)| {
            (0..).zip(cells).map(move |(column, cell)| (row, column, cell))
        })
    }
}
