//! A storage that fails at a write and stays failed, as a killed process or a lost disk leaves it: the newest snapshot can be read, and the
//! next run completes.

use seatbelt_embedded::{Axe, Options};

use crate::{
    Rig, Subject, compare, sample,
    template::{self, Start, Template, Undisturbed},
};

async fn rig(axe: &Axe, subject: &Subject<'_>, template: &Template, start: Start) -> Rig {
    let options = Options::default().fault(axe.hook());
    template.rig_with(&template.setup(subject, start), start, options).await
}

/// The number of cases.
pub(crate) async fn check(subject: &Subject<'_>, template: &Template) -> usize {
    let mut cases = 0;
    for start in Start::ALL {
        let counter = Axe::default();
        let rig = rig(&counter, subject, template, start).await;
        counter.count();
        template::complete(&format!("{}: an undisturbed run ({start:?})", subject.name), &rig).await;
        drop(rig);
        let expected = template.undisturbed(subject, start).await;
        let writes = counter.writes();
        let mut failed = 0;
        let exhaustive = crate::is_exhaustive();
        for (place, at) in sample(writes, subject.samples * 3 / 2).into_iter().enumerate() {
            for after in [false, true] {
                // Samples take turns.
                if exhaustive || after == place.is_multiple_of(2) {
                    failed += usize::from(cut_off(subject, template, start, (at, after), writes, &expected).await);
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
    (at, after): (u64, bool),
    writes: u64,
    expected: &Undisturbed,
) -> bool {
    let when = if after { "after" } else { "before" };
    let what = format!(
        "{}: storage lost {when} write {at} of {writes} ({start:?})",
        subject.name
    );
    let axe = Axe::default();
    let rig = rig(&axe, subject, template, start).await;
    axe.strike(at, after);
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
