//! Columns as Compose prints them: each as wide as its widest cell plus a gap, the last one not filled up.

use super::text::{clean, pad, width};

/// Blanks between columns.
const GAP: usize = 3;

/// A table under its titles.
#[derive(Debug, Clone)]
pub struct Table {
    rows: Vec<Vec<String>>,
    narrowest: usize,
}

impl Table {
    /// With these titles.
    pub fn new<T: Into<String>>(titles: impl IntoIterator<Item = T>) -> Self {
        Self { rows: vec![titles.into_iter().map(Into::into).collect()], narrowest: 10 }
    }

    /// No column is narrower than this, its gap included.
    #[must_use]
    pub fn narrowest(mut self, columns: usize) -> Self {
        self.narrowest = columns;
        self
    }

    /// Adds a row. Cells are foreign text: what would control the terminal is escaped.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| clean(&cell)).collect());
    }

    /// The lines, each ended.
    pub fn render(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns)
            .map(|column| {
                let widest = self.rows.iter().filter_map(|row| row.get(column)).map(|cell| width(cell)).max();
                (widest.unwrap_or(0) + GAP).max(self.narrowest)
            })
            .collect();
        let mut out = String::new();
        for row in &self.rows {
            for (column, cell) in row.iter().enumerate() {
                let last = column + 1 == row.len();
                out.push_str(&if last { cell.clone() } else { pad(cell, widths[column]) });
            }
            out.push('\n');
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_fit_their_widest_cell() {
        let mut table = Table::new(["NAME", "PORTS"]);
        table.row(["a-long-name".into(), "80/tcp".into()]);
        table.row(["日本".into(), "x\u{1b}".into()]);
        assert_eq!(table.render(), "NAME          PORTS\na-long-name   80/tcp\n日本          x\\u{1b}\n");
    }
}
