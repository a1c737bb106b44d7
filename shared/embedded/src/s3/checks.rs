//! What is compared before anything is kept: checksums of bodies, conditions of requests, dates of retention.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Md5, Sha1, Sha256};
use s3s::dto::{Checksum, ChecksumType, ETagCondition, Timestamp};
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};
use serde::{Deserialize, Serialize};

use super::index::{ObjectRow, Retention};
use super::time;

/// Checksums of an object, in base64, as S3 writes them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Sums {
    pub(crate) crc32: Option<String>,
    pub(crate) crc32c: Option<String>,
    pub(crate) crc64nvme: Option<String>,
    pub(crate) sha1: Option<String>,
    pub(crate) sha256: Option<String>,
    /// A checksum of the parts' checksums, not of the bytes.
    pub(crate) composite: bool,
}

/// Each algorithm: its name, the header that carries its value, and its place in [`Sums`].
const ALGORITHMS: [(&str, &str, Place); 5] = [
    ("CRC32", "x-amz-checksum-crc32", |sums| &mut sums.crc32),
    ("CRC32C", "x-amz-checksum-crc32c", |sums| &mut sums.crc32c),
    ("CRC64NVME", "x-amz-checksum-crc64nvme", |sums| &mut sums.crc64nvme),
    ("SHA1", "x-amz-checksum-sha1", |sums| &mut sums.sha1),
    ("SHA256", "x-amz-checksum-sha256", |sums| &mut sums.sha256),
];

type Place = fn(&mut Sums) -> &mut Option<String>;

impl Sums {
    /// Takes the values a request carries in headers or trailers.
    pub(crate) fn read(&mut self, headers: &http::HeaderMap) {
        for (_, header, place) in ALGORITHMS {
            if let Some(value) = headers.get(header).and_then(|value| value.to_str().ok()) {
                *place(self) = Some(value.to_owned());
            }
        }
    }

    pub(crate) fn get(&self, algorithm: &str) -> Option<String> {
        self.clone().place(algorithm).and_then(|place| place.clone())
    }

    pub(crate) fn set(&mut self, algorithm: &str, value: String) {
        if let Some(place) = self.place(algorithm) {
            *place = Some(value);
        }
    }

    fn place(&mut self, algorithm: &str) -> Option<&mut Option<String>> {
        ALGORITHMS
            .into_iter()
            .find(|(name, ..)| *name == algorithm)
            .map(|(_, _, place)| place(self))
    }

    /// Refuses when a value `sent` differs from the one computed. All values must be right, not just one.
    pub(crate) fn compare(&self, sent: &Self) -> S3Result<()> {
        for (name, ..) in ALGORITHMS {
            let (Some(sent), computed) = (sent.get(name), self.get(name)) else {
                continue;
            };
            if computed.as_ref() != Some(&sent) {
                return Err(s3_error!(
                    BadDigest,
                    "the {name} sent does not match the {name} of the body received"
                ));
            }
        }
        Ok(())
    }

    pub(crate) fn checksum_type(&self) -> ChecksumType {
        let name = if self.composite {
            ChecksumType::COMPOSITE
        } else {
            ChecksumType::FULL_OBJECT
        };
        ChecksumType::from_static(name)
    }
}

/// Which checksums to compute, and which values to expect. Known before the body; trailers add values after it.
#[derive(Debug, Default)]
pub(crate) struct Expected {
    algorithms: Vec<&'static str>,
    sums: Sums,
    md5: Option<String>,
    length: Option<i64>,
}

impl Expected {
    /// Reads what a request says of its body. Where it names no checksum, S3 computes CRC-64/NVME by itself.
    pub(crate) fn of(headers: &http::HeaderMap, length: Option<i64>, md5: Option<String>) -> Self {
        let text = |name: &str| {
            headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
        };
        let trailers = text("x-amz-trailer").to_ascii_lowercase();
        let asked = [text("x-amz-sdk-checksum-algorithm"), text("x-amz-checksum-algorithm")];
        let mut expected = Self {
            length,
            md5,
            ..Self::default()
        };
        expected.sums.read(headers);
        for (name, header, _) in ALGORITHMS {
            let trailing = trailers.split(',').any(|trailer| trailer.trim() == header);
            if headers.contains_key(header) || trailing || asked.iter().any(|asked| asked.eq_ignore_ascii_case(name)) {
                expected.algorithms.push(name);
            }
        }
        if expected.algorithms.is_empty() {
            expected.algorithms.push("CRC64NVME");
        }
        expected
    }

    /// Computes this algorithm too, whatever the request says.
    pub(crate) fn also(&mut self, algorithm: &str) {
        let known = ALGORITHMS.into_iter().find(|(name, ..)| *name == algorithm);
        if let Some((name, ..)) = known
            && !self.algorithms.contains(&name)
        {
            self.algorithms.push(name);
        }
    }

    pub(crate) fn trailers(&mut self, trailers: &http::HeaderMap) {
        self.sums.read(trailers);
    }

    pub(crate) fn digester(&self) -> Digester {
        Digester::new(&self.algorithms)
    }

    /// Compares all that was said with what arrived.
    pub(crate) fn compare(&self, digests: &Digests) -> S3Result<()> {
        if self
            .length
            .is_some_and(|length| u64::try_from(length).ok() != Some(digests.size))
        {
            return Err(s3_error!(
                IncompleteBody,
                "the body has {} bytes, not as many as announced",
                digests.size
            ));
        }
        if let Some(md5) = &self.md5 {
            let sent = STANDARD
                .decode(md5)
                .map_err(|_| s3_error!(InvalidDigest, "Content-MD5 is not base64"))?;
            if sent != digests.md5 {
                return Err(s3_error!(
                    BadDigest,
                    "the Content-MD5 sent does not match the body received"
                ));
            }
        }
        digests.sums.compare(&self.sums)
    }
}

/// Reads a body once, for all digests at a time.
pub(crate) struct Digester {
    size: u64,
    md5: Md5,
    hasher: ChecksumHasher,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Digests {
    pub(crate) size: u64,
    pub(crate) md5: [u8; 16],
    pub(crate) sums: Sums,
}

impl Digester {
    pub(crate) fn new(algorithms: &[&str]) -> Self {
        let wanted = |name: &str| algorithms.contains(&name);
        let hasher = ChecksumHasher {
            crc32: wanted("CRC32").then(Crc32::new),
            crc32c: wanted("CRC32C").then(Crc32c::new),
            crc64nvme: wanted("CRC64NVME").then(Crc64Nvme::new),
            sha1: wanted("SHA1").then(Sha1::new),
            sha256: wanted("SHA256").then(Sha256::new),
        };
        Self {
            size: 0,
            md5: Md5::new(),
            hasher,
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.size += bytes.len() as u64;
        self.md5.update(bytes);
        self.hasher.update(bytes);
    }

    pub(crate) fn finish(self) -> Digests {
        let Checksum {
            checksum_crc32,
            checksum_crc32c,
            checksum_crc64nvme,
            checksum_sha1,
            checksum_sha256,
            ..
        } = self.hasher.finalize();
        let sums = Sums {
            crc32: checksum_crc32,
            crc32c: checksum_crc32c,
            crc64nvme: checksum_crc64nvme,
            sha1: checksum_sha1,
            sha256: checksum_sha256,
            composite: false,
        };
        Digests {
            size: self.size,
            md5: self.md5.finalize(),
            sums,
        }
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |text, byte| {
        text + &format!("{byte:02x}")
    })
}

/// The conditions of a write.
#[derive(Debug, Default, Clone)]
pub(crate) struct WriteCondition {
    pub(crate) if_match: Option<ETagCondition>,
    pub(crate) if_none_match: Option<ETagCondition>,
}

impl WriteCondition {
    pub(crate) fn check(&self, current: Option<&ObjectRow>) -> S3Result<()> {
        if let Some(condition) = &self.if_match {
            let Some(row) = current else {
                return Err(s3_error!(NoSuchKey, "If-Match names an object that does not exist"));
            };
            if !matches(condition, &row.etag) {
                return Err(precondition("If-Match"));
            }
        }
        match (&self.if_none_match, current) {
            (Some(condition), Some(row)) if matches(condition, &row.etag) => Err(precondition("If-None-Match")),
            _ => Ok(()),
        }
    }
}

/// The conditions of a read.
#[derive(Debug, Default)]
pub(crate) struct ReadCondition {
    pub(crate) if_match: Option<ETagCondition>,
    pub(crate) if_none_match: Option<ETagCondition>,
    pub(crate) if_modified_since: Option<Timestamp>,
    pub(crate) if_unmodified_since: Option<Timestamp>,
}

impl ReadCondition {
    /// As RFC 9110 orders them: the date of a pair is only looked at when its tag is missing.
    pub(crate) fn check(&self, row: &ObjectRow) -> S3Result<()> {
        let changed_after = |date: &Timestamp| time::to_ms(date).map(|ms| row.modified_ms / 1000 > ms / 1000);
        match (&self.if_match, &self.if_unmodified_since) {
            (Some(condition), _) if !matches(condition, &row.etag) => return Err(precondition("If-Match")),
            (None, Some(date)) if changed_after(date)? => return Err(precondition("If-Unmodified-Since")),
            _ => {}
        }
        match (&self.if_none_match, &self.if_modified_since) {
            (Some(condition), _) if matches(condition, &row.etag) => Err(S3Error::new(S3ErrorCode::NotModified)),
            (None, Some(date)) if !changed_after(date)? => Err(S3Error::new(S3ErrorCode::NotModified)),
            _ => Ok(()),
        }
    }
}

fn matches(condition: &ETagCondition, etag: &str) -> bool {
    match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(tag) => tag.value() == etag,
    }
}

fn precondition(header: &str) -> S3Error {
    s3_error!(PreconditionFailed, "the condition of {header} does not hold")
}

/// Refuses to overwrite or delete what is under retention. A bypass opens `GOVERNANCE`, never `COMPLIANCE`.
pub(crate) fn unlocked(row: &ObjectRow, now_ms: i64, bypass: bool) -> S3Result<()> {
    match &row.lock {
        Some(lock) if lock.until_ms > now_ms && !(bypass && lock.mode == "GOVERNANCE") => Err(s3_error!(
            AccessDenied,
            "the object is locked in {} mode until {}; it can be neither overwritten nor deleted before",
            lock.mode,
            time::display(lock.until_ms)
        )),
        _ => Ok(()),
    }
}

/// Checks a retention a request asks for.
pub(crate) fn retention(mode: Option<&str>, until: Option<&Timestamp>, now_ms: i64) -> S3Result<Option<Retention>> {
    let (mode, until) = match (mode, until) {
        (None, None) => return Ok(None),
        (Some(mode), Some(until)) => (mode, until),
        _ => {
            return Err(s3_error!(
                InvalidArgument,
                "a lock needs both a mode and a retain-until date"
            ));
        }
    };
    if !matches!(mode, "COMPLIANCE" | "GOVERNANCE") {
        return Err(s3_error!(InvalidArgument, "there is no lock mode {mode}"));
    }
    let until_ms = time::to_ms(until)?;
    if until_ms <= now_ms {
        return Err(s3_error!(
            InvalidArgument,
            "the retain-until date must be in the future"
        ));
    }
    Ok(Some(Retention {
        mode: mode.to_owned(),
        until_ms,
    }))
}

/// A retention may grow. It may shrink or soften only when it is over, or with a bypass of `GOVERNANCE`.
pub(crate) fn may_replace(old: Option<&Retention>, new: Option<&Retention>, now_ms: i64, bypass: bool) -> S3Result<()> {
    let Some(old) = old.filter(|old| old.until_ms > now_ms) else {
        return Ok(());
    };
    let grows =
        new.is_some_and(|new| new.until_ms >= old.until_ms && (new.mode == old.mode || old.mode == "GOVERNANCE"));
    if grows || (bypass && old.mode == "GOVERNANCE") {
        return Ok(());
    }
    Err(s3_error!(
        AccessDenied,
        "a lock in {} mode can be extended, not shortened or removed",
        old.mode
    ))
}
