//! A platform's Lambda binary on a Runtime API of our own, with S3, DynamoDB and Secrets Manager emulated. Needs
//! `SEATBELT_TEST_AWS_ENDPOINT`, the URL of an emulator; skipped without.

use std::{
    process::{Child, Command},
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_sdk_dynamodb::types::AttributeValue;
use axum::{
    Router,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue},
    routing::{get, post},
};
use seatbelt_catalog::{Catalog, Tables};
use seatbelt_end_to_end::workspace;
use seatbelt_platforms::wordpress::{Counts, Role, Site, WordPress};
use serde_json::{Value, json};
use tokio::sync::{Mutex as Queue, mpsc};

/// What a function sees of Lambda: invocations one after the other, and where to put the answers.
#[derive(Clone)]
struct RuntimeApi {
    events: Arc<Queue<mpsc::Receiver<Value>>>,
    answers: mpsc::Sender<(bool, Value)>,
    served: Arc<Mutex<u32>>,
}

async fn next(State(api): State<RuntimeApi>) -> (HeaderMap, String) {
    let event = api.events.lock().await.recv().await;
    let Some(event) = event else {
        return std::future::pending().await;
    };
    let id = {
        let mut served = api.served.lock().unwrap();
        *served += 1;
        *served
    };
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis();
    let headers = [
        ("lambda-runtime-aws-request-id", format!("request-{id}")),
        ("lambda-runtime-deadline-ms", (now + 300_000).to_string()),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:us-east-1:000000000000:function:seatbelt-wordpress".to_owned(),
        ),
    ];
    let headers = headers
        .into_iter()
        .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(&value).unwrap()));
    (headers.collect(), event.to_string())
}

async fn answer(
    State(api): State<RuntimeApi>,
    Path((_, kind)): Path<(String, String)>,
    body: String,
) -> axum::http::StatusCode {
    let body = serde_json::from_str(&body).unwrap_or(Value::String(body));
    api.answers.send((kind == "response", body)).await.unwrap();
    axum::http::StatusCode::ACCEPTED
}

/// The function as a process; dies with this.
struct Function {
    child: Child,
    events: mpsc::Sender<Value>,
    answers: mpsc::Receiver<(bool, Value)>,
}

impl Drop for Function {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Function {
    async fn start(endpoint: &str, bucket: &str, tables: &Tables) -> Self {
        let (events, receiver) = mpsc::channel(1);
        let (sender, answers) = mpsc::channel(1);
        let api = RuntimeApi {
            events: Arc::new(Queue::new(receiver)),
            answers: sender,
            served: Arc::default(),
        };
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/{kind}", post(answer))
            .with_state(api);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        let binary = workspace()
            .join(std::env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| "target".into()))
            .join("debug/seatbelt-wordpress");
        let child = Command::new(&binary)
            .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", "seatbelt-wordpress")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .env("AWS_ENDPOINT_URL", endpoint)
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("SEATBELT_BUCKET", bucket)
            .env("SEATBELT_MANIFEST_TABLE", &tables.manifest)
            .env("SEATBELT_RUNS_TABLE", &tables.runs)
            .env("SEATBELT_S3_PATH_STYLE", "true")
            .spawn()
            .unwrap_or_else(|error| {
                panic!(
                    "{}: {error}; `cargo build -p seatbelt-wordpress` makes it",
                    binary.display()
                )
            });
        Self { child, events, answers }
    }

    async fn invoke(&mut self, event: Value) -> (bool, Value) {
        self.events.send(event).await.unwrap();
        let answer = tokio::time::timeout(Duration::from_secs(120), self.answers.recv()).await;
        answer.expect("the function answers within two minutes").unwrap()
    }
}

async fn config(endpoint: &str) -> aws_config::SdkConfig {
    let credentials = aws_sdk_s3::config::Credentials::new("test", "test", None, None, "test");
    let http = aws_smithy_http_client::Builder::new().build_http();
    aws_config::defaults(aws_config::BehaviorVersion::latest())
        .http_client(http)
        .endpoint_url(endpoint)
        .region(aws_config::Region::new("us-east-1"))
        .credentials_provider(credentials)
        .load()
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_backs_a_system_up_from_an_event() {
    let Ok(endpoint) = std::env::var("SEATBELT_TEST_AWS_ENDPOINT") else {
        println!("SKIPPED: SEATBELT_TEST_AWS_ENDPOINT names no emulator");
        return;
    };
    let site = WordPress::start(Site::generate(
        7,
        &Counts {
            posts: 30,
            media: 3,
            ..Counts::default()
        },
    ))
    .await;
    let password = site.site.application_password(Role::Administrator);
    let config = config(&endpoint).await;
    let s3 = aws_sdk_s3::Client::from_conf(
        aws_sdk_s3::config::Builder::from(&config)
            .force_path_style(true)
            .build(),
    );
    let unique = std::process::id();
    let bucket = format!("seatbelt-test-{unique}");
    s3.create_bucket().bucket(&bucket).send().await.unwrap();
    let tables = Tables {
        manifest: format!("manifest-{unique}"),
        runs: format!("runs-{unique}"),
    };
    let dynamodb = aws_sdk_dynamodb::Client::new(&config);
    let catalog = Catalog::new(dynamodb.clone(), tables.clone());
    catalog.create_tables().await.unwrap();
    let secret = json!({"username": Role::Administrator.login(), "application_password": password});
    let secrets = aws_sdk_secretsmanager::Client::new(&config);
    let name = format!("seatbelt/acme-site-{unique}");
    secrets
        .create_secret()
        .name(&name)
        .secret_string(secret.to_string())
        .send()
        .await
        .unwrap();
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let settings = [
        ("base_url".to_owned(), text(&site.server.url())),
        ("requests_per_second".to_owned(), text("100")),
    ];
    // As a person types it into the console.
    let item = dynamodb
        .put_item()
        .table_name(&tables.manifest)
        .item("system", text("acme-site"))
        .item("platform", text("wordpress"));
    let item = item
        .item("decision", text("backup"))
        .item("schedule", text("daily at 03:30"));
    let item = item
        .item("secret", text(&format!("secretsmanager:{name}")))
        .item("settings", AttributeValue::M(settings.into()));
    item.send().await.unwrap();

    let mut function = Function::start(&endpoint, &bucket, &tables).await;
    let (ok, run) = function.invoke(json!({"system": "acme-site"})).await;
    assert!(ok, "{run}");
    assert_eq!(run["status"], "complete", "{run:#}");
    assert_eq!(run["resources"]["media"]["records"], 3);
    let (ok, run) = function
        .invoke(json!({"system": "acme-site", "due": "2026-11-22T06:00:00Z"}))
        .await;
    assert!(ok, "{run}");
    assert_eq!(
        (run["trigger"].as_str(), run["status"].as_str()),
        (Some("schedule"), Some("complete"))
    );
    let changes = run["resources"]
        .as_object()
        .unwrap()
        .values()
        .map(|counts| &counts["changes"]);
    assert!(
        changes
            .clone()
            .all(|changes| *changes == json!({"added": 0, "changed": 0, "removed": 0})),
        "{run:#}"
    );
    let (ok, again) = function
        .invoke(json!({"system": "acme-site", "due": "2026-11-22T06:00:00Z"}))
        .await;
    assert!(
        ok && again["said"].as_str().unwrap().contains("has answered the firing"),
        "{again}"
    );
    let (ok, unknown) = function.invoke(json!({"system": "nobody"})).await;
    let failed = unknown["failed"].as_str().unwrap_or_default();
    assert!(
        ok && failed.contains("the manifest has no system `nobody`"),
        "{unknown}"
    );
    let (ok, error) = function.invoke(json!({"sistem": "acme-site"})).await;
    assert!(
        !ok && error.to_string().contains("is not what this function takes"),
        "{error}"
    );

    let vault = seatbelt_vault::Vault::new(s3, bucket, seatbelt_vault::Options::default());
    assert_eq!(vault.snapshot_ids("acme-site").await.unwrap().len(), 2);
    assert_eq!(catalog.runs("acme-site", 10).await.unwrap().len(), 2);
}
