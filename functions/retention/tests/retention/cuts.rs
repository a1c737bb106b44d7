//! A pass that is cut at any write leaves everything that is kept whole, and later passes do what it did not.

use seatbelt_embedded::{Axe, Options as Home};
use seatbelt_vault::{Options, Scope};

use crate::{
    house::{DAY, HOUR, House},
    world::{check_everything, tiny},
};

#[tokio::test]
async fn a_pass_cut_at_any_write_harms_nothing_and_is_made_up_for() {
    let axe = Axe::default();
    let home = Home::default().fault(axe.hook());
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
                axe.strike(write, answered);
                let pass = house.pass(&system).await;
                axe.rest();
                let cut = axe.has_struck();
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
