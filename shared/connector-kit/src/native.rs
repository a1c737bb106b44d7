//! Forms of the vendor's own: a snapshot written so that the vendor's own import takes it.
//!
//! A connector declares them, and gives a pure function from records to text; whoever exports streams the records through it. So an
//! export knows no platform, and memory does not grow with the system.

use std::fmt;

/// A form of the vendor's own in which a snapshot can be written.
#[derive(Debug, Clone, Copy)]
pub struct NativeExport {
    /// What people ask for it by, as in `--format wxr`: lowercase.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// How the vendor takes it back, and what it leaves out, in a sentence or two.
    pub import: &'static str,
    /// The file it is written into.
    pub file: &'static str,
    /// The resources it is made of, in the order in which their records are to come. Those a snapshot does not have are passed over.
    pub sources: &'static [NativeSource],
    /// A writer of one file.
    pub writer: fn() -> Box<dyn NativeWriter>,
}

/// A resource that a native form is made of.
#[derive(Debug, Clone, Copy)]
pub struct NativeSource {
    /// Its name.
    pub resource: &'static str,
    /// Records of another resource that come with each of its records.
    pub with: Option<Joined>,
}

/// Records that belong to a record of another resource.
#[derive(Debug, Clone, Copy)]
pub struct Joined {
    /// Their resource.
    pub resource: &'static str,
    /// JSON pointer to what they name the record by that they belong to.
    pub by: &'static str,
    /// JSON pointer to the same in that record.
    pub to: &'static str,
}

/// One record on its way into a native form.
#[derive(Clone, Copy)]
pub struct NativeRecord<'a> {
    /// Its resource.
    pub resource: &'a str,
    /// The vendor's JSON as it came.
    pub json: &'a str,
    /// The records that belong to it, in the order of their keys.
    pub joined: &'a [String],
}

impl fmt::Debug for NativeRecord<'_> {
    /// Without the record, which is the customer's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NativeRecord")
            .field("resource", &self.resource)
            .finish_non_exhaustive()
    }
}

/// Turns records into the text of a file, piece by piece. Pure: what it is given is all it knows.
pub trait NativeWriter: Send {
    /// Appends what a record adds to the file; nothing, if it is only remembered for those that follow.
    fn record(&mut self, record: NativeRecord<'_>, out: &mut String);

    /// Appends the end of the file, and its beginning if no record came.
    fn finish(&mut self, out: &mut String);
}
