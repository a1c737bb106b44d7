//! Backups on a stack: a function is asked for one, and its run is followed in the run history until it ends.
//!
//! The function answers before it has begun, so the run it makes, or goes on with, is told from those that were there before. Whoever
//! follows only reads: that he stops is nothing to the run.

pub(crate) mod many;

use std::{collections::BTreeSet, fmt::Write as _, time::Duration};

use anyhow::Result;
use jiff::Timestamp;
use seatbelt_catalog::{Catalog, UnitState};
use seatbelt_model::{Clock, Run, RunId, RunKind, RunStatus};

use crate::{
    failure::Failure,
    jobs::Planned,
    progress::{Line, Progress},
    stack::Stack,
    units,
};

/// How often the history is looked at ...
const POLL: Duration = Duration::from_secs(2);
/// ... after some looks in quick succession, since small systems take no longer.
const FIRST_POLL: Duration = Duration::from_millis(125);
/// A cold start takes a second or two, and a queue of events some more.
const APPEARS_WITHIN: Duration = Duration::from_mins(1);
/// A run shows a sign of life with every checkpoint, far more often than this.
const SILENCE: Duration = Duration::from_mins(5);
/// The latest runs among which the one that was asked for is looked for.
const LATEST: usize = 20;

/// Asks the function of the system's platform for a backup, unless one is under way, and follows it to its end.
pub(crate) async fn back_up(
    stack: &Stack,
    catalog: &Catalog,
    clock: &dyn Clock,
    planned: &Planned,
    full: bool,
    progress: &Progress,
) -> Result<Run> {
    let system = planned.name.as_str();
    let function = stack.function(planned.connector.name)?;
    let follower = Follower::new(catalog, clock, system).await?;
    let mut display = Display::new(progress, system);
    let found = match follower.at_work().await? {
        Some(run) => {
            progress.say(&format!("{system}: run {} is under way already; following it", run.id));
            run.id
        }
        None => {
            let request = stack.invoke(&function, system, full).await?;
            tracing::info!(system, function, request, "a backup was asked for");
            let found = follower.appears().await?;
            let found = found.ok_or_else(|| never(system, &function, &request))?;
            progress.say(&format!("{system}: run {found} has begun on AWS"));
            found
        }
    };
    follower.until_over(found, |seen, now| display.show(seen, now)).await
}

fn never(system: &str, function: &str, request: &str) -> Failure {
    let within = units::duration(APPEARS_WITHIN);
    Failure::new(
        format!(
            "{system}: {function} took the request, but no run of {system} appeared within {within}; its log group \
             /aws/lambda/{function} says why (request {request})"
        ),
        format!(
            "aws logs tail /aws/lambda/{function} --since 10m; should it begin later, seatbelt runs {system} --stack NAME shows it"
        ),
    )
}

/// Follows one system's run.
struct Follower<'a> {
    catalog: &'a Catalog,
    clock: &'a dyn Clock,
    system: &'a str,
    /// The latest runs before anybody was asked.
    before: Vec<Run>,
}

/// A run that is followed, and how far it is.
struct Seen {
    run: Run,
    done: BTreeSet<String>,
    /// Resources to read; 0 before they are planned, and after the end.
    planned: usize,
}

impl<'a> Follower<'a> {
    async fn new(catalog: &'a Catalog, clock: &'a dyn Clock, system: &'a str) -> Result<Self> {
        Ok(Self {
            before: catalog.runs(system, LATEST).await?,
            catalog,
            clock,
            system,
        })
    }

    /// The run that somebody works on at this moment.
    async fn at_work(&self) -> Result<Option<&Run>> {
        let mut backups = self.before.iter().filter(|run| run.kind == RunKind::Backup);
        let Some(running) = backups.find(|run| run.status == RunStatus::Running) else {
            return Ok(None);
        };
        let lease = self.catalog.lease_of(self.system).await?;
        let held = lease.is_some_and(|held| held.until > self.clock.now());
        Ok(held.then_some(running))
    }

    /// Waits for the run that was asked for; `None` if there is none in time.
    async fn appears(&self) -> Result<Option<RunId>> {
        let (began, mut wait) = (self.clock.now(), FIRST_POLL);
        loop {
            let runs = self.catalog.runs(self.system, LATEST).await?;
            if let Some(run) = answer(&self.before, &runs) {
                return Ok(Some(run.id));
            }
            if units::between(began, self.clock.now()) >= APPEARS_WITHIN {
                return Ok(None);
            }
            self.clock.sleep(wait).await;
            wait = POLL.min(wait * 2);
        }
    }

    /// Shows the run until it is over, and returns it.
    async fn until_over(&self, id: RunId, mut show: impl FnMut(&Seen, Timestamp)) -> Result<Run> {
        let mut wait = FIRST_POLL;
        loop {
            let run = self.catalog.run(self.system, id).await?.ok_or_else(|| {
                Failure::new(
                    format!("{}: run {id} is no longer in the history", self.system),
                    format!("seatbelt runs {}", self.system),
                )
            })?;
            if run.status.is_final() {
                return Ok(run);
            }
            show(&self.see(run).await?, self.clock.now());
            self.clock.sleep(wait).await;
            wait = POLL.min(wait * 2);
        }
    }

    async fn see(&self, run: Run) -> Result<Seen> {
        // What workers share of a resource has a unit of its own beside the resource's.
        let mut units = self.catalog.units(self.system, run.id).await?;
        units.retain(|unit| !is_slice(&unit.name));
        let planned = units.len();
        let done = units.into_iter().filter(|unit| unit.state == UnitState::Done);
        Ok(Seen {
            run,
            done: done.map(|unit| unit.name).collect(),
            planned,
        })
    }
}

/// The run that answers a request, of those there are now: one that was not there before, or an open one that is gone on with. That a
/// run was skipped is only an answer if there is no other.
fn answer<'a>(before: &[Run], now: &'a [Run]) -> Option<&'a Run> {
    let is_answer = |run: &&Run| match before.iter().find(|known| known.id == run.id) {
        None => true,
        Some(known) => {
            !known.status.is_final()
                && (run.status.is_final() || run.hops > known.hops || run.heartbeat_at > known.heartbeat_at)
        }
    };
    let backups = now.iter().filter(|run| run.kind == RunKind::Backup);
    let answers: Vec<&Run> = backups.filter(is_answer).collect();
    let worked = answers.iter().find(|run| run.status != RunStatus::Skipped);
    worked.or(answers.first()).copied()
}

/// No resource has a tilde in its name; what workers share of one has.
fn is_slice(unit: &str) -> bool {
    unit.contains('~')
}

/// What people see of a run.
struct Display<'a> {
    progress: &'a Progress,
    system: &'a str,
    line: Line,
    hops: u32,
    workers: u32,
    done: BTreeSet<String>,
    silent: bool,
}

impl<'a> Display<'a> {
    fn new(progress: &'a Progress, system: &'a str) -> Self {
        Self {
            progress,
            system,
            line: progress.line(system),
            hops: 1,
            workers: 1,
            done: BTreeSet::new(),
            silent: false,
        }
    }

    fn show(&mut self, seen: &Seen, now: Timestamp) {
        self.line.set(&text(seen, now));
        for news in self.news(seen, now) {
            self.progress.say(&format!("{}: {news}", self.system));
        }
    }

    /// What changed since it was last seen. Where there is a line that moves, it tells of most of it.
    fn news(&mut self, seen: &Seen, now: Timestamp) -> Vec<String> {
        let (run, mut news, lines) = (&seen.run, Vec::new(), !self.line.is_live());
        if std::mem::replace(&mut self.hops, run.hops) < run.hops && lines {
            news.push(format!("went on in invocation {}", run.hops));
        }
        if std::mem::replace(&mut self.workers, run.workers) < run.workers && lines {
            news.push(format!(
                "{} share the work",
                units::counted(run.workers.into(), "worker")
            ));
        }
        if lines {
            let fresh: Vec<_> = seen.done.difference(&self.done).cloned().collect();
            if !fresh.is_empty() {
                let (done, planned) = (seen.done.len(), seen.planned);
                news.push(format!(
                    "{done} of {} done: {}",
                    units::counted(planned as u64, "resource"),
                    fresh.join(", ")
                ));
            }
        }
        self.done.clone_from(&seen.done);
        let silence = units::between(run.heartbeat_at, now);
        let silent = silence >= SILENCE;
        if silent && !std::mem::replace(&mut self.silent, silent) {
            let logs = run.logs.as_deref().and_then(|logs| logs.split(' ').next());
            let logs = logs
                .map(|group| format!("; its log group is {group}"))
                .unwrap_or_default();
            news.push(format!(
                "no sign of life for {}: Lambda, or the watchdog, goes on with it if its invocation died{logs}",
                units::duration(silence)
            ));
        }
        self.silent = silent;
        news
    }
}

/// A run that goes on, on one line.
fn text(seen: &Seen, now: Timestamp) -> String {
    let run = &seen.run;
    let mut text = format!("run {} on AWS", run.id);
    if seen.planned > 0 {
        let _ = write!(
            text,
            ", {} of {} done",
            seen.done.len(),
            units::counted(seen.planned as u64, "resource")
        );
    }
    if run.hops > 1 {
        let _ = write!(text, ", invocation {}", run.hops);
    }
    if run.workers > 1 {
        let _ = write!(text, ", {}", units::counted(run.workers.into(), "worker"));
    }
    let _ = write!(text, ", last sign of life {}", units::ago(run.heartbeat_at, now));
    text
}

#[cfg(test)]
mod tests {
    use std::{
        future::{Future, ready},
        pin::Pin,
    };

    use seatbelt_catalog::{Tables, UnitPlan};
    use seatbelt_embedded::Embedded;
    use seatbelt_model::Trigger;
    use seatbelt_platforms::SimClock;

    use super::*;
    use crate::output::Output;

    /// A clock on which every wait is over at once, and has passed.
    #[derive(Debug, Default)]
    struct Hasty(SimClock);

    impl Clock for Hasty {
        fn now(&self) -> Timestamp {
            self.0.now()
        }

        fn sleep(&self, wait: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
            self.0.advance(wait);
            Box::pin(ready(()))
        }
    }

    struct House {
        catalog: Catalog,
        clock: Hasty,
        _embedded: Embedded,
        _folder: tempfile::TempDir,
    }

    impl House {
        async fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let embedded = Embedded::open_for_tests(folder.path()).await.unwrap();
            let tables = Tables {
                manifest: "manifest".into(),
                runs: "runs".into(),
            };
            let catalog = Catalog::new(embedded.dynamodb(), tables);
            catalog.create_tables().await.unwrap();
            Self {
                catalog,
                clock: Hasty::default(),
                _embedded: embedded,
                _folder: folder,
            }
        }

        fn run(&self) -> Run {
            let now = self.clock.now();
            Run::start("crm", RunId::at(now), RunKind::Backup, Trigger::Manual, now)
        }
    }

    #[tokio::test]
    async fn a_run_that_never_appears_is_given_up_after_a_minute_and_names_the_function() {
        let house = House::new().await;
        let began = house.clock.now();
        let follower = Follower::new(&house.catalog, &house.clock, "crm").await.unwrap();
        assert_eq!(follower.appears().await.unwrap(), None);
        let waited = units::between(began, house.clock.now());
        assert!(waited >= APPEARS_WITHIN && waited < APPEARS_WITHIN + POLL, "{waited:?}");
        let said = never("crm", "prod-backup-practice_crm", "request-1").to_string();
        for words in [
            "no run of crm appeared within 1 min",
            "/aws/lambda/prod-backup-practice_crm",
            "request-1",
        ] {
            assert!(said.contains(words), "{said}");
        }
    }

    #[tokio::test]
    async fn a_run_under_a_lease_is_followed_and_one_that_was_left_is_not() {
        let house = House::new().await;
        let run = house.run();
        house.catalog.create_run(&run).await.unwrap();
        let follower = Follower::new(&house.catalog, &house.clock, "crm").await.unwrap();
        assert!(follower.at_work().await.unwrap().is_none(), "nobody holds the lease");
        let (now, ttl) = (house.clock.now(), Duration::from_mins(15));
        house
            .catalog
            .acquire_lease("crm", "worker", now, ttl)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(follower.at_work().await.unwrap().map(|run| run.id), Some(run.id));
        house.clock.0.advance(ttl);
        assert!(follower.at_work().await.unwrap().is_none(), "the lease has run out");
    }

    #[tokio::test]
    async fn resources_that_are_done_are_counted_without_the_slices_of_workers() {
        let house = House::new().await;
        let run = house.run();
        house.catalog.create_run(&run).await.unwrap();
        let plans = ["contacts", "contacts~0000", "deals"].map(|name| UnitPlan { name: name.into() });
        house.catalog.plan_units("crm", run.id, &plans).await.unwrap();
        let follower = Follower::new(&house.catalog, &house.clock, "crm").await.unwrap();
        let seen = follower.see(run).await.unwrap();
        assert_eq!((seen.planned, seen.done.len()), (2, 0));
    }

    #[test]
    fn the_answer_is_a_new_run_or_an_open_one_that_goes_on() {
        let at = |text: &str| -> Timestamp { format!("2026-11-22T{text}:00Z").parse().unwrap() };
        let run = |text: &str, status| {
            let mut run = Run::start("crm", RunId::at(at(text)), RunKind::Backup, Trigger::Manual, at(text));
            run.status = status;
            run
        };
        let id = |before: &[Run], now: &[Run]| answer(before, now).map(|run| run.id);
        let (old, open) = (run("01:00", RunStatus::Complete), run("02:00", RunStatus::Interrupted));
        let before = [open.clone(), old.clone()];
        assert_eq!(id(&before, &before), None, "nothing has happened");
        let new = run("03:00", RunStatus::Running);
        assert_eq!(id(&before, &[new.clone(), open.clone(), old.clone()]), Some(new.id));
        let mut hopped = open.clone();
        hopped.hops += 1;
        assert_eq!(id(&before, &[hopped.clone(), old.clone()]), Some(open.id));
        let skipped = run("03:00", RunStatus::Skipped);
        assert_eq!(id(&before, &[skipped.clone(), open, old.clone()]), Some(skipped.id));
        assert_eq!(id(&before, &[skipped, hopped.clone(), old]), Some(hopped.id));
        let mut verify = run("03:00", RunStatus::Running);
        verify.kind = RunKind::Verify;
        assert_eq!(id(&[], &[verify]), None, "another kind of run is no answer");
    }

    #[test]
    fn hops_workers_resources_and_silence_are_told_once() {
        let clock = SimClock::default();
        let progress = Progress::new(Output {
            json: false,
            quiet: true,
            color: false,
            live: false,
        });
        let mut display = Display::new(&progress, "crm");
        let started = clock.now();
        let mut run = Run::start("crm", RunId::at(started), RunKind::Backup, Trigger::Manual, started);
        run.logs = Some("/aws/lambda/prod-backup-practice_crm 2026/11/22/[1]abc".into());
        let mut seen = Seen {
            run,
            done: BTreeSet::new(),
            planned: 2,
        };
        assert_eq!(display.news(&seen, started), Vec::<String>::new());
        (seen.run.hops, seen.run.workers) = (2, 3);
        seen.done.insert("contacts".into());
        assert_eq!(
            display.news(&seen, started),
            [
                "went on in invocation 2",
                "3 workers share the work",
                "1 of 2 resources done: contacts"
            ]
        );
        let later = clock.advance(Duration::from_mins(6));
        assert_eq!(
            text(&seen, later),
            "run 20261122T060000Z on AWS, 1 of 2 resources done, invocation 2, 3 workers, last sign of life 6 min 0 s ago"
        );
        let silence = display.news(&seen, later);
        assert!(
            silence.len() == 1 && silence[0].contains("no sign of life for 6 min"),
            "{silence:?}"
        );
        assert!(
            silence[0].ends_with("its log group is /aws/lambda/prod-backup-practice_crm"),
            "{silence:?}"
        );
        assert_eq!(display.news(&seen, later), Vec::<String>::new(), "said once");
        seen.run.heartbeat_at = later;
        display.news(&seen, later);
        let silent_again = later + SILENCE;
        assert_eq!(
            display.news(&seen, silent_again).len(),
            1,
            "and again when it falls silent again"
        );
    }
}
