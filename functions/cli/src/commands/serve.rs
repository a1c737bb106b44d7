//! `seatbelt serve`: the manifest's schedules, kept on one machine.
//!
//! Only one process works on a folder at a time, so the folder is held while backups run and let go between them: then other commands
//! get in, and what they edit is picked up within a minute.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::ExitCode,
    sync::Arc,
    time::{Duration, SystemTime},
};

use anyhow::Result;
use jiff::{SignedDuration, Timestamp};
use seatbelt_connector_kit::{Pacers, SystemClock};
use seatbelt_embedded::EmbeddedError;
use seatbelt_engine::{EngineError, Stop};
use seatbelt_model::{Clock, RunStatus, Trigger};
use seatbelt_retention::Pass;
use tokio::{sync::Notify, task::JoinSet};

use crate::{
    Context,
    commands::prune,
    due,
    entries::Entries,
    failure::engine_hint,
    home::Home,
    jobs::{Batch, Finished, Planned},
    platforms,
    progress::Progress,
    signals, units,
};

pub(crate) const EXAMPLES: &str = "\
Examples:
  seatbelt serve
  seatbelt --home /var/lib/seatbelt serve --quiet

Every minute it reads the manifest again, and backs up what is due; what was
missed while it was off is made up for once. A system without any backup is due
at once. Stop it with Ctrl-C or SIGTERM: running backups stop at a checkpoint,
and go on at the next start. With --json, each backup that ended is one line of
JSON on stdout.";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// The manifest is looked at this often.
const TICK_S: i64 = 60;
/// A system that another run holds is not tried again before this, whatever the lease says.
const BUSY_WAIT: Duration = Duration::from_mins(1);
/// How often is looked whether a system is due for retention, which each is once a day.
const RETENTION_EVERY: SignedDuration = SignedDuration::from_hours(1);
/// Retention stops after this and goes on an hour later, as backups wait for it meanwhile.
const RETENTION_MOST: SignedDuration = SignedDuration::from_mins(10);

pub(crate) async fn run(_: Args, context: &Context) -> Result<ExitCode> {
    let (stop, woken) = (Stop::default(), Arc::new(Notify::new()));
    let progress = Progress::log(context.out);
    let wake = Arc::clone(&woken);
    let said = progress.clone();
    let signals = signals::listen(stop.clone(), move || {
        said.say("stopping; running backups stop at a checkpoint, a second signal stops at once");
        wake.notify_one();
    });
    let mut keeper = Keeper::new(
        context,
        Batch {
            trigger: Trigger::Schedule,
            full: false,
            stop: stop.clone(),
            progress,
        },
        Arc::clone(&woken),
    );
    // What is wrong with the folder at the start is for a person to correct; later it may pass.
    keeper.home = Some(Home::open(&context.home).await?);
    keeper.say(&format!("keeping the schedules of {}", context.home.display()));
    while !stop.is_requested() {
        keeper.tick().await?;
        let until_next = TICK_S - keeper.clock.now().as_second().rem_euclid(TICK_S);
        tokio::select! {
            () = keeper.clock.sleep(Duration::from_secs(until_next.unsigned_abs())) => {}
            Some(ended) = keeper.running.join_next(), if !keeper.running.is_empty() => keeper.ended(ended?)?,
            () = woken.notified() => {}
        }
    }
    while let Some(ended) = keeper.running.join_next().await {
        keeper.ended(ended?)?;
    }
    signals.abort();
    keeper.say("stopped");
    Ok(ExitCode::SUCCESS)
}

/// Everything that lasts from minute to minute.
struct Keeper<'a> {
    context: &'a Context,
    clock: SystemClock,
    batch: Batch,
    /// Kept from backup to backup, so that the pace of a vendor's account is kept too.
    pacers: Pacers,
    /// Open while something runs.
    home: Option<Home>,
    running: JoinSet<Finished>,
    active: BTreeSet<String>,
    /// Systems not to be tried before.
    held: BTreeMap<String, Timestamp>,
    entries: Entries,
    /// When the folder was last written, and the next firing known then.
    seen: Option<(Stamp, Option<Timestamp>)>,
    waiting: bool,
    /// When retention last looked.
    retained: Option<Timestamp>,
    /// Ends retention early.
    woken: Arc<Notify>,
}

/// When the manifest's file, and the log beside it, were last written.
type Stamp = [Option<SystemTime>; 2];

impl<'a> Keeper<'a> {
    fn new(context: &'a Context, batch: Batch, woken: Arc<Notify>) -> Self {
        Self {
            context,
            clock: SystemClock,
            batch,
            pacers: Pacers::default(),
            home: None,
            running: JoinSet::new(),
            active: BTreeSet::new(),
            held: BTreeMap::new(),
            entries: Entries::default(),
            seen: None,
            waiting: false,
            retained: None,
            woken,
        }
    }

    fn say(&self, text: &str) {
        self.batch.progress.say(text);
    }

    /// Looks once: reads the manifest, and starts what is due.
    async fn tick(&mut self) -> Result<()> {
        let home = match self.home.take() {
            Some(home) => home,
            None if self.nothing_new() => return Ok(()),
            None => match Home::open(&self.context.home).await {
                Ok(home) => home,
                Err(error) => return self.not_now(error),
            },
        };
        self.waiting = false;
        let next = self.start_due(&home).await;
        if let Err(error) = &next {
            self.say(&format!(
                "the manifest could not be read, trying again in a minute: {}",
                crate::failure::message(error)
            ));
        }
        if self.running.is_empty() {
            self.retain(&home).await;
            drop(home);
            self.seen = next.ok().map(|next| (stamp(&self.context.home), next));
        } else {
            self.home = Some(home);
            self.seen = None;
        }
        Ok(())
    }

    /// Whether the folder is as it was left, and no firing has come since.
    fn nothing_new(&self) -> bool {
        let Some((seen, next)) = &self.seen else { return false };
        let is_due = next.is_some_and(|next| next <= self.clock.now());
        !is_due && !self.is_retention_due() && *seen == stamp(&self.context.home)
    }

    fn is_retention_due(&self) -> bool {
        let now = self.clock.now();
        self.retained.is_none_or(|at| now.duration_since(at) >= RETENTION_EVERY)
    }

    /// Lets old snapshots expire, frees and reads again, while no backup runs. Cut off anywhere, it goes on the next time.
    async fn retain(&mut self, home: &Home) {
        if !self.is_retention_due() {
            return;
        }
        self.retained = Some(self.clock.now());
        let deadline = self.clock.now().saturating_add(RETENTION_MOST).ok();
        let retention = prune::retention(home);
        let round = tokio::select! {
            round = Box::pin(retention.round(deadline)) => round,
            () = self.woken.notified() => return,
        };
        match round {
            Ok(round) => round.passes.iter().for_each(|pass| self.retained(pass)),
            Err(error) => self.say(&format!(
                "retention could not look at the systems, trying again in an hour: {error}"
            )),
        }
    }

    fn retained(&self, pass: &Pass) {
        let name = &pass.system;
        pass.notes()
            .iter()
            .for_each(|note| self.say(&format!("{name}: {note}")));
        let damaged = pass
            .damaged
            .iter()
            .map(|damaged| format!("{} is damaged: {}", damaged.object, damaged.known.what));
        for trouble in damaged.chain(pass.trouble()) {
            crate::output::say(format!(
                "{} {name}: retention: {trouble}",
                units::instant(self.clock.now())
            ));
        }
    }

    /// Another command is at work in the folder; anything else is an error.
    fn not_now(&mut self, error: anyhow::Error) -> Result<()> {
        if !matches!(error.downcast_ref(), Some(EmbeddedError::InUse { .. })) {
            return Err(error);
        }
        if !std::mem::replace(&mut self.waiting, true) {
            self.say("another command works on the folder; looking again every minute");
        }
        Ok(())
    }

    /// Starts every system that is due, and returns the next firing of the others.
    async fn start_due(&mut self, home: &Home) -> Result<Option<Timestamp>> {
        let now = self.clock.now();
        let (systems, said) = self.entries.read(home.catalog.systems().await?);
        said.iter().for_each(|said| self.say(said));
        let (mut ready, mut upcoming) = (Vec::new(), None);
        for (name, system) in systems {
            if self.active.contains(&name) {
                continue;
            }
            let runs = home.catalog.runs(&name, due::RUNS_NEEDED).await?;
            let Some(next) = due::next(&system, &runs, now) else {
                continue;
            };
            let next = next.max(self.held.get(&name).copied().unwrap_or(next));
            if next > now {
                upcoming = Some(upcoming.map_or(next, |upcoming: Timestamp| upcoming.min(next)));
                continue;
            }
            match platforms::of(&name, &system) {
                Ok(connector) => ready.push(Planned {
                    name,
                    system,
                    connector,
                    sole: true,
                }),
                Err(error) => self.say(&format!("{name}: {error}")),
            }
        }
        if !ready.is_empty() {
            let engine = self.batch.engine(home, &self.pacers, &ready).await;
            for planned in ready {
                self.say(&format!("{}: due, backup begins", planned.name));
                self.active.insert(planned.name.clone());
                self.running.spawn(self.batch.clone().one(engine.clone(), planned));
            }
        }
        Ok(upcoming)
    }

    fn ended(&mut self, finished: Finished) -> Result<()> {
        let Finished { name, result } = finished;
        self.active.remove(&name);
        match &result {
            Ok(run) => {
                let mut changes = seatbelt_model::Changes::default();
                run.resources.values().for_each(|counts| changes += counts.changes);
                let gaps: u64 = run.resources.values().map(|counts| counts.gaps).sum();
                let gaps = if gaps == 0 {
                    String::new()
                } else {
                    format!(", {}", units::counted(gaps, "gap"))
                };
                let word = if run.status == RunStatus::Partial {
                    "partial"
                } else {
                    "complete"
                };
                self.say(&format!(
                    "{name}: backup {word}, snapshot {}, {}{gaps}",
                    run.id,
                    units::changes(changes)
                ));
                for alarm in &run.alarms {
                    self.say(&format!(
                        "{name}: ALARM {}: {} of {} at once ({}); look: seatbelt diff {name} --resource {}",
                        alarm.resource, alarm.records, alarm.of, alarm.rule, alarm.resource
                    ));
                }
                if self.context.out.json {
                    self.context.out.line(serde_json::to_string(run)?)?;
                }
            }
            Err(EngineError::Interrupted) => self.say(&format!("{name}: backup stopped at a checkpoint")),
            Err(error) => {
                if let EngineError::Busy { until, .. } = error {
                    let soonest = self.clock.now().saturating_add(BUSY_WAIT).unwrap_or(*until);
                    self.held.insert(name.clone(), soonest.max(*until));
                }
                let hint = engine_hint(error)
                    .map(|hint| format!(" (hint: {})", hint.replace("SYSTEM", &name)))
                    .unwrap_or_default();
                crate::output::say(format!(
                    "{} {name}: backup failed: {error}{hint}",
                    units::instant(self.clock.now())
                ));
            }
        }
        Ok(())
    }
}

fn stamp(folder: &Path) -> Stamp {
    ["dynamodb.sqlite", "dynamodb.sqlite-wal"].map(|file| {
        std::fs::metadata(folder.join(file))
            .and_then(|found| found.modified())
            .ok()
    })
}
