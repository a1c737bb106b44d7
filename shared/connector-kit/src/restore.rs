//! The words that say how records are given back. A resource declares its writes ([`Writes`]); the engine plans, checks, paces, journals
//! and reads back. A resource without writes says why ([`Restore::ExportOnly`]).
//!
//! ```
//! use seatbelt_connector_kit::{Again, Body, Create, Fields, Read, Reference, Request, Restore, Write, Writes};
//! use seatbelt_model::RestoreLevel;
//!
//! const TICKETS: Restore = Restore::Writes(&Writes {
//!     level: RestoreLevel::R3,
//!     how: "PATCH what is there; POST what is gone, under a new id, with its assignee remapped",
//!     fields: Fields::AllBut { never: &["/id", "/updated_at"], creating: &["/created_at"] },
//!     references: &[Reference::to("/assignee_id", &["agents"])],
//!     after: &[],
//!     author: Some("/updated_by"),
//!     read: Some(Read { request: Request::get("/tickets/{key}"), record: "" }),
//!     create: Some(Create {
//!         write: Write::Send(Request::post("/tickets"), Body::Fields),
//!         record: "",
//!         again: Again::Fields(&["/subject", "/requester"]),
//!     }),
//!     update: Some(Write::Send(Request::patch("/tickets/{key}"), Body::Fields)),
//!     remove: Some(Write::Send(Request::delete("/tickets/{key}"), Body::Empty)),
//!     adapt: None,
//! });
//! assert_eq!(TICKETS.level(), RestoreLevel::R3);
//! ```

use seatbelt_model::RestoreLevel;

use crate::{BodyStream, BoxFuture, KitError, Pace, Parent, Request, Resource, Response, Session};

/// How a resource comes back.
#[derive(Debug, Clone, Copy)]
pub enum Restore {
    /// As an export only.
    ExportOnly {
        /// Why.
        why: &'static str,
    },
    /// The vendor's API would take it back, this faithfully, but this version does not write it yet.
    Api {
        /// How faithfully.
        level: RestoreLevel,
        /// By which calls and with what limits.
        how: &'static str,
    },
    /// By these writes.
    Writes(&'static Writes),
}

/// How the records of a resource are written. In its requests, `{key}` is the record's own key as the vendor has it now, without its
/// parent's part; `{resource.field}` is a field of the record itself or of an ancestor, by the name of its resource.
#[derive(Debug, Clone, Copy)]
pub struct Writes {
    /// How faithfully; the conformance suite holds the connector to it.
    pub level: RestoreLevel,
    /// By which calls and with what limits, for people.
    pub how: &'static str,
    /// Which fields the vendor takes.
    pub fields: Fields,
    /// Fields that hold the keys of other records, which may have new ones.
    pub references: &'static [Reference],
    /// Resources that must be given back before this one, besides its parent and those it refers to.
    pub after: &'static [&'static str],
    /// The JSON pointer of who changed the record last, where the vendor says so.
    pub author: Option<&'static str>,
    /// Reads one record. `None`: the resource's listing is read, which suits settings and short lists.
    pub read: Option<Read>,
    /// Creates a record that is gone. `None`: one that is gone stays so.
    pub create: Option<Create>,
    /// Changes a record that is there. `None`: it stays as it is.
    pub update: Option<Write>,
    /// Removes a record. `None`: one that was added stays.
    pub remove: Option<Write>,
    /// Changes the wanted record before it is compared and written, for keys that stand inside texts.
    pub adapt: Option<Adapt>,
}

/// Which fields of a record the vendor takes. Volatile fields are never written.
#[derive(Debug, Clone, Copy)]
pub enum Fields {
    /// All top-level members, some JSON pointers aside. For vendors whose customers add fields.
    AllBut {
        /// What the vendor sets itself.
        never: &'static [&'static str],
        /// What it takes only when the record is created.
        creating: &'static [&'static str],
    },
    /// These.
    Only(&'static [Field]),
}

/// A field the vendor takes.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Where the record has it: a JSON pointer.
    pub at: &'static str,
    /// Where the request has it: a JSON pointer, usually the same.
    pub send_as: &'static str,
    /// In which requests.
    pub when: When,
}

/// In which requests a field is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// In all.
    Always,
    /// Only when the record is created. A later change of it is impossible to take back.
    Creating,
    /// Only when it is changed. A record just created is changed at once where it lacks the field.
    Updating,
}

/// A field that holds the key of another record.
#[derive(Debug, Clone, Copy)]
pub struct Reference {
    /// Where: a JSON pointer in which `*` stands for every element or member.
    pub at: &'static str,
    /// The names of the resources it may be the key of; its own name for a tree. Names, since records may refer to each other in a
    /// circle, which constants cannot; the conformance suite checks them.
    pub to: &'static [&'static str],
    /// Holds only where the record has this value at this JSON pointer.
    pub only_if: Option<(&'static str, &'static str)>,
    /// Whether the vendor refuses to create the record without it. If not, a record whose target comes later is created without it and
    /// changed afterwards.
    pub required: bool,
}

/// A request for one record.
#[derive(Debug, Clone, Copy)]
pub struct Read {
    /// The request. An answer that is classified as unavailable or empty means that the record is gone.
    pub request: Request,
    /// Where the record is in the answer: a JSON pointer. It has the shape it has in the listing, more fields aside.
    pub record: &'static str,
}

/// How a record is created.
#[derive(Debug, Clone, Copy)]
pub struct Create {
    /// The write. Whatever the created record lacks afterwards is sent as an update, where the resource has one.
    pub write: Write,
    /// Where the new record is in the answer: a JSON pointer. Its key is read there.
    pub record: &'static str,
    /// How it is known that an interrupted create happened after all.
    pub again: Again,
}

/// How a create that may have happened is known again, so that no record is doubled.
#[derive(Debug, Clone, Copy)]
pub enum Again {
    /// The key is ours to choose (a name, a slug): the record is read by it.
    SameKey,
    /// The vendor answers a repeated value of this header with the record it made the first time.
    Header(&'static str),
    /// A record that is new to us and has the values we sent at all these JSON pointers is the one. It is looked for in the listing,
    /// from the time of the attempt on where the resource has such a cursor.
    Fields(&'static [&'static str]),
}

/// A write.
#[derive(Debug, Clone, Copy)]
pub enum Write {
    /// A request and what is in it.
    Send(Request, Body),
    /// A function, for what a request cannot say.
    Custom(CustomWrite),
}

/// What a write sends.
#[derive(Debug, Clone, Copy)]
pub enum Body {
    /// Nothing.
    Empty,
    /// The fields, as a JSON object: all that have a value for a create, the changed ones for an update. A field that is to be empty is null.
    Fields,
    /// The same under a JSON pointer, such as `/properties`.
    Under(&'static str),
    /// The same, as this function makes a body of them.
    Shaped(fn(serde_json::Map<String, serde_json::Value>) -> serde_json::Value),
    /// The same as this variable of a GraphQL mutation.
    Variable(&'static str),
    /// The bytes of the record's file, streamed. Name and type go into the request's headers.
    Bytes,
}

/// Writes by other means. The answer is the record as it is now, where that is known; it is read again otherwise.
pub type CustomWrite = for<'a> fn(&'a Session, &'a Writing<'a>) -> BoxFuture<'a, Result<Option<String>, KitError>>;

/// Changes a wanted record, given the keys that records have now.
pub type Adapt = fn(&str, &dyn NewKeys) -> String;

/// What a [`CustomWrite`] is to do.
#[derive(Clone, Copy)]
pub struct Writing<'a> {
    /// The record's own key as the vendor has it now; for a create, as it was.
    pub key: &'a str,
    /// The record as it is wanted, with references remapped; `None` for a removal.
    pub wanted: Option<&'a str>,
    /// The record as it is; `None` for a create.
    pub live: Option<&'a str>,
    /// The fields to write, as a JSON object.
    pub fields: &'a str,
    /// The record and its ancestors, nearest first.
    pub records: &'a Parent,
    /// The stored bytes of the record's file.
    pub file: Option<&'a dyn StoredFile>,
}

/// A stored file, ready to be sent, as often as needed.
pub trait StoredFile: Send + Sync {
    /// How many bytes it has.
    fn size_bytes(&self) -> u64;
    /// Its bytes from the first on.
    fn open(&self) -> BoxFuture<'_, Result<BodyStream, KitError>>;
}

/// What a write carries, ready to be sent.
#[derive(Clone, Copy)]
pub enum Payload<'a> {
    /// What its request declares, if anything.
    Empty,
    /// A JSON text.
    Json(&'a str),
    /// A file.
    File(&'a dyn StoredFile),
}

/// The keys of records that were created again.
pub trait NewKeys: Send + Sync {
    /// The key that the record which had `key` in `resource` has now, if it is another one. For files also by address: a URL in a field
    /// that tells the version of their bytes.
    fn new_key(&self, resource: &str, key: &str) -> Option<String>;
}

/// How a platform is written to.
#[derive(Debug, Clone, Copy)]
pub struct WriteAccess {
    /// What tells, before anything is written, that the credential may not.
    pub check: WriteCheck,
    /// How fast writes may follow each other, where that is slower than requests in general.
    pub pace: Option<Pace>,
}

/// What tells that a credential may not write.
#[derive(Debug, Clone, Copy)]
pub enum WriteCheck {
    /// Nothing; the first refused write does.
    None,
    /// The answer to this request. That it is forbidden says so too.
    Ask {
        /// The request.
        request: Request,
        /// What the credential lacks for a resource, by the vendor's name for it; `None` if it may write there.
        lacks: fn(&Response, &Resource) -> Option<String>,
        /// What the credential lacks if the request itself is forbidden.
        forbidden: &'static str,
    },
}

impl WriteAccess {
    /// Nothing tells before, and writes are as fast as reads.
    pub const UNKNOWN: Self = Self {
        check: WriteCheck::None,
        pace: None,
    };
}

impl Restore {
    /// The level: what the vendor's API allows.
    #[must_use]
    pub fn level(self) -> RestoreLevel {
        match self {
            Self::ExportOnly { .. } => RestoreLevel::R0,
            Self::Api { level, .. } => level,
            Self::Writes(writes) => writes.level,
        }
    }

    /// The writes, if this version has them.
    #[must_use]
    pub fn writes(self) -> Option<&'static Writes> {
        match self {
            Self::Writes(writes) => Some(writes),
            Self::ExportOnly { .. } | Self::Api { .. } => None,
        }
    }
}

impl Field {
    /// A field that is sent as it is read.
    #[must_use]
    pub const fn at(at: &'static str) -> Self {
        Self {
            at,
            send_as: at,
            when: When::Always,
        }
    }

    /// Sent elsewhere, such as `/title` for what is read at `/title/raw`.
    #[must_use]
    pub const fn sent_as(mut self, pointer: &'static str) -> Self {
        self.send_as = pointer;
        self
    }

    /// Sent only in these requests.
    #[must_use]
    pub const fn when(mut self, when: When) -> Self {
        self.when = when;
        self
    }
}

impl Reference {
    /// A reference a record can do without for a while.
    #[must_use]
    pub const fn to(at: &'static str, to: &'static [&'static str]) -> Self {
        Self {
            at,
            to,
            only_if: None,
            required: false,
        }
    }

    /// Only where the record has `value` at the JSON pointer `at`.
    #[must_use]
    pub const fn only_if(mut self, at: &'static str, value: &'static str) -> Self {
        self.only_if = Some((at, value));
        self
    }

    /// The vendor refuses to create the record without it.
    #[must_use]
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }
}

impl std::fmt::Debug for Writing<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writing")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}
