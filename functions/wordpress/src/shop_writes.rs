//! How WooCommerce's records are given back. Written from its REST API documentation, and tried on the simulated shop alone.
//!
//! The shop mails its customers and staff when an order appears or changes its status, and new customers: switch those mails off
//! (WooCommerce > Settings > Emails) before orders or customers are restored.

use seatbelt_connector_kit::{Again, Body, Create, Field, Fields, Read, Reference, Request, When, Write, Writes};
use seatbelt_model::RestoreLevel;

use crate::{
    words::{EDIT, FORCE},
    write,
};

/// What the shop sets itself in most records.
const SET: &[&str] = &[
    "/id",
    "/date_created",
    "/date_created_gmt",
    "/date_modified",
    "/date_modified_gmt",
    "/permalink",
    "/count",
];

/// The requests of a resource: for all, and by GET, PUT and DELETE for one.
const fn writes(
    [all, get, put, delete]: [Request; 4],
    references: &'static [Reference],
    known: &'static [&'static str],
) -> Writes {
    Writes {
        level: RestoreLevel::R3,
        how: "PUT the changed fields; what is gone is created again under a new id, which what refers to it follows. Lost: dates and \
              whatever the shop computes",
        fields: Fields::AllBut {
            never: SET,
            creating: &[],
        },
        references,
        after: &[],
        author: None,
        read: Some(Read {
            request: get.query(EDIT),
            record: "",
        }),
        create: Some(Create {
            write: Write::Send(all, Body::Fields),
            record: "",
            again: Again::Fields(known),
        }),
        update: Some(Write::Send(put, Body::Fields)),
        remove: Some(Write::Send(delete.query(FORCE), Body::Empty)),
        adapt: None,
    }
}

pub(crate) const ORDERS: Writes = Writes {
    how: "PUT the changed fields, out of the trash too; what is gone is created again under a new id and number, with its customer, lines \
          and addresses, unpaid as far as the gateway knows. The shop mails when an order appears or changes status: switch its mails \
          off first. Lost: number, key, dates, refunds, which variation a line was of if that has a new id",
    fields: Fields::AllBut {
        never: &[
            "/id",
            "/number",
            "/order_key",
            "/created_via",
            "/version",
            "/prices_include_tax",
            "/currency_symbol",
            "/date_created",
            "/date_created_gmt",
            "/date_modified",
            "/date_modified_gmt",
            "/date_completed",
            "/date_completed_gmt",
            "/date_paid",
            "/date_paid_gmt",
            "/discount_total",
            "/discount_tax",
            "/shipping_total",
            "/shipping_tax",
            "/cart_tax",
            "/cart_hash",
            "/total",
            "/total_tax",
            "/tax_lines",
            "/refunds",
            "/customer_ip_address",
            "/customer_user_agent",
            "/payment_url",
            "/is_editable",
            "/needs_payment",
            "/needs_processing",
        ],
        creating: &[],
    },
    create: Some(Create {
        write: Write::Send(Request::post("/wc/v3/orders"), Body::Shaped(write::new_order)),
        record: "",
        again: Again::Fields(&[
            "/billing/email",
            "/customer_id",
            "/currency",
            "/line_items/0/product_id",
        ]),
    }),
    ..writes(
        [
            Request::post("/wc/v3/orders"),
            Request::get("/wc/v3/orders/{key}"),
            Request::put("/wc/v3/orders/{key}"),
            Request::delete("/wc/v3/orders/{key}"),
        ],
        &[
            Reference::to("/customer_id", &["customers"]),
            Reference::to("/line_items/*/product_id", &["products"]),
            Reference::to("/parent_id", &["orders"]),
        ],
        &["/billing/email", "/customer_id", "/currency"],
    )
};

pub(crate) const PRODUCTS: Writes = Writes {
    how: "PUT the changed fields, out of the trash too; what is gone is created again under a new id, with its pictures, categories, tags and \
          attributes. Lost: dates, sales, ratings",
    fields: Fields::AllBut {
        never: &[
            "/id",
            "/permalink",
            "/date_created",
            "/date_created_gmt",
            "/date_modified",
            "/date_modified_gmt",
            "/price",
            "/price_html",
            "/on_sale",
            "/purchasable",
            "/total_sales",
            "/backorders_allowed",
            "/backordered",
            "/shipping_required",
            "/shipping_taxable",
            "/shipping_class_id",
            "/average_rating",
            "/rating_count",
            "/related_ids",
            "/variations",
            "/has_options",
            "/permalink_template",
            "/generated_slug",
        ],
        creating: &[],
    },
    ..writes(
        [
            Request::post("/wc/v3/products"),
            Request::get("/wc/v3/products/{key}"),
            Request::put("/wc/v3/products/{key}"),
            Request::delete("/wc/v3/products/{key}"),
        ],
        &[
            Reference::to("/parent_id", &["products"]),
            Reference::to("/images/*/id", &["media"]),
            Reference::to("/categories/*/id", &["product_categories"]),
            Reference::to("/tags/*/id", &["product_tags"]),
            Reference::to("/attributes/*/id", &["product_attributes"]),
            Reference::to("/upsell_ids/*", &["products"]),
            Reference::to("/cross_sell_ids/*", &["products"]),
            Reference::to("/grouped_products/*", &["products"]),
        ],
        &["/name", "/slug"],
    )
};

pub(crate) const PRODUCT_VARIATIONS: Writes = Writes {
    fields: Fields::AllBut {
        never: &[
            "/id",
            "/permalink",
            "/date_created",
            "/date_created_gmt",
            "/date_modified",
            "/date_modified_gmt",
            "/price",
            "/on_sale",
            "/purchasable",
            "/backorders_allowed",
            "/backordered",
            "/shipping_class_id",
            "/parent_id",
            "/name",
            "/type",
        ],
        creating: &[],
    },
    ..writes(
        [
            Request::post("/wc/v3/products/{products.id}/variations"),
            Request::get("/wc/v3/products/{products.id}/variations/{key}"),
            Request::put("/wc/v3/products/{products.id}/variations/{key}"),
            Request::delete("/wc/v3/products/{products.id}/variations/{key}"),
        ],
        &[
            Reference::to("/image/id", &["media"]),
            Reference::to("/attributes/*/id", &["product_attributes"]),
        ],
        &["/sku", "/attributes"],
    )
};

pub(crate) const PRODUCT_ATTRIBUTES: Writes = writes(
    [
        Request::post("/wc/v3/products/attributes"),
        Request::get("/wc/v3/products/attributes/{key}"),
        Request::put("/wc/v3/products/attributes/{key}"),
        Request::delete("/wc/v3/products/attributes/{key}"),
    ],
    &[],
    &["/slug"],
);

pub(crate) const PRODUCT_ATTRIBUTE_TERMS: Writes = writes(
    [
        Request::post("/wc/v3/products/attributes/{product_attributes.id}/terms"),
        Request::get("/wc/v3/products/attributes/{product_attributes.id}/terms/{key}"),
        Request::put("/wc/v3/products/attributes/{product_attributes.id}/terms/{key}"),
        Request::delete("/wc/v3/products/attributes/{product_attributes.id}/terms/{key}"),
    ],
    &[],
    &["/slug"],
);

pub(crate) const PRODUCT_CATEGORIES: Writes = writes(
    [
        Request::post("/wc/v3/products/categories"),
        Request::get("/wc/v3/products/categories/{key}"),
        Request::put("/wc/v3/products/categories/{key}"),
        Request::delete("/wc/v3/products/categories/{key}"),
    ],
    &[
        Reference::to("/parent", &["product_categories"]),
        Reference::to("/image/id", &["media"]),
    ],
    &["/slug"],
);

pub(crate) const PRODUCT_TAGS: Writes = writes(
    [
        Request::post("/wc/v3/products/tags"),
        Request::get("/wc/v3/products/tags/{key}"),
        Request::put("/wc/v3/products/tags/{key}"),
        Request::delete("/wc/v3/products/tags/{key}"),
    ],
    &[],
    &["/slug"],
);

pub(crate) const PRODUCT_REVIEWS: Writes = Writes {
    fields: Fields::AllBut {
        never: &[
            "/id",
            "/date_created",
            "/date_created_gmt",
            "/date_modified",
            "/date_modified_gmt",
            "/product_name",
            "/product_permalink",
            "/verified",
            "/reviewer_avatar_urls",
        ],
        creating: &[],
    },
    ..writes(
        [
            Request::post("/wc/v3/products/reviews"),
            Request::get("/wc/v3/products/reviews/{key}"),
            Request::put("/wc/v3/products/reviews/{key}"),
            Request::delete("/wc/v3/products/reviews/{key}"),
        ],
        &[Reference::to("/product_id", &["products"]).required()],
        &["/product_id", "/reviewer_email", "/review"],
    )
};

pub(crate) const CUSTOMERS: Writes = Writes {
    how: "PUT the changed fields; what is gone is created again under a new id, with a password nobody knows, which the person resets. The shop \
          mails new customers: switch that mail off first. Lost: password, date of registration",
    fields: Fields::AllBut {
        never: &[
            "/id",
            "/date_created",
            "/date_created_gmt",
            "/date_modified",
            "/date_modified_gmt",
            "/role",
            "/is_paying_customer",
            "/avatar_url",
            "/orders_count",
            "/total_spent",
        ],
        creating: &["/username"],
    },
    create: Some(Create {
        write: Write::Custom(write::create_user),
        record: "",
        again: Again::Fields(&["/email"]),
    }),
    remove: None,
    ..writes(
        [
            Request::post("/wc/v3/customers"),
            Request::get("/wc/v3/customers/{key}"),
            Request::put("/wc/v3/customers/{key}"),
            Request::delete("/wc/v3/customers/{key}"),
        ],
        &[],
        &["/email"],
    )
};

pub(crate) const COUPONS: Writes = Writes {
    fields: Fields::AllBut {
        never: &[
            "/id",
            "/date_created",
            "/date_created_gmt",
            "/date_modified",
            "/date_modified_gmt",
            "/usage_count",
            "/used_by",
        ],
        creating: &[],
    },
    ..writes(
        [
            Request::post("/wc/v3/coupons"),
            Request::get("/wc/v3/coupons/{key}"),
            Request::put("/wc/v3/coupons/{key}"),
            Request::delete("/wc/v3/coupons/{key}"),
        ],
        &[
            Reference::to("/product_ids/*", &["products"]),
            Reference::to("/excluded_product_ids/*", &["products"]),
            Reference::to("/product_categories/*", &["product_categories"]),
            Reference::to("/excluded_product_categories/*", &["product_categories"]),
        ],
        &["/code"],
    )
};

pub(crate) const TAXES: Writes = Writes {
    after: &["tax_classes"],
    ..writes(
        [
            Request::post("/wc/v3/taxes"),
            Request::get("/wc/v3/taxes/{key}"),
            Request::put("/wc/v3/taxes/{key}"),
            Request::delete("/wc/v3/taxes/{key}"),
        ],
        &[],
        &["/country", "/state", "/rate", "/name", "/class"],
    )
};

pub(crate) const SHIPPING_ZONES: Writes = writes(
    [
        Request::post("/wc/v3/shipping/zones"),
        Request::get("/wc/v3/shipping/zones/{key}"),
        Request::put("/wc/v3/shipping/zones/{key}"),
        Request::delete("/wc/v3/shipping/zones/{key}"),
    ],
    &[],
    &["/name", "/order"],
);

pub(crate) const WEBHOOKS: Writes = Writes {
    how: "PUT the changed fields; what is gone is created again under a new id, with a new secret, which the receiver must be told. Lost: secret",
    ..writes(
        [
            Request::post("/wc/v3/webhooks"),
            Request::get("/wc/v3/webhooks/{key}"),
            Request::put("/wc/v3/webhooks/{key}"),
            Request::delete("/wc/v3/webhooks/{key}"),
        ],
        &[],
        &["/name", "/topic", "/delivery_url"],
    )
};

/// A note comes back as one among the staff, whoever it was for: another would be mailed to the customer once more.
pub(crate) const ORDER_NOTES: Writes = Writes {
    level: RestoreLevel::R1,
    how: "POST the note's text, as a note among the staff, so that nobody is mailed again. Lost: its date, its writer, that the customer saw it",
    fields: Fields::Only(&[Field::at("/note").when(When::Creating)]),
    update: None,
    ..writes(
        [
            Request::post("/wc/v3/orders/{orders.id}/notes"),
            Request::get("/wc/v3/orders/{orders.id}/notes/{key}"),
            Request::put("/wc/v3/orders/{orders.id}/notes/{key}"),
            Request::delete("/wc/v3/orders/{orders.id}/notes/{key}"),
        ],
        &[],
        &["/note"],
    )
};

/// The slug is made of the name.
pub(crate) const TAX_CLASSES: Writes = Writes {
    level: RestoreLevel::R2,
    how: "POST the name of one that is gone; its slug is made of it. A class is not changed by the API",
    fields: Fields::Only(&[Field::at("/name").when(When::Creating)]),
    read: None,
    create: Some(Create {
        write: Write::Send(Request::post("/wc/v3/taxes/classes"), Body::Fields),
        record: "",
        again: Again::SameKey,
    }),
    update: None,
    ..writes(
        [
            Request::post("/wc/v3/taxes/classes"),
            Request::get("/wc/v3/taxes/classes/{key}"),
            Request::put("/wc/v3/taxes/classes/{key}"),
            Request::delete("/wc/v3/taxes/classes/{key}"),
        ],
        &[],
        &[],
    )
};

/// A place is in a zone's list or it is not.
pub(crate) const SHIPPING_ZONE_LOCATIONS: Writes = Writes {
    level: RestoreLevel::R2,
    how: "PUT the zone's list of places, with or without this one",
    fields: Fields::Only(&[Field::at("/type"), Field::at("/code")]),
    references: &[],
    after: &[],
    author: None,
    read: None,
    create: Some(Create {
        write: Write::Custom(write::add_place),
        record: "",
        again: Again::SameKey,
    }),
    update: None,
    remove: Some(Write::Custom(write::remove_place)),
    adapt: None,
};

pub(crate) const SHIPPING_ZONE_METHODS: Writes = Writes {
    fields: Fields::Only(&[
        Field::at("/method_id").when(When::Creating),
        Field::at("/enabled").when(When::Updating),
        Field::at("/order").when(When::Updating),
        Field::at("/settings").when(When::Updating),
    ]),
    update: Some(Write::Send(
        Request::put("/wc/v3/shipping/zones/{shipping_zones.id}/methods/{key}"),
        Body::Shaped(write::plain_settings),
    )),
    ..writes(
        [
            Request::post("/wc/v3/shipping/zones/{shipping_zones.id}/methods"),
            Request::get("/wc/v3/shipping/zones/{shipping_zones.id}/methods/{key}"),
            Request::put("/wc/v3/shipping/zones/{shipping_zones.id}/methods/{key}"),
            Request::delete("/wc/v3/shipping/zones/{shipping_zones.id}/methods/{key}"),
        ],
        &[],
        &["/method_id"],
    )
};

pub(crate) const PAYMENT_GATEWAYS: Writes = Writes {
    level: RestoreLevel::R2,
    how: "PUT title, description, place, whether it is on, and its settings. Gateways themselves come with plugins",
    fields: Fields::Only(&[
        Field::at("/title"),
        Field::at("/description"),
        Field::at("/order"),
        Field::at("/enabled"),
        Field::at("/settings"),
    ]),
    references: &[],
    after: &[],
    author: None,
    read: Some(Read {
        request: Request::get("/wc/v3/payment_gateways/{key}").query(EDIT),
        record: "",
    }),
    create: None,
    update: Some(Write::Send(
        Request::put("/wc/v3/payment_gateways/{key}"),
        Body::Shaped(write::plain_settings),
    )),
    remove: None,
    adapt: None,
};

pub(crate) const SHOP_SETTINGS: Writes = Writes {
    level: RestoreLevel::R2,
    how: "PUT the value. Settings themselves come with the plugin",
    fields: Fields::Only(&[Field::at("/value")]),
    references: &[],
    after: &[],
    author: None,
    read: Some(Read {
        request: Request::get("/wc/v3/settings/{shop_setting_groups.id}/{key}"),
        record: "",
    }),
    create: None,
    update: Some(Write::Send(
        Request::put("/wc/v3/settings/{shop_setting_groups.id}/{key}"),
        Body::Fields,
    )),
    remove: None,
    adapt: None,
};
