//! An account on AWS with one stack in it, small and strict: what the stack's real services would refuse is refused here.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::{Command, Output},
    sync::{Arc, Mutex, OnceLock, Weak},
    time::Duration,
};

use async_trait::async_trait;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    http::{HeaderMap, Method, Request, Response, StatusCode},
};
use seatbelt_catalog::{Catalog, Tables};
use seatbelt_connector_kit::{KitError, SecretFields, SecretStore, SystemClock};
use seatbelt_embedded::{BUCKET, Embedded, SIGNED_WITH};
use seatbelt_model::{Clock, system::SecretRef};
use seatbelt_platforms::{
    Server,
    practice::{PracticeCompany, crm},
};
use seatbelt_practice::PRACTICE_CRM;
use seatbelt_runtime::{Backup, Event, House, Invocation, Invoke};
use seatbelt_vault::Vault;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::{Handle, Runtime};

pub(crate) const STACK: &str = "prod";
pub(crate) const SECRET: &str = "seatbelt/practice_crm/crm";

/// What a test may change about the account.
pub(crate) struct Account {
    pub(crate) status: &'static str,
    pub(crate) outputs: BTreeMap<&'static str, String>,
    /// Actions that the caller may not do.
    pub(crate) denied: BTreeSet<&'static str>,
    /// Secrets by name.
    pub(crate) secrets: BTreeMap<String, String>,
    /// Events that functions were invoked with, whoever did it.
    pub(crate) invoked: Vec<Value>,
}

/// The services, and the function.
pub(crate) struct Aws {
    pub(crate) account: Mutex<Account>,
    embedded: Embedded,
    pub(crate) catalog: Catalog,
    backup: OnceLock<Backup>,
    functions: Handle,
}

/// The account, the company that is backed up, and a folder to call the binary in.
pub(crate) struct Cloud {
    pub(crate) company: PracticeCompany,
    pub(crate) aws: Arc<Aws>,
    server: Server,
    pub(crate) folder: TempDir,
    pub(crate) runtime: Runtime,
    _home: TempDir,
}

/// What a command said, and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Cloud {
    /// A stack whose manifest is empty.
    pub(crate) fn start() -> Self {
        let (runtime, home) = (Runtime::new().unwrap(), tempfile::tempdir().unwrap());
        let (company, aws, server) = runtime.block_on(async {
            let aws = Aws::open(&home, runtime.handle().clone()).await;
            let serving = Arc::clone(&aws);
            let router = Router::new().fallback(move |request: Request<Body>| {
                let aws = Arc::clone(&serving);
                async move { aws.answer(request).await }
            });
            (PracticeCompany::start(7).await, aws, Server::start(router).await)
        });
        Self {
            company,
            aws,
            server,
            folder: tempfile::tempdir().unwrap(),
            runtime,
            _home: home,
        }
    }

    /// The same with the company's CRM in the manifest, set there by the tool, and a secret with this token.
    pub(crate) fn with_crm(token: &str) -> Self {
        let cloud = Self::start();
        cloud.secret(token);
        let address = format!("settings.base_url={}", cloud.company.crm_server.url());
        cloud.ok(&[
            "manifest",
            "set",
            "crm",
            "platform=practice_crm",
            "decision=backup",
            "schedule=hourly",
            "rpo=2h",
            "owner=ann",
            &format!("secret=secretsmanager:{SECRET}"),
            &address,
        ]);
        cloud
    }

    /// The same, backed up once.
    pub(crate) fn backed_up() -> Self {
        let cloud = Self::with_crm(crm::READ_ONLY_TOKEN);
        cloud.ok(&["backup", "crm", "--quiet"]);
        cloud
    }

    pub(crate) fn secret(&self, token: &str) {
        let text = json!({ "token": token }).to_string();
        self.aws.account().secrets.insert(SECRET.into(), text);
    }

    /// The command on the stack, not run yet.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.signed(self.bare(arguments))
    }

    fn signed(&self, mut command: Command) -> Command {
        let (key, secret) = SIGNED_WITH;
        command
            .env("AWS_ACCESS_KEY_ID", key)
            .env("AWS_SECRET_ACCESS_KEY", secret);
        command.env("AWS_REGION", "us-east-1");
        command
    }

    /// The command on a stack that is not there.
    pub(crate) fn unknown(&self, arguments: &[&str]) -> Command {
        self.signed(self.on("staging", arguments))
    }

    /// The command without credentials and region.
    pub(crate) fn bare(&self, arguments: &[&str]) -> Command {
        self.on(STACK, arguments)
    }

    fn on(&self, stack: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_seatbelt"));
        command
            .current_dir(self.folder.path())
            .args(["--stack", stack])
            .args(arguments);
        command.env_clear().env("TZ", "UTC").env("HOME", self.folder.path());
        command.env("AWS_ENDPOINT_URL", self.server.url());
        command
            .env("SEATBELT_S3_PATH_STYLE", "true")
            .env("AWS_EC2_METADATA_DISABLED", "true");
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        said(self.command(arguments).output().unwrap())
    }

    /// Runs a command that must succeed, and returns its stdout.
    #[track_caller]
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let said = self.run(arguments);
        assert_eq!(said.code, 0, "{arguments:?}: {said:?}");
        said.out
    }

    /// The same with `--json`.
    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str]) -> Vec<Value> {
        let out = self.ok(&[&["--json"], arguments].concat());
        let value: Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {out}"));
        value
            .as_array()
            .unwrap_or_else(|| panic!("{arguments:?}: no array: {out}"))
            .clone()
    }

    /// Runs a command that must end with `code`, and say each of `words`.
    #[track_caller]
    pub(crate) fn fails(&self, code: i32, arguments: &[&str], words: &[&str]) -> Said {
        says(self.run(arguments), code, words)
    }
}

#[track_caller]
pub(crate) fn says(said: Said, code: i32, words: &[&str]) -> Said {
    assert_eq!(said.code, code, "{said:?}");
    for word in words {
        assert!(said.err.contains(word), "{word:?} is not said: {said:?}");
    }
    said
}

pub(crate) fn said(output: Output) -> Said {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said {
        code: output.status.code().unwrap_or(-1),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}

impl Aws {
    async fn open(home: &TempDir, functions: Handle) -> Arc<Self> {
        let embedded = Embedded::open_for_tests(home.path()).await.unwrap();
        let tables = Tables {
            manifest: "prod-manifest".into(),
            runs: "prod-runs".into(),
        };
        let outputs = [
            ("Bucket", BUCKET),
            ("ManifestTable", tables.manifest.as_str()),
            ("RunsTable", tables.runs.as_str()),
            ("Platforms", "practice_crm,wordpress"),
            ("BackupFunctionPrefix", "prod-backup-"),
        ];
        let outputs = outputs.map(|(name, value)| (name, value.to_owned())).into();
        let catalog = Catalog::new(embedded.dynamodb(), tables);
        catalog.create_tables().await.unwrap();
        let account = Account {
            status: "UPDATE_COMPLETE",
            outputs,
            denied: BTreeSet::new(),
            secrets: BTreeMap::new(),
            invoked: Vec::new(),
        };
        let aws = Arc::new(Self {
            account: Mutex::new(account),
            embedded,
            catalog,
            backup: OnceLock::new(),
            functions,
        });
        let weak = Arc::downgrade(&aws);
        let house = House {
            aws: aws_config::SdkConfig::builder().build(),
            vault: Vault::new(aws.embedded.s3(), BUCKET, seatbelt_vault::Options::default()),
            catalog: aws.catalog.clone(),
            secrets: Arc::new(Inside(weak.clone())),
            clock: Arc::new(SystemClock),
        };
        let backup = Backup::new(house, &PRACTICE_CRM, Arc::new(Inside(weak)));
        assert!(aws.backup.set(backup).is_ok());
        aws
    }

    pub(crate) fn account(&self) -> std::sync::MutexGuard<'_, Account> {
        self.account.lock().unwrap()
    }

    /// Starts the function as Lambda does, without waiting for it.
    fn start(self: &Arc<Self>, event: Value) -> String {
        let id = {
            let mut account = self.account();
            account.invoked.push(event.clone());
            format!("request-{}", account.invoked.len())
        };
        let (aws, request_id) = (Arc::clone(self), id.clone());
        self.functions.spawn(async move {
            let deadline = SystemClock.now() + Duration::from_mins(15);
            let backup = aws.backup.get().unwrap();
            // What goes wrong is in the run's record, or nowhere: a function's answer goes nowhere either.
            let _ = Box::pin(backup.handle(event, Invocation { request_id, deadline })).await;
        });
        id
    }

    async fn answer(self: Arc<Self>, request: Request<Body>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        let path = parts.uri.path();
        let header = |name: &str| parts.headers.get(name).map_or("", |value| value.to_str().unwrap());
        let service = signed_for(&parts.headers);
        match service.as_deref() {
            Some("cloudformation") => self.cloudformation(&parts.method, path, header("content-type"), &body),
            Some("lambda") => self.lambda(&parts.method, path, header("x-amz-invocation-type"), &body),
            Some("secretsmanager") => self.secrets(header("x-amz-target"), &body),
            Some("dynamodb") => {
                let operation = header("x-amz-target").rsplit('.').next().unwrap_or_default();
                match self.denied(&format!("dynamodb:{operation}")) {
                    Some(said) => json_error(StatusCode::BAD_REQUEST, "AccessDeniedException", &said),
                    None => relay(self.embedded.answer_dynamodb(within(parts, body)).await.unwrap()),
                }
            }
            Some("s3") => {
                if parts.method == Method::GET && self.denied("s3:GetObject").is_some() {
                    return xml(
                        StatusCode::FORBIDDEN,
                        "<Error><Code>AccessDenied</Code><Message>no</Message></Error>",
                    );
                }
                if parts.headers.contains_key("x-amz-tagging") {
                    return self.put_tagged(path, &parts.headers, &body).await;
                }
                relay(self.embedded.answer_s3(within(parts, body)).await.unwrap())
            }
            other => json_error(StatusCode::BAD_REQUEST, "UnknownService", &format!("{other:?}")),
        }
    }

    /// Puts an object with tags, which the embedded store does not take: the tags are looked at here, and the rest is put there.
    async fn put_tagged(&self, path: &str, headers: &HeaderMap, body: &[u8]) -> Response<Body> {
        let key = path.strip_prefix(&format!("/{BUCKET}/")).unwrap();
        assert_eq!(
            headers["x-amz-tagging"], "seatbelt=staging",
            "what the bucket's lifecycle rule looks for"
        );
        assert!(key.contains("/staging/"), "only what is staged expires: {key}");
        let chunked = headers
            .get("content-encoding")
            .is_some_and(|encoding| encoding == "aws-chunked");
        let body = if chunked { unchunked(body) } else { body.to_vec() };
        let put = self
            .embedded
            .s3()
            .put_object()
            .bucket(BUCKET)
            .key(key)
            .body(body.into());
        let put = put.send().await.unwrap();
        let answer = Response::builder().header("etag", put.e_tag.unwrap_or_default());
        answer.body(Body::empty()).unwrap()
    }

    /// What AWS says to someone who may not do this.
    fn denied(&self, action: &str) -> Option<String> {
        let denied = self.account().denied.contains(action);
        denied.then(|| format!("User: arn:aws:iam::000000000000:user/ann is not authorized to perform: {action}"))
    }

    fn cloudformation(&self, method: &Method, path: &str, kind: &str, body: &[u8]) -> Response<Body> {
        let form: BTreeMap<_, _> = url::form_urlencoded::parse(body).into_owned().collect();
        let field = |name: &str| form.get(name).map(String::as_str);
        let asked = (method, path, kind, field("Action"), field("Version"));
        let describe = (
            &Method::POST,
            "/",
            "application/x-www-form-urlencoded",
            Some("DescribeStacks"),
            Some("2010-05-15"),
        );
        let refuse = |status, code: &str, said: &str| {
            let error = format!("<Error><Type>Sender</Type><Code>{code}</Code><Message>{said}</Message></Error>");
            xml(
                status,
                &format!("<ErrorResponse xmlns=\"{CLOUDFORMATION}\">{error}<RequestId>r</RequestId></ErrorResponse>"),
            )
        };
        if asked != describe || form.len() != 3 {
            return refuse(StatusCode::BAD_REQUEST, "InvalidAction", &format!("{asked:?}"));
        }
        if let Some(said) = self.denied("cloudformation:DescribeStacks") {
            return refuse(StatusCode::FORBIDDEN, "AccessDenied", &said);
        }
        let name = field("StackName").unwrap_or_default();
        if name != STACK {
            let said = format!("Stack with id {name} does not exist");
            return refuse(StatusCode::BAD_REQUEST, "ValidationError", &said);
        }
        let account = self.account();
        let pair = |(key, value): (&&str, &String)| {
            format!("<member><OutputKey>{key}</OutputKey><OutputValue>{value}</OutputValue></member>")
        };
        let outputs: String = account.outputs.iter().map(pair).collect();
        let status = account.status;
        let stack = format!(
            "<StackId>arn:aws:cloudformation:us-east-1:000000000000:stack/{STACK}/1</StackId><StackName>{STACK}</StackName>\
             <CreationTime>2026-01-01T00:00:00Z</CreationTime><StackStatus>{status}</StackStatus><Outputs>{outputs}</Outputs>\
             <Parameters><member><ParameterKey>LockMode</ParameterKey><ParameterValue>none</ParameterValue></member></Parameters>"
        );
        xml(
            StatusCode::OK,
            &format!(
                "<DescribeStacksResponse xmlns=\"{CLOUDFORMATION}\"><DescribeStacksResult><Stacks><member>{stack}</member></Stacks>\
                 </DescribeStacksResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></DescribeStacksResponse>"
            ),
        )
    }

    fn lambda(self: &Arc<Self>, method: &Method, path: &str, kind: &str, body: &[u8]) -> Response<Body> {
        if let Some(said) = self.denied("lambda:InvokeFunction") {
            return json_error(StatusCode::FORBIDDEN, "AccessDeniedException", &said);
        }
        let function = path
            .strip_prefix("/2015-03-31/functions/")
            .and_then(|rest| rest.strip_suffix("/invocations"));
        let event: Option<Value> = serde_json::from_slice(body).ok();
        match (method, function, kind, event) {
            (&Method::POST, Some("prod-backup-practice_crm"), "Event", Some(event)) => {
                let id = self.start(event);
                let answer = Response::builder()
                    .status(StatusCode::ACCEPTED)
                    .header("x-amzn-requestid", id);
                answer.body(Body::empty()).unwrap()
            }
            (_, Some(other), "Event", Some(_)) => json_error(
                StatusCode::NOT_FOUND,
                "ResourceNotFoundException",
                &format!("Function not found: {other}"),
            ),
            _ => json_error(
                StatusCode::BAD_REQUEST,
                "InvalidRequestContentException",
                "no such request",
            ),
        }
    }

    fn secrets(&self, target: &str, body: &[u8]) -> Response<Body> {
        if let Some(said) = self.denied("secretsmanager:GetSecretValue") {
            return json_error(StatusCode::BAD_REQUEST, "AccessDeniedException", &said);
        }
        let asked: Value = serde_json::from_slice(body).unwrap_or_default();
        let name = asked["SecretId"].as_str().unwrap_or_default();
        match (target, self.account().secrets.get(name)) {
            ("secretsmanager.GetSecretValue", Some(text)) => {
                let answer = json!({ "ARN": format!("arn:aws:secretsmanager:us-east-1:0:secret:{name}"), "Name": name, "SecretString": text });
                Response::new(Body::from(answer.to_string()))
            }
            _ => json_error(StatusCode::BAD_REQUEST, "ResourceNotFoundException", "no such secret"),
        }
    }
}

const CLOUDFORMATION: &str = "http://cloudformation.amazonaws.com/doc/2010-05-15/";

/// The function's way to what is outside of it.
#[derive(Clone)]
struct Inside(Weak<Aws>);

impl std::fmt::Debug for Inside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Inside")
    }
}

#[async_trait]
impl SecretStore for Inside {
    async fn read(&self, place: &SecretRef) -> Result<SecretFields, KitError> {
        let aws = self.0.upgrade().unwrap();
        let SecretRef::SecretsManager(name) = place else {
            panic!("a function reads {place}");
        };
        let text = aws.account().secrets[name].clone();
        Ok(SecretFields::parse(&text).unwrap())
    }

    async fn write(&self, place: &SecretRef, _: &SecretFields) -> Result<(), KitError> {
        panic!("a function writes {place}")
    }
}

#[async_trait]
impl Invoke for Inside {
    async fn invoke(&self, event: &Event) -> anyhow::Result<()> {
        self.0.upgrade().unwrap().start(serde_json::to_value(event)?);
        Ok(())
    }
}

/// The service that a request is signed for, as its signature's scope says.
fn signed_for(headers: &HeaderMap) -> Option<String> {
    let signature = headers.get("authorization")?.to_str().ok()?;
    let scope = signature.split_once("Credential=")?.1.split(',').next()?;
    scope.split('/').nth(3).map(str::to_owned)
}

/// The bytes within `aws-chunked`: chunks that begin with their length in hexadecimal, up to an empty one and the trailers.
fn unchunked(mut body: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    loop {
        let end = body.windows(2).position(|bytes| bytes == b"\r\n").unwrap();
        let length = std::str::from_utf8(&body[..end]).unwrap().split(';').next().unwrap();
        let length = usize::from_str_radix(length, 16).unwrap();
        if length == 0 {
            return all;
        }
        all.extend_from_slice(&body[end + 2..end + 2 + length]);
        body = &body[end + 2 + length + 2..];
    }
}

/// A request as the engines within the process take it.
fn within(parts: axum::http::request::Parts, body: Bytes) -> HttpRequest {
    let host = parts.headers["host"].to_str().unwrap().to_owned();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let mut request = Request::from_parts(parts, SdkBody::from(body));
    *request.uri_mut() = format!("http://{host}{path}").parse().unwrap();
    request.try_into().unwrap()
}

fn relay(response: HttpResponse) -> Response<Body> {
    response.try_into_http1x().unwrap().map(Body::new)
}

fn xml(status: StatusCode, text: &str) -> Response<Body> {
    let answer = Response::builder().status(status).header("content-type", "text/xml");
    answer.body(Body::from(text.to_owned())).unwrap()
}

fn json_error(status: StatusCode, kind: &str, said: &str) -> Response<Body> {
    let answer = Response::builder().status(status).header("x-amzn-errortype", kind);
    answer
        .body(Body::from(
            json!({ "__type": kind, "message": said, "Message": said }).to_string(),
        ))
        .unwrap()
}
