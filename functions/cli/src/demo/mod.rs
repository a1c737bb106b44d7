//! `seatbelt demo`: a made-up company, four accidents, and what is held to undo each.
//!
//! It does what people do, by the functions their commands call: imports a manifest, backs up, compares, restores. It has no way of its own
//! into the engine or the vault.

mod accident;
mod back;
mod changes;
mod company;
mod folder;
mod held;
mod report;
mod text;
mod voice;

use std::{process::ExitCode, time::Instant};

use anyhow::Result;
use seatbelt_connector_kit::Pacers;
use seatbelt_engine::Stop;
use seatbelt_model::{Snapshot, Trigger};
use seatbelt_platforms::practice::{COMPANY, PracticeCompany};
use seatbelt_vault::Scope;

use accident::{Accident, Example, Look};
use back::Back;
use report::{Backup, Chapter, Check, Next, Report, Summary};
use voice::Voice;

use crate::{
    Context,
    commands::manifest,
    failure::{Failure, PARTIAL, engine_hint},
    home::Home,
    jobs::{Batch, Planned},
    output::{Output, say},
    progress::Progress,
    summary, table,
};

/// Where the demo is if nobody says otherwise.
pub(crate) const HOME: &str = "./seatbelt-demo";

pub(crate) const EXAMPLES: &str = "\
Examples:
  seatbelt demo                   in ./seatbelt-demo
  seatbelt demo --again           in the place of an earlier demo
  seatbelt --home DIR demo        in another folder, new or empty

Everything runs on this machine: no account, no network, under a minute.";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Begin again in a folder that holds a demo
    #[arg(long)]
    again: bool,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<ExitCode> {
    let began = Instant::now();
    let (out, voice) = (context.out, Voice::new(&context.home));
    folder::claim(&context.home, args.again, &voice).await?;
    let company = Box::pin(company::open()).await;
    tell(out, introduction(&voice))?;
    decide(&company, &voice, context).await?;

    let mut demo = Demo {
        home: Home::open(&context.home).await?,
        out,
        company,
        voice,
        summary: Summary::default(),
    };
    demo.tell(text::heading("The first backup reads everything", out))?;
    let mut snapshots = Vec::new();
    let mut first_backup = Vec::new();
    for (backup, snapshot) in demo.back_up().await? {
        first_backup.push(backup);
        snapshots.push(snapshot);
    }
    demo.tell(text::first_backup(&first_backup, out))?;

    let mut accidents = Vec::new();
    for (number, accident) in Accident::ALL.into_iter().enumerate() {
        let chapter = Box::pin(demo.chapter(number + 1, accident, &mut snapshots)).await?;
        accidents.push(chapter);
    }
    let next = next(&demo.voice, &accidents);
    let summary = demo.summary(&snapshots, began).await?;
    demo.tell(ending(&summary, &next, &demo.voice, out))?;
    let exact = accidents
        .iter()
        .all(|chapter| chapter.against_simulation.missed.is_empty());
    if out.json {
        let home = context.home.display().to_string();
        out.value(&Report {
            company: COMPANY,
            seed: company::SEED,
            home,
            first_backup,
            accidents,
            summary,
            next,
        })?;
    }
    Ok(if exact {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(PARTIAL)
    })
}

/// Says something to people who did not ask for quiet.
fn tell(out: Output, text: impl AsRef<[u8]>) -> Result<()> {
    if out.json || out.quiet { Ok(()) } else { out.data(text) }
}

fn introduction(voice: &Voice) -> String {
    let who = format!(
        "{COMPANY} is a made-up company. It runs on a CRM, an accounting system and a website, all simulated on this machine: no account, \
         no network. Seatbelt backs them up into the folder {}. Then four accidents happen, each too small for a vendor to care about, \
         and after each you see what changed, which alarm was raised, and how it is undone.",
        voice.home()
    );
    table::paragraph(0, &who)
}

/// The manifest: written as a file, and taken in as `seatbelt manifest import` does.
async fn decide(company: &PracticeCompany, voice: &Voice, context: &Context) -> Result<()> {
    let out = context.out;
    let file = company::settle(company, &context.home)?;
    let silent = Context {
        out: Output {
            json: false,
            quiet: true,
            ..out
        },
        home: context.home.clone(),
    };
    let import = manifest::Command::Import {
        file: file.clone(),
        prune: false,
        dry_run: false,
    };
    Box::pin(manifest::run(import, &silent)).await?;
    if out.json || out.quiet {
        return Ok(());
    }
    tell(
        out,
        text::heading("The manifest: what the company runs on, and what it decided", out),
    )?;
    Box::pin(manifest::run(manifest::Command::List, &silent)).await?;
    let says = format!(
        "The dashboards are skipped for a reason: they are derived from the CRM. Nobody has decided about the newsletter yet, and the \
         manifest keeps asking. It also says how large a change must be to raise an alarm: see {}/manifest.toml.",
        voice.home()
    );
    let check = text::command(&voice.command("manifest check"), out);
    tell(out, format!("\n{}\n{check}", table::paragraph(0, &says)))
}

/// The demo as it goes on.
struct Demo {
    home: Home,
    out: Output,
    company: PracticeCompany,
    voice: Voice,
    summary: Summary,
}

impl Demo {
    fn tell(&self, text: impl AsRef<[u8]>) -> Result<()> {
        tell(self.out, text)
    }

    /// Backs up all systems, as `seatbelt backup --all` does.
    async fn back_up(&mut self) -> Result<Vec<(Backup, Snapshot)>> {
        let mut systems = Vec::new();
        for (name, _) in company::SYSTEMS {
            systems.push(Planned::named(&self.home, name).await?);
        }
        // Lines that nobody watches while they are written would only bury the story.
        let watched = Output {
            quiet: self.out.quiet || !self.out.live,
            ..self.out
        };
        let batch = Batch {
            trigger: Trigger::Manual,
            full: false,
            stop: Stop::default(),
            progress: Progress::new(watched),
        };
        let engine = batch.engine(&self.home, &Pacers::default(), &systems).await;
        let mut backups = Vec::new();
        for finished in Box::pin(batch.run(&engine, systems)).await {
            let run = finished.result.map_err(|error| {
                let hint = engine_hint(&error)
                    .unwrap_or_else(|| "the practice company is part of this tool, so this is a fault of it".into());
                Failure::new(format!("{}: {error}", finished.name), hint)
            })?;
            let snapshot = self.home.vault.snapshot(&run.system, run.id).await?;
            let gaps = summary::gaps(&snapshot);
            if !gaps.is_empty() {
                say(format!("{}:{gaps}", run.system).trim_end());
            }
            self.summary.bytes_read += run.traffic.bytes_read;
            backups.push((Backup::of(&run, &snapshot), snapshot));
        }
        Ok(backups)
    }

    /// Lets an accident happen, backs up, and looks. `snapshots` are the newest of each system, before and after.
    async fn chapter(&mut self, number: usize, accident: Accident, snapshots: &mut Vec<Snapshot>) -> Result<Chapter> {
        let mut incident = accident.happen(&self.company);
        let heading = text::heading(
            &format!("Accident {number} of {}: {}", Accident::ALL.len(), incident.title),
            self.out,
        );
        self.tell(format!("{heading}{}\n", table::paragraph(0, &incident.story)))?;
        let after: Vec<Snapshot> = self
            .back_up()
            .await?
            .into_iter()
            .map(|(_, snapshot)| snapshot)
            .collect();
        let before = std::mem::replace(snapshots, after);
        accident.people_go_on(&self.company, &mut incident);
        let (mut changed, mut held) = (Vec::new(), Vec::new());
        for (before, after) in before.iter().zip(&*snapshots) {
            let changes = changes::between(&self.home, before, after).await?;
            if !changes.resources.is_empty() {
                held.push(held::prove(&self.home, before, &changes).await?);
                changed.push(changes);
            }
        }
        let look = Look {
            home: &self.home,
            before: &before,
            changed: &changed,
            incident: &incident,
        };
        let examples = Box::pin(accident.examples(&look)).await?;
        let back = Box::pin(self.bring_back(&before, &changed, snapshots)).await?;
        let chapter = Chapter {
            against_simulation: Check::new(&incident, &changed),
            commands: commands(&self.voice, accident, &examples, &before),
            title: incident.title,
            story: incident.story,
            began_at: incident.began_at,
            ended_at: incident.ended_at,
            way_back: accident.way_back(),
            back,
            changed,
            held,
            examples,
        };
        self.tell(text::chapter(&chapter, self.out))?;
        Ok(chapter)
    }

    /// Restores every system that changed, backs up again, and asks what is left.
    async fn bring_back(
        &mut self,
        before: &[Snapshot],
        changed: &[changes::Changed],
        snapshots: &mut Vec<Snapshot>,
    ) -> Result<Vec<Back>> {
        let mut all = Vec::new();
        for changed in changed {
            if let Some(before) = before.iter().find(|before| before.system == changed.system) {
                all.push(back::restore(&self.home, before, changed, self.out).await?);
            }
        }
        *snapshots = self
            .back_up()
            .await?
            .into_iter()
            .map(|(_, snapshot)| snapshot)
            .collect();
        for back in &mut all {
            let of = |snapshots: &[Snapshot]| {
                snapshots
                    .iter()
                    .find(|snapshot| snapshot.system == back.system)
                    .cloned()
            };
            if let (Some(before), Some(now)) = (of(before), of(snapshots)) {
                back::prove(&self.home, &before, &now, back, self.out).await?;
            }
        }
        Ok(all)
    }

    /// Adds everything up, after reading it all back.
    async fn summary(&mut self, newest: &[Snapshot], began: Instant) -> Result<Summary> {
        let mut summary = std::mem::take(&mut self.summary);
        for snapshot in newest {
            summary.systems += 1;
            summary.records += snapshot.records();
            summary.files += report::files(snapshot);
            let report = self.home.vault.verify(&snapshot.system, Scope::All, |_| {}).await?;
            if let Some(damage) = report.damaged.first() {
                let message = format!("{}: {} is damaged", snapshot.system, damage.object);
                return Err(Failure::new(message, self.voice.command("verify --all")).into());
            }
            summary.snapshots += report.snapshots;
            summary.objects += report.objects;
            summary.bytes_stored += report.bytes;
        }
        summary.seconds = began.elapsed().as_secs_f64();
        Ok(summary)
    }
}

/// How to look at what a chapter is about, and how to get it out.
fn commands(voice: &Voice, accident: Accident, examples: &[Example], before: &[Snapshot]) -> Vec<String> {
    let at = |system: &str| {
        before
            .iter()
            .find(|snapshot| snapshot.system == system)
            .map(|snapshot| snapshot.id)
    };
    let show = examples.first().and_then(|example| {
        let Example {
            system, resource, key, ..
        } = example;
        Some(voice.command(&format!(
            "show {system} {resource} {} --at {}",
            voice::quoted(key),
            at(system)?
        )))
    });
    let (system, resource, to) = accident.export();
    let export =
        at(system).map(|at| voice.command(&format!("export {system} --at {at} --resource {resource} --to {to}")));
    show.into_iter().chain(export).collect()
}

/// What to try on the folder, with names and ids that are there.
fn next(voice: &Voice, accidents: &[Chapter]) -> Vec<Next> {
    let mut next = vec![Next {
        what: "Every run, newest first",
        command: voice.command("runs"),
    }];
    let mut add = |what, rest: String| {
        next.push(Next {
            what,
            command: voice.command(&rest),
        })
    };
    add("What the last accident changed in the CRM", "diff acme-crm".to_owned());
    let first = |at: usize| {
        accidents
            .get(at)
            .and_then(|chapter| Some((chapter.changed.first()?, chapter.examples.first()?)))
    };
    if let Some((changed, contact)) = first(1) {
        let (system, before, after) = (&changed.system, changed.before, changed.after);
        add(
            "What the automation did to the contacts",
            format!("diff {system} {before} {after} --resource contacts"),
        );
        add(
            "One contact through time",
            format!("history {system} {} {}", contact.resource, voice::quoted(&contact.key)),
        );
    }
    if let Some((changed, company)) = first(0) {
        let (system, before) = (&changed.system, changed.before);
        add(
            "A company that is gone, as it was",
            format!(
                "show {system} {} {} --at {before}",
                company.resource,
                voice::quoted(&company.key)
            ),
        );
        add(
            "Everything as it was before the first accident, files too",
            format!("export {system} --at {before} --to crm-before"),
        );
    }
    add(
        "Read back all that is stored, and check every hash",
        "verify --all".to_owned(),
    );
    add("The same again from the start", "demo --again".to_owned());
    next
}

fn ending(summary: &Summary, next: &[Next], voice: &Voice, out: Output) -> String {
    let restore = "Each restore above was a plan first, was read back after it was written, and can itself be undone: `seatbelt restore --undo RUN`.";
    let alone = format!(
        "The simulated vendors are gone, so there is nothing left to back up here; everything else works on the folder {} until you \
         delete it. In the company's own records hours pass between two accidents, so some of their dates lie ahead.",
        voice.home()
    );
    let mut text = text::heading("In numbers", out);
    text += &text::summary(summary, out);
    text += &format!("\n{}", table::paragraph(0, restore));
    text += &text::heading("Look for yourself", out);
    text += &text::next(next, out);
    text + &format!("\n{}", table::paragraph(0, &alone))
}
