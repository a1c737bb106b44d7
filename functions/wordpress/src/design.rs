//! How the site looks: menus, blocks, templates, styles, widgets.

use seatbelt_connector_kit::{
    BoxFuture, Count, Cursor, Deletes, DependsOn, Key, Kind, KitError, Only, Paginator, Parent, Prepared, Records,
    Request, Resource, Restore, Session,
};
use seatbelt_model::{
    RestoreLevel,
    json::{self, Pointer},
};

use crate::{
    site::THEMES,
    words::{self, EXPORT_CODE, POST_RESTORE},
};

const EDIT: &[(&str, &str)] = &[("context", "edit")];

const IN_PLACE: Restore = Restore::Api {
    level: RestoreLevel::R2,
    how: "POST the changed fields; what is gone is created again under a new id",
};

/// Classic menus.
pub(crate) const MENUS: Resource = words::list(
    "menus",
    Kind::Metadata,
    Request::get("/wp/v2/menus").query(&[("context", "edit"), ("orderby", "id"), ("order", "asc")]),
    "/id",
    IN_PLACE,
);

pub(crate) const MENU_ITEMS: Resource = Resource {
    cursor: Cursor::None, // The answer has no modified date to go on from.
    ..words::list(
        "menu_items",
        Kind::Metadata,
        Request::get("/wp/v2/menu-items").query(&[
            ("context", "edit"),
            ("status", "publish,future,draft,pending,private,trash"),
            ("orderby", "id"),
            ("order", "asc"),
        ]),
        "/id",
        IN_PLACE,
    )
};

/// Which menu is shown where.
pub(crate) const MENU_LOCATIONS: Resource = words::members(
    "menu_locations",
    Request::get("/wp/v2/menu-locations").query(EDIT),
    IN_PLACE,
);

/// Menus of block themes.
pub(crate) const NAVIGATION: Resource = words::posts("navigation", Kind::Metadata, Request::get("/wp/v2/navigation"));

/// Reusable blocks.
pub(crate) const BLOCKS: Resource = words::posts("blocks", Kind::Data, Request::get("/wp/v2/blocks"));

/// Templates; those with `source` `custom` are in the database, the others come with the theme.
pub(crate) const TEMPLATES: Resource = Resource {
    volatile: words::VOLATILE,
    ..words::whole(
        "templates",
        Request::get("/wp/v2/templates").query(EDIT),
        "/id",
        POST_RESTORE,
    )
};

pub(crate) const TEMPLATE_PARTS: Resource = Resource {
    volatile: words::VOLATILE,
    ..words::whole(
        "template_parts",
        Request::get("/wp/v2/template-parts").query(EDIT),
        "/id",
        POST_RESTORE,
    )
};

/// The active theme's colours, fonts and spacing as the owner set them. Only the theme's record knows where they are.
pub(crate) const GLOBAL_STYLES: Resource = Resource {
    name: "global_styles",
    kind: Kind::Metadata,
    depends_on: DependsOn::Each(&THEMES, Only::If(is_active)),
    request: Request::custom(global_styles),
    paginator: Paginator::SinglePage,
    records: Records::At(""),
    key: Key::Field("/id"),
    cursor: Cursor::None,
    deletes: Deletes::ByAbsence,
    volatile: &["/_links"],
    count: Count::None,
    restore: IN_PLACE,
};

pub(crate) const SIDEBARS: Resource =
    words::whole("sidebars", Request::get("/wp/v2/sidebars").query(EDIT), "/id", IN_PLACE);

pub(crate) const WIDGETS: Resource = Resource {
    volatile: &["/_links", "/rendered", "/rendered_form", "/instance/hash"],
    ..words::whole("widgets", Request::get("/wp/v2/widgets").query(EDIT), "/id", IN_PLACE)
};

pub(crate) const WIDGET_TYPES: Resource = words::whole(
    "widget_types",
    Request::get("/wp/v2/widget-types").query(EDIT),
    "/id",
    EXPORT_CODE,
);

/// Since WordPress 6.5.
pub(crate) const FONT_FAMILIES: Resource = words::list(
    "font_families",
    Kind::Metadata,
    Request::get("/wp/v2/font-families").query(EDIT),
    "/id",
    IN_PLACE,
);

/// Patterns of the theme and plugins.
pub(crate) const BLOCK_PATTERNS: Resource = words::whole(
    "block_patterns",
    Request::get("/wp/v2/block-patterns/patterns"),
    "/name",
    EXPORT_CODE,
);

fn is_active(theme: &str) -> bool {
    json::text_at(theme, &Pointer::new("/status")).as_deref() == Some("active")
}

fn global_styles<'a>(session: &'a Session, theme: &'a Parent) -> BoxFuture<'a, Result<Vec<String>, KitError>> {
    Box::pin(async move {
        let Some(link) = theme.text("/_links/wp:user-global-styles/0/href") else {
            return Ok(Vec::new()); // A classic theme has none.
        };
        let mut request = Prepared::get(link);
        request.set_query("context", "edit");
        let is_json = |response: &seatbelt_connector_kit::Response| {
            json::split(&response.body, &Pointer::new(""))
                .map(drop)
                .map_err(|error| error.to_string())
        };
        let answer = session.send("global_styles", &request, &is_json).await?;
        Ok(vec![String::from_utf8_lossy(&answer.response.body).into_owned()])
    })
}
