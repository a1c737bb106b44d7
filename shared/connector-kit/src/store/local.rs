//! Secrets on this machine.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use seatbelt_model::system::SecretRef;

use super::{SecretStore, parse, problem};
use crate::{KitError, SecretFields};

/// `file:PATH`, relative to a folder, and `env:NAME`.
#[derive(Debug, Clone)]
pub struct LocalSecrets {
    /// The folder that relative paths start from.
    pub base: PathBuf,
}

#[async_trait::async_trait]
impl SecretStore for LocalSecrets {
    async fn read(&self, place: &SecretRef) -> Result<SecretFields, KitError> {
        match place {
            SecretRef::File(path) => {
                let path = self.base.join(path);
                let text = blocking(move || read_file(&path)).await;
                parse(place, &text.map_err(|error| unreadable(place, &error))?)
            }
            SecretRef::Env(name) => {
                let text = std::env::var(name).map_err(|error| match error {
                    std::env::VarError::NotPresent => problem(
                        place,
                        format!("the environment variable {name} is not set; set it where Seatbelt runs"),
                    ),
                    std::env::VarError::NotUnicode(_) => problem(place, "it is not UTF-8 text"),
                })?;
                parse(place, &text)
            }
            SecretRef::Ssm(_) | SecretRef::SecretsManager(_) => Err(elsewhere(place)),
        }
    }

    async fn write(&self, place: &SecretRef, fields: &SecretFields) -> Result<(), KitError> {
        match place {
            SecretRef::File(path) => {
                let (path, text) = (self.base.join(path), fields.to_json());
                let written = blocking(move || replace_file(&path, text.expose())).await;
                written.map_err(|error| {
                    problem(
                        place,
                        format!("it could not be written ({error}); make its folder writable"),
                    )
                })
            }
            SecretRef::Env(_) => Err(problem(
                place,
                "the vendor changed this secret, and an environment variable cannot be written; keep it in file:PATH, ssm:NAME or secretsmanager:NAME",
            )),
            SecretRef::Ssm(_) | SecretRef::SecretsManager(_) => Err(elsewhere(place)),
        }
    }
}

fn elsewhere(place: &SecretRef) -> KitError {
    problem(place, "it is not kept on this machine; use file:PATH or env:NAME")
}

fn unreadable(place: &SecretRef, error: &io::Error) -> KitError {
    match error.kind() {
        io::ErrorKind::NotFound => problem(
            place,
            "there is no such file; write the credential there as a JSON object",
        ),
        io::ErrorKind::InvalidData => problem(place, "it is not UTF-8 text"),
        _ => problem(place, format!("it could not be read ({error})")),
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)))
}

fn read_file(path: &Path) -> io::Result<String> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if fs::metadata(path)?.permissions().mode() & 0o077 != 0 {
            tracing::warn!(path = %path.display(), "other users of this machine can read this secret; run `chmod 600` on it");
        }
    }
    fs::read_to_string(path)
}

/// Replaces a file so that a crash leaves either the old text or the new one. A link stays a link.
fn replace_file(path: &Path, text: &str) -> io::Result<()> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = path.parent().unwrap_or(Path::new("."));
    let temporary = folder.join(format!(".{:016x}.tmp", fastrand::u64(..)));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&temporary).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&temporary, &path)?;
        File::open(folder)?.sync_all()
    });
    if written.is_err() {
        let _ = fs::remove_file(&temporary); // Whatever is left of it holds a secret.
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Secret;

    fn store(folder: &tempfile::TempDir) -> LocalSecrets {
        LocalSecrets {
            base: folder.path().to_owned(),
        }
    }

    #[tokio::test]
    async fn a_file_is_read_replaced_and_kept_from_others() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("crm.json"), r#"{"token": "old", "id": 7}"#).unwrap();
        let (store, place) = (store(&folder), "file:crm.json".parse().unwrap());
        let mut fields = store.read(&place).await.unwrap();
        fields.set("token", Secret::new("new"));
        store.write(&place, &fields).await.unwrap();
        let again = store.read(&place).await.unwrap();
        assert_eq!(
            (again.get("token").unwrap().expose(), again.get("id").unwrap().expose()),
            ("new", "7")
        );
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            1,
            "no temporary file stays"
        );
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(folder.path().join("crm.json"))
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[tokio::test]
    async fn what_cannot_be_read_or_written_is_said_with_what_helps() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder);
        let said = |result: Result<SecretFields, KitError>| result.unwrap_err().to_string();
        assert!(said(store.read(&"file:none.json".parse().unwrap()).await).contains("no such file"));
        assert!(
            said(store.read(&"env:SEATBELT_NOT_SET".parse().unwrap()).await).contains("SEATBELT_NOT_SET is not set")
        );
        assert!(said(store.read(&"ssm:/a".parse().unwrap()).await).contains("not kept on this machine"));
        let written = store
            .write(&"env:TOKEN".parse().unwrap(), &SecretFields::default())
            .await;
        assert!(
            written
                .unwrap_err()
                .to_string()
                .contains("cannot be written; keep it in file:PATH")
        );
        let nowhere = store
            .write(&"file:no/such/folder.json".parse().unwrap(), &SecretFields::default())
            .await;
        assert!(nowhere.unwrap_err().to_string().contains("could not be written"));
    }
}
