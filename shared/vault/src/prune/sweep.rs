//! Sweeping: what was marked, and still is named by nothing, is deleted.

use std::collections::VecDeque;

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;

use super::{
    SWEEP_AFTER,
    expire::Deleted,
    mark::Beside,
    marks::{Mark, marked_at},
    names::Names,
    survey::Survey,
};
use crate::{Vault, VaultError, digest::Sha};

/// Objects of one step.
const STEP: usize = 256;
const AT_ONCE: usize = 16;

/// What a sweep did so far.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Swept {
    /// Objects deleted.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Objects that are locked, and are deleted later.
    pub later: u64,
    /// When the first of those locks is over.
    pub later_from: Option<Timestamp>,
    /// Objects that were marked, and are named again or were written anew.
    pub spared: u64,
}

/// A sweep that is going on, in steps between which its caller looks at the clock and renews the lease.
#[derive(Debug)]
pub struct Sweeping<'a> {
    vault: &'a Vault,
    system: &'a str,
    names: &'a Names,
    now: Timestamp,
    lists: VecDeque<String>,
    current: Option<Current>,
    swept: Swept,
}

/// The list being swept.
#[derive(Debug)]
struct Current {
    key: String,
    marked_at: Timestamp,
    due: VecDeque<Mark>,
    /// What stays marked.
    left: Vec<Mark>,
    /// Whether the list no longer says what is.
    changed: bool,
}

/// What became of a marked object.
enum Fate {
    Deleted,
    Gone,
    Spared,
    Locked(Timestamp),
}

impl Vault {
    /// Begins a sweep of what was marked [`SWEEP_AFTER`] before `now`. The survey and the names must have been read under the system's
    /// lease, with no run open, and the lease must be held to the end.
    #[must_use]
    pub fn sweeping<'a>(&'a self, system: &'a str, survey: &Survey, names: &'a Names, now: Timestamp) -> Sweeping<'a> {
        Sweeping {
            vault: self,
            system,
            names,
            now,
            lists: survey.marks.iter().filter(|key| is_due(key, now)).cloned().collect(),
            current: None,
            swept: Swept::default(),
        }
    }
}

impl Survey {
    /// Whether anything was marked that may be swept at `now`.
    #[must_use]
    pub fn is_sweep_due(&self, now: Timestamp) -> bool {
        self.marks.iter().any(|key| is_due(key, now))
    }
}

fn is_due(key: &str, now: Timestamp) -> bool {
    marked_at(key).is_some_and(|at| now.duration_since(at) >= SWEEP_AFTER)
}

impl Sweeping<'_> {
    /// What was done so far.
    #[must_use]
    pub fn swept(&self) -> &Swept {
        &self.swept
    }

    /// Deletes a few hundred objects at most. `false` at the end. After an error the sweep may be begun anew.
    ///
    /// # Errors
    /// [`VaultError::Damaged`] and [`VaultError::UnknownFormat`] for a list that cannot be read; [`VaultError::Spool`]; S3's.
    pub async fn step(&mut self) -> Result<bool, VaultError> {
        let mut current = match self.current.take() {
            Some(current) => current,
            None => match self.lists.pop_front() {
                None => return Ok(false),
                Some(key) => match self.open(key).await? {
                    Some(current) => current,
                    None => return Ok(true),
                },
            },
        };
        let some: Vec<_> = current.due.drain(..current.due.len().min(STEP)).collect();
        let (vault, system, now, at) = (self.vault, self.system, self.now, current.marked_at);
        let judged = some.into_iter().map(|mark| async move {
            let fate = vault.sweep_one(system, &mark, at, now).await?;
            Ok::<_, VaultError>((mark, fate))
        });
        let judged: Vec<_> = stream::iter(judged.collect::<Vec<_>>())
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        judged
            .into_iter()
            .for_each(|(mark, fate)| self.note(&mut current, mark, fate));
        if current.due.is_empty() {
            self.close(current).await?;
        } else {
            self.current = Some(current);
        }
        Ok(true)
    }

    /// Reads a list, and sorts out what is named by now or locked for longer.
    async fn open(&mut self, key: String) -> Result<Option<Current>, VaultError> {
        let Some(marks) = self.vault.marks(self.system, &key).await? else {
            return Ok(None);
        };
        let mut current = Current {
            key,
            marked_at: marks.marked_at,
            due: VecDeque::new(),
            left: Vec::new(),
            changed: false,
        };
        let mut objects: Vec<_> = marks
            .objects
            .into_iter()
            .filter_map(|mark| Some((mark.name()?, mark)))
            .collect();
        objects.sort_by_key(|(name, _)| *name);
        let mut named = Beside(self.names.from(Sha([0; 32]))?.peekable());
        for (name, mark) in objects {
            if named.has(name, |_| {})? {
                self.note(&mut current, mark, Fate::Spared);
            } else if mark.locked_until.is_some_and(|until| until > self.now) {
                self.later(mark.locked_until);
                current.left.push(mark);
            } else {
                current.due.push_back(mark);
            }
        }
        Ok(Some(current))
    }

    fn note(&mut self, current: &mut Current, mark: Mark, fate: Fate) {
        current.changed = true;
        match fate {
            Fate::Deleted => {
                self.swept.objects += 1;
                self.swept.bytes += mark.bytes;
            }
            Fate::Gone => {}
            Fate::Spared => self.swept.spared += 1,
            Fate::Locked(until) => {
                self.later(Some(until));
                current.left.push(Mark {
                    locked_until: Some(until),
                    ..mark
                });
            }
        }
    }

    fn later(&mut self, until: Option<Timestamp>) {
        let swept = &mut self.swept;
        swept.later += 1;
        swept.later_from = [swept.later_from, until].into_iter().flatten().min();
    }

    /// Leaves a list of what stays marked in the place of the one that was swept.
    async fn close(&mut self, mut current: Current) -> Result<(), VaultError> {
        if !current.changed && !current.left.is_empty() {
            return Ok(());
        }
        if !current.left.is_empty() {
            current.left.sort_by(|a, b| a.object.cmp(&b.object));
            self.vault
                .put_marks(self.system, current.marked_at, current.left)
                .await?;
        }
        // If the list itself is locked it stays, and says what is known.
        self.vault.delete(&current.key).await.map(|_| ())
    }
}

impl Vault {
    async fn sweep_one(
        &self,
        system: &str,
        mark: &Mark,
        marked_at: Timestamp,
        now: Timestamp,
    ) -> Result<Fate, VaultError> {
        let key = Self::object_key(system, &mark.object);
        let Some(head) = self.head(&key).await? else {
            return Ok(Fate::Gone);
        };
        if let Some(lock) = head.lock.filter(|lock| lock.until > now) {
            return Ok(Fate::Locked(lock.until));
        }
        // Deleted and written anew since, by a run that names it or is about to.
        if head.modified.is_none_or(|modified| modified > marked_at) {
            return Ok(Fate::Spared);
        }
        match self.delete(&key).await? {
            Deleted::Gone => Ok(Fate::Deleted),
            Deleted::Refused => match self.lock_of(&key).await? {
                Some(lock) if lock.until > now => Ok(Fate::Locked(lock.until)),
                _ => Err(VaultError::Denied {
                    what: "delete",
                    object: key,
                    code: "AccessDenied".to_owned(),
                }),
            },
        }
    }
}
