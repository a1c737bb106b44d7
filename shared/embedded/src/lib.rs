//! S3 and DynamoDB inside the process, on a folder.
//!
//! Seatbelt speaks to storage through the stock AWS SDK clients and nothing else. On AWS those clients reach AWS;
//! on one machine, and in tests, they reach this crate: two small engines behind the clients' HTTP layer, without a
//! socket, a port or a second process. So the code that runs on a laptop is the code that runs in Lambda.
//!
//! ```
//! use aws_sdk_s3::primitives::ByteStream;
//! use seatbelt_embedded::{BUCKET, Embedded};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let temporary = tempfile::tempdir()?;
//! # let home = temporary.path().join("seatbelt-home");
//! let embedded = Embedded::open(&home).await?;
//! let s3 = embedded.s3();
//! let body = ByteStream::from_static(b"kept");
//! s3.put_object().bucket(BUCKET).key("notes/1").body(body).if_none_match("*").send().await?;
//!
//! let read = s3.get_object().bucket(BUCKET).key("notes/1").send().await?;
//! assert_eq!(read.body.collect().await?.into_bytes(), "kept");
//! # Ok(())
//! # }
//! ```
//!
//! # What is kept where
//!
//! ```text
//! <home>/lock                         who has the folder open: process and start
//! <home>/s3/index.sqlite              one row per object: the row is what makes an object exist
//! <home>/s3/data/<2 hex>/<unique>     the bytes of one object, or of one part of an upload
//! <home>/dynamodb.sqlite              all tables
//! ```
//!
//! All of it is created for its owner alone (0700, 0600). One process opens a folder at a time; the lock is held
//! until the last client is dropped, and falls by itself when the process dies.
//!
//! # What it promises
//!
//! - A write that was answered is there after a crash or a power cut ([`Embedded::open_for_tests`] gives up the
//!   power cut for speed). A write that was not answered is there whole, or not at all.
//! - A body is only kept if every checksum sent with it, in a header or in a trailer, is right.
//! - `If-None-Match` and `If-Match` are decided in the transaction that commits: of any number of parallel
//!   writers, one wins.
//! - An object under a retention date in the future can be neither overwritten nor deleted.
//! - Bodies are streamed both ways; memory does not grow with their size.
//!
//! # What it will not do
//!
//! It keeps no versions: where AWS would add a version or a delete marker to a locked object, this store refuses
//! with `AccessDenied`. It does not encrypt; use an encrypted disk. It has no tags, legal holds, policies or
//! lifecycle rules, and answers `NotImplemented` rather than drop what it was told. Expired DynamoDB items go when
//! [`Embedded::sweep_expired`] is called, not by themselves. It is not a server, and it is not for two machines on
//! one network folder: file locks do not hold there.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region, StalledStreamProtectionConfig};
use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use dynoxide::Database;
use jiff::Timestamp;

mod axe;
mod connector;
mod dynamodb;
mod error;
mod fault;
mod folder;
mod lock;
mod s3;

pub use axe::Axe;
pub use error::EmbeddedError;
pub use fault::{Fault, FaultHook, FaultPoint};

use connector::Mount;
use dynamodb::DynamoDb;
use fault::Faults;
use lock::HomeLock;
use s3::S3Engine;

/// The one bucket a home comes with.
pub const BUCKET: &str = "seatbelt";

/// What requests to the S3 engine are signed with: access key and secret. They guard nothing; who can call this crate can read the folder.
pub const SIGNED_WITH: (&str, &str) = (s3::ACCESS_KEY, s3::SECRET_KEY);

/// Both clients sign for this region; it names no place.
const REGION: &str = "us-east-1";

/// A home folder, opened. Dropping it, and all clients it gave, closes the folder.
pub struct Embedded {
    home: PathBuf,
    s3: Mount<S3Engine>,
    dynamodb: Mount<DynamoDb>,
    database: Arc<DynamoDb>,
    retries: bool,
}

/// How to open a home. The default is right for real use.
#[derive(Clone)]
pub struct Options {
    /// Do not wait for the disk on each write: safe when the process is killed, not when the power goes.
    /// Several times faster, and meant for tests.
    pub synchronous_normal: bool,
    /// Cuts the connection where a test wants it cut. Retries are off then, so that each fault is seen.
    pub fault: Option<FaultHook>,
    /// Whether the clients try again what failed in a way that may pass, as the SDKs do.
    pub retries: bool,
    /// The engines' clock, which dates objects and ends retention; the system's clock if there is none.
    /// DynamoDB's expiry ([`Embedded::sweep_expired`]) always goes by the system's clock.
    pub clock: Option<Clock>,
}

/// A clock a test can set.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

impl Default for Options {
    fn default() -> Self {
        Self {
            synchronous_normal: false,
            fault: None,
            retries: true,
            clock: None,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("synchronous_normal", &self.synchronous_normal)
            .field("fault", &self.fault.is_some())
            .field("retries", &self.retries)
            .field("clock", &self.clock.is_some())
            .finish()
    }
}

impl Options {
    /// Sets [`Options::synchronous_normal`] on.
    #[must_use]
    pub fn fast(mut self) -> Self {
        self.synchronous_normal = true;
        self
    }

    /// Sets [`Options::fault`].
    #[must_use]
    pub fn fault(mut self, hook: impl Fn(&FaultPoint) -> Fault + Send + Sync + 'static) -> Self {
        self.fault = Some(Arc::new(hook));
        self
    }

    /// Sets [`Options::clock`].
    #[must_use]
    pub fn clock(mut self, clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }
}

impl Embedded {
    /// Opens `home`, creating it if it is missing, and removes what a crash left half-written. Takes time in
    /// proportion to the number of objects: about a second for a million.
    ///
    /// # Errors
    /// [`EmbeddedError::InUse`] when somebody has the folder open; all others say what to change.
    pub async fn open(home: &Path) -> Result<Self, EmbeddedError> {
        Self::open_with(home, Options::default()).await
    }

    /// Like [`Embedded::open`], without waiting for the disk: what it keeps survives `kill -9`, not a power cut.
    ///
    /// # Errors
    /// As [`Embedded::open`].
    pub async fn open_for_tests(home: &Path) -> Result<Self, EmbeddedError> {
        Self::open_with(home, Options::default().fast()).await
    }

    /// Like [`Embedded::open`], with choices.
    ///
    /// # Errors
    /// As [`Embedded::open`].
    pub async fn open_with(home: &Path, options: Options) -> Result<Self, EmbeddedError> {
        let path = home.to_path_buf();
        match tokio::task::spawn_blocking(move || open(path, options)).await {
            Ok(opened) => opened,
            Err(failed) => std::panic::resume_unwind(failed.into_panic()),
        }
    }

    /// The folder that was opened.
    #[must_use]
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// A client of the S3 engine. Clients are cheap to clone and share one engine.
    #[must_use]
    pub fn s3(&self) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(self.s3.clone())
            .endpoint_url("http://s3.embedded")
            .force_path_style(true)
            .region(Region::new(REGION))
            .credentials_provider(credentials())
            .retry_config(self.retry())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .build();
        aws_sdk_s3::Client::from_conf(config)
    }

    /// A client of the DynamoDB engine. Clients are cheap to clone and share one engine.
    #[must_use]
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(self.dynamodb.clone())
            .endpoint_url("http://dynamodb.embedded")
            .region(Region::new(REGION))
            .credentials_provider(credentials())
            .retry_config(self.retry())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .build();
        aws_sdk_dynamodb::Client::from_conf(config)
    }

    /// Answers a request as S3 would, for whoever serves the engine on a socket, as tests of other programs do. The request's address
    /// has the authority it was signed for, and the bucket in its path; it is signed with [`SIGNED_WITH`].
    ///
    /// # Errors
    /// When the request is no HTTP, or the engine's own faults cut the connection. A refusal is an answer.
    pub async fn answer_s3(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        self.s3.call(request).await
    }

    /// Answers a request as DynamoDB would. The whole body is in memory.
    ///
    /// # Errors
    /// As [`Embedded::answer_s3`].
    pub async fn answer_dynamodb(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        self.dynamodb.call(request).await
    }

    /// Deletes the DynamoDB items whose time to live is over, and says how many. AWS does this by itself within
    /// days; here it is for whoever runs housekeeping. Reads each table that has an expiry once.
    ///
    /// # Errors
    /// [`EmbeddedError::Database`] when the database fails.
    pub async fn sweep_expired(&self) -> Result<usize, EmbeddedError> {
        let engine = self.database.clone();
        let path = self.home.join("dynamodb.sqlite");
        let swept = tokio::task::spawn_blocking(move || engine.database.sweep_ttl()).await;
        match swept {
            Ok(swept) => swept.map_err(|e| EmbeddedError::Database {
                path,
                message: e.to_string(),
            }),
            Err(failed) => std::panic::resume_unwind(failed.into_panic()),
        }
    }

    /// There is no network to wait for, so a second try need not wait either.
    fn retry(&self) -> RetryConfig {
        if self.retries {
            RetryConfig::standard()
                .with_initial_backoff(Duration::from_millis(5))
                .with_max_backoff(Duration::from_millis(50))
        } else {
            RetryConfig::disabled()
        }
    }
}

impl fmt::Debug for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Embedded")
            .field("home", &self.home)
            .finish_non_exhaustive()
    }
}

fn open(home: PathBuf, options: Options) -> Result<Embedded, EmbeddedError> {
    folder::create(&home)?;
    let clock = options.clock.unwrap_or_else(|| Arc::new(system_clock));
    let lock = Arc::new(HomeLock::take(&home, system_clock())?);
    let retries = options.retries && options.fault.is_none();
    let faults = Faults::new(options.fault);
    let durable = !options.synchronous_normal;

    let s3 = Arc::new(S3Engine::open(&home, durable, clock, lock.clone())?);
    let database = Arc::new(DynamoDb {
        database: open_database(&home, durable)?,
        _lock: lock,
    });
    Ok(Embedded {
        home,
        s3: Mount::new(s3, faults.clone()),
        dynamodb: Mount::new(database.clone(), faults),
        database,
        retries,
    })
}

fn open_database(home: &Path, durable: bool) -> Result<Database, EmbeddedError> {
    let path = home.join("dynamodb.sqlite");
    // SQLite gives its side files the mode of the main one, so creating that one first keeps all of them private.
    drop(folder::open_file(&path)?);
    let failed = |e: dynoxide::DynoxideError| match e {
        dynoxide::DynoxideError::SqliteError(e) => EmbeddedError::database(&path, &e),
        e => EmbeddedError::Database {
            path: path.clone(),
            message: e.to_string(),
        },
    };
    let name = path.to_str().ok_or_else(|| EmbeddedError::Database {
        path: path.clone(),
        message: "the path is not valid Unicode".to_owned(),
    })?;
    let database = Database::new(name).map_err(failed)?;
    if !durable {
        // Going in and out of bulk loading leaves SQLite at synchronous=NORMAL, which has no switch of its own.
        database.enable_bulk_loading().map_err(failed)?;
        database.disable_bulk_loading().map_err(failed)?;
    }
    Ok(database)
}

/// The requests are signed, because the stock clients sign; nothing checks who signed them but this crate.
fn credentials() -> Credentials {
    Credentials::new(s3::ACCESS_KEY, s3::SECRET_KEY, None, None, "seatbelt-embedded")
}

/// Here the engines stand in for AWS, whose clock is the real one unless a test hands in another.
#[expect(clippy::disallowed_methods, reason = "this is the edge where the clock comes from")]
fn system_clock() -> Timestamp {
    Timestamp::now()
}
