//! The words a connector is declared with. Everything is plain `const` data and pure functions; no field has a default, since a forgotten
//! key, cursor or delete rule would lose data in silence.

use std::{pin::Pin, time::Duration};

use crate::{KitError, NativeExport, Outcome, Parent, Request, Response, Restore, Session, WriteAccess};
use bytes::Bytes;
use futures_util::Stream;

/// A platform: where it is, how to sign in, how fast, and what it holds.
#[derive(Debug)]
pub struct Connector {
    /// Its name in the manifest: lowercase, `_` between words.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// Where requests go; `{name}` stands for a setting.
    pub base_url: &'static str,
    /// The settings it takes.
    pub settings: &'static [Setting],
    /// Ways to sign in; the first whose fields the secret has is taken.
    pub auth: &'static [Auth],
    /// Headers of every request.
    pub headers: &'static [(&'static str, &'static str)],
    /// How fast, per vendor account.
    pub pace: Pace,
    /// What it holds, parents before children.
    pub resources: &'static [&'static Resource],
    /// Resources that cost so many requests that they are read only where the scope includes them by name.
    pub on_request: &'static [&'static str],
    /// Asked by `check` to see who the credential belongs to.
    pub identity: Request,
    /// What an answer means.
    pub classify: fn(&Response) -> Outcome,
    /// Cuts noise off a body before it is read as JSON, for vendors whose servers print warnings into it.
    pub clean: Option<Clean>,
    /// How it is written to by a restore.
    pub write_access: WriteAccess,
    /// Forms in which the vendor's own import takes a snapshot back.
    pub native_exports: &'static [NativeExport],
    /// What the vendor's own backup offers and misses.
    pub builtin: Builtin,
    /// How an administrator makes the credential: which account, which rights, what the secret looks like.
    pub guide: &'static str,
}

/// A setting of a system on this platform.
#[derive(Debug)]
pub struct Setting {
    /// Its name under `settings`.
    pub name: &'static str,
    /// Its value where the manifest gives none; may name other settings. `None` makes it required.
    pub default: Option<&'static str>,
    /// What it is for, in a sentence.
    pub help: &'static str,
}

/// How requests are signed. Names in quotes are fields of the secret.
#[derive(Debug, Clone, Copy)]
pub enum Auth {
    /// No credential: what the public may see.
    Anonymous,
    /// HTTP Basic from two fields.
    Basic {
        /// The field with the user name.
        username: &'static str,
        /// The field with the password.
        password: &'static str,
    },
    /// `Authorization: Bearer` from one field.
    Bearer {
        /// The field with the token.
        token: &'static str,
    },
    /// A header of the vendor's own from one field.
    Header {
        /// The header.
        name: &'static str,
        /// The field with the key.
        key: &'static str,
    },
    /// OAuth 2 client credentials: fields `client_id`, `client_secret`.
    ClientCredentials {
        /// Where tokens are had: a path on the base URL or a whole URL; the setting `token_url` wins.
        token_url: &'static str,
        /// Scopes to ask for.
        scopes: &'static [&'static str],
    },
    /// OAuth 2 refresh token: fields `client_id`, `client_secret`, `refresh_token`. A new refresh token is written back before the old one is used up.
    RefreshToken {
        /// Where tokens are had.
        token_url: &'static str,
    },
    /// OAuth 2 JWT bearer (RFC 7523), signed RS256: fields `issuer`, `subject`, `private_key` (PEM).
    JwtBearer {
        /// Where tokens are had.
        token_url: &'static str,
        /// The assertion's audience.
        audience: &'static str,
        /// Scopes to ask for, where the vendor takes them in the assertion.
        scopes: &'static [&'static str],
    },
    /// A GitHub App: fields `app_id`, `installation_id`, `private_key` (PEM); mints installation tokens.
    GitHubApp,
}

/// How fast requests may follow each other, per vendor account.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// At most this many requests ...
    pub requests: u32,
    /// ... in this time.
    pub per: Duration,
    /// At most this many at once.
    pub concurrency: u32,
    /// Headers that tell the quota, where there are some.
    pub quota: Option<Quota>,
}

/// The vendor's quota headers.
#[derive(Debug, Clone, Copy)]
pub struct Quota {
    /// The header with the whole quota.
    pub limit: &'static str,
    /// The header with what is left.
    pub remaining: &'static str,
    /// The header with the time it is filled again.
    pub reset: &'static str,
    /// How that time is written.
    pub reset_is: ResetIs,
    /// The share to leave to others, in percent.
    pub floor_percent: u8,
}

/// How a reset time is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResetIs {
    /// Seconds since 1970.
    EpochSeconds,
    /// Seconds from now.
    SecondsFromNow,
}

/// A kind of thing the platform holds.
#[derive(Debug)]
pub struct Resource {
    /// Its name: plural, lowercase, `_` between words.
    pub name: &'static str,
    /// Data, metadata or files.
    pub kind: Kind,
    /// What must be read before.
    pub depends_on: DependsOn,
    /// The request that lists it.
    pub request: Request,
    /// How its pages follow each other.
    pub paginator: Paginator,
    /// Where the records are on a page.
    pub records: Records,
    /// What tells records apart.
    pub key: Key,
    /// How changes since the last run are asked for.
    pub cursor: Cursor,
    /// How it shows that a record is gone.
    pub deletes: Deletes,
    /// JSON pointers of fields that change without meaning; `*` is every member.
    pub volatile: &'static [&'static str],
    /// The vendor's own count.
    pub count: Count,
    /// How it comes back.
    pub restore: Restore,
}

/// What sort of thing a resource holds.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// What people wrote or entered.
    Data,
    /// How the system is set up.
    Metadata,
    /// Records whose bytes are kept as well.
    File(File),
}

/// Where a record's bytes are.
#[derive(Debug, Clone, Copy)]
pub struct File {
    /// How they are had.
    pub fetch: Fetch,
    /// JSON pointers of fields that differ whenever the bytes do; while they are equal the bytes are not fetched again.
    /// Empty: fetched whenever the record changed.
    pub version: &'static [&'static str],
    /// Where the record says how many bytes there are.
    pub size_bytes: Option<&'static str>,
    /// Where the record has a digest of them.
    pub digest: Option<Digest>,
    /// Where the record has a file name, or a path or URL that ends in it.
    pub name: Option<&'static str>,
}

/// How bytes are had.
#[derive(Debug, Clone, Copy)]
pub enum Fetch {
    /// From the URL at this JSON pointer. The credential goes along only to the connector's own origin.
    Url {
        /// The pointer.
        url: &'static str,
        /// Headers to send.
        headers: &'static [(&'static str, &'static str)],
    },
    /// By a function.
    Custom(CustomFetch),
}

/// A digest a vendor gives.
#[derive(Debug, Clone, Copy)]
pub enum Digest {
    /// SHA-256 in hex, perhaps after `sha256:`, at this JSON pointer.
    Sha256(&'static str),
}

/// Cuts noise off a body.
pub type Clean = fn(&[u8]) -> &[u8];

/// Bytes as they arrive.
pub type BodyStream = Pin<Box<dyn Stream<Item = Result<Bytes, KitError>> + Send>>;

/// A future that lives as long as what it borrows.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Fetches the bytes of one record, given as JSON. `None` if there are none.
pub type CustomFetch = for<'a> fn(&'a Session, &'a str) -> BoxFuture<'a, Result<Option<BodyStream>, KitError>>;

/// Lists all records of one parent by other means than HTTP, each as one JSON text.
pub type CustomList = for<'a> fn(&'a Session, &'a Parent) -> BoxFuture<'a, Result<Vec<String>, KitError>>;

/// What must be read before a resource, and how often it is then listed.
#[derive(Debug, Clone, Copy)]
pub enum DependsOn {
    /// Listed once.
    Nothing,
    /// Listed once for each of these values of the placeholder `{name}`. The lists together are the resource.
    Values(&'static str, &'static [&'static str]),
    /// Listed once, if that resource holds a record with this key: an edition or extension is there.
    Has(&'static Resource, &'static str),
    /// Listed for each record of a parent, every run. Keys start with the parent's.
    Each(&'static Resource, Only),
    /// Listed for each record of a parent that changed in this run, and for all of them in a full sweep.
    EachChanged(&'static Resource, Only),
}

/// Which parents are asked.
#[derive(Debug, Clone, Copy)]
pub enum Only {
    /// All of them.
    All,
    /// Those for which this holds, given the parent's record. Children of others count as gone.
    If(fn(&str) -> bool),
}

/// How pages follow each other.
#[derive(Debug, Clone, Copy)]
pub enum Paginator {
    /// There is one.
    SinglePage,
    /// The `Link` header names the next.
    LinkHeader,
    /// Pages are numbered.
    PageNumber {
        /// The parameter for the number.
        send_as: &'static str,
        /// The parameter for the size.
        size_as: &'static str,
        /// Sizes, largest first; each divides the one before. A smaller one is taken where the server fails on a larger.
        sizes: &'static [u32],
        /// The header with the number of pages, where there is one; else a page that is not full is the last.
        pages: Option<&'static str>,
    },
    /// Each page names the token of the next.
    Token {
        /// Where it is read.
        read: &'static str,
        /// The parameter it is sent as.
        send_as: &'static str,
    },
    /// Each page names the URL of the next.
    NextUrl {
        /// Where it is read.
        read: &'static str,
    },
    /// Pages are asked for by the number of records before them.
    Offset {
        /// The parameter for the offset.
        send_as: &'static str,
        /// The parameter for the size.
        size_as: &'static str,
        /// The size.
        size: u32,
        /// Where the number of records is read, if anywhere; else a page that is not full is the last.
        total: Option<&'static str>,
    },
    /// Pages are asked for by the last record before them.
    Keyset {
        /// Where that record's value is read.
        field: &'static str,
        /// The parameter it is sent as.
        send_as: &'static str,
        /// The parameter for the size.
        size_as: &'static str,
        /// The size; a page that is not full is the last.
        size: u32,
    },
    /// A GraphQL connection: `hasNextPage` and `endCursor` under this pointer, sent as the variable `after`.
    GraphQl {
        /// The pointer of `pageInfo`.
        page_info: &'static str,
    },
    /// A function: from an answer and its records, the next request's token (sent as the URL), or `None` at the end.
    Custom(fn(&Response) -> Option<String>),
}

/// Where records are on a page.
#[derive(Debug, Clone, Copy)]
pub enum Records {
    /// An array, or one object, at this JSON pointer. Scalars become `{"value":...}`.
    At(&'static str),
    /// The members of the object at this JSON pointer; their names are the keys.
    Members(&'static str),
}

/// What tells the records of a resource apart.
#[derive(Debug, Clone, Copy)]
pub enum Key {
    /// The value at a JSON pointer.
    Field(&'static str),
    /// Several values together.
    Fields(&'static [&'static str]),
    /// The member's name, with [`Records::Members`].
    Member,
    /// There is one record (per parent); its key is the resource's name.
    Only,
}

/// How changes are asked for.
#[derive(Debug, Clone, Copy)]
pub enum Cursor {
    /// Not at all: every run reads everything.
    None,
    /// By time of change.
    Since {
        /// Where a record's time is read.
        field: &'static str,
        /// The parameter the time is sent as.
        send_as: &'static str,
        /// Parameters to send along with it.
        with: &'static [(&'static str, &'static str)],
        /// What is read again, since indexes lag and clocks differ.
        overlap: Duration,
    },
    /// The newest come first, and reading stops at the last seen time. Full sweeps read to the end.
    NewestFirst {
        /// Where a record's time is read.
        field: &'static str,
        /// What is read again.
        overlap: Duration,
    },
    /// By the token the last page of a listing gave.
    Feed {
        /// Where it is read.
        read: &'static str,
        /// The parameter it is sent as.
        send_as: &'static str,
    },
}

/// How a record shows that it is gone.
#[derive(Debug, Clone, Copy)]
pub enum Deletes {
    /// It is not there in a full listing (of its parent).
    ByAbsence,
    /// It stays, with this value at this JSON pointer; and it may be absent from a full sweep.
    Flagged {
        /// The pointer.
        field: &'static str,
        /// The value.
        equals: &'static str,
    },
    /// Another listing names what was deleted since the cursor; and it may be absent from a full sweep.
    Listed(&'static DeletedFeed),
}

/// A listing of deleted records.
#[derive(Debug)]
pub struct DeletedFeed {
    /// The request that lists them.
    pub request: Request,
    /// How its pages follow each other.
    pub paginator: Paginator,
    /// Where the entries are.
    pub records: Records,
    /// Where an entry has the deleted record's own key.
    pub key: &'static str,
    /// The parameter for the time to start from, the same the resource's cursor has.
    pub send_as: &'static str,
}

/// The vendor's own count of a listing.
#[derive(Debug, Clone, Copy)]
pub enum Count {
    /// It gives none.
    None,
    /// In a header.
    Header(&'static str),
    /// At a JSON pointer of the page.
    At(&'static str),
}

/// What the vendor's own backup or export is worth.
#[derive(Debug)]
pub struct Builtin {
    /// What it offers.
    pub offers: &'static str,
    /// What it misses.
    pub misses: &'static str,
    /// Where this was read.
    pub source: &'static str,
    /// When, as a date.
    pub read_on: &'static str,
}

impl Pace {
    /// So many requests a second, one after the other.
    #[must_use]
    pub const fn per_second(requests: u32) -> Self {
        Self {
            requests,
            per: Duration::from_secs(1),
            concurrency: 1,
            quota: None,
        }
    }

    /// So many requests a minute, one after the other.
    #[must_use]
    pub const fn per_minute(requests: u32) -> Self {
        Self {
            requests,
            per: Duration::from_mins(1),
            concurrency: 1,
            quota: None,
        }
    }

    /// So many at once.
    #[must_use]
    pub const fn concurrency(mut self, concurrency: u32) -> Self {
        self.concurrency = concurrency;
        self
    }

    /// Watches the vendor's quota.
    #[must_use]
    pub const fn quota(mut self, quota: Quota) -> Self {
        self.quota = Some(quota);
        self
    }
}

impl Kind {
    /// The kind without the connector's details.
    #[must_use]
    pub fn plain(self) -> seatbelt_model::Kind {
        match self {
            Self::Data => seatbelt_model::Kind::Data,
            Self::Metadata => seatbelt_model::Kind::Metadata,
            Self::File(_) => seatbelt_model::Kind::File,
        }
    }

    /// The file, if it is one.
    #[must_use]
    pub fn file(self) -> Option<File> {
        match self {
            Self::File(file) => Some(file),
            _ => None,
        }
    }
}

impl Resource {
    /// The resource whose records this one is listed for.
    #[must_use]
    pub fn parent(&self) -> Option<&'static Self> {
        match self.depends_on {
            DependsOn::Each(parent, _) | DependsOn::EachChanged(parent, _) => Some(parent),
            DependsOn::Nothing | DependsOn::Values(..) | DependsOn::Has(..) => None,
        }
    }
}

impl Resource {
    /// The resource that must be read before this one.
    #[must_use]
    pub fn needs(&self) -> Option<&'static Self> {
        match self.depends_on {
            DependsOn::Has(other, _) => Some(other),
            _ => self.parent(),
        }
    }
}

impl Connector {
    /// The resource of this name.
    #[must_use]
    pub fn resource(&self, name: &str) -> Option<&'static Resource> {
        self.resources.iter().find(|resource| resource.name == name).copied()
    }
}
