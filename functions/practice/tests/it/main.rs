//! The practice connectors against the practice company.
#![allow(clippy::unwrap_used, reason = "a test may stop at once")]

use seatbelt_conformance::Rig;
use seatbelt_platforms::practice::{PracticeCompany, crm};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn smoke() {
    let company = PracticeCompany::start(1).await;
    let rig = Rig::new(
        &seatbelt_practice::PRACTICE_CRM,
        &json!({"base_url": company.crm_server.url()}),
        Some(&json!({"token": crm::FULL_TOKEN})),
    )
    .await;
    let run = rig.back_up(false).await.unwrap();
    println!("{run:#?}");
    let run = rig.back_up(false).await.unwrap();
    println!("{run:#?}");
    let snapshot = rig.newest().await;
    println!("{snapshot:#?}");
}
