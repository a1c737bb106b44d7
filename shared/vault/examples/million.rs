//! What a vault does with a million records: `cargo run -p seatbelt-vault --example million [RECORDS]`. Storage is in this
//! process, so its time and memory are in the figures too.

// An example speaks to people, and stops where it fails.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::{collections::BTreeMap, fmt::Write, time::Instant};

use futures_util::TryStreamExt;
use jiff::Timestamp;
use seatbelt_embedded::{BUCKET, Embedded};
use seatbelt_model::{
    Completeness, FORMAT, Freshness, KeyRule, Kind, Receipt, ResourceState, RunId, Snapshot, json::Pointer,
};
use seatbelt_vault::{Described, LayerWriter, Options, Stager, Sweep, Vault};

fn id(number: usize) -> RunId {
    RunId::at(Timestamp::from_second(1_790_000_000 + 86_400 * number as i64).unwrap())
}

/// A record of 1.5 KB, cheap to make: fields that are alike, and text that is its own.
fn record(line: &mut String, n: usize, edit: usize) {
    line.clear();
    write!(
        line,
        "{{\"id\":{n},\"edit\":{edit},\"url\":\"https://api.example/items/{n}\",\"state\":\"open\",\"text\":\""
    )
    .unwrap();
    let mut seed = (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    for at in 0..40 {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        let word = ["invoice ", "customer ", "shipment ", "delayed ", "refund ", "contract "][(seed % 6) as usize];
        line.push_str(word);
        if at % 8 == 0 {
            write!(line, "{:x} ", seed >> 40).unwrap();
        }
    }
    line.push('"');
    for field in 0..28 {
        write!(line, ",\"field_{field}\":\"value {}\"", (n * (field + 1)) % 19).unwrap();
    }
    line.push_str(",\"labels\":[],\"locked\":false,\"milestone\":null,\"association\":\"NONE\",\"assignee\":null");
    while line.len() < 1480 {
        line.push_str(",\"filler\":\"as it is everywhere\"");
    }
    line.push('}');
}

struct Bench {
    vault: Vault,
    rule: KeyRule,
}

impl Bench {
    async fn backup(&self, system: &str, number: usize, sweep: Sweep, records: impl Iterator<Item = (usize, usize)>) {
        let previous = self.vault.newest(system).await.unwrap();
        let state = previous.as_ref().map(|snapshot| &snapshot.resources["items"]);
        let mut stager = self
            .vault
            .stager(system, id(number), "items", state.is_none(), Vec::new());
        stage(&mut stager, records).await;
        let staged = stager.finish().await.unwrap();
        let base = if state.is_none() {
            staged.base(&self.vault, system, id(number)).await.unwrap()
        } else {
            None
        };
        let written = if let Some(written) = base {
            written
        } else {
            let mut writer = LayerWriter::after(state, &self.vault, system, id(number));
            let volatile: [Pointer; 0] = [];
            let compared = self
                .vault
                .compare(system, state, staged, sweep, &volatile, &self.rule)
                .await;
            let mut compared = compared.unwrap();
            while let Some(difference) = compared.next().await.unwrap() {
                writer.push(&difference).await.unwrap();
            }
            writer.finish().await.unwrap()
        };
        let now = id(number).start();
        let described = Described {
            kind: Kind::Data,
            key: self.rule.clone(),
            cursors: BTreeMap::new(),
            fields: Vec::new(),
            receipt: Receipt::default(),
            freshness: Freshness {
                read_at: now,
                full_sweep_at: now,
                stale_since: None,
            },
        };
        let state = self
            .vault
            .resource_state(system, id(number), state, written, described)
            .await
            .unwrap();
        self.commit(system, number, previous.map(|previous| previous.id), state)
            .await;
    }

    async fn commit(&self, system: &str, number: usize, parent: Option<RunId>, state: ResourceState) {
        let snapshot = Snapshot {
            format: FORMAT.into(),
            system: system.into(),
            platform: "practice".into(),
            id: id(number),
            parent,
            committed_at: id(number).start(),
            seatbelt: "0.0.0".into(),
            completeness: Completeness::Complete,
            resources: BTreeMap::from([("items".to_owned(), state)]),
            alarms: Vec::new(),
            locked_until: None,
        };
        self.vault.commit(&snapshot).await.unwrap();
    }
}

async fn stage(stager: &mut Stager, records: impl Iterator<Item = (usize, usize)>) {
    let (mut line, mut key) = (String::new(), String::new());
    for (n, edit) in records {
        record(&mut line, n, edit);
        key.clear();
        write!(key, "{n}").unwrap();
        stager.put(&key, &line).await.unwrap();
    }
}

/// CPU seconds of this process, and its peak memory in MB.
fn usage() -> (f64, u64) {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<f64> = stat
        .rsplit(") ")
        .next()
        .unwrap_or_default()
        .split(' ')
        .filter_map(|f| f.parse().ok())
        .collect();
    let ticks = fields
        .get(10)
        .zip(fields.get(11))
        .map_or(0.0, |(user, system)| user + system);
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| {
        line.strip_prefix("VmHWM:")?
            .trim()
            .strip_suffix(" kB")?
            .parse::<u64>()
            .ok()
    });
    (ticks / 100.0, peak.unwrap_or_default() / 1024)
}

async fn timed<T>(what: &str, work: impl Future<Output = T>) -> T {
    let (began, (cpu, _)) = (Instant::now(), usage());
    let done = work.await;
    let (after, peak) = usage();
    println!(
        "{what:<44} {:>7.2} s {:>7.2} CPU s   peak {peak} MB",
        began.elapsed().as_secs_f64(),
        after - cpu
    );
    done
}

#[tokio::main]
async fn main() {
    let records: usize = std::env::args().nth(1).map_or(1_000_000, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let home = Embedded::open_for_tests(&folder.path().join("home")).await.unwrap();
    let vault = Vault::new(
        home.s3(),
        BUCKET,
        Options {
            spool: folder.path().to_owned(),
            ..Options::default()
        },
    );
    let bench = Bench {
        vault: vault.clone(),
        rule: KeyRule::Pointer("/id".into()),
    };
    let edited = |n: usize| (n, usize::from(n.wrapping_mul(2_654_435_761).is_multiple_of(100)));

    timed("making the records", async {
        let mut line = String::new();
        (0..records).for_each(|n| record(&mut line, n, 0));
    })
    .await;
    timed(
        "first sweep, in order",
        bench.backup("a", 0, Sweep::Full, (0..records).map(|n| (n, 0))),
    )
    .await;
    timed(
        "the same again",
        bench.backup("a", 1, Sweep::Full, (0..records).map(|n| (n, 0))),
    )
    .await;
    timed(
        "sweep, 1 % changed",
        bench.backup("a", 2, Sweep::Full, (0..records).map(edited)),
    )
    .await;
    let scattered = (0..records).map(|n| edited((n * 7_919) % records));
    timed("the same, out of order", bench.backup("a", 3, Sweep::Full, scattered)).await;
    let differences = timed("diff, 1 % apart", async {
        vault
            .changes("a", "items", Some(id(1)), id(2))
            .try_fold(0, |n, _| async move { Ok(n + 1) })
            .await
            .unwrap()
    })
    .await;
    println!("{differences} differences");
    let newest = vault.newest("a").await.unwrap().unwrap();
    timed("one record", vault.get("a", &newest.resources["items"], "777"))
        .await
        .unwrap();
    timed("all records", async {
        let state = vault.state("a", &newest.resources["items"]);
        state.try_fold(0, |n, _| async move { Ok(n + 1) }).await.unwrap()
    })
    .await;

    let few = records / 50;
    bench.backup("b", 0, Sweep::Full, (0..few).map(|n| (n, 0))).await;
    timed("365 days of 0.8 %", async {
        for day in 1..365 {
            let changed = (0..few / 125).map(|n| (((n + day) * 7_919) % few, day));
            bench.backup("b", day, Sweep::Changes, changed).await;
        }
    })
    .await;
    let versions = timed(
        "history of one record over 365 snapshots",
        vault.history("b", "items", "7919"),
    )
    .await
    .unwrap();
    println!("{} versions", versions.len());
    timed("verify", vault.verify("a", seatbelt_vault::Scope::All, |_| {}))
        .await
        .unwrap();
}
