//! What a pass did, as runs in the history.

use jiff::Timestamp;
use seatbelt_catalog::CatalogError;
use seatbelt_model::{Run, RunId, RunKind, RunStatus};

use crate::{Order, Pass, Retention};

/// So many things are named in one note.
const MOST_NAMED: usize = 20;

impl Retention {
    /// Writes a prune, and a verify, of those that did or found something.
    pub(crate) async fn record(&self, order: &Order, pass: &Pass, began: Timestamp) -> Result<(), CatalogError> {
        if pass.is_worth_a_record() {
            self.write(order, RunKind::Prune, began, |run| prune(run, pass)).await?;
        }
        if !pass.damaged.is_empty() || pass.lap.is_some() || pass.late {
            self.write(order, RunKind::Verify, began, |run| verify(run, pass))
                .await?;
        }
        Ok(())
    }

    async fn write(
        &self,
        order: &Order,
        kind: RunKind,
        began: Timestamp,
        fill: impl FnOnce(&mut Run),
    ) -> Result<(), CatalogError> {
        let now = self.clock.now();
        let mut run = Run::start(&order.system, RunId::at(began), kind, order.trigger, began);
        (run.ended_at, run.heartbeat_at) = (Some(now), now);
        fill(&mut run);
        self.catalog.add_run(run).await.map(|_| ())
    }
}

fn prune(run: &mut Run, pass: &Pass) {
    run.error = pass.trouble();
    run.status = if run.error.is_some() {
        RunStatus::Failed
    } else {
        RunStatus::Complete
    };
    notes(pass).into_iter().for_each(|note| run.note(note));
}

/// What was done, a line each.
pub(crate) fn notes(pass: &Pass) -> Vec<String> {
    let mut notes = Vec::new();
    if !pass.expired.is_empty() {
        let named = pass.expired.iter().map(ToString::to_string);
        notes.push(format!(
            "{} expired: {}",
            counted(pass.expired.len() as u64, "snapshot"),
            list(named)
        ));
    }
    if let Some(first) = pass.locked.iter().map(|(_, until)| until).min() {
        let snapshots = counted(pass.locked.len() as u64, "snapshot");
        notes.push(format!(
            "{snapshots} would expire, and later: locked, the first until {first}"
        ));
    }
    let swept = &pass.swept;
    if swept.objects > 0 {
        notes.push(format!(
            "{} deleted, {} bytes",
            counted(swept.objects, "object"),
            swept.bytes
        ));
    }
    if swept.later > 0 {
        let until = swept
            .later_from
            .map(|until| format!(", the first until {until}"))
            .unwrap_or_default();
        notes.push(format!(
            "{} to be deleted later: locked{until}",
            counted(swept.later, "object")
        ));
    }
    if swept.spared > 0 {
        notes.push(format!(
            "{} spared: marked before, and named again",
            counted(swept.spared, "object")
        ));
    }
    if pass.marked.objects > 0 {
        let objects = counted(pass.marked.objects, "object");
        notes.push(format!(
            "{objects} that nothing names marked, {} bytes",
            pass.marked.bytes
        ));
    }
    if pass.locks_extended > 0 {
        notes.push(format!("locks of {} extended", counted(pass.locks_extended, "object")));
    }
    notes.extend(
        pass.busy
            .as_ref()
            .map(|busy| format!("nothing deleted this time: {busy}")),
    );
    if pass.cut {
        notes.push("the deadline came first; the rest is for the next round".to_owned());
    }
    notes
}

fn verify(run: &mut Run, pass: &Pass) {
    let count = pass.damaged.len() as u64;
    run.status = if count == 0 {
        RunStatus::Complete
    } else {
        RunStatus::Failed
    };
    if count > 0 {
        let system = &pass.system;
        run.error = Some(format!(
            "{} damaged; seatbelt verify {system} lists all that is",
            counted(count, "object")
        ));
    }
    for damaged in &pass.damaged {
        let known = &damaged.known;
        let named_by = list(known.named_by.iter().cloned());
        let named_by = if named_by.is_empty() {
            String::new()
        } else {
            format!(", named by {named_by}")
        };
        run.note(format!(
            "{}: {}, since {}{named_by}",
            damaged.object, known.what, known.since
        ));
    }
    if let Some(lap) = &pass.lap {
        let objects = counted(lap.objects, "object");
        run.note(format!(
            "since {} all was read again: {objects}, {} bytes",
            lap.began_at, lap.bytes
        ));
    }
    if pass.late {
        run.note(
            "not everything was read again within 90 days; give retention more time, or run seatbelt verify".to_owned(),
        );
    }
}

fn list(named: impl ExactSizeIterator<Item = String>) -> String {
    let more = named.len().saturating_sub(MOST_NAMED);
    let mut words: Vec<_> = named.take(MOST_NAMED).collect();
    if more > 0 {
        words.push(format!("{more} more"));
    }
    words.join(", ")
}

pub(crate) fn counted(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
