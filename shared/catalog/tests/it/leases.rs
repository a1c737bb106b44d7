use seatbelt_catalog::{CatalogError, Held};
use seatbelt_model::Class;

use crate::store::{SYSTEM, Store, TTL, at, s, t0};

pub(crate) async fn of_many_takers_one_wins(store: Store) {
    let tasks = (0..20).map(|holder| {
        let catalog = store.catalog.clone();
        tokio::spawn(async move {
            catalog
                .acquire_lease(SYSTEM, &format!("holder-{holder}"), t0(), TTL)
                .await
                .unwrap()
        })
    });
    let (mut leases, mut refused) = (Vec::new(), Vec::new());
    for task in tasks.collect::<Vec<_>>() {
        match task.await.unwrap() {
            Ok(lease) => leases.push(lease),
            Err(held) => refused.push(held),
        }
    }
    assert_eq!((leases.len(), refused.len()), (1, 19));
    assert_eq!(leases[0].fencing, 1);
    let winner = Held {
        holder: leases[0].holder.clone(),
        until: t0() + TTL,
    };
    assert!(refused.iter().all(|held| *held == winner), "{refused:?}");
    assert!(
        store
            .catalog
            .acquire_lease("acme-site", "holder-0", t0(), TTL)
            .await
            .unwrap()
            .is_ok(),
        "systems are apart"
    );
}

pub(crate) async fn it_is_taken_over_after_its_expiry_only(store: Store) {
    let catalog = &store.catalog;
    let first = catalog
        .acquire_lease(SYSTEM, "first", t0(), TTL)
        .await
        .unwrap()
        .unwrap();
    assert!(
        catalog
            .acquire_lease(SYSTEM, "second", at(899), TTL)
            .await
            .unwrap()
            .is_err()
    );
    let first = catalog.renew(&first, at(600), TTL).await.unwrap();
    assert_eq!(first.until, at(1500));
    let held = catalog
        .acquire_lease(SYSTEM, "second", at(1499), TTL)
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(
        held,
        Held {
            holder: "first".into(),
            until: at(1500)
        }
    );
    let second = catalog
        .acquire_lease(SYSTEM, "second", at(1500), TTL)
        .await
        .unwrap()
        .unwrap();
    assert!(second.fencing > first.fencing);

    catalog.release(&second).await.unwrap();
    let third = catalog
        .acquire_lease(SYSTEM, "third", at(1500), TTL)
        .await
        .unwrap()
        .unwrap();
    assert!(third.fencing > second.fencing, "the counter outlives a release");
}

pub(crate) async fn a_lease_lost_cannot_be_renewed_or_released(store: Store) {
    let catalog = &store.catalog;
    let first = catalog
        .acquire_lease(SYSTEM, "first", t0(), TTL)
        .await
        .unwrap()
        .unwrap();
    let second = catalog
        .acquire_lease(SYSTEM, "second", at(900), TTL)
        .await
        .unwrap()
        .unwrap();
    let lost = catalog.renew(&first, at(901), TTL).await.unwrap_err();
    assert!(
        matches!(&lost, CatalogError::LeaseLost { system, holder } if system == SYSTEM && holder == "first"),
        "{lost}"
    );
    assert_eq!(lost.class(), Class::Retry);
    catalog.release(&first).await.unwrap();
    catalog.renew(&second, at(902), TTL).await.unwrap();

    catalog.release(&second).await.unwrap();
    catalog.release(&second).await.unwrap();
    assert!(matches!(
        catalog.renew(&second, at(903), TTL).await,
        Err(CatalogError::LeaseLost { .. })
    ));
}

pub(crate) async fn a_holder_may_take_it_again(store: Store) {
    let catalog = &store.catalog;
    let once = catalog.acquire_lease(SYSTEM, "same", t0(), TTL).await.unwrap().unwrap();
    let twice = catalog
        .acquire_lease(SYSTEM, "same", at(10), TTL)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((once.fencing, twice.fencing, twice.until), (1, 2, at(910)));
    assert!(matches!(
        catalog.renew(&once, at(11), TTL).await,
        Err(CatalogError::LeaseLost { .. })
    ));
    catalog.renew(&twice, at(11), TTL).await.unwrap();
}

pub(crate) async fn clocks_that_disagree_never_make_two_holders(store: Store) {
    let catalog = &store.catalog;
    let right = catalog
        .acquire_lease(SYSTEM, "right", t0(), TTL)
        .await
        .unwrap()
        .unwrap();
    // A clock a day ahead takes the lease early; from then on the first holder is out, whatever its own clock says.
    let ahead = catalog
        .acquire_lease(SYSTEM, "ahead", at(86_400), TTL)
        .await
        .unwrap()
        .unwrap();
    assert!(matches!(
        catalog.renew(&right, at(1), TTL).await,
        Err(CatalogError::LeaseLost { .. })
    ));
    assert!(
        catalog
            .acquire_lease(SYSTEM, "right", at(2), TTL)
            .await
            .unwrap()
            .is_err()
    );

    // A clock that jumps back a year renews, and its lease looks expired to others; whoever takes it is alone again.
    let back = catalog.renew(&ahead, at(-31_536_000), TTL).await.unwrap();
    let next = catalog
        .acquire_lease(SYSTEM, "next", at(3), TTL)
        .await
        .unwrap()
        .unwrap();
    assert!(matches!(
        catalog.renew(&back, at(-31_535_999), TTL).await,
        Err(CatalogError::LeaseLost { .. })
    ));
    assert!(next.fencing > back.fencing && back.fencing > right.fencing);

    // Late, but nobody took over: the work was not in vain.
    assert_eq!(
        catalog.renew(&next, at(1_000_000), TTL).await.unwrap().fencing,
        next.fencing
    );
}

pub(crate) async fn a_damaged_lease_is_reported(store: Store) {
    store
        .put_run_item("lease", &[("holder", s("somebody")), ("until", s("tomorrow"))])
        .await;
    let error = store.catalog.acquire_lease(SYSTEM, "me", t0(), TTL).await.unwrap_err();
    assert!(matches!(error, CatalogError::Damaged { .. }), "{error}");
    assert!(error.to_string().contains("lease of system acme-crm"), "{error}");

    store.put_run_item("lease", &[("holder", s("somebody"))]).await;
    assert!(
        store
            .catalog
            .acquire_lease(SYSTEM, "me", t0(), TTL)
            .await
            .unwrap()
            .is_ok(),
        "no end is no lease"
    );
}

pub(crate) async fn who_holds_it_is_read_without_taking_it(store: Store) {
    let catalog = &store.catalog;
    assert_eq!(catalog.lease_of(SYSTEM).await.unwrap(), None);
    let lease = catalog.acquire_lease(SYSTEM, "one", t0(), TTL).await.unwrap().unwrap();
    let held = Held {
        holder: "one".into(),
        until: t0() + TTL,
    };
    assert_eq!(catalog.lease_of(SYSTEM).await.unwrap(), Some(held));
    catalog.renew(&lease, at(60), TTL).await.unwrap();
    assert_eq!(catalog.lease_of(SYSTEM).await.unwrap().unwrap().until, at(60) + TTL);
    catalog.release(&lease).await.unwrap();
    assert_eq!(catalog.lease_of(SYSTEM).await.unwrap(), None);
}
