//! Lists of marks: which objects nothing named, and since when.

use jiff::Timestamp;
use seatbelt_model::RunId;
use serde::{Deserialize, Serialize};

use super::names::{Collector, Names, name_of};
use crate::{Vault, VaultError, digest::Sha, error::status};

const FORMAT: &str = "seatbelt-prune/1";
/// A list of more is written in parts, each of at most 5 MB.
pub(super) const MOST: usize = 50_000;

/// A list, as it is stored.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Marks {
    format: String,
    system: String,
    /// Nothing named these objects then.
    pub(super) marked_at: Timestamp,
    /// In the order of their names.
    pub(super) objects: Vec<Mark>,
}

/// One object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// Its SHA-256.
    pub(super) object: String,
    pub(super) bytes: u64,
    /// Not to be looked at before, as it was locked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) locked_until: Option<Timestamp>,
}

impl Mark {
    pub(super) fn name(&self) -> Option<Sha> {
        name_of(&self.object)
    }
}

/// When the marks under this key were made.
pub(super) fn marked_at(key: &str) -> Option<Timestamp> {
    let (_, name) = key.rsplit_once('/')?;
    let (time, _) = name.split_once('-')?;
    time.parse().ok().map(RunId::start)
}

impl Vault {
    /// Writes a list under a key of its own.
    pub(super) async fn put_marks(&self, system: &str, at: Timestamp, objects: Vec<Mark>) -> Result<(), VaultError> {
        let id = RunId::at(at);
        let marks = Marks {
            format: FORMAT.to_owned(),
            system: system.to_owned(),
            marked_at: id.start(),
            objects,
        };
        let json = serde_json::to_vec(&marks)
            .map_err(|error| VaultError::stopped(format!("a list of marks cannot be written as JSON: {error}")))?;
        let sha = Sha::of(&json).base64();
        for part in 0.. {
            let key = format!("{system}/prune/{id}-{part:04}.json");
            // Without a lock of ours: it is of no use once it was swept.
            let put = self.client().put_object().bucket(self.bucket()).key(&key);
            let put = put
                .if_none_match("*")
                .content_type("application/json")
                .checksum_sha256(&sha);
            match Box::pin(put.body(json.clone().into()).send()).await {
                Ok(_) => break,
                Err(error) if status(&error) == 412 => {}
                Err(error) => return Err(VaultError::s3("create", &key, &error)),
            }
        }
        Ok(())
    }

    /// A list; `None` if it is gone.
    pub(super) async fn marks(&self, system: &str, key: &str) -> Result<Option<Marks>, VaultError> {
        let json = match self.fetch(key).await {
            Ok(json) => json,
            Err(VaultError::Missing { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let damaged = |why: String| VaultError::damaged(key, format!("it is no list of marks: {why}"));
        let marks: Marks = serde_json::from_slice(&json).map_err(|error| damaged(error.to_string()))?;
        if marks.format != FORMAT {
            return Err(VaultError::UnknownFormat {
                object: key.to_owned(),
                format: marks.format,
            });
        }
        if marks.system != system || !marks.objects.iter().all(|mark| mark.name().is_some()) {
            return Err(damaged("it names what is no object of this system".to_owned()));
        }
        Ok(Some(marks))
    }

    /// Everything that is marked already.
    pub(super) async fn marked(&self, system: &str, keys: &[String]) -> Result<Names, VaultError> {
        let mut names = Collector::new(self);
        for key in keys {
            let marks = self.marks(system, key).await?;
            let marked = marks.iter().flat_map(|marks| &marks.objects);
            marked.filter_map(Mark::name).try_for_each(|name| names.add(name))?;
        }
        names.finish()
    }
}
