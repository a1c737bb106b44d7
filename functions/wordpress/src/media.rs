//! The media library, with its bytes.

use seatbelt_connector_kit::{
    BodyStream, BoxFuture, Deletes, DependsOn, Fetch, File, Key, Kind, KitError, Records, Request, Resource, Restore,
    Session,
};
use seatbelt_model::{
    RestoreLevel,
    json::{self, Pointer},
};

use crate::words::{MODIFIED, PAGES, TOTAL, VOLATILE};

/// Images, documents, sound. The bytes are the file as it was uploaded; the sizes WordPress makes of an image it can make again.
pub(crate) const MEDIA: Resource = Resource {
    name: "media",
    kind: Kind::File(File {
        fetch: Fetch::Custom(original),
        // Another upload has another path; nothing writes over the bytes at one.
        version: &["/source_url", "/media_details/original_image"],
        size_bytes: None,
        digest: None,
        name: Some("/source_url"),
    }),
    depends_on: DependsOn::Nothing,
    request: Request::get("/wp/v2/media").query(&[
        ("context", "edit"),
        ("status", "inherit,private,trash"),
        ("orderby", "id"),
        ("order", "asc"),
    ]),
    paginator: PAGES,
    records: Records::At(""),
    key: Key::Field("/id"),
    cursor: MODIFIED,
    deletes: Deletes::ByAbsence,
    volatile: VOLATILE,
    count: TOTAL,
    restore: Restore::Api {
        level: RestoreLevel::R1,
        how: "POST /wp/v2/media with the bytes gives a new id and path; then its texts are posted",
    },
};

/// Large images are scaled on upload: `source_url` is then the scaled one, and the original lies beside it. Where it was removed, the scaled one is what there is.
fn original<'a>(session: &'a Session, record: &'a str) -> BoxFuture<'a, Result<Option<BodyStream>, KitError>> {
    Box::pin(async move {
        let text = |pointer| json::text_at(record, &Pointer::new(pointer)).filter(|text| !text.is_empty());
        let Some(source) = text("/source_url") else {
            return Ok(None);
        };
        if let Some(name) = text("/media_details/original_image")
            && let Some((folder, _)) = source.rsplit_once('/')
        {
            match session.body("media", &format!("{folder}/{name}"), &[]).await {
                Err(KitError::Unavailable { .. }) => {}
                other => return other,
            }
        }
        session.body("media", &source, &[]).await
    })
}
