//! Listing a folder page by page, so that memory does not grow with it.

use std::collections::VecDeque;

use aws_sdk_s3::types::Object;
use jiff::Timestamp;

use super::names::name_of;
use crate::{Vault, VaultError, digest::Sha};

/// An object as a listing shows it.
#[derive(Debug, Clone)]
pub(super) struct Listed {
    pub(super) name: Sha,
    pub(super) bytes: u64,
    pub(super) modified: Option<Timestamp>,
}

/// The content-addressed objects of a system, in the order of their names.
#[derive(Debug)]
pub(super) struct Listing<'a> {
    vault: &'a Vault,
    prefix: String,
    page: VecDeque<Listed>,
    /// Where the next page begins; the outer `None` at the end.
    next: Option<Option<String>>,
}

impl<'a> Listing<'a> {
    pub(super) fn new(vault: &'a Vault, system: &str) -> Self {
        Self {
            vault,
            prefix: format!("{system}/objects/"),
            page: VecDeque::new(),
            next: Some(None),
        }
    }

    /// The next object; `None` at the end. What has not the name of an object is none of ours, and is passed over.
    pub(super) async fn next(&mut self) -> Result<Option<Listed>, VaultError> {
        while self.page.is_empty() {
            let Some(token) = self.next.take() else { return Ok(None) };
            let list = self.vault.client().list_objects_v2().bucket(self.vault.bucket());
            let list = list.prefix(&self.prefix).set_continuation_token(token);
            let page = Box::pin(list.send()).await;
            let page = page.map_err(|error| VaultError::s3("list", &self.prefix, &error))?;
            self.next = page.next_continuation_token.map(Some);
            let objects = page.contents.unwrap_or_default();
            self.page
                .extend(objects.iter().filter_map(|object| listed(&self.prefix, object)));
        }
        Ok(self.page.pop_front())
    }
}

fn listed(prefix: &str, object: &Object) -> Option<Listed> {
    let (folder, name) = object.key()?.strip_prefix(prefix)?.split_once('/')?;
    let modified = object.last_modified();
    Some(Listed {
        name: name_of(name).filter(|_| name.starts_with(folder) && folder.len() == 2)?,
        bytes: u64::try_from(object.size().unwrap_or_default()).unwrap_or_default(),
        modified: modified.and_then(|at| Timestamp::from_second(at.secs()).ok()),
    })
}
