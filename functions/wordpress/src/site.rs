//! The site itself: what it offers, its settings, its users, its plugins and themes.

use seatbelt_connector_kit::{
    Count, Cursor, Deletes, DependsOn, Key, Kind, Only, Paginator, Records, Request, Resource, Restore,
};
use seatbelt_model::RestoreLevel;

use crate::words::{self, EXPORT_CODE};

const EDIT: &[(&str, &str)] = &[("context", "edit")];

/// The API's parts; `wc/v3` tells that WooCommerce is active.
pub(crate) const NAMESPACES: Resource = Resource {
    name: "namespaces",
    kind: Kind::Metadata,
    depends_on: DependsOn::Nothing,
    request: Request::get("/").query(&[("_fields", "namespaces")]),
    paginator: Paginator::SinglePage,
    records: Records::At("/namespaces"),
    key: Key::Field("/value"),
    cursor: Cursor::None,
    deletes: Deletes::ByAbsence,
    volatile: &[],
    count: Count::None,
    restore: EXPORT_CODE,
};

/// Title, tagline, time zone, front page: the options registered for REST.
pub(crate) const SETTINGS: Resource = Resource {
    name: "settings",
    kind: Kind::Metadata,
    depends_on: DependsOn::Nothing,
    request: Request::get("/wp/v2/settings"),
    paginator: Paginator::SinglePage,
    records: Records::At(""),
    key: Key::Only,
    cursor: Cursor::None,
    deletes: Deletes::ByAbsence,
    volatile: &["/_links"],
    count: Count::None,
    restore: Restore::Api {
        level: RestoreLevel::R2,
        how: "POST /wp/v2/settings with the changed options",
    },
};

/// Post types; those of plugins are read as `custom_posts`.
pub(crate) const TYPES: Resource = words::members("types", Request::get("/wp/v2/types").query(EDIT), EXPORT_CODE);

/// Taxonomies; those of plugins are read as `custom_terms`.
pub(crate) const TAXONOMIES: Resource =
    words::members("taxonomies", Request::get("/wp/v2/taxonomies").query(EDIT), EXPORT_CODE);

/// Post statuses.
pub(crate) const STATUSES: Resource =
    words::members("statuses", Request::get("/wp/v2/statuses").query(EDIT), EXPORT_CODE);

/// Which plugins are there, in which version, active or not. Not their code.
pub(crate) const PLUGINS: Resource = words::whole(
    "plugins",
    Request::get("/wp/v2/plugins").query(EDIT),
    "/plugin",
    Restore::Api {
        level: RestoreLevel::R1,
        how: "POST /wp/v2/plugins installs from the public directory only, in its newest version",
    },
);

/// Which themes are there, in which version. Not their code.
pub(crate) const THEMES: Resource = words::whole(
    "themes",
    Request::get("/wp/v2/themes").query(EDIT),
    "/stylesheet",
    Restore::ExportOnly {
        why: "themes cannot be installed by REST",
    },
);

/// People with an account. A few hundred on most sites, and no filter by change: every run reads them all.
pub(crate) const USERS: Resource = words::list(
    "users",
    Kind::Data,
    Request::get("/wp/v2/users").query(&[("context", "edit"), ("orderby", "id"), ("order", "asc")]),
    "/id",
    Restore::Api {
        level: RestoreLevel::R1,
        how: "POST /wp/v2/users with a generated password, which the person resets",
    },
);

/// Which programs may sign in as whom. The passwords themselves are not readable.
pub(crate) const APPLICATION_PASSWORDS: Resource = Resource {
    name: "application_passwords",
    kind: Kind::Metadata,
    depends_on: DependsOn::Each(&USERS, Only::All),
    request: Request::get("/wp/v2/users/{users.id}/application-passwords").query(EDIT),
    paginator: Paginator::SinglePage,
    records: Records::At(""),
    key: Key::Field("/uuid"),
    cursor: Cursor::None,
    deletes: Deletes::ByAbsence,
    volatile: &["/_links", "/last_used", "/last_ip"],
    count: Count::None,
    restore: Restore::ExportOnly {
        why: "a new password must be given to the program by a person",
    },
};
