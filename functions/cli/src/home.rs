//! Where everything is kept, opened: a folder on this machine, or a stack deployed on AWS. Commands work on both alike.
//!
//! ```text
//! DIR/s3, DIR/dynamodb.sqlite     snapshots; manifest and run history
//! DIR/...                         secrets named by `file:` in the manifest, relative to DIR
//! ```

use std::{
    fmt,
    ops::Deref,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, Result};
use seatbelt_catalog::{Catalog, Entry, Tables};
use seatbelt_connector_kit::{AllSecrets, LocalSecrets, Pacers, SystemClock};
use seatbelt_embedded::{BUCKET, Embedded};
use seatbelt_engine::Engine;
use seatbelt_model::{
    Clock, SystemName,
    system::{SecretRef, nearest},
};
use seatbelt_vault::{Options, Vault};

use crate::{
    failure::Failure,
    stack::{self, Stack},
};

/// Half-received files wait here, on the disk they will be kept on.
const SPOOL: &str = "spool";

/// Where to work, as the command line names it.
///
/// It is a folder on this machine to those who know of nothing else. Beside a stack the folder keeps little: plans of restores, and
/// the `file:` secrets that a person names on the command line.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    folder: PathBuf,
    stack: Option<Named>,
}

/// A stack that was named and not looked for yet.
#[derive(Debug, Clone)]
struct Named {
    name: String,
    region: Option<String>,
}

impl Place {
    /// A deployed stack, with a folder beside it.
    pub(crate) fn stack(name: String, region: Option<String>, folder: PathBuf) -> Self {
        Self {
            folder,
            stack: Some(Named { name, region }),
        }
    }
}

impl Deref for Place {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.folder
    }
}

impl From<&Path> for Place {
    fn from(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            stack: None,
        }
    }
}

impl From<&Place> for Place {
    fn from(place: &Place) -> Self {
        place.clone()
    }
}

/// An open home.
pub(crate) struct Home {
    /// The folder, or what is beside a stack.
    pub(crate) folder: PathBuf,
    pub(crate) vault: Vault,
    pub(crate) catalog: Catalog,
    pub(crate) clock: Arc<dyn Clock>,
    /// The stack, if it is one.
    pub(crate) stack: Option<Stack>,
    _embedded: Option<Embedded>,
}

impl fmt::Display for Home {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.stack {
            Some(stack) => write!(f, "stack {}", stack.name),
            None => self.folder.display().fmt(f),
        }
    }
}

impl Home {
    /// Opens the place. A folder is made if there is none; a stack must be deployed already.
    pub(crate) async fn create(place: impl Into<Place>) -> Result<Self> {
        let Place { folder, stack } = place.into();
        match stack {
            Some(Named { name, region }) => Self::on(Stack::find(&name, region.as_deref()).await?, folder),
            None => Self::in_folder(&folder).await,
        }
    }

    fn on(stack: Stack, folder: PathBuf) -> Result<Self> {
        Ok(Self {
            folder,
            vault: stack.vault()?,
            catalog: stack.catalog()?,
            clock: Arc::new(SystemClock),
            stack: Some(stack),
            _embedded: None,
        })
    }

    async fn in_folder(folder: &Path) -> Result<Self> {
        let embedded = Embedded::open(folder).await?;
        let spool = folder.join(SPOOL);
        private_folder(&spool).with_context(|| format!("cannot create {}", spool.display()))?;
        let vault = Vault::new(
            embedded.s3(),
            BUCKET,
            Options {
                spool,
                ..Options::default()
            },
        );
        let tables = Tables {
            manifest: "seatbelt-manifest".into(),
            runs: "seatbelt-runs".into(),
        };
        let catalog = Catalog::new(embedded.dynamodb(), tables);
        catalog.create_tables().await?;
        Ok(Self {
            folder: folder.to_owned(),
            vault,
            catalog,
            clock: Arc::new(SystemClock),
            stack: None,
            _embedded: Some(embedded),
        })
    }

    /// Opens a place that must be there: a command that only reads should not leave an empty folder behind.
    pub(crate) async fn open(place: &Place) -> Result<Self> {
        let folder: &Path = place;
        if place.stack.is_some() {
            return Self::create(place).await;
        }
        if !folder.exists() {
            return Err(nothing_here(folder, "there is no such folder").into());
        }
        // Either half is enough: a history that was lost is rebuilt from the snapshots.
        if folder.is_dir() && !folder.join("dynamodb.sqlite").exists() && !folder.join("s3").exists() {
            return Err(nothing_here(folder, "the folder is not a Seatbelt home").into());
        }
        Self::create(folder).await
    }

    /// What runs work with, the pacers shared by all that get the same ones. AWS is only prepared for if one of `secrets` is there.
    pub(crate) async fn engine(&self, pacers: &Pacers, secrets: impl Iterator<Item = &SecretRef>) -> Engine {
        let mut in_aws = secrets.filter(|place| matches!(place, SecretRef::Ssm(_) | SecretRef::SecretsManager(_)));
        let aws = match (in_aws.next(), &self.stack) {
            (_, Some(stack)) => Some(stack.secrets()),
            (Some(_), None) => Some(stack::secrets(&stack::config(None).await)),
            (None, None) => None,
        };
        let local = LocalSecrets {
            base: self.folder.clone(),
        };
        Engine {
            vault: self.vault.clone(),
            catalog: self.catalog.clone(),
            secrets: Arc::new(AllSecrets { local, aws }),
            pacers: pacers.clone(),
            clock: Arc::clone(&self.clock),
        }
    }

    /// The manifest's entry of this name.
    pub(crate) async fn entry(&self, name: &str) -> Result<Entry> {
        let found = match name.parse::<SystemName>() {
            Ok(name) => self.catalog.system(&name).await?,
            // A name typed in the console may be no valid one; it can still be shown and removed.
            Err(_) => self
                .catalog
                .systems()
                .await?
                .into_iter()
                .find(|entry| entry.name == name),
        };
        match found {
            Some(entry) => Ok(entry),
            None => {
                let entries = self.catalog.systems().await?;
                Err(unknown_system(name, entries.iter().map(|entry| entry.name.as_str())).into())
            }
        }
    }

    /// Makes sure that `name` was ever heard of: the manifest has it, or the vault holds snapshots of it.
    pub(crate) async fn known(&self, name: &str) -> Result<()> {
        let stored = self.vault.systems().await?;
        let entries = self.catalog.systems().await?;
        let names: Vec<&str> = entries
            .iter()
            .map(|entry| entry.name.as_str())
            .chain(stored.iter().map(String::as_str))
            .collect();
        if names.contains(&name) {
            Ok(())
        } else {
            Err(unknown_system(name, names.into_iter()).into())
        }
    }
}

/// Customers' files pass through it, so it is its owner's alone.
fn private_folder(path: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

fn nothing_here(folder: &Path, why: &str) -> Failure {
    Failure::new(
        format!("nothing is kept in {}: {why}", folder.display()),
        "name the right folder with --home DIR or SEATBELT_HOME; seatbelt manifest import FILE, or manifest set, begins a new one",
    )
}

fn unknown_system<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Failure {
    let near = nearest(name, names)
        .map(|near| format!("; did you mean {near}?"))
        .unwrap_or_default();
    Failure::new(format!("there is no system \"{name}\"{near}"), "seatbelt manifest list")
}
