//! The partitions of a resource: the root, a few values, or one per parent record.

use futures_util::{StreamExt, TryStreamExt, stream::BoxStream};
use seatbelt_connector_kit::{DependsOn, Only, Parent, Resource};
use seatbelt_model::{ChangeKind, key};
use seatbelt_vault::{Difference, Vault};

use crate::{
    EngineError,
    plan::{self, Mode},
    run::Done,
    team::Slice,
};

/// What to do about one partition.
pub(crate) enum Partition {
    /// List it.
    List(Parent),
    /// It is gone, and all its records with it.
    Gone(String),
}

type Partitions<'a> = BoxStream<'a, Result<Partition, EngineError>>;

/// The partitions of `resource`, in key order, from the states that this run has read so far; those of a slice, if one is given.
pub(crate) fn partitions<'a>(
    vault: &'a Vault,
    system: &'a str,
    done: &'a Done,
    resource: &'static Resource,
    mode: Mode,
    slice: Option<Slice>,
) -> Partitions<'a> {
    let all = all(vault, system, done, resource, mode);
    let Some(slice) = slice else { return all };
    all.try_filter(move |partition| {
        let key = match partition {
            Partition::List(parent) => &parent.key,
            Partition::Gone(key) => key,
        };
        std::future::ready(slice.holds(key))
    })
    .boxed()
}

fn all<'a>(
    vault: &'a Vault,
    system: &'a str,
    done: &'a Done,
    resource: &'static Resource,
    mode: Mode,
) -> Partitions<'a> {
    match resource.depends_on {
        DependsOn::Nothing | DependsOn::Has(..) => {
            futures_util::stream::iter([Ok(Partition::List(Parent::default()))]).boxed()
        }
        DependsOn::Values(name, values) => {
            let parents = values.iter().map(move |value| Parent {
                key: (*value).to_owned(),
                value: Some((name.to_owned(), (*value).to_owned())),
                records: Vec::new(),
            });
            futures_util::stream::iter(parents.map(|parent| Ok(Partition::List(parent)))).boxed()
        }
        DependsOn::Each(parent, only) => below(vault, system, done, parent, only, Mode::Full),
        DependsOn::EachChanged(parent, only) => below(vault, system, done, parent, only, mode),
    }
}

/// Parents that are there (all of them, or in an incremental run those that changed), and parents that went away in this run.
fn below<'a>(
    vault: &'a Vault,
    system: &'a str,
    done: &'a Done,
    parent: &'static Resource,
    only: Only,
    mode: Mode,
) -> Partitions<'a> {
    let Some(state) = done.get(parent.name) else {
        return futures_util::stream::empty().boxed();
    };
    let changed = changed(vault, system, done, parent);
    match mode {
        Mode::Incremental => changed
            .and_then(move |difference| async move {
                match difference.after {
                    Some(line) => partition(vault, system, done, parent, only, difference.key, &text(&line)?).await,
                    None => Ok(Partition::Gone(plan::as_prefix(parent, &difference.key))),
                }
            })
            .boxed(),
        Mode::Full => {
            let removed = changed.try_filter_map(move |difference| async move {
                let removed = difference.kind == ChangeKind::Removed;
                Ok(removed.then(|| Partition::Gone(plan::as_prefix(parent, &difference.key))))
            });
            let there = vault.state(system, state).map_err(EngineError::from);
            let there = there.and_then(move |(key, line)| async move {
                partition(vault, system, done, parent, only, key, &text(&line)?).await
            });
            there.chain(removed).boxed()
        }
    }
}

fn changed<'a>(
    vault: &'a Vault,
    system: &'a str,
    done: &'a Done,
    parent: &'static Resource,
) -> BoxStream<'a, Result<Difference, EngineError>> {
    let fresh = done.get(parent.name).filter(|_| done.is_fresh(parent.name));
    match fresh.and_then(|state| Some((state.delta.as_ref()?, &state.key))) {
        Some((delta, rule)) => vault
            .layer_changes(system, delta, rule)
            .map_err(EngineError::from)
            .boxed(),
        None => futures_util::stream::empty().boxed(),
    }
}

async fn partition(
    vault: &Vault,
    system: &str,
    done: &Done,
    parent: &'static Resource,
    only: Only,
    key: String,
    record: &str,
) -> Result<Partition, EngineError> {
    if let Only::If(holds) = only
        && !holds(record)
    {
        return Ok(Partition::Gone(plan::as_prefix(parent, &key)));
    }
    one(vault, system, done, parent, key, record.to_owned())
        .await
        .map(Partition::List)
}

/// A parent record with its ancestors.
async fn one(
    vault: &Vault,
    system: &str,
    done: &Done,
    parent: &'static Resource,
    key: String,
    record: String,
) -> Result<Parent, EngineError> {
    let prefix = plan::as_prefix(parent, &key);
    let mut records = vec![(parent.name.to_owned(), record)];
    let (mut resource, mut key) = (parent, key);
    while let (Some(above), Some(above_key)) = (resource.parent(), plan::parent_key(resource, &key)) {
        let state = done
            .get(above.name)
            .ok_or_else(|| EngineError::Bug(format!("{} was read before {}", resource.name, above.name)))?;
        match vault.get(system, state, &above_key).await? {
            Some(line) => records.push((above.name.to_owned(), text(&line)?)),
            // The parent is carried forward from an older state than its own parent: its placeholders tell, if any needs it.
            None => break,
        }
        (resource, key) = (above, above_key);
    }
    Ok(Parent {
        key: prefix,
        value: None,
        records,
    })
}

/// The partition with this key, for a lane that an interrupted run left open.
pub(crate) async fn reopen(
    vault: &Vault,
    system: &str,
    done: &Done,
    resource: &'static Resource,
    at: &str,
) -> Result<Option<Parent>, EngineError> {
    match resource.depends_on {
        DependsOn::Nothing | DependsOn::Has(..) => Ok(Some(Parent::default())),
        DependsOn::Values(name, _) => Ok(Some(Parent {
            key: at.to_owned(),
            value: Some((name.to_owned(), at.to_owned())),
            records: Vec::new(),
        })),
        DependsOn::Each(parent, _) | DependsOn::EachChanged(parent, _) => {
            let key = if parent.parent().is_none() {
                key::unpart(at).into_owned()
            } else {
                at.to_owned()
            };
            let Some(state) = done.get(parent.name) else {
                return Ok(None);
            };
            match vault.get(system, state, &key).await? {
                Some(line) => Ok(Some(one(vault, system, done, parent, key, text(&line)?).await?)),
                None => Ok(None),
            }
        }
    }
}

fn text(line: &[u8]) -> Result<String, EngineError> {
    String::from_utf8(line.to_vec()).map_err(|_| EngineError::Bug("a stored line is not UTF-8".into()))
}
