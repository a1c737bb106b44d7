//! The four incidents, undone.
#![allow(clippy::unwrap_used, reason = "a test may stop at once")]

mod crash;

use std::{collections::BTreeSet, time::Duration};

use seatbelt_conformance::{Plan, Rig, SYSTEM, Setup};
use seatbelt_connector_kit::Connector;
use seatbelt_engine::{Action, EngineError, Selection, Verdict};
use seatbelt_model::{RunStatus, SnapshotId};
use seatbelt_platforms::practice::{Incident, PracticeCompany, books, crm};
use seatbelt_practice::{PRACTICE_BOOKS, PRACTICE_CRM};
use serde_json::{Value, json};

/// A practice company with one of its systems backed up.
struct Stand {
    company: PracticeCompany,
    rig: Rig,
    good: SnapshotId,
}

impl Stand {
    async fn crm() -> Self {
        let company = PracticeCompany::start(7).await;
        company.crm.limit_per_second(None);
        let (url, secret) = (company.crm_server.url(), json!({"token": crm::FULL_TOKEN}));
        Self::of(company, &PRACTICE_CRM, url, secret).await
    }

    async fn books() -> Self {
        let company = PracticeCompany::start(7).await;
        company.books.quota(1_000_000_000);
        let secret = json!({"client_id": books::CLIENT.0, "client_secret": books::CLIENT.1});
        let url = company.books_server.url();
        Self::of(company, &PRACTICE_BOOKS, url, secret).await
    }

    async fn of(company: PracticeCompany, connector: &'static Connector, url: String, secret: Value) -> Self {
        let rig = Rig::of(&Setup {
            connector,
            settings: json!({"base_url": url, "requests_per_second": 10_000}),
            secret: Some(secret),
            include: &[],
            exclude: &[],
            vendor: &company.clock,
            at: company.clock.now(),
        })
        .await;
        let mut stand = Self {
            company,
            rig,
            good: SnapshotId::at(jiff::Timestamp::UNIX_EPOCH),
        };
        stand.good = stand.back_up().await;
        stand
    }

    async fn back_up(&self) -> SnapshotId {
        self.meet();
        let run = self.rig.back_up(false).await.unwrap();
        assert_eq!(run.status, RunStatus::Complete, "{run:?}");
        self.company.clock.advance(Duration::from_secs(120));
        self.meet();
        run.snapshot.unwrap()
    }

    /// The rig's clock catches up with the vendor's.
    fn meet(&self) {
        let ahead = self
            .company
            .clock
            .now()
            .duration_since(jiff::Timestamp::from_second(0).unwrap());
        let behind =
            seatbelt_model::Clock::now(&self.rig.clock).duration_since(jiff::Timestamp::from_second(0).unwrap());
        if let Ok(by) = Duration::try_from(ahead - behind) {
            self.rig.clock.advance(by);
        }
    }

    /// What is left to do to come back to the good snapshot, seen from a fresh backup.
    async fn left(&self) -> Plan {
        let now = self.back_up().await;
        let everything = Selection {
            removed: true,
            changed: true,
            ..Selection::default()
        };
        self.rig.plan(self.good, now, everything).await.unwrap()
    }
}

fn harmed(incident: &Incident, resource: &str) -> usize {
    incident.harmed.get(resource).map_or(0, Vec::len)
}

fn assert_nothing_left(plan: &Plan) {
    let left: Vec<_> = plan
        .steps
        .iter()
        .filter(|step| step.action != Action::Fine)
        .map(|step| (&step.resource, &step.key, step.action, &step.fields, &step.kept))
        .collect();
    assert!(left.is_empty(), "{} left: {:?}", left.len(), &left[..left.len().min(5)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleted_customers_come_back_with_their_relations_and_files() {
    let stand = Stand::crm().await;
    let incident = stand.company.incident_deleted_customers();
    assert!(harmed(&incident, "crm/companies") > 3 && harmed(&incident, "crm/attachments") > 0);
    let bad = stand.back_up().await;
    let plan = stand.rig.plan(stand.good, bad, Selection::default()).await.unwrap();
    for resource in ["companies", "contacts", "notes", "attachments"] {
        let planned = plan.of(Action::Create).filter(|step| step.resource == resource).count();
        assert_eq!(planned, harmed(&incident, &format!("crm/{resource}")), "{resource}");
    }
    let (restored, dones) = stand.rig.apply(&plan).await.unwrap();
    assert_eq!(restored.run.status, RunStatus::Complete, "{:?}", restored.results);
    assert_eq!(restored.count(Verdict::Restored), plan.planned.writes());
    assert!(dones.iter().any(|done| done.new_key.is_some()));
    assert_nothing_left(&stand.left().await);

    // Deals point at the companies that came back, and the files have their bytes.
    let deals = &incident.harmed["crm/deals"];
    for id in deals {
        let deal = stand.company.crm.get("deals", id.parse().unwrap()).unwrap();
        let company = deal["company_id"].as_u64().unwrap();
        assert!(
            stand.company.crm.get("companies", company).is_some(),
            "deal {id} points at nothing"
        );
    }
    let bytes: Vec<usize> = stand
        .company
        .crm
        .ids("attachments")
        .into_iter()
        .map(|id| stand.company.crm.content(id).unwrap().len())
        .collect();
    assert!(bytes.iter().all(|length| *length > 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_automation_is_undone_and_later_edits_are_kept() {
    let stand = Stand::crm().await;
    let mut incident = stand.company.automation_goes_awry();
    let bad = stand.back_up().await;
    stand.company.people_go_on_working(&mut incident);
    // Somebody corrects one contact by hand in the very field that was spoiled.
    let by_hand: u64 = incident.harmed["crm/contacts"][5].parse().unwrap();
    stand.company.crm.edit("contacts", by_hand, |fields| {
        fields.insert("phase".into(), "former".into());
    });
    let plan = stand.rig.plan(stand.good, bad, Selection::default()).await.unwrap();
    let step = plan.steps.iter().find(|step| step.key == by_hand.to_string()).unwrap();
    assert_eq!(
        step.kept.iter().map(|field| field.field.as_str()).collect::<Vec<_>>(),
        ["/phase"]
    );
    let (restored, _) = stand.rig.apply(&plan).await.unwrap();
    assert_eq!(
        restored.count(Verdict::Restored),
        plan.planned.writes(),
        "{:?}",
        restored.results
    );
    let contact = stand.company.crm.get("contacts", by_hand).unwrap();
    assert_eq!(contact["phase"], "former", "what was edited by hand is kept");
    for (resource, key, field, value) in &incident.good_edits {
        let resource = resource.strip_prefix("crm/").unwrap();
        let record = stand.company.crm.get(resource, key.parse().unwrap()).unwrap();
        assert_eq!(record[field], *value, "the good edit of {resource} {key} is kept");
    }
    // What differs from the good state are the edits that people made, and nothing else.
    let left = stand.left().await;
    let fields = left.steps.iter().flat_map(|step| step.fields.iter().chain(&step.kept));
    let edited: BTreeSet<&str> = fields.map(|field| field.field.as_str()).collect();
    assert_eq!(
        edited.into_iter().collect::<Vec<_>>(),
        ["/job_title", "/phase", "/phone"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_integration_that_overwrote_is_undone() {
    let stand = Stand::books().await;
    let incident = stand.company.incident_integration_overwrites();
    let bad = stand.back_up().await;
    let plan = stand.rig.plan(stand.good, bad, Selection::default()).await.unwrap();
    assert_eq!(plan.of(Action::Update).count(), harmed(&incident, "books/invoices"));
    let (restored, _) = stand.rig.apply(&plan).await.unwrap();
    assert_eq!(restored.run.status, RunStatus::Complete, "{:?}", restored.results);
    assert_nothing_left(&stand.left().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_configuration_goes_back_to_its_earlier_version() {
    let stand = Stand::crm().await;
    let incident = stand.company.incident_configuration_changed();
    let bad = stand.back_up().await;
    let plan = stand.rig.plan(stand.good, bad, Selection::default()).await.unwrap();
    assert_eq!(plan.of(Action::Update).count(), harmed(&incident, "crm/pipelines"));
    let (restored, _) = stand.rig.apply(&plan).await.unwrap();
    assert_eq!(restored.run.status, RunStatus::Complete);
    assert_nothing_left(&stand.left().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_undo_leads_back_to_the_state_before() {
    let stand = Stand::crm().await;
    stand.company.incident_deleted_customers();
    let bad = stand.back_up().await;
    let plan = stand.rig.plan(stand.good, bad, Selection::default()).await.unwrap();
    let (restored, _) = stand.rig.apply(&plan).await.unwrap();
    stand.meet();
    let undo = stand.rig.plan_undo(restored.run.id).await.unwrap();
    assert_eq!(undo.of(Action::Remove).count(), plan.of(Action::Create).count());
    let (undone, dones) = stand.rig.apply(&undo).await.unwrap();
    assert_eq!(undone.run.status, RunStatus::Complete, "{dones:?}");
    let after = stand.back_up().await;
    let back = stand.rig.plan(
        bad,
        after,
        Selection {
            removed: true,
            changed: true,
            added: true,
            ..Selection::default()
        },
    );
    assert_nothing_left(&back.await.unwrap());

    // And the records come back once more, under yet other keys.
    let plan = stand.rig.plan(stand.good, after, Selection::default()).await.unwrap();
    let (again, _) = stand.rig.apply(&plan).await.unwrap();
    assert_eq!(again.run.status, RunStatus::Complete, "{:?}", again.results);
    assert_nothing_left(&stand.left().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_credential_that_may_only_read_is_refused_before_the_first_write() {
    let stand = Stand::crm().await;
    stand.company.incident_configuration_changed();
    let bad = stand.back_up().await;
    let plan = stand.rig.plan(stand.good, bad, Selection::default()).await.unwrap();
    let setup = Setup {
        connector: &PRACTICE_CRM,
        settings: json!({"base_url": stand.company.crm_server.url()}),
        secret: Some(json!({"token": crm::READ_ONLY_TOKEN})),
        include: &[],
        exclude: &[],
        vendor: &stand.company.clock,
        at: stand.company.clock.now(),
    };
    let folder = stand.rig.folder();
    drop(stand.rig);
    let reader = Rig::on(folder, &setup, seatbelt_embedded::Options::default()).await;
    let before = stand.company.crm_server.request_count();
    let refused = reader.apply(&plan).await.unwrap_err();
    assert!(matches!(&refused, EngineError::MayNotWrite { .. }), "{refused}");
    assert!(
        refused.to_string().contains("a full token (for pipelines)"),
        "{refused}"
    );
    let sent = stand.company.crm_server.requests();
    assert!(sent[before as usize..].iter().all(|request| request.method == "GET"));
    assert_eq!(
        reader.objects("restores").await,
        Vec::<String>::new(),
        "no run was begun for {SYSTEM}"
    );
}
