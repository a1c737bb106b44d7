//! Tables that line up, and stay readable at 80 columns.

use crate::output::{Output, Tone, plain};

/// Wider than this, the wrapping column is folded.
const WIDTH: usize = 80;
/// The wrapping column is never narrower, even if the others leave less.
const NARROWEST: usize = 20;

/// A table. A column's title says how it is set: `>` first for numbers on the right, `~` first for the one column of prose that is folded.
#[derive(Debug)]
pub(crate) struct Table {
    titles: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

/// One cell.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    text: String,
    tone: Option<Tone>,
}

impl Cell {
    /// A cell in colour.
    pub(crate) fn toned(text: impl Into<String>, tone: Tone) -> Self {
        Self {
            tone: Some(tone),
            ..Self::from(text.into())
        }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self {
            text: plain(&text),
            tone: None,
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl Table {
    /// An empty table with these columns.
    pub(crate) fn new(titles: &[&'static str]) -> Self {
        Self {
            titles: titles.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a row, one cell a column.
    pub(crate) fn row<const N: usize>(&mut self, cells: [Cell; N]) {
        self.rows.push(cells.into());
    }

    /// Adds a row of a table whose columns are chosen at run time.
    pub(crate) fn row_of(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    /// Whether there are no rows.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table as text, each line ended.
    pub(crate) fn render(&self, out: &Output) -> String {
        let widths = self.widths();
        let head = self
            .titles
            .iter()
            .map(|title| Cell::toned(name(title), Tone::Faint))
            .collect();
        let mut text = String::new();
        for row in std::iter::once(&head).chain(&self.rows) {
            self.push_row(&mut text, row, &widths, out);
        }
        text
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = self.titles.iter().map(|title| length(name(title))).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(length(&cell.text));
            }
        }
        if let Some(folded) = self.titles.iter().position(|title| title.starts_with('~')) {
            let others: usize = widths
                .iter()
                .enumerate()
                .filter(|(at, _)| *at != folded)
                .map(|(_, width)| width + 2)
                .sum();
            widths[folded] = widths[folded].min(WIDTH.saturating_sub(others).max(NARROWEST));
        }
        widths
    }

    fn push_row(&self, text: &mut String, row: &[Cell], widths: &[usize], out: &Output) {
        let columns: Vec<Vec<String>> = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| fold(&cell.text, *width))
            .collect();
        let height = columns.iter().map(Vec::len).max().unwrap_or(1);
        for line in 0..height {
            let mut written = String::new();
            for (at, cell) in row.iter().enumerate() {
                let part = columns[at].get(line).map_or("", String::as_str);
                let gap = " ".repeat(widths[at].saturating_sub(length(part)));
                let shown = match cell.tone {
                    Some(tone) if !part.is_empty() => out.paint(part, tone),
                    _ => part.to_owned(),
                };
                let right = self.titles[at].starts_with('>');
                written += &if right {
                    format!("{gap}{shown}  ")
                } else {
                    format!("{shown}{gap}  ")
                };
            }
            *text += written.trim_end();
            text.push('\n');
        }
    }
}

fn name(title: &'static str) -> &'static str {
    title.trim_start_matches(['>', '~'])
}

fn length(text: &str) -> usize {
    text.chars().count()
}

/// `text` in lines of at most `width` characters, broken between words where there are any.
pub(crate) fn fold(text: &str, width: usize) -> Vec<String> {
    if length(text) <= width {
        return vec![text.to_owned()];
    }
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.last().map_or(0, |line| length(line));
        if last > 0 && last + 1 + length(word) > width {
            lines.push(String::new());
        }
        let line = lines.last_mut().expect("there is always a line");
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines
}

/// Prose under an indented head, folded.
pub(crate) fn paragraph(indent: usize, text: &str) -> String {
    let margin = " ".repeat(indent);
    fold(text, WIDTH - indent)
        .iter()
        .map(|line| format!("{margin}{line}\n"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Output = Output {
        json: false,
        quiet: false,
        color: false,
        live: false,
    };

    #[test]
    fn columns_line_up_and_prose_is_folded() {
        let mut table = Table::new(&["NAME", ">RECORDS", "~WHAT"]);
        let prose = "words ".repeat(20).trim().to_owned();
        table.row(["posts".into(), "1,234".into(), prose.into()]);
        table.row(["häuser-und-gärten".into(), "7".into(), "short".into()]);
        let text = table.render(&PLAIN);
        assert!(
            text.lines()
                .all(|line| line.chars().count() <= 80 && line == line.trim_end()),
            "{text}"
        );
        let ends: Vec<_> = text
            .lines()
            .filter(|line| line.contains("1,234") || line.contains("RECORDS"))
            .collect();
        let end = |line: &str, word: &str| line.chars().count() - line.split(word).nth(1).unwrap().chars().count();
        assert_eq!(end(ends[0], "RECORDS"), end(ends[1], "1,234"));
        assert_eq!(text.matches("words").count(), 20);
    }

    #[test]
    fn colours_do_not_move_columns() {
        let colored = Output { color: true, ..PLAIN };
        let mut table = Table::new(&["A", "B"]);
        table.row([Cell::toned("good", Tone::Good), "x".into()]);
        assert!(table.render(&colored).contains("\u{1b}[32mgood\u{1b}[0m  x"));
    }
}
