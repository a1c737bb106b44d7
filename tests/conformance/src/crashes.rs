//! A backup that is killed at a request, or asked to stop at one: the newest snapshot is as it was, and the next run completes what it began.

use std::{collections::BTreeMap, pin::pin, sync::Arc};

use seatbelt_embedded::Options;
use seatbelt_engine::{EngineError, Stop};
use seatbelt_model::{Run, RunStatus};
use seatbelt_platforms::SeenRequest;

use crate::{
    Rig, Subject, compare, sample,
    template::{self, Start, Template, Undisturbed},
};

/// How a run ends early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Killed,
    Stopped,
}

/// The number of cases.
pub(crate) async fn check(subject: &Subject<'_>, template: &Template) -> usize {
    let mut cases = 0;
    for start in Start::ALL {
        let expected = template.undisturbed(subject, start).await;
        for at in sample(expected.requests, subject.samples) {
            killed(subject, template, start, at + 1, &expected).await;
            cases += 1;
        }
        let (mut stops, mut interrupted) = (0, 0);
        for at in sample(expected.requests, subject.samples.div_ceil(2) + 1) {
            interrupted += usize::from(stopped(subject, template, start, at + 1, &expected).await);
            stops += 1;
        }
        cases += stops;
        assert!(
            interrupted * 2 >= stops,
            "{}: of {stops} runs asked to stop ({start:?}), {interrupted} stopped",
            subject.name
        );
    }
    cases
}

async fn killed(subject: &Subject<'_>, template: &Template, start: Start, at: u64, expected: &Undisturbed) {
    let what = format!(
        "{}: killed at request {at} of {} ({start:?})",
        subject.name, expected.requests
    );
    let setup = template.setup(subject, start);
    let rig = template.rig_with(&setup, start, Options::default()).await;
    let previous = rig.newest_id().await;
    let base = subject.server.request_count();
    let done = tokio::select! {
        biased;
        done = rig.back_up(false) => Some(done),
        () = subject.server.reached(base + at) => None,
    };
    match done {
        None => assert_eq!(
            rig.newest_id().await,
            previous,
            "{what}: the newest snapshot is another"
        ),
        // Requests are counted as they come; the vendor's own may end before the last is seen.
        Some(Ok(run)) => assert_eq!(run.status, RunStatus::Complete, "{what}"),
        Some(Err(error)) => panic!("{what}: failed before it was killed: {error}"),
    }
    // Every other time it is another process that goes on.
    let rig = if at.is_multiple_of(2) {
        again(rig, &setup).await
    } else {
        rig
    };
    goes_on(&what, subject, &rig, expected, End::Killed).await;
}

/// Whether it stopped, rather than having been done already.
async fn stopped(subject: &Subject<'_>, template: &Template, start: Start, at: u64, expected: &Undisturbed) -> bool {
    let what = format!(
        "{}: stopped at request {at} of {} ({start:?})",
        subject.name, expected.requests
    );
    let setup = template.setup(subject, start);
    let mut rig = template.rig_with(&setup, start, Options::default()).await;
    let previous = rig.newest_id().await;
    let base = subject.server.request_count();
    let outcome = {
        let mut backup = pin!(rig.back_up(false));
        tokio::select! {
            biased;
            done = &mut backup => done,
            () = subject.server.reached(base + at) => {
                rig.stop.request();
                backup.await
            }
        }
    };
    let first = subject.seen_since(base);
    match outcome {
        Err(EngineError::Interrupted) => {}
        Ok(run) => {
            assert_eq!(
                run.status,
                RunStatus::Complete,
                "{what}: it was done before it could stop, and is not complete"
            );
            return false;
        }
        Err(error) => panic!("{what}: the run failed: {error}"),
    }
    assert_eq!(
        rig.newest_id().await,
        previous,
        "{what}: the newest snapshot is another"
    );
    rig.stop = Stop::default();
    let base = subject.server.request_count();
    let run = goes_on(&what, subject, &rig, expected, End::Stopped).await;
    assert_eq!(run.hops, 2, "{what}: the next run did not go on with it");
    asks_little_again(&what, subject, &first, &subject.seen_since(base));
    true
}

async fn again(rig: Rig, setup: &crate::Setup<'_>) -> Rig {
    let folder = rig.folder();
    drop(rig);
    Rig::on(Arc::clone(&folder), setup, Options::default()).await
}

/// The next run completes, with the state of a run that nobody disturbed, and everything stored is whole.
async fn goes_on(what: &str, subject: &Subject<'_>, rig: &Rig, expected: &Undisturbed, end: End) -> Run {
    if end == End::Killed {
        assert_eq!(rig.damage().await, Vec::<String>::new(), "{what}: damage");
    }
    let run = template::complete(&format!("{what}; the next run"), rig).await;
    compare::assert_same(
        &format!("{what}; the next run"),
        subject.connector,
        &expected.state,
        &rig.state(&rig.newest().await).await,
    );
    assert_eq!(
        rig.damage().await,
        Vec::<String>::new(),
        "{what}; after the next run: damage"
    );
    run
}

/// Pages that were checkpointed are not asked for again: only those on the way when the run stopped, and listings made by a function, which
/// come in one piece.
fn asks_little_again(what: &str, subject: &Subject<'_>, first: &[SeenRequest], second: &[SeenRequest]) {
    let lanes = subject.connector.pace.concurrency.max(1) as usize;
    let mut before: BTreeMap<(String, String), usize> = BTreeMap::new();
    for request in first
        .iter()
        .filter(|request| request.method == "GET" && request.status == Some(200))
    {
        *before.entry((request.path.clone(), request.query.clone())).or_default() += 1;
    }
    let repeatable = |path: &str| subject.repeatable.iter().any(|part| path.contains(part));
    let twice: Vec<String> = second
        .iter()
        .filter(|request| {
            before.contains_key(&(request.path.clone(), request.query.clone())) && !repeatable(&request.path)
        })
        .map(|request| format!("{}?{}", request.path, request.query))
        .collect();
    // A lane has one page in its hand and one on the way; two wait in the channel. Every invocation signs in.
    let allowed = 2 * lanes + 3;
    assert!(
        twice.len() <= allowed,
        "{what}: the next run asked again for what was checkpointed: {}",
        compare::shorten(&twice)
    );
}
