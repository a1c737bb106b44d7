//! The media library, with its bytes.

use seatbelt_connector_kit::{
    Again, Body, BodyStream, BoxFuture, Create, Deletes, DependsOn, Fetch, Fields, File, Key, Kind, KitError, Records,
    Reference, Request, Resource, Restore, Session, Write, Writes,
};
use seatbelt_model::{
    RestoreLevel,
    json::{self, Pointer},
};

use crate::{
    words::{self, FORCE, MODIFIED, PAGES, TOTAL, VOLATILE},
    write,
};

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
    restore: Restore::Writes(&WRITES),
};

/// What becomes of a file is said by its record; the bytes at an address never change.
const WRITES: Writes = Writes {
    level: RestoreLevel::R3,
    how: "POST the changed texts to the record; what is gone is uploaded again under its name, with its date, texts and author, and \
          belongs to its post again. It gets a new id and lies in the folder of the current month; ids and addresses in texts that are \
          restored with it follow. Lost: edits of the picture itself",
    fields: Fields::AllBut {
        never: &[
            "/id",
            "/date_gmt",
            "/guid",
            "/modified",
            "/type",
            "/link",
            "/class_list",
            "/media_type",
            "/mime_type",
            "/media_details",
            "/source_url",
            "/missing_image_sizes",
        ],
        creating: &[],
    },
    create: Some(Create {
        write: Write::Custom(write::upload),
        record: "",
        again: Again::Fields(&["/date", "/title/raw", "/mime_type"]),
    }),
    update: Some(Write::Send(
        Request::post("/wp/v2/media/{key}"),
        Body::Shaped(write::media_fields),
    )),
    remove: Some(Write::Send(
        Request::delete("/wp/v2/media/{key}").query(FORCE),
        Body::Empty,
    )),
    adapt: None,
    ..words::post_writes(
        Request::get("/wp/v2/media/{key}"),
        &[
            Reference::to("/author", &["users"]),
            Reference::to("/post", &["posts", "pages"]),
        ],
        &[],
    )
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
