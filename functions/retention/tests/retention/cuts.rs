//! A pass that is cut at any write leaves everything that is kept whole, and later passes do what it did not.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use seatbelt_embedded::{Fault, Options as Home};
use seatbelt_vault::{Options, Scope};

use crate::{
    house::{DAY, HOUR, House},
    world::{check_everything, tiny},
};

/// Which write breaks, counted from when it was armed; nothing that comes after it arrives.
#[derive(Default)]
struct Plan {
    armed: AtomicBool,
    countdown: AtomicU64,
    answered: AtomicBool,
    broken: AtomicBool,
}

impl Plan {
    fn fate(&self, write: bool) -> Fault {
        if !self.armed.load(Ordering::SeqCst) || !write {
            return Fault::None;
        }
        if self.broken.load(Ordering::SeqCst) {
            return Fault::FailBefore;
        }
        if self.countdown.fetch_sub(1, Ordering::SeqCst) > 0 {
            return Fault::None;
        }
        self.broken.store(true, Ordering::SeqCst);
        if self.answered.load(Ordering::SeqCst) {
            Fault::FailAfter
        } else {
            Fault::FailBefore
        }
    }

    fn arm(&self, countdown: u64, answered: bool) {
        self.broken.store(false, Ordering::SeqCst);
        self.countdown.store(countdown, Ordering::SeqCst);
        self.answered.store(answered, Ordering::SeqCst);
        self.armed.store(true, Ordering::SeqCst);
    }

    /// Whether it broke.
    fn disarm(&self) -> bool {
        self.armed.store(false, Ordering::SeqCst);
        self.broken.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn a_pass_cut_at_any_write_harms_nothing_and_is_made_up_for() {
    let plan = Arc::new(Plan::default());
    let hook = plan.clone();
    let home = Home::default().fault(move |point| hook.fate(point.write));
    // Few objects, so that there are few writes to cut.
    let options = Options {
        chunk_bytes: 16 << 10,
        ..tiny()
    };
    let mut house = House::with(options, home).await;
    let mut cuts = 0;
    for answered in [false, true] {
        for write in 0.. {
            let system = format!("system-{answered}-{write}");
            house.policy(&system, "2 daily").await;
            let snapshots = house.days(&system, 5).await;
            let kept = &snapshots[3..];
            let mut broken = false;
            // The first pass expires and marks, the second sweeps; the same write of each is cut.
            for _ in 0..2 {
                house.wait(DAY + HOUR);
                plan.arm(write, answered);
                let pass = house.pass(&system).await;
                let cut = plan.disarm();
                broken |= cut;
                cuts += usize::from(cut);
                assert_eq!(pass.refused, None);
                assert!(pass.damaged.is_empty(), "{:?}", pass.damaged);
                let report = house.vault().verify(&system, Scope::All, |_| {}).await.unwrap();
                assert_eq!(report.damaged, [], "after the cut of write {write}");
            }
            for _ in 0..3 {
                house.wait(DAY + HOUR);
                house.clean(&system).await;
            }
            assert_eq!(
                house.ids(&system).await,
                kept.iter().map(|(kept, _)| kept.id).collect::<Vec<_>>()
            );
            assert_eq!(house.stored(&system).await, house.named(&system).await, "write {write}");
            if write % 5 == 0 {
                check_everything(house.vault(), &system, kept, &["0".to_owned(), "17".to_owned()]).await;
            }
            if !broken {
                break;
            }
        }
    }
    assert!(cuts > 20, "only {cuts} writes were cut");
}
