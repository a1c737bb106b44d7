//! The names of objects as a sorted set: in memory while it is small, on disk when it is not.
//!
//! A system of ten million objects has names of 320 MB, more than a function's memory; sorted and on disk they take a few buffers.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    fs::File,
    io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use crate::{Vault, VaultError, digest::Sha};

/// Names held in memory until they are sorted and written out: 8 MB.
const IN_MEMORY: usize = 256 << 10;
/// Bytes of a name.
const BYTES: u64 = 32;

/// Collects names in any order, each as often as it comes.
#[derive(Debug)]
pub(super) struct Collector {
    folder: PathBuf,
    most: usize,
    held: Vec<Sha>,
    runs: Vec<NamedTempFile>,
}

/// The names of objects, each once, in order.
#[derive(Debug)]
pub struct Names(Where);

#[derive(Debug)]
enum Where {
    Memory(Vec<Sha>),
    Disk { file: NamedTempFile, folder: PathBuf },
}

impl Collector {
    pub(super) fn new(vault: &Vault) -> Self {
        Self::over(vault.options().spool.clone(), IN_MEMORY)
    }

    fn over(folder: PathBuf, most: usize) -> Self {
        Self {
            folder,
            most,
            held: Vec::new(),
            runs: Vec::new(),
        }
    }

    /// Adds a name.
    pub(super) fn add(&mut self, name: Sha) -> Result<(), VaultError> {
        self.held.push(name);
        if self.held.len() < self.most {
            return Ok(());
        }
        self.sort();
        // A system names its objects many times over; only what is left after that needs the disk.
        if self.held.len() < self.most / 2 {
            return Ok(());
        }
        let run = written(&self.folder, self.held.drain(..).map(Ok));
        self.runs.push(run.map_err(|error| failed(&self.folder, error))?);
        Ok(())
    }

    /// Adds every name that stands in a text.
    pub(super) fn add_all(&mut self, text: &[u8]) -> Result<(), VaultError> {
        names_in(text).try_for_each(|name| self.add(name))
    }

    pub(super) fn finish(mut self) -> Result<Names, VaultError> {
        self.sort();
        if self.runs.is_empty() {
            return Ok(Names(Where::Memory(self.held)));
        }
        let folder = self.folder.clone();
        let merged = self.merged().map_err(|error| failed(&folder, error))?;
        Ok(Names(Where::Disk { file: merged, folder }))
    }

    fn sort(&mut self) {
        self.held.sort_unstable();
        self.held.dedup();
    }

    /// All runs as one.
    fn merged(self) -> io::Result<NamedTempFile> {
        let mut sources: Vec<Box<dyn Iterator<Item = io::Result<Sha>>>> = vec![Box::new(self.held.into_iter().map(Ok))];
        for run in &self.runs {
            sources.push(Box::new(Reading::new(run.reopen()?)));
        }
        let mut heap = BinaryHeap::new();
        for (at, source) in sources.iter_mut().enumerate() {
            if let Some(name) = source.next().transpose()? {
                heap.push(Reverse((name, at)));
            }
        }
        let mut last = None;
        let next = std::iter::from_fn(|| {
            loop {
                let Reverse((name, at)) = heap.pop()?;
                match sources[at].next().transpose() {
                    Ok(next) => heap.extend(next.map(|next| Reverse((next, at)))),
                    Err(error) => return Some(Err(error)),
                }
                if last.replace(name) != Some(name) {
                    return Some(Ok(name));
                }
            }
        });
        written(&self.folder, next)
    }
}

impl Names {
    /// How many there are.
    ///
    /// # Errors
    /// [`VaultError::Spool`].
    pub fn len(&self) -> Result<u64, VaultError> {
        match &self.0 {
            Where::Memory(names) => Ok(names.len() as u64),
            Where::Disk { file, folder } => {
                let length = file.as_file().metadata().map_err(|error| failed(folder, error))?;
                Ok(length.len() / BYTES)
            }
        }
    }

    /// Whether there are none.
    ///
    /// # Errors
    /// [`VaultError::Spool`].
    pub fn is_empty(&self) -> Result<bool, VaultError> {
        Ok(self.len()? == 0)
    }

    /// All names from `from` on, in order.
    pub(super) fn from(&self, from: Sha) -> Result<impl Iterator<Item = Result<Sha, VaultError>> + Send, VaultError> {
        let (memory, disk) = match &self.0 {
            Where::Memory(names) => (&names[names.partition_point(|name| *name < from)..], None),
            Where::Disk { file, folder } => {
                let opened = file.reopen().and_then(|file| placed(file, from));
                let reading = opened.map_err(|error| failed(folder, error))?;
                (
                    &[][..],
                    Some(reading.map(|name| name.map_err(|error| failed(folder, error)))),
                )
            }
        };
        Ok(memory.iter().map(|name| Ok(*name)).chain(disk.into_iter().flatten()))
    }
}

/// The first name that is not below `from`, found by halving.
fn placed(mut file: File, from: Sha) -> io::Result<Reading> {
    let (mut low, mut high) = (0, file.metadata()?.len() / BYTES);
    while low < high {
        let middle = low.midpoint(high);
        file.seek(SeekFrom::Start(middle * BYTES))?;
        let mut name = [0; 32];
        file.read_exact(&mut name)?;
        if Sha(name) < from {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    file.seek(SeekFrom::Start(low * BYTES))?;
    Ok(Reading::new(file))
}

/// Names in a file, from where it stands.
struct Reading(BufReader<File>);

impl Reading {
    fn new(file: File) -> Self {
        Self(BufReader::with_capacity(64 << 10, file))
    }
}

impl Iterator for Reading {
    type Item = io::Result<Sha>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut name = [0; 32];
        match self.0.read_exact(&mut name) {
            Ok(()) => Some(Ok(Sha(name))),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => None,
            Err(error) => Some(Err(error)),
        }
    }
}

fn written(folder: &Path, names: impl Iterator<Item = io::Result<Sha>>) -> io::Result<NamedTempFile> {
    let file = NamedTempFile::new_in(folder)?;
    let mut out = BufWriter::with_capacity(64 << 10, file.reopen()?);
    for name in names {
        out.write_all(&name?.0)?;
    }
    out.flush()?;
    Ok(file)
}

fn failed(folder: &Path, source: io::Error) -> VaultError {
    VaultError::Spool {
        folder: folder.display().to_string(),
        source,
    }
}

/// Every run of exactly 64 lower-case hexadecimal digits in a text.
pub(super) fn names_in(text: &[u8]) -> impl Iterator<Item = Sha> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < text.len() {
            // No run of 64 lies between here and there unless it holds this byte, so most of a text is jumped over.
            let probe = at + 63;
            match text.get(probe).copied().and_then(digit) {
                None => at = probe + 1,
                Some(_) => {
                    let start = (at..probe)
                        .rev()
                        .find(|at| digit(text[*at]).is_none())
                        .map_or(at, |at| at + 1);
                    let end = (probe..text.len())
                        .find(|at| digit(text[*at]).is_none())
                        .unwrap_or(text.len());
                    at = end + 1;
                    if end - start == 64 {
                        return Some(parsed(&text[start..end]));
                    }
                }
            }
        }
        None
    })
}

fn parsed(digits: &[u8]) -> Sha {
    let mut name = [0; 32];
    for (byte, pair) in name.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = pair
            .iter()
            .fold(0, |value, char| value << 4 | digit(*char).unwrap_or_default());
    }
    Sha(name)
}

fn digit(char: u8) -> Option<u8> {
    match char {
        b'0'..=b'9' => Some(char - b'0'),
        b'a'..=b'f' => Some(char - b'a' + 10),
        _ => None,
    }
}

/// A name as it is written; `None` if the text is none.
pub(super) fn name_of(text: &str) -> Option<Sha> {
    (text.len() == 64).then(|| names_in(text.as_bytes()).next()).flatten()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn sha(seed: u64) -> Sha {
        Sha::of(&seed.to_le_bytes())
    }

    #[test]
    fn a_set_on_disk_says_what_one_in_memory_says() {
        let folder = tempfile::tempdir().unwrap();
        for (most, names) in [(1000, 300), (50, 300), (50, 1), (50, 0), (64, 2000)] {
            let mut collector = Collector::over(folder.path().to_owned(), most);
            let mut rng = fastrand::Rng::with_seed(most as u64);
            let all: BTreeSet<Sha> = (0..names).map(sha).collect();
            for _ in 0..3 {
                let mut some: Vec<_> = all.iter().copied().collect();
                rng.shuffle(&mut some);
                some.into_iter().for_each(|name| collector.add(name).unwrap());
            }
            let on_disk = !collector.runs.is_empty();
            assert_eq!(on_disk, most < names as usize / 2, "{most} of {names}");
            let set = collector.finish().unwrap();
            assert_eq!(set.len().unwrap(), names);
            for from in [Sha([0; 32]), sha(7), sha(99_999), Sha([255; 32])] {
                let found: Vec<_> = set.from(from).unwrap().map(Result::unwrap).collect();
                let expected: Vec<_> = all.range(from..).copied().collect();
                assert_eq!(found, expected, "{most} of {names} from {from:?}");
            }
        }
    }

    #[test]
    fn names_are_found_wherever_they_stand_and_nothing_else_is_taken_for_one() {
        let (a, b) = (sha(1), sha(2));
        let long = format!("{}{}", a.hex(), b.hex());
        let short = &a.hex()[..63];
        for (text, expected) in [
            (a.hex(), vec![a]),
            (
                format!(r#"{{"x":"{}","\"y\"":"\"{}\""}}"#, a.hex(), b.hex()),
                vec![a, b],
            ),
            (format!("{short} {}", b.hex()), vec![b]),
            (format!("{short}g{}", b.hex()), vec![b]),
            (format!("{long} {}", a.hex()), vec![a]),
            (format!("0{}", a.hex()), vec![]),
            (format!("{}0 {}", a.hex(), b.hex()), vec![b]),
            (format!("{0},{0}", a.hex()), vec![a, a]),
            (a.hex().to_uppercase(), vec![]),
            ("z".repeat(200) + &a.hex(), vec![a]),
            (String::new(), vec![]),
        ] {
            let found: Vec<_> = names_in(text.as_bytes()).collect();
            assert!(found == expected, "{text}: {}", found.len());
        }
        // Whatever stands before, the name is found.
        for before in 0..130 {
            let text = format!("{}-{}-", "f".repeat(before), a.hex());
            let expected = if before == 64 { 2 } else { 1 };
            assert_eq!(names_in(text.as_bytes()).count(), expected, "{before}");
        }
        assert_eq!(name_of(&a.hex()), Some(a));
        assert_eq!(name_of(short), None);
        assert_eq!(name_of(&a.hex().to_uppercase()), None);
    }
}
