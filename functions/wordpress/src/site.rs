//! The site itself: what it offers, its settings, its users, its plugins and themes.

use seatbelt_connector_kit::{
    Again, Body, Count, Create, Cursor, Deletes, DependsOn, Field, Fields, Key, Kind, Only, Paginator, Read, Records,
    Reference, Request, Resource, Restore, When, Write, Writes,
};
use seatbelt_model::RestoreLevel;

use crate::{
    words::{self, EDIT, EXPORT_CODE},
    write,
};

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
    restore: Restore::Writes(&Writes {
        level: RestoreLevel::R3,
        how: "POST /wp/v2/settings with the changed options. The site's own address is left alone. Lost: options that are not \
              registered for REST",
        fields: Fields::AllBut {
            never: &["/url"],
            creating: &[],
        },
        references: &[
            Reference::to("/page_on_front", &["pages"]),
            Reference::to("/page_for_posts", &["pages"]),
            Reference::to("/default_category", &["categories"]),
            Reference::to("/site_logo", &["media"]),
            Reference::to("/site_icon", &["media"]),
        ],
        after: &[],
        author: None,
        read: None,
        create: None,
        update: Some(Write::Send(Request::post("/wp/v2/settings"), Body::Fields)),
        remove: None,
        adapt: None,
    }),
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
    Restore::Writes(&Writes {
        level: RestoreLevel::R2,
        how: "POST switches a plugin on or off; one that is gone is installed from the public directory, in its newest version. Lost: \
              plugins that are not in the directory, versions. One that was added is not deleted: that would be code",
        fields: Fields::Only(&[Field::at("/status"), Field::at("/plugin").when(When::Creating)]),
        references: &[],
        after: &[],
        author: None,
        read: Some(Read {
            request: Request::get("/wp/v2/plugins/{key}").query(EDIT),
            record: "",
        }),
        create: Some(Create {
            write: Write::Send(Request::post("/wp/v2/plugins"), Body::Shaped(write::plugin)),
            record: "",
            again: Again::SameKey,
        }),
        update: Some(Write::Send(Request::post("/wp/v2/plugins/{key}"), Body::Fields)),
        remove: None,
        adapt: None,
    }),
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
    Restore::Writes(&Writes {
        level: RestoreLevel::R3,
        how: "POST the changed fields to the account; one that is gone is created again under a new id, with a password nobody knows, \
              which the person resets, and what it wrote is given back to it. Lost: password, application passwords, date of registration",
        fields: Fields::Only(&[
            Field::at("/username").when(When::Creating),
            Field::at("/name"),
            Field::at("/first_name"),
            Field::at("/last_name"),
            Field::at("/email"),
            Field::at("/url"),
            Field::at("/description"),
            // The site's own language is shown where the account has none: created with it, it would keep it.
            Field::at("/locale").when(When::Updating),
            Field::at("/nickname"),
            Field::at("/slug"),
            Field::at("/roles"),
            Field::at("/meta"),
        ]),
        references: &[],
        after: &[],
        author: None,
        read: Some(Read {
            request: Request::get("/wp/v2/users/{key}").query(EDIT),
            record: "",
        }),
        create: Some(Create {
            write: Write::Custom(write::create_user),
            record: "",
            again: Again::Fields(&["/username"]),
        }),
        update: Some(Write::Send(Request::post("/wp/v2/users/{key}"), Body::Fields)),
        remove: Some(Write::Custom(write::remove_user)),
        adapt: None,
    }),
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
