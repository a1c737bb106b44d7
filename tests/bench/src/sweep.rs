//! One full sweep of the server by the real engine, kit, vault, catalog and embedded storage, in a process of its own so that its
//! CPU time and memory are its own.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use anyhow::{Context as _, Result, ensure};
use seatbelt_catalog::{Catalog, Tables};
use seatbelt_connector_kit::{
    Auth, Builtin, Connector, Count, Cursor, Deletes, DependsOn, Key, Kind, LocalSecrets, Options, Outcome, Pace,
    Pacers, Paginator, Records, Request, Resource, Restore, SystemClock, WriteAccess,
};
use seatbelt_embedded::{BUCKET, Embedded};
use seatbelt_engine::{Engine, Job, Stop};
use seatbelt_model::{RunStatus, System, Trigger, Unobserved, system::parse_entry};
use seatbelt_vault::Vault;
use serde::{Deserialize, Serialize};

use crate::{
    cost::{self, Cost},
    server::Server,
    store,
};

/// The API, as a connector of GitHub's kind declares it: linked pages, a key, a time of change.
pub(crate) const BENCH: Connector = Connector {
    name: "bench",
    title: "Benchmark",
    base_url: "http://127.0.0.1",
    settings: &[],
    auth: &[Auth::Anonymous],
    headers: &[],
    pace: Pace::per_second(1_000_000),
    resources: &[&ISSUES],
    on_request: &[],
    identity: Request::get("/items"),
    classify: Outcome::from_status,
    clean: None,
    write_access: WriteAccess::UNKNOWN,
    native_exports: &[],
    builtin: Builtin {
        offers: "",
        misses: "",
        source: "",
        read_on: "",
    },
    guide: "",
};

const ISSUES: Resource = Resource {
    name: "issues",
    kind: Kind::Data,
    depends_on: DependsOn::Nothing,
    request: Request::get("/items").query(&[("per_page", "100")]),
    paginator: Paginator::LinkHeader,
    records: Records::At(""),
    key: Key::Field("/id"),
    cursor: Cursor::Since {
        field: "/updated_at",
        send_as: "since",
        with: &[],
        overlap: std::time::Duration::from_secs(60),
    },
    deletes: Deletes::ByAbsence,
    volatile: &[],
    count: Count::None,
    restore: Restore::ExportOnly {
        why: "there is nowhere to restore to",
    },
};

const SYSTEM: &str = "bench";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[arg(long)]
    home: PathBuf,
    #[arg(long)]
    url: String,
}

/// What a sweep did.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Swept {
    /// Records the server sent.
    pub(crate) read: u64,
    /// Records that were not as before.
    pub(crate) changes: u64,
    pub(crate) peak_mb: f64,
    /// Everything that is now in the bucket, with its bytes.
    pub(crate) objects: BTreeMap<String, u64>,
}

/// Starts this program again to sweep `server` into `home`.
pub(crate) fn sweep(server: &Server, home: &Path, records: u64) -> Result<(Swept, Cost)> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .arg("sweep")
        .arg("--home")
        .arg(home)
        .args(["--url", &server.url]);
    let (printed, cost) = cost::of(&mut command)?;
    let swept: Swept = serde_json::from_str(&printed)?;
    ensure!(swept.read == records, "{} of {records} records were read", swept.read);
    Ok((swept, cost))
}

/// An engine on a home.
pub(crate) async fn engine(home: &Path) -> Result<Engine> {
    let embedded = Embedded::open(home).await?;
    let catalog = Catalog::new(
        embedded.dynamodb(),
        Tables {
            manifest: "manifest".into(),
            runs: "runs".into(),
        },
    );
    catalog.create_tables().await?;
    let options = seatbelt_vault::Options {
        spool: home.to_owned(),
        ..seatbelt_vault::Options::default()
    };
    Ok(Engine {
        vault: Vault::new(embedded.s3(), BUCKET, options),
        catalog,
        secrets: Arc::new(LocalSecrets { base: home.to_owned() }),
        pacers: Pacers::default(),
        clock: Arc::new(SystemClock),
    })
}

/// The manifest's entry of a vendor at `url`.
pub(crate) fn system(connector: &Connector, url: &str) -> Result<System> {
    let entry = serde_json::json!({
        "platform": connector.name,
        "decision": "backup",
        "schedule": "daily at 03:30",
        "settings": { "base_url": url },
    });
    let (system, findings) = parse_entry(&entry);
    system.with_context(|| format!("the manifest entry is invalid: {findings:?}"))
}

/// What the engine is asked for.
pub(crate) fn job<'a>(connector: &'static Connector, system: &'a System, stop: &'a Stop) -> Job<'a> {
    Job {
        name: SYSTEM,
        system,
        connector,
        trigger: Trigger::Manual,
        sole: true,
        full: true,
        observer: Arc::new(Unobserved),
        stop,
        deadline: None,
        budget: Options::BUDGET,
        relay: seatbelt_engine::Relay::default(),
    }
}

/// Sweeps and prints what it did.
pub(crate) async fn run(args: &Args) -> Result<()> {
    let engine = engine(&args.home).await?;
    let (system, stop) = (system(&BENCH, &args.url)?, Stop::default());
    let job = job(&BENCH, &system, &stop);
    let run = Box::pin(engine.backup(&job)).await?;
    ensure!(
        run.status == RunStatus::Complete,
        "the run is {:?}: {:?}",
        run.status,
        run.error
    );
    let counts = run.resources.get(ISSUES.name).copied().unwrap_or_default();
    let peak_mb = cost::own_peak_mb()?;
    let objects = store::objects(&engine.vault).await?;
    println!(
        "{}",
        serde_json::to_string(&Swept {
            read: counts.read,
            changes: counts.changes.total(),
            peak_mb,
            objects
        })?
    );
    Ok(())
}
