//! A storage that fails at a write and stays failed, as a killed process or a lost disk leaves it: the newest snapshot can be read, and the
//! next run completes.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
};

use seatbelt_embedded::{Fault, FaultPoint, Options};

use crate::{
    Rig, Subject, compare, sample,
    template::{self, Start, Template, Undisturbed},
};

/// Counts writes once it is armed, and fails all from one on.
#[derive(Clone, Default)]
struct Axe {
    armed: Arc<AtomicBool>,
    seen: Arc<AtomicU64>,
    /// The first write that fails; `None` only counts.
    at: Option<u64>,
    /// Whether that one is carried out, and only its answer lost.
    after: bool,
}

impl Axe {
    fn decide(&self, point: &FaultPoint) -> Fault {
        if !point.write || !self.armed.load(SeqCst) {
            return Fault::None;
        }
        let number = self.seen.fetch_add(1, SeqCst);
        match self.at {
            Some(at) if number == at && self.after => Fault::FailAfter,
            Some(at) if number >= at => Fault::FailBefore,
            _ => Fault::None,
        }
    }

    async fn rig(&self, subject: &Subject<'_>, template: &Template, start: Start) -> Rig {
        let axe = self.clone();
        let options = Options::default().fault(move |point| axe.decide(point));
        let rig = template.rig_with(&template.setup(subject, start), start, options).await;
        self.armed.store(true, SeqCst);
        rig
    }
}

/// The number of cases.
pub(crate) async fn check(subject: &Subject<'_>, template: &Template) -> usize {
    let mut cases = 0;
    for start in Start::ALL {
        let counter = Axe::default();
        let rig = counter.rig(subject, template, start).await;
        template::complete(&format!("{}: an undisturbed run ({start:?})", subject.name), &rig).await;
        drop(rig);
        let expected = template.undisturbed(subject, start).await;
        let writes = counter.seen.load(SeqCst);
        let mut failed = 0;
        let exhaustive = crate::is_exhaustive();
        for (place, at) in sample(writes, subject.samples * 3 / 2).into_iter().enumerate() {
            for after in [false, true] {
                // Samples take turns.
                if exhaustive || after == place.is_multiple_of(2) {
                    let axe = Axe {
                        at: Some(at),
                        after,
                        ..Axe::default()
                    };
                    failed += usize::from(cut_off(subject, template, start, &axe, writes, &expected).await);
                    cases += 1;
                }
            }
        }
        assert!(
            failed > 0,
            "{}: no run failed for want of storage ({start:?})",
            subject.name
        );
    }
    cases
}

/// Whether the run failed.
async fn cut_off(
    subject: &Subject<'_>,
    template: &Template,
    start: Start,
    axe: &Axe,
    writes: u64,
    expected: &Undisturbed,
) -> bool {
    let when = if axe.after { "after" } else { "before" };
    let what = format!(
        "{}: storage lost {when} write {} of {writes} ({start:?})",
        subject.name,
        axe.at.unwrap_or_default()
    );
    let rig = axe.rig(subject, template, start).await;
    let previous = rig.newest_id().await;
    // It may yet succeed, if only what it tidies up at the end was lost.
    let outcome = rig.back_up(false).await;
    let folder = rig.folder();
    drop(rig);
    let rig = Rig::on(folder, &template.setup(subject, start), Options::default()).await;
    assert_eq!(rig.damage().await, Vec::<String>::new(), "{what}: damage");
    let newest = rig.newest_id().await;
    match &outcome {
        Ok(run) => assert_eq!(
            newest, run.snapshot,
            "{what}: the run says {:?}, and its snapshot is not there",
            run.status
        ),
        Err(_) => assert!(
            newest >= previous,
            "{what}: the newest snapshot was {previous:?} and is {newest:?}"
        ),
    }
    if newest != previous {
        let state = rig.state(&rig.newest().await).await;
        compare::assert_same(
            &format!("{what}; what was committed"),
            subject.connector,
            &expected.state,
            &state,
        );
    }
    template::complete(&format!("{what}; the next run"), &rig).await;
    let state = rig.state(&rig.newest().await).await;
    compare::assert_same(
        &format!("{what}; the next run"),
        subject.connector,
        &expected.state,
        &state,
    );
    assert_eq!(
        rig.damage().await,
        Vec::<String>::new(),
        "{what}; after the next run: damage"
    );
    outcome.is_err()
}
