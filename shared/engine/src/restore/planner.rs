//! Making a plan. Differences come from the vault in windows, the live records of a window are read, and each record is decided alone; so
//! memory is bounded, and nothing is read that was not asked for.

use seatbelt_connector_kit::{Resource, Restore, Session, Write};
use seatbelt_model::{ChangeKind, RunId, Snapshot};
use serde_json::value::RawValue;

use super::{
    Action, FieldChange, Header, PLAN_FORMAT, Planned, Selection, Step, Tally,
    document::count,
    fields::{Sending, Shape},
    ids::Ids,
    live::Live,
    merge::{Decision, States, decide},
    order::order,
    pairs::{Pair, Source, window},
    tree::pointer,
};
use crate::{Engine, EngineError, Job};

/// Records whose live state is read together.
const WINDOW: usize = 500;
/// The field that stands for the bytes of a file.
pub(super) const FILE: &str = "(file)";

/// Takes the steps of a plan as they are found.
pub type Sink<'a> = &'a mut (dyn FnMut(&Step) -> Result<(), EngineError> + Send);

impl Engine {
    /// Plans the way back from `spoiled` to `wanted`, two snapshots of the job's system, as far as `selection` asks for it. Reads the vendor,
    /// writes nothing. Steps go to `sink` in the order in which they are to be applied.
    ///
    /// # Errors
    /// Those of the vendor and the vault; a selection that names an unknown resource.
    pub async fn plan_restore(
        &self,
        job: &Job<'_>,
        [wanted, spoiled]: [Snapshot; 2],
        selection: Selection,
        sink: Sink<'_>,
    ) -> Result<Planned, EngineError> {
        let source = Source::Snapshots {
            wanted: Box::new(wanted),
            spoiled: Box::new(spoiled),
        };
        self.plan(job, source, selection, sink).await
    }

    /// Plans the way back to before a restore, from what it stored of every record.
    ///
    /// # Errors
    /// As [`Engine::plan_restore`]; a run that is no restore of this system.
    pub async fn plan_undo(&self, job: &Job<'_>, run: RunId, sink: Sink<'_>) -> Result<Planned, EngineError> {
        if self.vault.restores(job.name, Some(run)).await?.is_empty() {
            return Err(EngineError::NoRestore {
                system: job.name.to_owned(),
                run,
            });
        }
        let everything = Selection {
            removed: true,
            changed: true,
            added: true,
            ..Selection::default()
        };
        self.plan(job, Source::Run(run), everything, sink).await
    }

    pub(super) async fn plan(
        &self,
        job: &Job<'_>,
        source: Source,
        selection: Selection,
        sink: Sink<'_>,
    ) -> Result<Planned, EngineError> {
        for name in &selection.resources {
            if job.connector.resource(name).is_none() {
                return Err(EngineError::unknown_resource(job.connector, name));
            }
        }
        let session = std::sync::Arc::new(Session::open(job.connector, self.options(job)).await?);
        let snapshots = match &source {
            Source::Snapshots { wanted, spoiled } => vec![(**spoiled).clone(), (**wanted).clone()],
            Source::Sample { snapshot, .. } => vec![(**snapshot).clone()],
            Source::Run(_) => self.vault.newest(job.name).await?.into_iter().collect(),
        };
        let header = Header {
            format: PLAN_FORMAT.to_owned(),
            system: job.name.to_owned(),
            platform: job.connector.name.to_owned(),
            way: source.way(),
            selection,
            planned_at: self.clock.now(),
        };
        let mut planner = Planner {
            engine: self,
            job,
            source: &source,
            header: &header,
            live: Live::new(session, self.vault.clone(), job.name, snapshots, self.clock.now()),
            ids: Ids::load(&self.vault, job.name).await?,
            counts: Tally::new(),
            sink,
        };
        let ordered: Vec<&'static Resource> = order(job.connector)
            .into_iter()
            .filter(|resource| header.selection.takes_resource(resource.name))
            .collect();
        for resource in &ordered {
            planner.resource(resource, false).await?;
        }
        for (at, resource) in ordered.iter().enumerate() {
            planner.links(resource, &ordered[at..]).await?;
        }
        for resource in ordered.iter().rev() {
            planner.resource(resource, true).await?;
        }
        let counts = planner.counts;
        Ok(Planned { header, counts })
    }
}

struct Planner<'a> {
    engine: &'a Engine,
    job: &'a Job<'a>,
    source: &'a Source,
    header: &'a Header,
    live: Live,
    ids: Ids,
    counts: Tally,
    sink: Sink<'a>,
}

impl Planner<'_> {
    /// Plans the records of one resource: those to come back, or those to go.
    async fn resource(&mut self, resource: &'static Resource, going: bool) -> Result<(), EngineError> {
        let selection = &self.header.selection;
        let writes = resource.restore.writes();
        let takes = |pair: &Pair| (pair.kind() == ChangeKind::Added) == going && selection.takes(writes, pair);
        let (engine, system, source) = (self.engine, self.job.name, self.source);
        let mut pairs = source.pairs(&engine.vault, system, resource, &selection.keys);
        loop {
            let pairs = window(&mut pairs, WINDOW, takes).await?;
            let last = pairs.len() < WINDOW;
            if self.job.stop.is_requested() {
                return Err(EngineError::Interrupted);
            }
            let pairs = if going {
                self.strangers(resource, pairs).await?
            } else {
                pairs
            };
            let steps = match Shape::of(resource) {
                Some(shape) => self.decided(&shape, pairs).await?,
                None => pairs.into_iter().map(|pair| unwritten(resource, pair)).collect(),
            };
            for step in steps {
                self.emit(step)?;
            }
            if last {
                return Ok(());
            }
        }
    }

    /// Without records that only look added: those that an earlier restore created again under another key.
    async fn strangers(&self, resource: &Resource, pairs: Vec<Pair>) -> Result<Vec<Pair>, EngineError> {
        let Source::Snapshots { wanted, .. } = self.source else {
            return Ok(pairs);
        };
        let Some(state) = wanted.resources.get(resource.name) else {
            return Ok(pairs);
        };
        let mut strangers = Vec::new();
        for pair in pairs {
            let mut known = false;
            for origin in self.ids.origins(resource.name, &pair.key) {
                known |= self.engine.vault.get(self.job.name, state, origin).await?.is_some();
            }
            if !known {
                strangers.push(pair);
            }
        }
        Ok(strangers)
    }

    async fn decided(&self, shape: &Shape, pairs: Vec<Pair>) -> Result<Vec<Step>, EngineError> {
        let resource = shape.resource;
        let keys: Vec<String> = pairs.iter().map(|pair| self.ids.now(resource, &pair.key)).collect();
        let live = self.live.records(resource, &keys, &self.ids).await?;
        let steps = pairs.into_iter().zip(&keys).map(|(pair, key)| {
            let translate = |record: &Option<String>| {
                let record = record.as_deref()?;
                Some(self.ids.translate(shape.writes, key, record))
            };
            let (wanted, spoiled) = (translate(&pair.wanted), translate(&pair.spoiled));
            let states = States {
                wanted: wanted.as_deref(),
                spoiled: spoiled.as_deref(),
                live: live.get(key).map(String::as_str),
            };
            let selection = &self.header.selection;
            let mut decision = decide(shape, states, &|at| selection.takes_field(at), selection.overwrite);
            bytes(shape, &pair, states, &mut decision, selection.overwrite);
            step(resource, pair, decision)
        });
        Ok(steps.collect())
    }

    /// Plans the references that a create leaves out, since their targets are created after it.
    async fn links(&mut self, resource: &'static Resource, later: &[&'static Resource]) -> Result<(), EngineError> {
        let Some(shape) = Shape::of(resource) else {
            return Ok(());
        };
        let deferred = shape.deferred(|name| later.iter().any(|other| other.name == name));
        if deferred.is_empty() {
            return Ok(());
        }
        let selection = &self.header.selection;
        let takes = |pair: &Pair| pair.kind() == ChangeKind::Removed && selection.takes(Some(shape.writes), pair);
        let (engine, system, source) = (self.engine, self.job.name, self.source);
        let mut pairs = source.pairs(&engine.vault, system, resource, &selection.keys);
        loop {
            let pairs = window(&mut pairs, WINDOW, takes).await?;
            let last = pairs.len() < WINDOW;
            let keys: Vec<String> = pairs.iter().map(|pair| self.ids.now(resource, &pair.key)).collect();
            let live = self.live.records(resource, &keys, &self.ids).await?;
            // What is there is compared field by field; its references are among them.
            let gone = pairs.into_iter().zip(keys).filter(|(_, key)| !live.contains_key(key));
            for (pair, _) in gone {
                let wanted = pair.wanted.as_deref().unwrap_or_default();
                let leaves = shape.leaves(wanted, Sending::Update);
                let field = |at: &Vec<String>| FieldChange {
                    field: pointer(at),
                    is: None,
                    becomes: leaves.get(at).and_then(|text| RawValue::from_string(text.clone()).ok()),
                };
                let fields: Vec<_> = shape.places(&deferred, wanted).iter().map(field).collect();
                if !fields.is_empty() {
                    let decision = Decision {
                        fields,
                        ..Decision::of(Action::Link, None)
                    };
                    self.emit(step(resource, pair, decision))?;
                }
            }
            if last {
                return Ok(());
            }
        }
    }

    fn emit(&mut self, step: Step) -> Result<(), EngineError> {
        count(&mut self.counts, &step.resource, step.action);
        (self.sink)(&step)
    }
}

/// A resource that this version does not write.
fn unwritten(resource: &Resource, pair: Pair) -> Step {
    let why = match resource.restore {
        Restore::ExportOnly { why } => why,
        _ => "this version of Seatbelt does not write such records yet; export them",
    };
    step(resource, pair, Decision::of(Action::Impossible, Some(why)))
}

/// Looks at the bytes of a file: whether they are there for a create, and whether an update has to bring others.
fn bytes(shape: &Shape, pair: &Pair, states: States<'_>, decision: &mut Decision, overwrite: bool) {
    let Some(file) = shape.resource.kind.file() else { return };
    if decision.action == Action::Create && pair.wanted_file.is_none() {
        *decision = Decision::of(Action::Impossible, Some("its bytes were not stored"));
    }
    let (Some(wanted), Some(spoiled)) = (&pair.wanted_file, &pair.spoiled_file) else {
        return;
    };
    if wanted.sha256 == spoiled.sha256 || !matches!(decision.action, Action::Update | Action::Fine) {
        return;
    }
    let version = |record: Option<&str>| -> Vec<Option<String>> {
        let at = |pointer: &&str| super::ids::text_at(record.unwrap_or_default(), pointer);
        file.version.iter().map(at).collect()
    };
    let live = version(states.live);
    if !file.version.is_empty() && live == version(states.wanted) {
        return;
    }
    let text = |sha: &str| RawValue::from_string(super::tree::quoted(sha)).ok();
    let change = FieldChange {
        field: FILE.to_owned(),
        is: text(&spoiled.sha256),
        becomes: text(&wanted.sha256),
    };
    if !matches!(shape.writes.update, Some(Write::Custom(_))) {
        decision.why = Some("the vendor takes no other bytes for a file that is there".to_owned());
        decision.kept.push(change);
        if decision.action == Action::Fine {
            decision.action = Action::Impossible;
        }
    } else if overwrite || live == version(states.spoiled) {
        decision.fields.push(change);
        decision.action = Action::Update;
    } else {
        decision.why = Some("its bytes have changed since".to_owned());
        decision.kept.push(change);
        if decision.action == Action::Fine {
            decision.action = Action::Conflict;
        }
    }
}

fn step(resource: &Resource, pair: Pair, decision: Decision) -> Step {
    let raw = |record: Option<String>| record.and_then(|record| RawValue::from_string(record).ok());
    let writes = decision.action.writes();
    Step {
        resource: resource.name.to_owned(),
        key: pair.key,
        action: decision.action,
        fields: decision.fields,
        kept: decision.kept,
        why: decision.why,
        wanted: raw(pair.wanted.filter(|_| writes)),
        spoiled: raw(pair.spoiled.filter(|_| decision.action == Action::Remove)),
        file: pair.wanted_file.filter(|_| writes),
        old_file: pair.spoiled_file.filter(|_| writes),
    }
}
