//! Where words go: data to stdout, everything else to stderr.

use std::io::{IsTerminal, Write};

use anyhow::Result;
use serde::Serialize;

/// How to speak, as the global options say.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    /// Data for programs.
    pub(crate) json: bool,
    /// No progress, notes or summaries.
    pub(crate) quiet: bool,
    /// Whether stdout takes colours.
    pub(crate) color: bool,
    /// Whether stderr is looked at while it is written.
    pub(crate) live: bool,
}

/// What a word means, in colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// As it should be.
    Good,
    /// Someone should look.
    Doubtful,
    /// Not as it should be.
    Bad,
    /// Of less interest.
    Faint,
}

impl Output {
    /// What the options and the terminal ask for.
    pub(crate) fn new(json: bool, quiet: bool) -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            json,
            quiet,
            color: !plain && !json && std::io::stdout().is_terminal(),
            live: std::io::stderr().is_terminal(),
        }
    }

    /// Writes data, as it is.
    pub(crate) fn data(&self, text: impl AsRef<[u8]>) -> Result<()> {
        std::io::stdout().lock().write_all(text.as_ref())?;
        Ok(())
    }

    /// Writes a line of data.
    pub(crate) fn line(&self, text: impl AsRef<str>) -> Result<()> {
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_ref().as_bytes())?;
        out.write_all(b"\n")?;
        Ok(())
    }

    /// Writes a value for programs.
    pub(crate) fn value(&self, value: &(impl Serialize + ?Sized)) -> Result<()> {
        self.line(serde_json::to_string_pretty(value)?)
    }

    /// Says something about what happens, to people.
    pub(crate) fn note(&self, text: impl AsRef<str>) {
        if !self.quiet && !self.json {
            say(text);
        }
    }

    /// `text` in the colour of `tone`, where colours are taken.
    pub(crate) fn paint(&self, text: &str, tone: Tone) -> String {
        if self.color {
            format!("\u{1b}[{}m{text}\u{1b}[0m", tone.code())
        } else {
            text.to_owned()
        }
    }
}

impl Tone {
    fn code(self) -> &'static str {
        match self {
            Self::Good => "32",
            Self::Doubtful => "33",
            Self::Bad => "31",
            Self::Faint => "2",
        }
    }
}

/// Writes a line to stderr. If nobody reads it, that is no reason to stop.
pub(crate) fn say(text: impl AsRef<str>) {
    let _ = writeln!(std::io::stderr().lock(), "{}", text.as_ref());
}

/// A JSON array written element by element, so that memory does not grow with it.
#[derive(Debug)]
pub(crate) struct Elements {
    out: Output,
    written: u64,
}

impl Elements {
    /// Opens the array.
    pub(crate) fn new(out: Output) -> Self {
        Self { out, written: 0 }
    }

    /// Writes one element, on a line of its own.
    pub(crate) fn push(&mut self, element: &impl Serialize) -> Result<()> {
        self.out.data(if self.written == 0 { "[\n" } else { ",\n" })?;
        self.written += 1;
        self.out.data(serde_json::to_vec(element)?)
    }

    /// Closes the array.
    pub(crate) fn finish(self) -> Result<()> {
        self.out.line(if self.written == 0 { "[]" } else { "\n]" })
    }
}

/// Customers' text without what would steer a terminal, on one line.
pub(crate) fn plain(text: &str) -> String {
    text.chars()
        .map(|char| if char.is_control() { ' ' } else { char })
        .collect()
}

/// At most `most` characters of `text`.
pub(crate) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) => text.chars().take(most.saturating_sub(1)).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn customers_text_cannot_steer_the_terminal() {
        assert_eq!(plain("a\u{1b}[31mb\nc\u{9b}d"), "a [31mb c d");
        assert_eq!((cut("häuser", 6), cut("häuser", 4)), ("häuser".into(), "häu…".into()));
    }
}
