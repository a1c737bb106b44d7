//! Releases and the files attached to them.

use seatbelt_connector_kit::{DependsOn, Digest, Fetch, File, Kind, Only, Request, Resource, Restore};
use seatbelt_model::RestoreLevel;

use crate::{
    repositories::EACH_REPOSITORY,
    words::{self, IN_PLACE, PAGE},
};

pub(crate) const RELEASES: Resource = Resource {
    // Downloads are counted, not changed.
    volatile: &["/assets/*/download_count", "/reactions"],
    ..words::list(
        "releases",
        Kind::Data,
        EACH_REPOSITORY,
        Request::get("/repos/{repositories.full_name}/releases").query(PAGE),
        "",
        "/id",
        IN_PLACE,
    )
};

pub(crate) const RELEASE_ASSETS: Resource = Resource {
    volatile: &["/download_count"],
    ..words::list(
        "release_assets",
        Kind::File(File {
            fetch: Fetch::Url {
                url: "/url",
                headers: &[("Accept", "application/octet-stream")],
            },
            version: &["/id", "/size", "/updated_at"],
            size_bytes: Some("/size"),
            // Only newer assets have one.
            digest: Some(Digest::Sha256("/digest")),
            name: Some("/name"),
        }),
        DependsOn::Each(&RELEASES, Only::All),
        Request::get("/repos/{repositories.full_name}/releases/{releases.id}/assets").query(PAGE),
        "",
        "/id",
        Restore::Api {
            level: RestoreLevel::R1,
            how: "POST the bytes to the uploads host under the release",
        },
    )
};
