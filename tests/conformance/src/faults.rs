//! A vendor that throttles, fails, cuts, repeats and refuses: what passes is tried again, what stays ends in the receipt, and nothing in silence.

use std::{collections::BTreeSet, time::Duration};

use seatbelt_connector_kit::{Connector, Deletes, Resource};
use seatbelt_engine::EngineError;
use seatbelt_model::{GapReason, Run, RunStatus, Wait};
use seatbelt_platforms::{FaultKind, Faults, Matcher};
use serde_json::json;

use crate::{
    Rig, Setup, State, Subject,
    compare::{self, shorten},
    pages,
    template::{Start, Template, late_deletions},
};

struct Trial<'a> {
    subject: &'a Subject<'a>,
    template: &'a Template,
    /// The connector with small pages, so that a fault can hit the second.
    connector: &'static Connector,
    /// What the vendor holds.
    fresh: State,
}

pub(crate) async fn check(subject: &Subject<'_>, template: &Template) {
    let connector = pages::with_page_size(subject.connector, Subject::PAGE_SIZE).unwrap_or(subject.connector);
    let fresh = template.undisturbed(subject, Start::Empty).await.state;
    let trial = Trial {
        subject,
        template,
        connector,
        fresh,
    };
    trial.what_passes_is_tried_again().await;
    trial.a_stated_wait_is_obeyed().await;
    trial.a_silent_vendor_is_given_up_on_and_asked_again().await;
    trial.doubled_records_are_counted().await;
    trial.what_stays_is_in_the_receipt().await;
    trial.nothing_is_passed_over_in_an_incremental_run().await;
    trial.missing_bytes_are_fetched_by_the_next_run().await;
    trial.a_vendor_that_gives_nothing_fails_the_run().await;
}

impl Trial<'_> {
    async fn what_passes_is_tried_again(&self) {
        let body = r#"{"message":"try again"}"#.to_owned();
        for (name, fault) in [
            ("429 without a wait", FaultKind::Status(429, None, body.clone())),
            ("500", FaultKind::Status(500, None, body.clone())),
            ("503", FaultKind::Status(503, None, body.clone())),
            ("503 with a wait", FaultKind::Status(503, Some(3), body)),
            ("a dropped connection", FaultKind::Drop),
            ("a connection dropped after the answer was made", FaultKind::DropAfter),
            ("a cut body", FaultKind::CutBody),
            ("truncated JSON, once", FaultKind::TruncatedJson),
            ("HTML, once", FaultKind::Html),
        ] {
            let (rig, outcome) = self.first_backup(self.second(), fault).await;
            let what = format!("{}: {name} on the second page of {}", self.subject.name, self.paged());
            let run = self.complete(&what, &rig, outcome).await;
            assert!(
                run.traffic.retries > 0,
                "{what}: nothing was tried again; the fault did not hit"
            );
        }
        let (rig, outcome) = self
            .first_backup(Matcher::EveryNth(7), FaultKind::Status(502, None, String::new()))
            .await;
        self.complete(
            &format!("{}: every seventh answer is 502", self.subject.name),
            &rig,
            outcome,
        )
        .await;
    }

    async fn a_stated_wait_is_obeyed(&self) {
        let fault = FaultKind::Status(429, Some(7), String::new());
        let (rig, outcome) = self.first_backup(self.second(), fault).await;
        let what = format!("{}: 429 with Retry-After: 7", self.subject.name);
        let run = self.complete(&what, &rig, outcome).await;
        assert!(run.traffic.throttles > 0, "{what}: no throttle was counted");
        // Other requests may be under way for a moment of it.
        let (waits, whole) = (rig.recorder.waits(Wait::Throttled), Duration::from_secs(7));
        assert!(
            waits.iter().any(|wait| *wait <= whole && *wait > whole / 2),
            "{what}: the waits were {waits:?}"
        );
    }

    /// The only case that takes real time: a second.
    async fn a_silent_vendor_is_given_up_on_and_asked_again(&self) {
        let mut setup = self.setup(Start::Empty);
        setup.settings["timeout_s"] = json!(1);
        let rig = self
            .template
            .rig_with(&setup, Start::Empty, seatbelt_embedded::Options::default())
            .await;
        let outcome = self.back_up(&rig, self.second(), FaultKind::Timeout).await;
        self.complete(
            &format!("{}: a request that is never answered", self.subject.name),
            &rig,
            outcome,
        )
        .await;
    }

    async fn doubled_records_are_counted(&self) {
        let (rig, outcome) = self
            .first_backup(Matcher::All(self.path()), FaultKind::DuplicateRecords)
            .await;
        let what = format!("{}: every record of {} comes twice", self.subject.name, self.paged());
        self.complete(&what, &rig, outcome).await;
        let snapshot = rig.newest().await;
        let state = &snapshot.resources[self.paged()];
        assert!(state.receipt.duplicates > 0, "{what}: the receipt counts none");
    }

    async fn what_stays_is_in_the_receipt(&self) {
        let forbidden = || FaultKind::Forbidden(self.subject.forbidden_body.clone());
        for (name, matcher, fault, reason) in [
            (
                "403 from the second page on",
                self.second_and_on(),
                forbidden(),
                GapReason::Forbidden,
            ),
            (
                "the same page again and again",
                self.second_and_on(),
                FaultKind::RepeatPage,
                GapReason::RepeatedPage,
            ),
            (
                "HTML for ever",
                Matcher::All(self.path()),
                FaultKind::Html,
                GapReason::Failed,
            ),
            (
                "HTML from the second page on",
                self.second_and_on(),
                FaultKind::Html,
                GapReason::Failed,
            ),
            (
                "truncated JSON for ever",
                Matcher::All(self.path()),
                FaultKind::TruncatedJson,
                GapReason::Failed,
            ),
        ] {
            let what = format!("{}: {name} on {}", self.subject.name, self.paged());
            self.partial(&what, matcher, fault, reason).await;
        }
    }

    /// The resource keeps its last state, marked stale; its cursor stays; the others are fresh; the next run heals it.
    async fn partial(&self, what: &str, matcher: Matcher, fault: FaultKind, reason: GapReason) {
        let rig = self
            .template
            .rig_with(
                &self.setup(Start::Old),
                Start::Old,
                seatbelt_embedded::Options::default(),
            )
            .await;
        let before = rig.newest().await;
        let outcome = self.back_up(&rig, matcher, fault).await;
        let run = outcome.unwrap_or_else(|error| panic!("{what}: the run failed: {error}"));
        assert_eq!(run.status, RunStatus::Partial, "{what}");
        let snapshot = rig.newest().await;
        let (last, now) = (&before.resources[self.paged()], &snapshot.resources[self.paged()]);
        assert!(
            now.receipt.gaps.iter().any(|gap| gap.reason == reason),
            "{what}: the receipt says {:?}",
            now.receipt
        );
        assert!(now.freshness.stale_since.is_some(), "{what}: it is not marked stale");
        for gap in &now.receipt.gaps {
            assert_eq!(
                now.cursors.get(&gap.at),
                last.cursors.get(&gap.at),
                "{what}: the cursor moved"
            );
        }
        let state = rig.state(&snapshot).await;
        let lost: Vec<String> = self.template.state[self.paged()]
            .keys()
            .filter(|key| !state[self.paged()].contains_key(*key))
            .map(|key| format!("{} {key}: was there and is not carried forward", self.paged()))
            .collect();
        assert!(lost.is_empty(), "{what}: {}", shorten(&lost));
        let others = |state: &State| {
            state
                .iter()
                .filter(|(name, _)| !self.concerns(name))
                .map(|(name, records)| (name.clone(), records.clone()))
                .collect()
        };
        compare::assert_same(
            &format!("{what}; the others"),
            self.connector,
            &others(&self.fresh),
            &others(&state),
        );
        for (name, other) in snapshot.resources.iter().filter(|(name, _)| !self.concerns(name)) {
            assert!(
                other.freshness.stale_since.is_none() && other.receipt.gaps.is_empty(),
                "{what}: {name} suffers from it: {:?}",
                other.receipt
            );
        }
        let outcome = rig.back_up(false).await;
        self.complete(&format!("{what}; the next run"), &rig, outcome).await;
    }

    /// A listing of changes that breaks off is no listing: what it did not show, the next run must.
    async fn nothing_is_passed_over_in_an_incremental_run(&self) {
        let forbidden = || FaultKind::Forbidden(self.subject.forbidden_body.clone());
        let mut cases = vec![
            (
                "403 from the second page of changes on",
                self.second_and_on(),
                forbidden(),
            ),
            (
                "the same page of changes again and again",
                self.second_and_on(),
                FaultKind::RepeatPage,
            ),
            (
                "HTML from the second page of changes on",
                self.second_and_on(),
                FaultKind::Html,
            ),
        ];
        let paged = self
            .connector
            .resource(self.paged())
            .unwrap_or_else(|| panic!("{}: there is no {}", self.subject.name, self.paged()));
        if let Deletes::Listed(feed) = paged.deletes {
            let path = self.path().replace(paged.request.path(), feed.request.path());
            cases.push((
                "403 instead of the list of deleted records",
                Matcher::All(path),
                forbidden(),
            ));
        }
        for (name, matcher, fault) in cases {
            let what = format!("{}: {name}, {}", self.subject.name, self.paged());
            let rig = self
                .template
                .rig_with(
                    &self.setup(Start::Recent),
                    Start::Recent,
                    seatbelt_embedded::Options::default(),
                )
                .await;
            let outcome = self.back_up(&rig, matcher, fault).await;
            self.heals(&what, &rig, outcome).await;
        }
    }

    /// A file whose bytes could not be had is a gap, and the next run tries again though its record has not changed.
    async fn missing_bytes_are_fetched_by_the_next_run(&self) {
        let Some((resource, path)) = &self.subject.bodies else {
            return;
        };
        for (name, fault) in [
            ("404", FaultKind::Status(404, None, String::new())),
            ("a cut body", FaultKind::CutBody),
        ] {
            let what = format!("{}: {name} for the bytes of {resource}", self.subject.name);
            let rig = self
                .template
                .rig_with(
                    &self.setup(Start::Recent),
                    Start::Recent,
                    seatbelt_embedded::Options::default(),
                )
                .await;
            let outcome = self.back_up(&rig, Matcher::All(path.clone()), fault).await;
            let gaps = compare::gaps(&rig.newest().await);
            assert!(
                gaps.iter().any(|gap| gap.starts_with(*resource)),
                "{what}: the receipt says nothing: {}",
                shorten(&gaps)
            );
            self.heals(&what, &rig, outcome).await;
        }
    }

    /// The run was at most partial; the next one, undisturbed and without a sweep, is complete and holds every change.
    async fn heals(&self, what: &str, rig: &Rig, outcome: Result<Run, EngineError>) {
        outcome.unwrap_or_else(|error| panic!("{what}: the run failed: {error}"));
        let run = rig
            .back_up(false)
            .await
            .unwrap_or_else(|error| panic!("{what}; the next run failed: {error}"));
        let snapshot = rig.newest().await;
        assert_eq!(
            run.status,
            RunStatus::Complete,
            "{what}; the next run: {}",
            shorten(&compare::gaps(&snapshot))
        );
        let late = late_deletions(self.connector);
        let is_late = |line: &String| {
            line.ends_with(": too much") && late.get(line.split(' ').next().unwrap_or_default()) == Some(&true)
        };
        let found = compare::differences(self.connector, &self.fresh, &rig.state(&snapshot).await);
        let missed: Vec<String> = found.into_iter().filter(|line| !is_late(line)).collect();
        assert!(
            missed.is_empty(),
            "{what}; the next run passes over changes: {}",
            shorten(&missed)
        );
    }

    async fn a_vendor_that_gives_nothing_fails_the_run(&self) {
        let forbidden = FaultKind::Forbidden(self.subject.forbidden_body.clone());
        for start in [Start::Empty, Start::Recent] {
            let rig = self
                .template
                .rig_with(&self.setup(start), start, seatbelt_embedded::Options::default())
                .await;
            let previous = rig.newest_id().await;
            let outcome = self.back_up(&rig, Matcher::All(String::new()), forbidden.clone()).await;
            self.failed(
                &format!("{}: everything is forbidden ({start:?})", self.subject.name),
                &rig,
                outcome,
                previous,
            )
            .await;
        }
        let mut setups = Vec::new();
        if let Some(wrong) = &self.subject.wrong_secret {
            setups.push((
                "a wrong secret",
                Setup {
                    secret: Some(wrong.clone()),
                    ..self.setup(Start::Recent)
                },
            ));
        }
        let nowhere = self
            .subject
            .settings
            .to_string()
            .replace(&self.subject.server.url(), &unreachable().await);
        let settings = serde_json::from_str(&nowhere).expect("a URL in place of another leaves JSON");
        setups.push((
            "an unreachable host",
            Setup {
                settings,
                ..self.setup(Start::Recent)
            },
        ));
        for (name, setup) in setups {
            let rig = self
                .template
                .rig_with(&setup, Start::Recent, seatbelt_embedded::Options::default())
                .await;
            let previous = rig.newest_id().await;
            let outcome = rig.back_up(false).await;
            self.failed(&format!("{}: {name}", self.subject.name), &rig, outcome, previous)
                .await;
        }
    }

    async fn failed(
        &self,
        what: &str,
        rig: &Rig,
        outcome: Result<Run, EngineError>,
        previous: Option<seatbelt_model::SnapshotId>,
    ) {
        match outcome {
            Ok(run) => panic!(
                "{what}: the run is {:?}: {}",
                run.status,
                shorten(&compare::gaps(&rig.newest().await))
            ),
            Err(error) => assert!(error.to_string().len() > 20, "{what}: the error says little: {error}"),
        }
        assert_eq!(
            rig.newest_id().await,
            previous,
            "{what}: there is another newest snapshot"
        );
        let runs = rig
            .engine
            .catalog
            .runs(crate::SYSTEM, 1)
            .await
            .expect("the history can be read");
        let last = runs
            .first()
            .unwrap_or_else(|| panic!("{what}: the run is not in the history"));
        assert!(
            last.status == RunStatus::Failed && last.error.is_some(),
            "{what}: the history says {:?}, {:?}",
            last.status,
            last.error
        );
    }

    fn setup(&self, start: Start) -> Setup<'_> {
        Setup {
            connector: self.connector,
            ..self.template.setup(self.subject, start)
        }
    }

    async fn first_backup(&self, matcher: Matcher, fault: FaultKind) -> (Rig, Result<Run, EngineError>) {
        let rig = Rig::of(&self.setup(Start::Empty)).await;
        let outcome = self.back_up(&rig, matcher, fault).await;
        (rig, outcome)
    }

    async fn back_up(&self, rig: &Rig, matcher: Matcher, fault: FaultKind) -> Result<Run, EngineError> {
        self.subject.server.faults(Faults::none().rule(matcher, fault));
        let outcome = rig.back_up(false).await;
        self.subject.server.faults(Faults::none());
        outcome
    }

    /// A run that says it is complete holds what the vendor holds.
    async fn complete(&self, what: &str, rig: &Rig, outcome: Result<Run, EngineError>) -> Run {
        let run = outcome.unwrap_or_else(|error| panic!("{what}: the run failed: {error}"));
        let snapshot = rig.newest().await;
        assert_eq!(
            run.status,
            RunStatus::Complete,
            "{what}: {}",
            shorten(&compare::gaps(&snapshot))
        );
        compare::assert_same(what, self.connector, &self.fresh, &rig.state(&snapshot).await);
        run
    }

    fn paged(&self) -> &str {
        self.subject.paged.0
    }

    /// Its second page.
    fn second(&self) -> Matcher {
        match &self.subject.further {
            Some(path) => Matcher::NthOf(path.clone(), 1),
            None => Matcher::NthOf(self.path(), 2),
        }
    }

    /// Its second page and all that follow.
    fn second_and_on(&self) -> Matcher {
        match &self.subject.further {
            Some(path) => Matcher::FromOf(path.clone(), 1),
            None => Matcher::FromOf(self.path(), 2),
        }
    }

    fn path(&self) -> String {
        self.subject.paged.1.clone()
    }

    /// The resource with the fault, and all that is read by its records.
    fn concerns(&self, name: &str) -> bool {
        let mut seen = BTreeSet::new();
        let mut next: Option<&Resource> = self.connector.resource(name);
        while let Some(resource) = next {
            if resource.name == self.paged() {
                return true;
            }
            if !seen.insert(resource.name) {
                return false;
            }
            next = resource.needs();
        }
        false
    }
}

/// An address where nobody listens.
async fn unreachable() -> String {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .expect("a loopback port can be bound");
    let address = listener.local_addr().expect("a listener has an address");
    format!("http://{address}")
}
