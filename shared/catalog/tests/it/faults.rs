//! Lost answers, and what DynamoDB's errors are taken for.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use aws_sdk_dynamodb::{
    Client,
    config::{BehaviorVersion, Credentials, Region, retry::RetryConfig},
};
use aws_smithy_runtime_api::client::{
    http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::{HttpRequest, HttpResponse},
    runtime_components::RuntimeComponents,
};
use aws_smithy_types::body::SdkBody;
use seatbelt_catalog::{Catalog, CatalogError, Tables, UnitPlan, UnitState};
use seatbelt_embedded::{Embedded, Fault, Options};
use seatbelt_model::{Class, RunStatus, System};
use serde_json::json;

use crate::store::{self, SYSTEM, Store, TTL, at, run, t0};

/// A store that carries out every write, loses the first answer to it, and is asked again by the SDK.
async fn forgetful(home: &std::path::Path) -> (Store, Arc<AtomicU64>) {
    let lost = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&lost);
    let options = Options::default().fast().fault(move |point| {
        if point.write && point.number % 2 == 0 {
            count.fetch_add(1, Ordering::Relaxed);
            Fault::FailAfter
        } else {
            Fault::None
        }
    });
    let client = Embedded::open_with(home, options).await.unwrap().dynamodb();
    let retry = RetryConfig::standard().with_initial_backoff(std::time::Duration::ZERO);
    let client = Client::from_conf(client.config().to_builder().retry_config(retry).build());
    (store::fresh(&client).await, lost)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_changes_no_outcome() {
    let home = tempfile::tempdir().unwrap();
    let (Store { catalog, .. }, lost) = forgetful(home.path()).await;
    let name = "acme-crm".parse().unwrap();
    let system = System {
        owner: Some("crm@acme.example".into()),
        ..System::default()
    };
    assert_eq!(catalog.put_system(&name, &system, None).await.unwrap(), 1);
    assert_eq!(catalog.put_system(&name, &System::default(), 1).await.unwrap(), 2);

    let lease = catalog.acquire_lease(SYSTEM, "me", t0(), TTL).await.unwrap().unwrap();
    let lease = catalog.renew(&lease, at(60), TTL).await.unwrap();
    let mut run = run(0);
    catalog.create_run(&run).await.unwrap();
    assert!(matches!(
        catalog.create_run(&run).await,
        Err(CatalogError::RunExists { .. })
    ));

    let plans = ["a", "b"].map(|name| UnitPlan { name: name.into() });
    catalog.plan_units(SYSTEM, run.id, &plans).await.unwrap();
    let unit = catalog
        .claim_unit(SYSTEM, run.id, "", "worker", t0(), TTL)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(unit.name, "a");
    catalog
        .checkpoint(SYSTEM, run.id, "a", "worker", &json!(1))
        .await
        .unwrap();
    catalog
        .finish_unit(SYSTEM, run.id, "a", "worker", &json!(2))
        .await
        .unwrap();
    let units = catalog.units(SYSTEM, run.id).await.unwrap();
    assert_eq!(
        (&units[0].state, &units[1].state),
        (&UnitState::Done, &UnitState::Open),
        "no claim was lost on the way"
    );

    run.status = RunStatus::Complete;
    catalog.save_run(&run).await.unwrap();
    assert_eq!(catalog.open_runs(SYSTEM).await.unwrap(), []);
    catalog.delete_units(SYSTEM, run.id).await.unwrap();
    catalog.release(&lease).await.unwrap();
    assert!(catalog.acquire_lease(SYSTEM, "other", t0(), TTL).await.unwrap().is_ok());
    catalog.remove_system("acme-crm", 2).await.unwrap();
    assert_eq!(catalog.runs(SYSTEM, 10).await.unwrap(), [run]);
    assert!(
        lost.load(Ordering::Relaxed) > 15,
        "the writes were really answered late"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_fails_can_be_tried_again() {
    // Each write of the life of a run is cut in turn, before it arrives; the caller repeats its call, and all is as it should be.
    // The first five make the tables; the last removes the mark of the open run, which may fail without harm.
    for cut in 5..=12 {
        let home = tempfile::tempdir().unwrap();
        let options = Options::default().fast().fault(move |point| {
            if point.write && point.number == cut {
                Fault::FailBefore
            } else {
                Fault::None
            }
        });
        let client = Embedded::open_with(home.path(), options).await.unwrap().dynamodb();
        let Store { catalog, .. } = store::fresh(&client).await;
        let mut failed = 0;
        macro_rules! persist {
            ($call:expr) => {
                match $call.await {
                    Err(error) => {
                        assert_eq!(error.class(), Class::Retry, "{error}");
                        failed += 1;
                        $call.await.unwrap()
                    }
                    Ok(done) => done,
                }
            };
        }
        let mut run = run(0);
        persist!(catalog.create_run(&run));
        persist!(catalog.plan_units(SYSTEM, run.id, &[UnitPlan { name: "posts".into() }]));
        persist!(catalog.claim_unit(SYSTEM, run.id, "", "me", t0(), TTL)).unwrap();
        persist!(catalog.finish_unit(SYSTEM, run.id, "posts", "me", &json!(1)));
        run.status = RunStatus::Complete;
        persist!(catalog.save_run(&run));
        assert_eq!(catalog.open_runs(SYSTEM).await.unwrap(), [], "cut {cut}");
        assert_eq!(catalog.runs(SYSTEM, 10).await.unwrap(), [run], "cut {cut}");
        assert_eq!(failed, u32::from(cut < 12), "cut {cut}");
    }
}

/// Answers everything alike.
#[derive(Debug, Clone)]
struct Always(u16, &'static str);

impl HttpConnector for Always {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        let mut response = HttpResponse::new(self.0.try_into().unwrap(), SdkBody::from(self.1));
        response
            .headers_mut()
            .insert("content-type", "application/x-amz-json-1.0");
        HttpConnectorFuture::ready(Ok(response))
    }
}

impl HttpClient for Always {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

async fn error_for(answer: Always, credentials: bool) -> CatalogError {
    let mut config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(answer)
        .region(Region::new("eu-central-1"))
        .retry_config(RetryConfig::disabled());
    if credentials {
        config = config.credentials_provider(Credentials::new("key", "secret", None, None, "test"));
    }
    let tables = Tables {
        manifest: "the-manifest".into(),
        runs: "the-runs".into(),
    };
    let catalog = Catalog::new(Client::from_conf(config.build()), tables);
    catalog.save_run(&run(0)).await.unwrap_err()
}

#[tokio::test]
async fn each_error_says_what_a_caller_may_do() {
    let cases = [
        (
            400,
            r#"{"__type":"a.b#ProvisionedThroughputExceededException","message":"slow"}"#,
            Class::Throttled(None),
        ),
        (
            400,
            r#"{"__type":"a.b#ThrottlingException","message":"slow"}"#,
            Class::Throttled(None),
        ),
        (
            400,
            r#"{"__type":"a.b#RequestLimitExceeded","message":"slow"}"#,
            Class::Throttled(None),
        ),
        (
            500,
            r#"{"__type":"a.b#InternalServerError","message":"oops"}"#,
            Class::Retry,
        ),
        (503, "<html>", Class::Retry),
        (
            400,
            r#"{"__type":"a.b#ResourceNotFoundException","message":"no"}"#,
            Class::Permanent,
        ),
        (
            400,
            r#"{"__type":"a.b#AccessDeniedException","message":"no"}"#,
            Class::Permanent,
        ),
        (
            400,
            r#"{"__type":"a.b#ExpiredTokenException","message":"old"}"#,
            Class::Permanent,
        ),
        (
            400,
            r#"{"__type":"a.b#ValidationException","message":"Item size has exceeded the maximum"}"#,
            Class::Permanent,
        ),
        (
            400,
            r#"{"__type":"a.b#ValidationException","message":"odd"}"#,
            Class::Permanent,
        ),
    ];
    for (status, body, class) in cases {
        let error = error_for(Always(status, body), true).await;
        assert_eq!(error.class(), class, "{error}");
        assert!(
            error
                .to_string()
                .starts_with("system acme-crm: saving run 20261122T060000Z: "),
            "{error}"
        );
    }
    let error = error_for(Always(200, "{}"), false).await;
    assert!(
        matches!(&error, CatalogError::Denied { table, .. } if table == "the-runs"),
        "{error:?}"
    );
    let error = error_for(Always(400, r#"{"__type":"a.b#ResourceNotFoundException"}"#), true).await;
    assert!(
        error
            .to_string()
            .contains("there is no table the-runs; deploy the stack"),
        "{error}"
    );
}
