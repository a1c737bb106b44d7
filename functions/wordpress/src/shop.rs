//! WooCommerce, where it is active.

use std::time::Duration;

use seatbelt_connector_kit::{
    Count, Cursor, Deletes, DependsOn, Key, Kind, Only, Paginator, Records, Request, Resource, Restore,
};
use seatbelt_model::json::{self, Pointer};

use crate::{shop_writes as give, site::NAMESPACES, words};

const WHERE_ACTIVE: DependsOn = DependsOn::Has(&NAMESPACES, "wc/v3");

/// The date filters are in the site's time unless told otherwise.
const MODIFIED: Cursor = Cursor::Since {
    field: "/date_modified_gmt",
    send_as: "modified_after",
    with: &[("dates_are_gmt", "true")],
    overlap: Duration::from_mins(10),
};

const EXPORT: Restore = Restore::ExportOnly {
    why: "the API writes it by itself and takes none",
};

const fn shop(name: &'static str, kind: Kind, request: Request, cursor: Cursor, restore: Restore) -> Resource {
    Resource {
        name,
        kind,
        depends_on: WHERE_ACTIVE,
        request,
        paginator: words::PAGES,
        records: Records::At(""),
        key: Key::Field("/id"),
        cursor,
        deletes: Deletes::ByAbsence,
        volatile: &["/_links"],
        count: words::TOTAL,
        restore,
    }
}

/// A list in one piece.
const fn whole(name: &'static str, request: Request, key: &'static str, restore: Restore) -> Resource {
    Resource {
        paginator: Paginator::SinglePage,
        key: Key::Field(key),
        count: Count::None,
        ..shop(name, Kind::Metadata, request, Cursor::None, restore)
    }
}

/// A list for each record of a parent, in one piece.
const fn below(name: &'static str, depends_on: DependsOn, request: Request, key: Key, restore: Restore) -> Resource {
    Resource {
        depends_on,
        key,
        ..whole(name, request, "/id", restore)
    }
}

const BY_ID: &[(&str, &str)] = &[("context", "edit"), ("orderby", "id"), ("order", "asc")];
const ANY_BY_ID: &[(&str, &str)] = &[
    ("context", "edit"),
    ("status", "any"),
    ("orderby", "id"),
    ("order", "asc"),
];
const STATUS_BY_ID: &[(&str, &str)] = &[
    ("context", "edit"),
    ("status", "{status}"),
    ("orderby", "id"),
    ("order", "asc"),
];

/// `any` is every status but the trash, those of plugins too, which nobody could name.
const EACH_STATUS: DependsOn = DependsOn::Values("status", &["any", "trash"]);
const EDIT: &[(&str, &str)] = &[("context", "edit")];

pub(crate) const ORDERS: Resource = Resource {
    depends_on: EACH_STATUS,
    volatile: &[
        "/_links",
        "/line_items/*/id",
        "/shipping_lines/*/id",
        "/fee_lines/*/id",
        "/coupon_lines/*/id",
        "/tax_lines/*/id",
        "/meta_data/*/id",
    ],
    ..shop(
        "orders",
        Kind::Data,
        Request::get("/wc/v3/orders").query(STATUS_BY_ID),
        MODIFIED,
        Restore::Writes(&give::ORDERS),
    )
};

pub(crate) const ORDER_NOTES: Resource = below(
    "order_notes",
    DependsOn::EachChanged(&ORDERS, Only::All),
    Request::get("/wc/v3/orders/{orders.id}/notes").query(EDIT),
    Key::Field("/id"),
    Restore::Writes(&give::ORDER_NOTES),
);

pub(crate) const REFUNDS: Resource = Resource {
    kind: Kind::Data,
    paginator: words::PAGES,
    count: words::TOTAL,
    ..below(
        "refunds",
        DependsOn::EachChanged(&ORDERS, Only::All),
        Request::get("/wc/v3/orders/{orders.id}/refunds").query(EDIT),
        Key::Field("/id"),
        Restore::ExportOnly {
            why: "entering a refund again may pay it again; a person must decide",
        },
    )
};

pub(crate) const PRODUCTS: Resource = Resource {
    depends_on: EACH_STATUS,
    ..shop(
        "products",
        Kind::Data,
        Request::get("/wc/v3/products").query(STATUS_BY_ID),
        MODIFIED,
        Restore::Writes(&give::PRODUCTS),
    )
};

/// A changed variation does not always move its product's date, so all are read, every run.
pub(crate) const PRODUCT_VARIATIONS: Resource = Resource {
    depends_on: DependsOn::Each(&PRODUCTS, Only::If(is_variable)),
    ..shop(
        "product_variations",
        Kind::Data,
        Request::get("/wc/v3/products/{products.id}/variations").query(ANY_BY_ID),
        Cursor::None,
        Restore::Writes(&give::PRODUCT_VARIATIONS),
    )
};

pub(crate) const PRODUCT_ATTRIBUTES: Resource = whole(
    "product_attributes",
    Request::get("/wc/v3/products/attributes").query(EDIT),
    "/id",
    Restore::Writes(&give::PRODUCT_ATTRIBUTES),
);

pub(crate) const PRODUCT_ATTRIBUTE_TERMS: Resource = Resource {
    paginator: words::PAGES,
    count: words::TOTAL,
    ..below(
        "product_attribute_terms",
        DependsOn::Each(&PRODUCT_ATTRIBUTES, Only::All),
        Request::get("/wc/v3/products/attributes/{product_attributes.id}/terms").query(BY_ID),
        Key::Field("/id"),
        Restore::Writes(&give::PRODUCT_ATTRIBUTE_TERMS),
    )
};

pub(crate) const PRODUCT_CATEGORIES: Resource = shop(
    "product_categories",
    Kind::Metadata,
    Request::get("/wc/v3/products/categories").query(BY_ID),
    Cursor::None,
    Restore::Writes(&give::PRODUCT_CATEGORIES),
);

pub(crate) const PRODUCT_TAGS: Resource = shop(
    "product_tags",
    Kind::Metadata,
    Request::get("/wc/v3/products/tags").query(BY_ID),
    Cursor::None,
    Restore::Writes(&give::PRODUCT_TAGS),
);

pub(crate) const PRODUCT_REVIEWS: Resource = shop(
    "product_reviews",
    Kind::Data,
    Request::get("/wc/v3/products/reviews").query(&[
        ("context", "edit"),
        ("status", "all"),
        ("orderby", "id"),
        ("order", "asc"),
    ]),
    Cursor::None,
    Restore::Writes(&give::PRODUCT_REVIEWS),
);

/// There is no filter by change: every run reads them all.
pub(crate) const CUSTOMERS: Resource = shop(
    "customers",
    Kind::Data,
    Request::get("/wc/v3/customers").query(&[
        ("context", "edit"),
        ("role", "all"),
        ("orderby", "id"),
        ("order", "asc"),
    ]),
    Cursor::None,
    Restore::Writes(&give::CUSTOMERS),
);

pub(crate) const COUPONS: Resource = shop(
    "coupons",
    Kind::Data,
    Request::get("/wc/v3/coupons").query(BY_ID),
    MODIFIED,
    Restore::Writes(&give::COUPONS),
);

pub(crate) const TAXES: Resource = shop(
    "taxes",
    Kind::Metadata,
    Request::get("/wc/v3/taxes").query(BY_ID),
    Cursor::None,
    Restore::Writes(&give::TAXES),
);

pub(crate) const TAX_CLASSES: Resource = whole(
    "tax_classes",
    Request::get("/wc/v3/taxes/classes").query(EDIT),
    "/slug",
    Restore::Writes(&give::TAX_CLASSES),
);

pub(crate) const SHIPPING_ZONES: Resource = whole(
    "shipping_zones",
    Request::get("/wc/v3/shipping/zones").query(EDIT),
    "/id",
    Restore::Writes(&give::SHIPPING_ZONES),
);

pub(crate) const SHIPPING_ZONE_LOCATIONS: Resource = below(
    "shipping_zone_locations",
    DependsOn::Each(&SHIPPING_ZONES, Only::All),
    Request::get("/wc/v3/shipping/zones/{shipping_zones.id}/locations").query(EDIT),
    Key::Fields(&["/type", "/code"]),
    Restore::Writes(&give::SHIPPING_ZONE_LOCATIONS),
);

pub(crate) const SHIPPING_ZONE_METHODS: Resource = below(
    "shipping_zone_methods",
    DependsOn::Each(&SHIPPING_ZONES, Only::All),
    Request::get("/wc/v3/shipping/zones/{shipping_zones.id}/methods").query(EDIT),
    Key::Field("/instance_id"),
    Restore::Writes(&give::SHIPPING_ZONE_METHODS),
);

/// Their settings may hold the gateway's keys; the vault is encrypted and the company's own.
pub(crate) const PAYMENT_GATEWAYS: Resource = whole(
    "payment_gateways",
    Request::get("/wc/v3/payment_gateways").query(EDIT),
    "/id",
    Restore::Writes(&give::PAYMENT_GATEWAYS),
);

pub(crate) const SHOP_SETTING_GROUPS: Resource =
    whole("shop_setting_groups", Request::get("/wc/v3/settings"), "/id", EXPORT);

pub(crate) const SHOP_SETTINGS: Resource = below(
    "shop_settings",
    DependsOn::Each(&SHOP_SETTING_GROUPS, Only::All),
    Request::get("/wc/v3/settings/{shop_setting_groups.id}"),
    Key::Field("/id"),
    Restore::Writes(&give::SHOP_SETTINGS),
);

pub(crate) const WEBHOOKS: Resource = shop(
    "webhooks",
    Kind::Metadata,
    Request::get("/wc/v3/webhooks").query(BY_ID),
    Cursor::None,
    Restore::Writes(&give::WEBHOOKS),
);

fn is_variable(product: &str) -> bool {
    json::text_at(product, &Pointer::new("/type")).is_some_and(|kind| kind.starts_with("variable"))
}
