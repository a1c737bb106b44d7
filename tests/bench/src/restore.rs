//! A restore of many records, each spoiled in one field: its memory must not grow with their number, and it must keep the pace it is given.
//!
//! Vendor and restore run in processes of their own, so that the memory measured is the restore's.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, BufWriter, Write as _},
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Instant,
};

use anyhow::{Context as _, Result, ensure};
use axum::{
    Json, Router,
    extract::{self, Query, State},
    http::StatusCode,
    routing::{get, post},
};
use seatbelt_connector_kit::{
    Body, Connector, Count, Cursor, Deletes, DependsOn, Fields, Key, Kind, Pace, Paginator, Read, Records, Request,
    Resource, Restore, Write, Writes,
};
use seatbelt_engine::{Done, EngineError, Selection, Step, Stop, Verdict};
use seatbelt_model::RestoreLevel;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{cost, report::Figure, server::Server, sweep};

/// Records of a page.
const PER_PAGE: u64 = 500;
/// Requests for one record: to plan, to look once more, to write, to read back.
const REQUESTS: f64 = 4.0;

/// The vendor, as a connector declares it.
const VENDOR: Connector = Connector {
    name: "bench_restore",
    pace: Pace::per_second(5_000).concurrency(16),
    resources: &[&CONTACTS],
    identity: Request::get("/contacts/0"),
    ..sweep::BENCH
};

const CONTACTS: Resource = Resource {
    name: "contacts",
    kind: Kind::Data,
    depends_on: DependsOn::Nothing,
    request: Request::get("/contacts"),
    paginator: Paginator::Keyset {
        field: "/id",
        send_as: "after",
        size_as: "limit",
        size: PER_PAGE as u32,
    },
    records: Records::At(""),
    key: Key::Field("/id"),
    cursor: Cursor::None,
    deletes: Deletes::ByAbsence,
    volatile: &[],
    count: Count::None,
    restore: Restore::Writes(&Writes {
        level: RestoreLevel::R2,
        how: "PATCH what is there",
        fields: Fields::AllBut {
            never: &["/id"],
            creating: &[],
        },
        references: &[],
        after: &[],
        author: None,
        read: Some(Read {
            request: Request::get("/contacts/{key}"),
            record: "",
        }),
        create: None,
        update: Some(Write::Send(Request::patch("/contacts/{key}"), Body::Fields)),
        remove: None,
        adapt: None,
    }),
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many records are restored; the smaller restore has a tenth.
    #[arg(long, default_value_t = 100_000)]
    records: u64,
}

/// What the restoring process prints.
#[derive(Debug, Serialize, Deserialize)]
struct Measured {
    peak_mb: f64,
    plan_s: f64,
    apply_s: f64,
}

pub(crate) fn run(folder: &Path, args: &Args) -> Result<Vec<Figure>> {
    let few = measure(folder, args.records / 10)?;
    let many = measure(folder, args.records)?;
    let rate = args.records as f64 * REQUESTS / (many.plan_s + many.apply_s);
    let what = format!("restore of {} records: peak in RAM", args.records);
    Ok(vec![
        Figure::plain("restore", "a tenth of the records: peak in RAM", few.peak_mb, "MB"),
        Figure::at_most(128.0, "restore", what, many.peak_mb, "MB"),
        Figure::at_most(
            1.1,
            "restore",
            "peak with ten times as many records",
            many.peak_mb / few.peak_mb,
            "x",
        ),
        Figure::plain("restore", "time to plan", many.plan_s, "s"),
        Figure::plain(
            "restore",
            "time to apply, looked at before and read back after",
            many.apply_s,
            "s",
        ),
        Figure::plain("restore", "requests in a second; the pace allows 5,000", rate, ""),
    ])
}

/// Starts this program again to spoil and restore `records`.
fn measure(folder: &Path, records: u64) -> Result<Measured> {
    let server = Server::spawn(&["vendor", "--records", &records.to_string()])?;
    let home = tempfile::tempdir_in(folder)?;
    let phase = |name: &str| {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .arg("restoring")
            .args(["--phase", name])
            .arg("--home")
            .arg(home.path());
        command.args(["--url", &server.url, "--records", &records.to_string()]);
        Ok::<_, anyhow::Error>(cost::of(&mut command)?.0)
    };
    phase("prepare")?;
    Ok(serde_json::from_str(&phase("restore")?)?)
}

#[derive(Debug, clap::Args)]
pub(crate) struct Restoring {
    #[arg(long)]
    phase: Phase,
    #[arg(long)]
    home: PathBuf,
    #[arg(long)]
    url: String,
    #[arg(long)]
    records: u64,
}

/// What a process does; what the backups take is no part of what is measured.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Phase {
    Prepare,
    Restore,
}

/// Backs up, lets the records be spoiled, and backs up; or plans into a file, applies, and prints what it took.
pub(crate) async fn restore(args: &Restoring) -> Result<()> {
    let engine = sweep::engine(&args.home).await?;
    let system = sweep::system(&VENDOR, &args.url)?;
    let stop = Stop::default();
    let job = sweep::job(&VENDOR, &system, &stop);
    if matches!(args.phase, Phase::Prepare) {
        Box::pin(engine.backup(&job)).await?;
        spoil(&args.url)?;
        Box::pin(engine.backup(&job)).await?;
        return Ok(());
    }
    let [good, bad] = engine.vault.snapshot_ids(job.name).await?[..] else {
        anyhow::bail!("there are not two snapshots");
    };
    let pair = [
        engine.vault.snapshot(job.name, good).await?,
        engine.vault.snapshot(job.name, bad).await?,
    ];

    let began = Instant::now();
    let place = args.home.join("steps.ndjson");
    let mut steps = BufWriter::new(File::create(&place)?);
    let mut sink = |step: &Step| {
        let written = serde_json::to_writer(&mut steps, step).map_err(std::io::Error::from);
        written
            .and_then(|()| steps.write_all(b"\n"))
            .map_err(|error| EngineError::Bug(error.to_string()))
    };
    let plan = Box::pin(engine.plan_restore(&job, pair, Selection::default(), &mut sink)).await?;
    steps.flush()?;
    ensure!(
        plan.writes() == args.records,
        "{} of {} records are planned",
        plan.writes(),
        args.records
    );
    let plan_s = began.elapsed().as_secs_f64();

    let began = Instant::now();
    let header = serde_json::to_string(&plan.header)?;
    let mut lines = std::iter::once(Ok(header)).chain(BufReader::new(File::open(&place)?).lines());
    let mut report = |_: &Done| ();
    let restored = Box::pin(engine.apply_restore(&job, Some(&mut lines), &mut report)).await?;
    let right = restored.count(Verdict::Restored);
    ensure!(
        right == args.records,
        "{right} of {} records were restored",
        args.records
    );
    let measured = Measured {
        peak_mb: cost::own_peak_mb()?,
        plan_s,
        apply_s: began.elapsed().as_secs_f64(),
    };
    println!("{}", serde_json::to_string(&measured)?);
    Ok(())
}

/// Asks the vendor to spoil everything, over a plain connection: it is no part of what is measured.
fn spoil(url: &str) -> Result<()> {
    let address = url.strip_prefix("http://").context("the vendor's address is no URL")?;
    let mut stream = std::net::TcpStream::connect(address)?;
    write!(
        stream,
        "POST /spoil HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
    )?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer)?;
    ensure!(answer.contains("200"), "the vendor did not spoil its records: {answer}");
    Ok(())
}

#[derive(Debug, clap::Args)]
pub(crate) struct VendorArgs {
    #[arg(long)]
    records: u64,
}

/// The vendor's records differ in nothing but whether each is spoiled.
struct Vendor {
    spoiled: Vec<AtomicBool>,
}

/// Serves the vendor until its parent is gone.
pub(crate) async fn vendor(args: &VendorArgs) -> Result<()> {
    let spoiled = (0..args.records).map(|_| AtomicBool::new(false)).collect();
    let vendor = Arc::new(Vendor { spoiled });
    let router = Router::new()
        .route("/contacts", get(list))
        .route("/contacts/{id}", get(one).patch(change))
        .route("/spoil", post(spoil_all))
        .with_state(vendor);
    crate::server::serve(router).await
}

impl Vendor {
    fn show(&self, id: u64) -> Option<Value> {
        let spoiled = self.spoiled.get(usize::try_from(id).ok()?)?.load(Relaxed);
        let owner = if spoiled { 0 } else { 1 + id % 9 };
        let notes =
            format!("Contact {id} was met at a fair, asked for an offer, and is to be called again. ").repeat(12);
        Some(json!({ "id": id, "name": format!("Contact {id}"), "owner_id": owner, "notes": notes }))
    }
}

#[derive(Deserialize)]
struct After {
    after: Option<u64>,
}

async fn list(State(vendor): State<Arc<Vendor>>, Query(asked): Query<After>) -> Json<Vec<Value>> {
    let first = asked.after.map_or(0, |after| after + 1);
    Json((first..first + PER_PAGE).map_while(|id| vendor.show(id)).collect())
}

async fn one(
    State(vendor): State<Arc<Vendor>>,
    extract::Path(id): extract::Path<u64>,
) -> Result<Json<Value>, StatusCode> {
    vendor.show(id).map(Json).ok_or(StatusCode::NOT_FOUND)
}

async fn change(
    State(vendor): State<Arc<Vendor>>,
    extract::Path(id): extract::Path<u64>,
    Json(fields): Json<Value>,
) -> Result<Json<Value>, StatusCode> {
    let place = usize::try_from(id)
        .ok()
        .and_then(|id| vendor.spoiled.get(id))
        .ok_or(StatusCode::NOT_FOUND)?;
    let owner = fields["owner_id"].as_u64().ok_or(StatusCode::UNPROCESSABLE_ENTITY)?;
    place.store(owner != 1 + id % 9, Relaxed);
    vendor.show(id).map(Json).ok_or(StatusCode::NOT_FOUND)
}

async fn spoil_all(State(vendor): State<Arc<Vendor>>) {
    vendor.spoiled.iter().for_each(|spoiled| spoiled.store(true, Relaxed));
}
