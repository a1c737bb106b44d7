//! How the site looks: menus, blocks, templates, styles, widgets.

use seatbelt_connector_kit::{
    Again, Body, BoxFuture, Count, Create, Cursor, Deletes, DependsOn, Field, Fields, Key, Kind, KitError, Only,
    Paginator, Parent, Prepared, Read, Records, Reference, Request, Resource, Restore, Session, When, Write, Writes,
};
use seatbelt_model::{
    RestoreLevel,
    json::{self, Pointer},
};

use crate::{
    ids,
    site::THEMES,
    words::{self, EDIT, EXPORT_CODE, FORCE},
    write,
};

/// Classic menus.
pub(crate) const MENUS: Resource = words::list(
    "menus",
    Kind::Metadata,
    Request::get("/wp/v2/menus").query(&[("context", "edit"), ("orderby", "id"), ("order", "asc")]),
    "/id",
    Restore::Writes(&Writes {
        how: "POST the changed fields to the menu; one that is gone is created again under a new id, which its items and locations \
              follow. Its slug is made of its name",
        update: Some(Write::Send(Request::post("/wp/v2/menus/{key}"), Body::Fields)),
        remove: Some(Write::Send(
            Request::delete("/wp/v2/menus/{key}").query(FORCE),
            Body::Empty,
        )),
        ..words::writes(
            [Request::post("/wp/v2/menus"), Request::get("/wp/v2/menus/{key}")],
            // Where it is shown is given back with the locations.
            &["/id", "/slug", "/locations", "/count", "/link", "/taxonomy"],
            &[],
            &["/name"],
        )
    }),
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
        Restore::Writes(&Writes {
            how: "POST the changed fields to the item; one that is gone is created again in its menu and place, under a new id, leading to \
                  the post or term it led to",
            after: &["custom_posts", "custom_terms"],
            create: Some(Create {
                write: Write::Send(Request::post("/wp/v2/menu-items"), Body::Shaped(write::menu_item)),
                record: "",
                again: Again::Fields(&["/menus", "/type", "/title/raw", "/menu_order"]),
            }),
            update: Some(Write::Send(
                Request::post("/wp/v2/menu-items/{key}"),
                Body::Shaped(write::menu_item),
            )),
            remove: Some(Write::Send(
                Request::delete("/wp/v2/menu-items/{key}").query(FORCE),
                Body::Empty,
            )),
            adapt: Some(ids::in_menu_item),
            ..words::writes(
                [
                    Request::post("/wp/v2/menu-items"),
                    Request::get("/wp/v2/menu-items/{key}"),
                ],
                &["/id", "/type_label", "/invalid", "/title/rendered"],
                &[
                    Reference::to("/menus", &["menus"]),
                    Reference::to("/parent", &["menu_items"]),
                    Reference::to("/object_id", &["pages"]).only_if("/object", "page"),
                    Reference::to("/object_id", &["posts"]).only_if("/object", "post"),
                    Reference::to("/object_id", &["categories"]).only_if("/object", "category"),
                    Reference::to("/object_id", &["tags"]).only_if("/object", "post_tag"),
                ],
                &[],
            )
        }),
    )
};

/// Which menu is shown where.
pub(crate) const MENU_LOCATIONS: Resource = words::members(
    "menu_locations",
    Request::get("/wp/v2/menu-locations").query(EDIT),
    Restore::Writes(&Writes {
        level: RestoreLevel::R3,
        how: "POST to the menu that is shown there. Locations themselves come with the theme",
        fields: Fields::Only(&[Field::at("/menu")]),
        references: &[Reference::to("/menu", &["menus"])],
        after: &["menu_items"],
        author: None,
        read: Some(Read {
            request: Request::get("/wp/v2/menu-locations/{key}").query(EDIT),
            record: "",
        }),
        create: None,
        update: Some(Write::Custom(write::update_menu_location)),
        remove: None,
        adapt: None,
    }),
);

/// Menus of block themes.
pub(crate) const NAVIGATION: Resource = words::posts(
    "navigation",
    Kind::Metadata,
    Request::get("/wp/v2/navigation"),
    &words::post_writes(
        Request::get("/wp/v2/navigation/{key}"),
        &[],
        &["pages", "posts", "categories", "tags"],
    ),
);

/// Reusable blocks.
pub(crate) const BLOCKS: Resource = words::posts(
    "blocks",
    Kind::Data,
    Request::get("/wp/v2/blocks"),
    &words::post_writes(Request::get("/wp/v2/blocks/{key}"), &[], &["media"]),
);

const TEMPLATE_FIELDS: Fields = Fields::Only(&[
    Field::at("/slug").when(When::Creating),
    Field::at("/theme").when(When::Creating),
    Field::at("/source"),
    Field::at("/content/raw").sent_as("/content"),
    Field::at("/title/raw").sent_as("/title"),
    Field::at("/description"),
    Field::at("/area"),
]);

const fn template_writes(one: Request, all: Request, delete: Request) -> Writes {
    Writes {
        level: RestoreLevel::R3,
        how: "POST the texts to the template; a customization that was made is deleted, so that the theme's own shows; one of the site's own \
              that is gone is created again under the same name. Lost: who wrote it",
        fields: TEMPLATE_FIELDS,
        references: &[],
        after: &["media", "navigation", "blocks"],
        author: None,
        read: Some(Read {
            request: one.query(EDIT),
            record: "",
        }),
        create: Some(Create {
            write: Write::Send(all, Body::Shaped(write::new_template)),
            record: "",
            again: Again::SameKey,
        }),
        update: Some(Write::Custom(write::update_template)),
        remove: Some(Write::Send(delete.query(FORCE), Body::Empty)),
        adapt: Some(ids::in_post),
    }
}

/// Templates; those with `source` `custom` are in the database, the others come with the theme.
pub(crate) const TEMPLATES: Resource = Resource {
    volatile: words::VOLATILE,
    ..words::whole(
        "templates",
        Request::get("/wp/v2/templates").query(EDIT),
        "/id",
        Restore::Writes(&template_writes(
            Request::get("/wp/v2/templates/{key}"),
            Request::post("/wp/v2/templates"),
            Request::delete("/wp/v2/templates/{key}"),
        )),
    )
};

pub(crate) const TEMPLATE_PARTS: Resource = Resource {
    volatile: words::VOLATILE,
    ..words::whole(
        "template_parts",
        Request::get("/wp/v2/template-parts").query(EDIT),
        "/id",
        Restore::Writes(&template_writes(
            Request::get("/wp/v2/template-parts/{key}"),
            Request::post("/wp/v2/template-parts"),
            Request::delete("/wp/v2/template-parts/{key}"),
        )),
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
    restore: Restore::Writes(&Writes {
        level: RestoreLevel::R2,
        how: "POST the settings and styles as they were. A theme's record of them is made by WordPress when it is first changed",
        fields: Fields::Only(&[
            Field::at("/settings"),
            Field::at("/styles"),
            Field::at("/title/raw").sent_as("/title"),
        ]),
        references: &[],
        after: &[],
        author: None,
        read: Some(Read {
            request: Request::get("/wp/v2/global-styles/{key}").query(EDIT),
            record: "",
        }),
        create: None,
        update: Some(Write::Send(
            Request::post("/wp/v2/global-styles/{key}"),
            Body::Shaped(write::without_nulls),
        )),
        remove: None,
        adapt: None,
    }),
};

pub(crate) const SIDEBARS: Resource = words::whole(
    "sidebars",
    Request::get("/wp/v2/sidebars").query(EDIT),
    "/id",
    Restore::Writes(&Writes {
        level: RestoreLevel::R2,
        how: "POST the order of its widgets. Sidebars themselves come with the theme",
        fields: Fields::Only(&[Field::at("/widgets")]),
        references: &[],
        after: &["widgets"],
        author: None,
        read: Some(Read {
            request: Request::get("/wp/v2/sidebars/{key}").query(EDIT),
            record: "",
        }),
        create: None,
        update: Some(Write::Custom(write::update_sidebar)),
        remove: None,
        adapt: None,
    }),
);

pub(crate) const WIDGETS: Resource = Resource {
    volatile: &["/_links", "/rendered", "/rendered_form", "/instance/hash"],
    ..words::whole(
        "widgets",
        Request::get("/wp/v2/widgets").query(EDIT),
        "/id",
        Restore::Writes(&Writes {
            level: RestoreLevel::R2,
            how: "POST the widget's settings; one that is gone is created again under the same id, and its sidebar takes it in. Lost: settings of old \
                  widgets that do not show them",
            fields: Fields::Only(&[
                Field::at("/id").when(When::Creating),
                Field::at("/id_base").when(When::Creating),
                Field::at("/instance/raw"),
            ]),
            references: &[],
            after: &["media", "pages", "posts", "menus"],
            author: None,
            read: Some(Read {
                request: Request::get("/wp/v2/widgets/{key}").query(EDIT),
                record: "",
            }),
            create: Some(Create {
                write: Write::Send(Request::post("/wp/v2/widgets"), Body::Shaped(write::new_widget)),
                record: "",
                again: Again::SameKey,
            }),
            update: Some(Write::Send(Request::post("/wp/v2/widgets/{key}"), Body::Fields)),
            remove: Some(Write::Send(
                Request::delete("/wp/v2/widgets/{key}").query(FORCE),
                Body::Empty,
            )),
            adapt: None,
        }),
    )
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
    Restore::ExportOnly {
        why: "its font files are not in the answer; install the family again in the editor",
    },
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
