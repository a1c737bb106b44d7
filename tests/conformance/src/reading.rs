//! A first backup reads everything, once, as it is; a second one of the same writes nothing.

use std::collections::{BTreeMap, BTreeSet};

use seatbelt_connector_kit::{Count, DependsOn, Fill, Key, Parent, Resource, Session};
use seatbelt_model::{Completeness, Snapshot};
use seatbelt_platforms::SeenRequest;
use seatbelt_vault::line;

use crate::{
    Rig, State, Subject,
    compare::{self, shorten},
    template::{self, Template},
};

/// The first two backups. Hands the home on.
pub(crate) async fn check(subject: &Subject<'_>) -> Template {
    let rig = Rig::of(&subject.setup(subject.clock.now())).await;
    let before = subject.server.request_count();
    let what = format!("{}: the first backup", subject.name);
    template::complete(&what, &rig).await;
    let requests = subject.seen_since(before);
    let snapshot = rig.newest().await;
    let state = rig.state(&snapshot).await;
    assert_eq!(
        snapshot.completeness,
        Completeness::Complete,
        "{what}: the run and its snapshot disagree"
    );
    reads_each_page_once(subject, &requests);
    holds_the_truth(subject, &state);
    every_resource_has_records(subject, &state);
    counts_agree(subject, &snapshot, &state);
    keeps_the_vendors_bytes(subject, &rig, &state).await;
    an_unchanged_run_writes_nothing(subject, &rig, &state).await;
    Template::keep(subject, rig, state)
}

fn reads_each_page_once(subject: &Subject<'_>, requests: &[SeenRequest]) {
    let mut seen = BTreeMap::new();
    for request in requests.iter().filter(|request| request.method == "GET") {
        *seen.entry(format!("{}?{}", request.path, request.query)).or_insert(0) += 1;
    }
    let identity = subject.connector.identity.path();
    let repeatable = |url: &str| url.contains(identity) || subject.repeatable.iter().any(|part| url.contains(part));
    let twice: Vec<String> = seen
        .into_iter()
        .filter(|(url, times)| *times > 1 && !repeatable(url))
        .map(|(url, times)| format!("{url}: {times} times"))
        .collect();
    assert!(
        twice.is_empty(),
        "{}: the first backup asked for a page more than once: {}",
        subject.name,
        shorten(&twice)
    );
}

fn holds_the_truth(subject: &Subject<'_>, state: &State) {
    let mut wrong = Vec::new();
    for (resource, keys) in (subject.truth)() {
        let stored: BTreeSet<String> = state
            .get(&resource)
            .map(|records| records.keys().cloned().collect())
            .unwrap_or_default();
        wrong.extend(
            keys.difference(&stored)
                .map(|key| format!("{resource} {key}: the vendor holds it, the snapshot does not")),
        );
        wrong.extend(
            stored
                .difference(&keys)
                .map(|key| format!("{resource} {key}: the snapshot holds it, the vendor does not")),
        );
    }
    assert!(
        wrong.is_empty(),
        "{}: the first backup is not what the vendor holds: {}",
        subject.name,
        shorten(&wrong)
    );
}

fn every_resource_has_records(subject: &Subject<'_>, state: &State) {
    let empty = |name: &str| state.get(name).is_none_or(BTreeMap::is_empty);
    let read: Vec<&str> = state.keys().map(String::as_str).collect();
    let unread: Vec<String> = read
        .iter()
        .filter(|name| empty(name) && !subject.absent.contains(name))
        .map(|name| format!("{name}: no records"))
        .collect();
    assert!(
        unread.is_empty(),
        "{}: nothing was read of what the vendor has records of: {}",
        subject.name,
        shorten(&unread)
    );
    let surprising: Vec<String> = subject
        .absent
        .iter()
        .filter(|name| !empty(name))
        .map(|name| format!("{name}: has records"))
        .collect();
    assert!(
        surprising.is_empty(),
        "{}: the subject calls resources absent that are not: {}",
        subject.name,
        shorten(&surprising)
    );
}

fn counts_agree(subject: &Subject<'_>, snapshot: &Snapshot, state: &State) {
    for (name, resource) in &snapshot.resources {
        let what = format!("{}: {name}", subject.name);
        let stored = state.get(name).map_or(0, BTreeMap::len) as u64;
        assert_eq!(
            resource.records, stored,
            "{what}: the document's number of records and the records"
        );
        assert_eq!(resource.receipt.duplicates, 0, "{what}: records came twice");
        let declared = subject
            .connector
            .resource(name)
            .is_some_and(|resource| !matches!(resource.count, Count::None));
        match resource.receipt.vendor_count {
            Some(count) => assert_eq!(count, stored, "{what}: the vendor's count and the records"),
            None => assert!(
                !declared || stored == 0,
                "{what}: the connector declares a count and the receipt has none"
            ),
        }
    }
}

/// The record a snapshot holds is the text the vendor sent: it stands in the answer, byte for byte.
async fn keeps_the_vendors_bytes(subject: &Subject<'_>, rig: &Rig, state: &State) {
    let session = rig.session().await;
    let is_root = |resource: &Resource| {
        matches!(resource.depends_on, DependsOn::Nothing) && resource.request.custom_list().is_none()
    };
    let mut exact = 0;
    for resource in subject.connector.resources {
        if is_root(resource) && state.contains_key(resource.name) {
            exact += compare_first_page(subject, &session, resource, &state[resource.name]).await;
        }
    }
    let has_roots = subject
        .connector
        .resources
        .iter()
        .any(|resource| is_root(resource) && state.contains_key(resource.name));
    assert!(
        exact > 0 || !has_roots,
        "{}: no record could be compared with the vendor's own text",
        subject.name
    );
}

async fn compare_first_page(
    subject: &Subject<'_>,
    session: &Session,
    resource: &'static Resource,
    stored: &BTreeMap<String, String>,
) -> usize {
    let fill = Fill {
        settings: session.settings(),
        parent: &Parent::default(),
    };
    let mut request = resource
        .request
        .prepare(resource.name, session.base_url(), &fill)
        .expect("a root resource needs settings only");
    resource.paginator.apply(&mut request, None);
    let Ok(answer) = session.send(resource.name, &request, &|_| Ok(())).await else {
        return 0;
    };
    let body = String::from_utf8_lossy(&answer.response.body).into_owned();
    let Ok(records) = resource.records.split(&answer.response.body) else {
        return 0;
    };
    let mut exact = 0;
    for record in &records {
        let key = resource
            .key_of(record, "")
            .expect("the first backup was complete, so every record has a key");
        let line = stored.get(&key).unwrap_or_else(|| {
            panic!(
                "{}: {} {key}: on the first page and not stored",
                subject.name, resource.name
            )
        });
        let (text, _) = line::split(line);
        let is_wrapped = !record.json.starts_with('{') || text.starts_with(r#"{"value":"#) && !body.contains(&*text);
        if is_wrapped {
            continue;
        }
        let same = body.contains(&*text);
        assert!(
            same || compare::is_same(subject.connector, resource.name, &text, &record.json),
            "{}: {} {key}: stored otherwise than the vendor writes it\n    vendor {}\n    stored {text}",
            subject.name,
            resource.name,
            record.json
        );
        let single = matches!(resource.key, Key::Only);
        exact += usize::from(same || single);
    }
    exact
}

async fn an_unchanged_run_writes_nothing(subject: &Subject<'_>, rig: &Rig, state: &State) {
    let what = format!("{}: a second backup of the same", subject.name);
    let (objects, documents) = (rig.objects("objects/").await, rig.objects("snapshots/").await);
    for full in [false, true] {
        let run = rig
            .back_up(full)
            .await
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        let snapshot = rig.newest().await;
        assert_eq!(run.snapshot, Some(snapshot.id), "{what}: no snapshot");
        let changed: Vec<String> = snapshot
            .resources
            .iter()
            .filter(|(_, resource)| resource.changes.total() > 0)
            .map(|(name, resource)| format!("{name}: {:?}", resource.changes))
            .collect();
        assert!(
            changed.is_empty(),
            "{what} (full: {full}) finds changes: {}",
            shorten(&changed)
        );
        compare::assert_same(&what, subject.connector, state, &rig.state(&snapshot).await);
        assert_eq!(compare::gaps(&snapshot), Vec::<String>::new(), "{what} (full: {full})");
    }
    let new: Vec<String> = rig
        .objects("objects/")
        .await
        .into_iter()
        .filter(|key| !objects.contains(key))
        .collect();
    assert!(new.is_empty(), "{what} wrote objects: {}", shorten(&new));
    assert_eq!(
        rig.objects("snapshots/").await.len(),
        documents.len() + 2,
        "{what}: one document each"
    );
    assert_eq!(
        rig.objects("staging/").await,
        Vec::<String>::new(),
        "{what} left staging behind"
    );
}
