//! The bytes of files: fetched now for records that are new or changed, streamed into the vault, named in the record.

use std::{borrow::Cow, time::Duration};

use async_stream::try_stream;
use futures_util::{FutureExt, Stream, StreamExt, pin_mut, stream::BoxStream};
use seatbelt_connector_kit::{BodyStream, Digest, Fetch, File, KitError, Resource};
use seatbelt_model::{
    Event, Gap, GapReason, KeyRule,
    json::{self, Pointer},
    key,
};
use seatbelt_vault::{Body, Difference, Expected, Staged, StagedRun, StoredBody, Sweep, VaultError, line};

use crate::{EngineError, run::Context};

/// A file that arrived damaged is fetched again, once.
const TRIES: u32 = 2;

/// A difference with its body in the record's line.
pub(crate) struct WithBody {
    pub(crate) difference: Difference,
    /// Whether this invocation found out what becomes of the body, so that whoever goes on with the run need not.
    pub(crate) settled: bool,
    /// What is missing of it.
    pub(crate) gap: Option<Gap>,
}

/// Fetches the body of each added or changed record of a file resource, several at once, in order; those in `fetched`, which an earlier
/// invocation has stored, are taken from there. A body that cannot be had is a gap; the record is kept with the reason, and the next run tries again.
pub(crate) fn with_bodies<'a>(
    context: &'a Context<'a>,
    resource: &'static Resource,
    fetched: Vec<StagedRun>,
    differences: impl Stream<Item = Result<Difference, VaultError>> + Send + 'a,
) -> BoxStream<'a, Result<WithBody, EngineError>> {
    let Some(file) = resource.kind.file() else {
        let as_it_is = |difference| WithBody {
            difference,
            settled: false,
            gap: None,
        };
        return differences.map(move |difference| Ok(as_it_is(difference?))).boxed();
    };
    let stored = with_stored(context, fetched, differences);
    let fetched = stored.map(move |found| {
        async move {
            let (difference, stored) = found?;
            with_body(context, resource, file, difference, stored).await
        }
        .boxed()
    });
    fetched.buffered(context.concurrency()).boxed()
}

/// Each difference with the body that an earlier invocation fetched for it. Both come in the order of keys.
fn with_stored<'a>(
    context: &'a Context<'a>,
    fetched: Vec<StagedRun>,
    differences: impl Stream<Item = Result<Difference, VaultError>> + Send + 'a,
) -> impl Stream<Item = Result<(Difference, Option<Body>), EngineError>> + Send + 'a {
    try_stream! {
        let staged = Staged::from_runs(fetched);
        let mut log = context.vault.compare(&context.system, None, staged, Sweep::Full, &[], &KeyRule::Written).await?;
        let mut next = log.next().await?;
        pin_mut!(differences);
        while let Some(difference) = differences.next().await {
            let difference = difference?;
            while next.as_ref().is_some_and(|entry| key::compare(&entry.key, &difference.key).is_lt()) {
                next = log.next().await?;
            }
            let entry = next.as_ref().filter(|entry| entry.key == difference.key);
            let stored = entry.and_then(|entry| entry.after.as_deref()).map(text).transpose()?.and_then(line::body);
            yield (difference, stored);
        }
    }
}

async fn with_body(
    context: &Context<'_>,
    resource: &'static Resource,
    file: File,
    mut difference: Difference,
    stored: Option<Body>,
) -> Result<WithBody, EngineError> {
    let Some(after) = difference.after.take() else {
        return Ok(WithBody {
            difference,
            settled: false,
            gap: None,
        });
    };
    let (record, extra) = line::split(text(&after)?);
    let before = difference.before.as_deref().map(text).transpose()?;
    let known = stored.or_else(|| before.and_then(|before| kept_body(file, before, &record)));
    let (body, settled) = match known {
        Some(body) => (Some(body), false),
        None => fetch(context, resource, file, &record).await?,
    };
    let gap = match &body {
        Some(Body::Missing { missing }) => Some(Gap {
            reason: GapReason::BodyMissing,
            at: difference.key.clone(),
            detail: format!("its bytes could not be had: {missing}"),
            more: 0,
        }),
        _ => None,
    };
    let extra = line::Extra {
        body,
        ..extra.unwrap_or_default()
    };
    difference.after = Some(line::build(&record, &extra)?.into());
    Ok(WithBody {
        difference,
        settled,
        gap,
    })
}

/// The entry of the log that says what became of a record's body; `None` if there is nothing to say.
pub(crate) fn log_entry(with_body: &WithBody) -> Result<Option<String>, EngineError> {
    let WithBody {
        difference,
        settled: true,
        ..
    } = with_body
    else {
        return Ok(None);
    };
    let Some(after) = difference.after.as_deref() else {
        return Ok(None);
    };
    let extra = line::Extra {
        key: Some(difference.key.clone()),
        body: line::body(text(after)?),
    };
    Ok(extra.body.is_some().then(|| line::build("{}", &extra)).transpose()?)
}

/// The body of the record before, while the fields that tell versions apart are equal.
fn kept_body(file: File, before: &str, record: &str) -> Option<Body> {
    let (before, extra) = line::split(before);
    let body = extra?.body.filter(|body| matches!(body, Body::Stored(_)))?;
    let same = |pointer: &&str| {
        let pointer = Pointer::new(pointer);
        match (json::find(&before, &pointer), json::find(record, &pointer)) {
            (Some(before), Some(now)) => json::same(before, now, &[]),
            (before, now) => before.is_none() && now.is_none(),
        }
    };
    (!file.version.is_empty() && file.version.iter().all(same)).then_some(body)
}

/// The body, or why it is missing, and whether that is settled for this run.
async fn fetch(
    context: &Context<'_>,
    resource: &'static Resource,
    file: File,
    record: &str,
) -> Result<(Option<Body>, bool), EngineError> {
    context.beat().await?;
    let (begun, mut failure) = (context.clock.now(), String::new());
    for _ in 0..TRIES {
        if context.must_stop() {
            return Err(EngineError::Interrupted);
        }
        let stream = match open(context, resource, file, record).await {
            Ok(Some(stream)) => stream,
            Ok(None) => return Ok((None, true)),
            Err(KitError::OutOfTime { .. }) => return Err(EngineError::Interrupted),
            Err(error) => {
                failure = error.to_string();
                if error.class() == seatbelt_model::Class::Reconnect {
                    break;
                }
                continue;
            }
        };
        let in_time = stream.map(|chunk| match context.must_stop() {
            true => Err(KitError::OutOfTime {
                at: resource.name.to_owned(),
                wait: Duration::ZERO,
            }),
            false => chunk,
        });
        let stored = context
            .vault
            .put_body(&context.system, in_time, &expected(file, record))
            .await;
        match stored {
            Ok(body) => {
                let (resource, bytes) = (resource.name.to_owned(), body.size_bytes);
                context.observer.notice(Event::Body { resource, bytes });
                return Ok((Some(Body::Stored(named(body, file, record))), true));
            }
            // The next invocation would fare no better, and nor would those after it.
            Err(VaultError::Body { .. }) if context.must_stop() && context.had_most_of_its_time(begun) => {
                let missing = "it takes longer than one invocation lasts; back the system up from a machine".to_owned();
                return Ok((Some(Body::Missing { missing }), true));
            }
            Err(VaultError::Body { .. }) if context.must_stop() => return Err(EngineError::Interrupted),
            Err(VaultError::Body { why }) => failure = why,
            Err(error) => return Err(error.into()),
        }
    }
    Ok((Some(Body::Missing { missing: failure }), false))
}

async fn open(
    context: &Context<'_>,
    resource: &Resource,
    file: File,
    record: &str,
) -> Result<Option<BodyStream>, KitError> {
    match file.fetch {
        Fetch::Url { url, headers } => match json::text_at(record, &Pointer::new(url)).filter(|url| !url.is_empty()) {
            Some(url) => context.session.body(resource.name, &url, headers).await,
            None => Ok(None),
        },
        Fetch::Custom(fetch) => fetch(&context.session, record).await,
    }
}

/// What the record says of its bytes.
fn expected(file: File, record: &str) -> Expected {
    let at = |pointer: &str| json::text_at(record, &Pointer::new(pointer)).map(Cow::into_owned);
    Expected {
        size_bytes: file.size_bytes.and_then(at).and_then(|size| size.parse().ok()),
        sha256: file
            .digest
            .and_then(|Digest::Sha256(pointer)| at(pointer))
            .map(|digest| digest.strip_prefix("sha256:").unwrap_or(&digest).to_ascii_lowercase()),
        md5: None,
    }
}

fn named(body: StoredBody, file: File, record: &str) -> StoredBody {
    let name = file
        .name
        .and_then(|pointer| json::text_at(record, &Pointer::new(pointer)).map(Cow::into_owned));
    StoredBody { name, ..body }
}

fn text(bytes: &[u8]) -> Result<&str, EngineError> {
    std::str::from_utf8(bytes).map_err(|_| EngineError::Bug("a staged line is not UTF-8".into()))
}
