//! Marking: everything that is stored beside everything that is named.

use jiff::Timestamp;
use seatbelt_model::RunId;

use super::{
    listing::Listing,
    marks::{MOST, Mark},
    names::Names,
    survey::Survey,
};
use crate::{Vault, VaultError, digest::Sha};

/// More missing objects than this are not listed by name.
const MOST_MISSING: usize = 1000;

/// What a look at all objects found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Marked {
    /// Objects that were marked now.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Objects that nothing names, those that were marked before among them.
    pub unnamed: u64,
    /// Their bytes.
    pub unnamed_bytes: u64,
    /// All objects.
    pub stored: u64,
    /// Their bytes.
    pub stored_bytes: u64,
    /// SHA-256 of what seems to be named and is not there. Texts can look like names: [`Vault::standing_on`] tells.
    pub missing: Vec<String>,
    /// Whether all objects were looked at.
    pub whole: bool,
}

impl Vault {
    /// Looks at all objects of a system beside those that `names` has, and marks the others. The survey and the names must have been read
    /// before, so that whatever they name is there when it is looked for. Memory: a page of the listing and a list of marks.
    ///
    /// `at` is when the survey was made; with `None` nothing is written, for a plan. `go_on` is asked now and then: after a `false` the
    /// rest is left for another day.
    ///
    /// # Errors
    /// [`VaultError::Damaged`] and [`VaultError::UnknownFormat`] if earlier marks cannot be read; [`VaultError::Spool`]; S3's.
    pub async fn mark(
        &self,
        system: &str,
        survey: &Survey,
        names: &Names,
        at: Option<Timestamp>,
        mut go_on: impl FnMut() -> bool,
    ) -> Result<Marked, VaultError> {
        let at = at.map(|at| RunId::at(at).start());
        let before = self.marked(system, &survey.marks).await?;
        let mut before = Beside(before.from(Sha([0; 32]))?.peekable());
        let mut named = Beside(names.from(Sha([0; 32]))?.peekable());
        let (mut listing, mut found, mut marks) = (Listing::new(self, system), Marked::default(), Vec::new());
        found.whole = true;
        let missing = |name: Sha, found: &mut Marked| {
            if found.missing.len() < MOST_MISSING {
                found.missing.push(name.hex());
            }
        };
        while let Some(object) = listing.next().await? {
            if found.stored.is_multiple_of(1000) && !go_on() {
                found.whole = false;
                break;
            }
            found.stored += 1;
            found.stored_bytes += object.bytes;
            if named.has(object.name, |name| missing(name, &mut found))? {
                continue;
            }
            found.unnamed += 1;
            found.unnamed_bytes += object.bytes;
            // What was written since belongs to a run that may not be over.
            let is_old = at.is_some_and(|at| object.modified.is_some_and(|modified| modified <= at));
            if before.has(object.name, |_| {})? || !is_old {
                continue;
            }
            found.objects += 1;
            found.bytes += object.bytes;
            marks.push(Mark {
                object: object.name.hex(),
                bytes: object.bytes,
                locked_until: None,
            });
            if marks.len() == MOST {
                self.write(system, at, std::mem::take(&mut marks)).await?;
            }
        }
        if found.whole {
            for name in named.0 {
                missing(name?, &mut found);
            }
        }
        self.write(system, at, marks).await?;
        Ok(found)
    }

    async fn write(&self, system: &str, at: Option<Timestamp>, marks: Vec<Mark>) -> Result<(), VaultError> {
        match at {
            Some(at) if !marks.is_empty() => self.put_marks(system, at, marks).await,
            _ => Ok(()),
        }
    }
}

/// Sorted names that are walked beside another sorted sequence.
pub(super) struct Beside<I: Iterator<Item = Result<Sha, VaultError>>>(pub(super) std::iter::Peekable<I>);

impl<I: Iterator<Item = Result<Sha, VaultError>>> Beside<I> {
    /// Whether `name` is among them. Names below it are passed, each given to `passed`; ask in the order of names.
    pub(super) fn has(&mut self, name: Sha, mut passed: impl FnMut(Sha)) -> Result<bool, VaultError> {
        loop {
            match self.0.peek() {
                None => return Ok(false),
                Some(Ok(next)) if *next > name => return Ok(false),
                Some(_) => {}
            }
            let Some(next) = self.0.next().transpose()? else {
                return Ok(false);
            };
            if next == name {
                return Ok(true);
            }
            passed(next);
        }
    }
}
