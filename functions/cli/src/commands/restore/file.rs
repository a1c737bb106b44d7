//! Plans as files: JSON lines, the header first. Steps are found before the header is known, so they wait in a file of their own.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, BufWriter, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use seatbelt_engine::{Header, Step};

/// Writes a plan.
pub(super) struct PlanWriter {
    steps: BufWriter<File>,
    place: PathBuf,
}

impl PlanWriter {
    /// Begins beside `file`, which appears when the plan is whole.
    pub(super) fn create(file: &Path) -> Result<Self> {
        if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        }
        let place = file.with_extension("steps");
        let steps = private(&place).with_context(|| format!("cannot write {}", place.display()))?;
        Ok(Self {
            steps: BufWriter::new(steps),
            place,
        })
    }

    pub(super) fn step(&mut self, step: &Step) -> io::Result<()> {
        serde_json::to_writer(&mut self.steps, step)?;
        self.steps.write_all(b"\n")
    }

    /// Puts the header before the steps.
    pub(super) fn finish(mut self, header: &Header, file: &Path) -> Result<()> {
        self.steps.flush()?;
        let whole = private(file).with_context(|| format!("cannot write {}", file.display()))?;
        let mut whole = BufWriter::new(whole);
        serde_json::to_writer(&mut whole, header)?;
        whole.write_all(b"\n")?;
        io::copy(&mut File::open(&self.place)?, &mut whole)?;
        whole.flush()?;
        Ok(())
    }
}

impl Drop for PlanWriter {
    fn drop(&mut self) {
        // What is left behind is a part of a plan that nobody asks for.
        let _ = fs::remove_file(&self.place);
    }
}

/// A plan holds customers' data: its file is its owner's alone.
fn private(place: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(place)
}

/// Reads a plan line by line.
pub(super) struct PlanReader(io::Lines<BufReader<File>>);

impl PlanReader {
    pub(super) fn open(file: &Path) -> Result<Self> {
        let opened = File::open(file).with_context(|| format!("cannot read the plan {}", file.display()))?;
        Ok(Self(BufReader::new(opened).lines()))
    }
}

impl Iterator for PlanReader {
    type Item = io::Result<String>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}
