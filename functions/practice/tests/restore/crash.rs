//! A restore that dies, at every request to the vendor and at every write to the storage: the next one finishes it, with no record
//! doubled and none lost, and the undo leads back to the state before.

use std::{collections::BTreeMap, pin::pin, sync::Arc, time::Duration};

use seatbelt_conformance::{Plan, Rig, SYSTEM, Setup};
use seatbelt_embedded::{Axe, Options};
use seatbelt_engine::{Action, EngineError, Selection};
use seatbelt_model::{RunStatus, SnapshotId};
use seatbelt_platforms::{
    FaultKind, Faults, Matcher, Server, SimClock,
    practice::{Crm, crm},
};
use seatbelt_practice::PRACTICE_CRM;
use serde_json::{Value, json};

/// A small CRM from which a company was deleted and whose pipeline was changed, with the plan to undo both.
struct Case {
    crm: Crm,
    server: Server,
    clock: SimClock,
    before: State,
    spoiled: State,
    good: SnapshotId,
    plan: Plan,
}

/// Records by resource, without ids and times: what must come back, however often the restore died.
type State = BTreeMap<String, Vec<String>>;

impl Case {
    /// The case, and a rig on it whose storage obeys `options`.
    async fn new(options: Options) -> (Self, Rig) {
        let clock = SimClock::default();
        let crm = Crm::new("Crashing Ltd", clock.clone());
        crm.limit_per_second(None);
        let company = fill(&crm, &clock);
        let server = Server::start(crm.router()).await;
        let before = state(&crm);
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let mut rig = rig_on(&folder, &server, &clock, options).await;
        let good = back_up(&mut rig, &clock).await;
        spoil(&crm, company);
        let bad = back_up(&mut rig, &clock).await;
        let plan = rig.plan(good, bad, Selection::default()).await.unwrap();
        let spoiled = state(&crm);
        let case = Self {
            crm,
            server,
            clock,
            before,
            spoiled,
            good,
            plan,
        };
        (case, rig)
    }

    /// The same home in the hands of another process.
    async fn again(&self, rig: Rig) -> Rig {
        let folder = rig.folder();
        drop(rig);
        rig_on(&folder, &self.server, &self.clock, Options::default()).await
    }

    /// The plan once more: it ends well, everything is there once, and undone it is as it was.
    async fn ends_well(&self, what: &str, mut rig: Rig) {
        let (restored, dones) = rig
            .apply(&self.plan)
            .await
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(restored.run.status, RunStatus::Complete, "{what}: {dones:?}");
        assert_eq!(state(&self.crm), self.before, "{what}");
        let now = back_up(&mut rig, &self.clock).await;
        let left = rig.plan(self.good, now, Selection::default()).await.unwrap();
        assert!(
            left.steps.iter().all(|step| step.action == Action::Fine),
            "{what}: {:?}",
            left.steps
        );
        // If all was lost but the last answer, the second found nothing to do, and the first is the one to undo.
        let restores = rig.engine.vault.restores(SYSTEM, None).await.unwrap();
        let undo = rig.plan_undo(restores[0].run).await.unwrap();
        let (undone, dones) = rig.apply(&undo).await.unwrap();
        assert_eq!(undone.run.status, RunStatus::Complete, "{what}: {dones:?}");
        assert_eq!(state(&self.crm), self.spoiled, "{what}: undone");
    }
}

fn fill(crm: &Crm, clock: &SimClock) -> u64 {
    let pipeline = crm.create(
        "pipelines",
        json!({"name": "Sales", "stages": [{"id": "new"}, {"id": "won"}]}),
    );
    let mut first = 0;
    for number in 0..2 {
        let company = crm.create("companies", json!({"name": format!("Company {number}")}));
        first = if number == 0 { company } else { first };
        // Twins, which nothing but their number tells apart.
        for _ in 0..2 {
            let contact = json!({"first_name": "Twin", "last_name": "Equal", "company_id": company, "tags": ["a"]});
            let contact = crm.create("contacts", contact);
            crm.create(
                "notes",
                json!({"body": "called", "contact_id": contact, "company_id": company}),
            );
        }
        crm.create(
            "deals",
            json!({"name": "A deal", "company_id": company, "pipeline_id": pipeline}),
        );
        let file = json!({"company_id": company});
        crm.attach("offer.pdf", "application/pdf", vec![7; 900].into(), file, clock.now());
    }
    clock.advance(Duration::from_secs(3600));
    first
}

fn spoil(crm: &Crm, company: u64) {
    for resource in ["attachments", "notes", "contacts"] {
        for id in crm.find(resource, |fields| fields.get("company_id") == Some(&company.into())) {
            assert!(crm.delete(resource, id));
        }
    }
    assert!(crm.delete("companies", company));
    let pipeline = crm.ids("pipelines")[0];
    assert!(crm.edit("pipelines", pipeline, |fields| _ =
        fields.insert("stages".into(), json!([]))));
}

/// Every record with what it refers to spelled out instead of ids, in any order.
fn state(crm: &Crm) -> State {
    let name = |id: &Value| {
        let company = id.as_u64().and_then(|id| crm.get("companies", id));
        company.map_or(Value::Null, |company| company["name"].clone())
    };
    let mut all = State::new();
    for resource in ["pipelines", "companies", "contacts", "deals", "notes", "attachments"] {
        let record = |id: u64| {
            let mut fields = crm.get(resource, id).unwrap();
            if let Some(company) = fields.get_mut("company_id") {
                *company = name(company);
            }
            for reference in ["contact_id", "pipeline_id"] {
                if let Some(value) = fields.get_mut(reference) {
                    *value = value.is_number().into();
                }
            }
            // What was never set and what is empty are the same to the vendor.
            fields.retain(|_, value| !value.is_null());
            let bytes = crm.content(id).map_or(0, |bytes| bytes.len());
            format!("{} {bytes}", Value::Object(fields))
        };
        let mut records: Vec<String> = crm.ids(resource).into_iter().map(record).collect();
        records.sort();
        all.insert(resource.to_owned(), records);
    }
    all
}

async fn rig_on(folder: &Arc<tempfile::TempDir>, server: &Server, clock: &SimClock, options: Options) -> Rig {
    let setup = Setup {
        connector: &PRACTICE_CRM,
        settings: json!({"base_url": server.url(), "requests_per_second": 10_000}),
        secret: Some(json!({"token": crm::FULL_TOKEN})),
        include: &[],
        exclude: &[],
        vendor: clock,
        at: clock.now(),
    };
    Rig::on(Arc::clone(folder), &setup, options).await
}

async fn back_up(rig: &mut Rig, clock: &SimClock) -> SnapshotId {
    let catch_up = |rig: &Rig| {
        let behind = clock.now().duration_since(seatbelt_model::Clock::now(&rig.clock));
        rig.clock.advance(Duration::try_from(behind).unwrap_or_default());
    };
    catch_up(rig);
    let run = rig.back_up(false).await.unwrap();
    assert_eq!(run.status, RunStatus::Complete);
    clock.advance(Duration::from_secs(120));
    catch_up(rig);
    run.snapshot.unwrap()
}

/// A few of `count` cases, all of them if exhaustive.
fn sample(count: u64) -> impl Iterator<Item = u64> {
    let step = if std::env::var_os("SEATBELT_EXHAUSTIVE").is_some() {
        1
    } else {
        (count / 12).max(1)
    };
    (0..count).step_by(usize::try_from(step).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_a_request_it_is_finished_by_the_next() {
    let (case, rig) = Case::new(Options::default()).await;
    let base = case.server.request_count();
    rig.apply(&case.plan).await.unwrap();
    let requests = case.server.request_count() - base;
    assert!(requests > 20, "{requests}");
    drop(rig);
    let mut killed = 0;
    for at in sample(requests) {
        let (case, rig) = Case::new(Options::default()).await;
        let base = case.server.request_count();
        let done = {
            let mut apply = pin!(rig.apply(&case.plan));
            tokio::select! {
                biased;
                _ = &mut apply => true,
                () = case.server.reached(base + at + 1) => false,
            }
        };
        if done {
            continue;
        }
        killed += 1;
        let rig = case.again(rig).await;
        case.ends_well(&format!("killed at request {at} of {requests}"), rig)
            .await;
    }
    assert!(killed > 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn storage_lost_at_a_write_it_is_finished_by_the_next() {
    let counter = Axe::default();
    let (case, rig) = Case::new(Options::default().fault(counter.hook())).await;
    counter.count();
    rig.apply(&case.plan).await.unwrap();
    let writes = counter.writes();
    drop(rig);
    let mut failed = 0;
    for at in sample(writes) {
        for after in [false, true] {
            let axe = Axe::default();
            let (case, rig) = Case::new(Options::default().fault(axe.hook())).await;
            axe.strike(at, after);
            let outcome = rig.apply(&case.plan).await;
            // Only the release of the lease may be lost without harm.
            if outcome.is_ok() {
                continue;
            }
            failed += 1;
            let rig = case.again(rig).await;
            case.ends_well(
                &format!("storage lost at write {at} of {writes}, after it: {after}"),
                rig,
            )
            .await;
        }
    }
    assert!(failed > 10, "{failed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_lost_doubles_nothing() {
    for place in ["/v1/companies$", "/v1/contacts$", "/v1/notes$", "/v1/attachments$"] {
        let (case, rig) = Case::new(Options::default()).await;
        let lost = Matcher::NthOf(place.to_owned(), 1);
        case.server.faults(Faults::none().rule(lost, FaultKind::DropAfter));
        let (restored, dones) = rig.apply(&case.plan).await.unwrap();
        assert_eq!(restored.run.status, RunStatus::Complete, "{place}: {dones:?}");
        assert_eq!(state(&case.crm), case.before, "{place}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_record_that_is_refused_does_not_hold_up_the_others() {
    let (case, rig) = Case::new(Options::default()).await;
    let body = json!({"error": {"code": "invalid_value", "message": "no"}}).to_string();
    let refused = Matcher::NthOf("/v1/notes$".to_owned(), 1);
    case.server
        .faults(Faults::none().rule(refused, FaultKind::Status(422, None, body)));
    let (restored, dones) = rig.apply(&case.plan).await.unwrap();
    assert_eq!(restored.run.status, RunStatus::Partial);
    let failed: Vec<_> = dones
        .iter()
        .filter(|done| done.result == seatbelt_engine::Verdict::Failed)
        .collect();
    assert_eq!(failed.len(), 1, "{dones:?}");
    assert_eq!(failed[0].resource, "notes");
    assert!(
        failed[0].why.as_ref().is_some_and(|why| why.contains("422")),
        "{failed:?}"
    );
    assert_eq!(state(&case.crm)["companies"], case.before["companies"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_changed_after_the_plan_is_left_alone() {
    let (case, rig) = Case::new(Options::default()).await;
    let pipeline = case.crm.ids("pipelines")[0];
    case.crm.edit("pipelines", pipeline, |fields| {
        _ = fields.insert("stages".into(), json!([{"id": "mine"}]))
    });
    let (restored, dones) = rig.apply(&case.plan).await.unwrap();
    assert_eq!(restored.count(seatbelt_engine::Verdict::Conflict), 1, "{dones:?}");
    assert_eq!(
        case.crm.get("pipelines", pipeline).unwrap()["stages"],
        json!([{"id": "mine"}])
    );
    assert_eq!(state(&case.crm)["contacts"], case.before["contacts"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_plan_waits_for_the_one_that_was_interrupted() {
    let (case, rig) = Case::new(Options::default()).await;
    let base = case.server.request_count();
    {
        let mut apply = pin!(rig.apply(&case.plan));
        tokio::select! {
            biased;
            done = &mut apply => panic!("it was done: {done:?}"),
            () = case.server.reached(base + 12) => {}
        }
    }
    let rig = case.again(rig).await;
    let mut other = case.plan.clone();
    other.steps.pop();
    assert!(matches!(rig.apply(&other).await, Err(EngineError::Unfinished { .. })));
    other.planned.header.system = "another".to_owned();
    let refused = rig.apply(&other).await.unwrap_err();
    assert!(refused.to_string().contains("it is for another"), "{refused}");
    case.ends_well("after another plan was refused", rig).await;
}
