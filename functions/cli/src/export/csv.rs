//! Tables as RFC 4180 has them: commas, CRLF, quotes where needed, the columns named in the first line.

use std::io::{self, Write};

use super::{Row, members::shown, schema::Plan};

/// Writes one table.
pub(super) struct CsvTable<W> {
    out: W,
    files: bool,
    json: bool,
}

impl<W: Write> CsvTable<W> {
    /// Writes the line with the names.
    pub(super) fn begin(out: W, plan: &Plan, files: bool) -> io::Result<Self> {
        let mut table = Self {
            out,
            files,
            // What has no column of its own must not be lost.
            json: plan.crowded,
        };
        cell(&mut table.out, Some("_key"))?;
        for column in &plan.columns {
            table.out.write_all(b",")?;
            cell(&mut table.out, Some(&column.name))?;
        }
        table.end(files.then_some("_file"), plan.crowded.then_some("_json"))?;
        Ok(table)
    }

    pub(super) fn write(&mut self, row: &Row<'_>) -> io::Result<()> {
        cell(&mut self.out, Some(row.key))?;
        for value in row.cells {
            self.out.write_all(b",")?;
            cell(&mut self.out, value.and_then(shown).as_deref())?;
        }
        let json = self.json.then_some(row.json);
        self.end(row.file, json)
    }

    fn end(&mut self, file: Option<&str>, json: Option<&str>) -> io::Result<()> {
        if self.files {
            self.out.write_all(b",")?;
            cell(&mut self.out, file)?;
        }
        if self.json {
            self.out.write_all(b",")?;
            cell(&mut self.out, json)?;
        }
        self.out.write_all(b"\r\n")
    }

    pub(super) fn into_inner(self) -> W {
        self.out
    }
}

/// A line of texts.
pub(super) fn line(out: &mut impl Write, texts: &[&str]) -> io::Result<()> {
    for (at, text) in texts.iter().enumerate() {
        if at > 0 {
            out.write_all(b",")?;
        }
        cell(out, Some(text))?;
    }
    out.write_all(b"\r\n")
}

/// A cell. A text that is empty has quotes, which tells it from a value that is not there.
fn cell(out: &mut impl Write, text: Option<&str>) -> io::Result<()> {
    let Some(text) = text else { return Ok(()) };
    let quoted = text.is_empty()
        || text.starts_with([' ', '\t'])
        || text.ends_with([' ', '\t'])
        || text.bytes().any(|byte| matches!(byte, b',' | b'"' | b'\r' | b'\n'));
    if !quoted {
        return out.write_all(text.as_bytes());
    }
    out.write_all(b"\"")?;
    for (at, part) in text.split('"').enumerate() {
        if at > 0 {
            out.write_all(b"\"\"")?;
        }
        out.write_all(part.as_bytes())?;
    }
    out.write_all(b"\"")
}
