//! A home with a snapshot written by hand, so that its records can be as odd as JSON allows.

use std::{collections::BTreeMap, path::PathBuf};

use bytes::Bytes;
use futures_util::stream;
use seatbelt_embedded::{BUCKET, Embedded};
use seatbelt_model::{
    Completeness, FORMAT, Freshness, KeyRule, Kind, Receipt, ResourceState, Snapshot, SnapshotId, key,
};
use seatbelt_vault::{Body, Described, Difference, Expected, Extra, LayerWriter, Options, StoredBody, Vault, line};

use crate::support::{Home, Said};

/// A record's JSON, and its file's name and bytes if it has one.
pub(crate) type Record = (String, Option<(String, Vec<u8>)>);

pub(crate) struct World {
    pub(crate) home: Home,
    pub(crate) resources: BTreeMap<String, Vec<Record>>,
}

pub(crate) fn plain(records: &[&str]) -> Vec<Record> {
    records.iter().map(|record| ((*record).to_owned(), None)).collect()
}

impl World {
    /// A system `acme` on `platform`, backed up once. Every record's key is its `id`, in order.
    pub(crate) fn new(platform: &str, resources: impl IntoIterator<Item = (&'static str, Vec<Record>)>) -> Self {
        let resources: BTreeMap<String, Vec<Record>> = resources
            .into_iter()
            .map(|(name, records)| (name.to_owned(), records))
            .collect();
        let home = Home::new();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(write(home.path(), platform, &resources));
        Self { home, resources }
    }

    /// Exports into the folder `out`, which it returns.
    #[track_caller]
    pub(crate) fn export(&self, format: &str) -> PathBuf {
        self.home.ok(&["export", "acme", "--to", format, "--format", format]);
        self.home.beside(format)
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        self.home.run(arguments)
    }
}

/// The digits of a record's `id`, without a parser, as records may be too odd for one.
pub(crate) fn key_of(record: &str) -> String {
    let (_, rest) = record.split_once("\"id\"").unwrap();
    let digits = rest
        .trim_start_matches([' ', ':'])
        .chars()
        .take_while(char::is_ascii_digit);
    digits.collect()
}

fn id() -> SnapshotId {
    "20261122T060000Z".parse().unwrap()
}

async fn write(folder: PathBuf, platform: &str, resources: &BTreeMap<String, Vec<Record>>) {
    std::fs::create_dir_all(&folder).unwrap();
    let embedded = Embedded::open(&folder).await.unwrap();
    let spool = folder.join("spool");
    std::fs::create_dir_all(&spool).unwrap();
    let options = Options {
        spool,
        ..Options::default()
    };
    let vault = Vault::new(embedded.s3(), BUCKET, options);
    let mut states = BTreeMap::new();
    for (name, records) in resources {
        states.insert(name.clone(), state(&vault, records).await);
    }
    let snapshot = Snapshot {
        format: FORMAT.into(),
        system: "acme".into(),
        platform: platform.into(),
        id: id(),
        parent: None,
        committed_at: id().start(),
        seatbelt: "0.0.0".into(),
        completeness: Completeness::Complete,
        resources: states,
        alarms: Vec::new(),
        locked_until: None,
    };
    vault.commit(&snapshot).await.unwrap();
}

async fn state(vault: &Vault, records: &[Record]) -> ResourceState {
    let mut records: Vec<_> = records.iter().map(|record| (key_of(&record.0), record)).collect();
    records.sort_by(|a, b| key::compare(&a.0, &b.0));
    let mut writer = LayerWriter::after(None, vault, "acme", id());
    let mut has_files = false;
    for (key, (json, file)) in records {
        let body = match file {
            Some((name, bytes)) => {
                has_files = true;
                Some(stored(vault, name, bytes).await)
            }
            None => None,
        };
        let line = line::build(json, &Extra { key: None, body }).unwrap();
        let added = Difference::between(key, None, Some(line.into())).unwrap();
        writer.push(&added).await.unwrap();
    }
    let written = writer.finish().await.unwrap();
    let described = Described {
        kind: if has_files { Kind::File } else { Kind::Data },
        key: KeyRule::Pointer("/id".into()),
        cursors: BTreeMap::new(),
        fields: Vec::new(),
        receipt: Receipt::default(),
        freshness: Freshness {
            read_at: id().start(),
            full_sweep_at: id().start(),
            stale_since: None,
        },
    };
    vault
        .resource_state("acme", id(), None, written, described)
        .await
        .unwrap()
}

async fn stored(vault: &Vault, name: &str, bytes: &[u8]) -> Body {
    let stream = stream::iter([Ok::<_, std::io::Error>(Bytes::copy_from_slice(bytes))]);
    let body = vault.put_body("acme", stream, &Expected::default()).await.unwrap();
    Body::Stored(StoredBody {
        name: Some(name.to_owned()),
        ..body
    })
}
