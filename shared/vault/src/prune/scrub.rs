//! Re-hashing a part of what is named, so that all of it is read again and again without a day on which everything is.

use futures_util::{StreamExt, TryStreamExt, stream};

use super::names::{Names, name_of};
use crate::{DamageKind, Vault, VaultError, digest::Sha, verify::check_body};

const AT_ONCE: usize = 8;

/// What re-hashing some objects found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scrubbed {
    /// Objects whose bytes are those their name says.
    pub objects: u64,
    /// Their stored bytes.
    pub bytes: u64,
    /// SHA-256 of the others, and what is wrong. Texts can look like names: of those that are missing, [`Vault::standing_on`] tells which
    /// ones are named.
    pub damaged: Vec<(String, DamageKind)>,
    /// Where to go on; `None` at the end of the range.
    pub next: Option<String>,
}

impl Vault {
    /// Reads and hashes one object: what is wrong with it, `None` if nothing is.
    ///
    /// # Errors
    /// S3's, where it can neither be read nor be said to be missing.
    pub async fn check(&self, system: &str, sha256: &str) -> Result<Option<DamageKind>, VaultError> {
        Ok(check_body(self, system, sha256).await?.err())
    }

    /// Reads and hashes up to `most` of the named objects from the name `from` on, up to `to` (exclusive, all if `None`). An empty `from` is the
    /// beginning. Memory: eight streams.
    ///
    /// # Errors
    /// S3's, where an object can neither be read nor be said to be missing; [`VaultError::Spool`]. The range may be begun again.
    pub async fn scrub(
        &self,
        system: &str,
        names: &Names,
        from: &str,
        to: Option<&str>,
        most: usize,
    ) -> Result<Scrubbed, VaultError> {
        let end = to.and_then(name_of);
        let mut range = names.from(name_of(from).unwrap_or(Sha([0; 32])))?;
        let (mut some, mut scrubbed) = (Vec::new(), Scrubbed::default());
        while let Some(name) = range.next().transpose()? {
            if end.is_some_and(|end| name >= end) {
                break;
            }
            if some.len() == most {
                scrubbed.next = Some(name.hex());
                break;
            }
            some.push(name.hex());
        }
        drop(range);
        let checks = some.into_iter().map(|sha256| async move {
            let verdict = check_body(self, system, &sha256).await?;
            Ok::<_, VaultError>((sha256, verdict))
        });
        let mut checks = stream::iter(checks.collect::<Vec<_>>()).buffered(AT_ONCE);
        while let Some((sha256, verdict)) = checks.try_next().await? {
            match verdict {
                Ok(bytes) => {
                    scrubbed.objects += 1;
                    scrubbed.bytes += bytes;
                }
                Err(what) => scrubbed.damaged.push((sha256, what)),
            }
        }
        drop(checks);
        Ok(scrubbed)
    }
}
