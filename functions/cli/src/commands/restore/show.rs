//! A plan and its results for people: counts, then records, then fields.

use std::collections::BTreeMap;

use seatbelt_engine::{Action, Done, FieldChange, Planned, Restored, Step, Tally, Verdict, Way};
use serde_json::{Value, value::RawValue};

use crate::{
    fields,
    output::{Output, Tone, cut, plain},
    table::Table,
    units,
};

/// Records of one kind in one resource that are listed unless all are asked for.
const LISTED: usize = 10;
/// Characters of a value that are shown.
const SHOWN: usize = 60;

/// The first steps of each kind.
#[derive(Debug)]
pub(super) struct Excerpt {
    most: usize,
    steps: BTreeMap<(String, Action), Vec<Step>>,
}

impl Excerpt {
    pub(super) fn new(all: bool) -> Self {
        Self {
            most: if all { usize::MAX } else { LISTED },
            steps: BTreeMap::new(),
        }
    }

    pub(super) fn add(&mut self, step: &Step) {
        if matches!(step.action, Action::Fine | Action::Link) {
            return;
        }
        let steps = self.steps.entry((step.resource.clone(), step.action)).or_default();
        if steps.len() < self.most {
            steps.push(step.clone());
        }
    }
}

/// The whole plan.
pub(super) fn plan(plan: &Planned, excerpt: &Excerpt, out: Output) -> String {
    let mut text = format!("{}: {}\n", plan.header.system, way(plan.header.way));
    let columns = [
        (">CREATE", "create"),
        (">UPDATE", "update"),
        (">REMOVE", "remove"),
        (">FINE", "fine"),
        (">CONFLICT", "conflict"),
        (">IMPOSSIBLE", "impossible"),
    ];
    match table(&plan.counts, &columns, out) {
        Some(table) => text += &table,
        None => text += "nothing differs in what was asked for\n",
    }
    let mut resource = "";
    for ((name, action), steps) in &excerpt.steps {
        if resource != name {
            resource = name;
            text += &format!("\n{name}\n");
        }
        for step in steps {
            text += &record(step, out);
        }
        let all = plan
            .counts
            .get(name)
            .and_then(|counts| counts.get(key(*action)))
            .copied()
            .unwrap_or_default();
        let more = all.saturating_sub(steps.len() as u64);
        if more > 0 {
            text += &format!(
                "  ... {} more to {}; --all lists them\n",
                units::count(more),
                key(*action)
            );
        }
    }
    text
}

fn way(way: Way) -> String {
    match way {
        Way::Between { wanted, spoiled } => format!("back to snapshot {wanted}, undoing what changed until {spoiled}"),
        Way::Undo(run) => format!("back to before restore {run}"),
    }
}

fn record(step: &Step, out: Output) -> String {
    let (sign, tone) = match step.action {
        Action::Create => ("+", Tone::Good),
        Action::Update | Action::Link => ("~", Tone::Doubtful),
        Action::Remove => ("-", Tone::Bad),
        Action::Conflict => ("!", Tone::Bad),
        Action::Fine | Action::Impossible => ("x", Tone::Faint),
    };
    let known = step.wanted.as_deref().or(step.spoiled.as_deref());
    let name = known.and_then(|record| fields::label(record.get()));
    let name = name.map(|name| format!("  {}", cut(&name, SHOWN))).unwrap_or_default();
    let mut text = format!("  {}\n", out.paint(&format!("{sign} {}{name}", plain(&step.key)), tone));
    for change in &step.fields {
        text += &format!("      {}\n", field(change));
    }
    if let Some(why) = &step.why {
        text += &format!("      {why}\n");
    }
    for change in &step.kept {
        text += &format!(
            "      {}\n",
            out.paint(&format!("kept  {}", field(change)), Tone::Faint)
        );
    }
    text
}

fn field(change: &FieldChange) -> String {
    let value = |raw: &Option<Box<RawValue>>| {
        let value: Option<Value> = raw.as_deref().and_then(|raw| serde_json::from_str(raw.get()).ok());
        fields::shown(value.as_ref(), SHOWN)
    };
    format!(
        "{}: {} -> {}",
        plain(&change.field),
        value(&change.is),
        value(&change.becomes)
    )
}

/// What became of it.
pub(super) fn results(restored: &Restored, doubtful: &[Done], out: Output) -> String {
    let columns = [
        (">RESTORED", "restored"),
        (">FINE", "fine"),
        (">CONFLICT", "conflict"),
        (">DIFFERS", "differs"),
        (">FAILED", "failed"),
    ];
    let mut text = table(&restored.results, &columns, out).unwrap_or_default();
    for done in doubtful.iter().take(LISTED) {
        let why = done.why.as_deref().unwrap_or_default();
        let word = match done.result {
            Verdict::Conflict => "kept",
            Verdict::Differs => "differs",
            _ => "failed",
        };
        text += &format!(
            "  {} {} {}: {why}\n",
            out.paint(word, Tone::Bad),
            done.resource,
            plain(&done.key)
        );
    }
    let more = doubtful.len().saturating_sub(LISTED);
    if more > 0 {
        text += &format!("  ... {} more; --json lists them\n", units::count(more as u64));
    }
    let run = &restored.run;
    let took = run
        .ended_at
        .map(|ended| units::duration(units::between(run.started_at, ended)))
        .unwrap_or_default();
    text += &format!(
        "{}: {} restored in {took}, {}; run {}\n",
        run.system,
        units::counted(restored.count(Verdict::Restored), "record"),
        units::counted(run.traffic.requests, "request"),
        run.id
    );
    text
}

/// A table of counts, with the columns in which there is anything.
fn table(counts: &Tally, columns: &[(&'static str, &str)], out: Output) -> Option<String> {
    let any = |key: &str| counts.values().any(|counts| counts.contains_key(key));
    let (titles, keys): (Vec<_>, Vec<_>) = columns.iter().copied().filter(|(_, key)| any(key)).unzip();
    if keys.is_empty() {
        return None;
    }
    let mut table = Table::new(&[&["RESOURCE"], titles.as_slice()].concat());
    for (resource, counts) in counts {
        let number = |key: &&str| counts.get(*key).map(|count| units::count(*count)).unwrap_or_default();
        let mut cells = vec![resource.clone().into()];
        cells.extend(keys.iter().map(|key| number(key).into()));
        table.row_of(cells);
    }
    Some(table.render(&out))
}

fn key(action: Action) -> &'static str {
    match action {
        Action::Create => "create",
        Action::Update => "update",
        Action::Link => "link",
        Action::Remove => "remove",
        Action::Fine => "fine",
        Action::Conflict => "conflict",
        Action::Impossible => "impossible",
    }
}
