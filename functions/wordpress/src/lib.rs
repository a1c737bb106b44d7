//! WordPress and WooCommerce: posts of every type the site shows, pages, media with their bytes, comments, users, terms, settings, menus, templates,
//! styles, plugins and themes; orders, products, customers and the shop's configuration where WooCommerce is active.
//!
//! Source: the WordPress REST API handbook and the core controllers, the WooCommerce REST API documentation v3, read 2026-11-22;
//! tried on WordPress 6.1.
//! Known gaps: the code of plugins and themes, `wp-config.php`, tables and options no REST route shows, password hashes.

mod answers;
mod content;
mod design;
mod ids;
mod media;
mod rights;
mod shop;
mod shop_writes;
mod site;
mod words;
mod write;
pub mod wxr;

use seatbelt_connector_kit::{Auth, Builtin, Connector, Pace, Request, Setting};

/// The connector.
pub const WORDPRESS: Connector = Connector {
    name: "wordpress",
    title: "WordPress and WooCommerce",
    base_url: "{rest_root}",
    settings: &[
        Setting {
            name: "base_url",
            default: None,
            help: "the site's address, such as https://www.acme.example",
        },
        Setting {
            name: "rest_root",
            default: Some("{base_url}/wp-json"),
            help: "where its REST API answers; {base_url}/?rest_route= on sites without permalinks",
        },
    ],
    auth: &[Auth::Basic {
        username: "username",
        password: "application_password",
    }],
    headers: &[],
    // Core has no limit; the host has, and shows it by failing. Two at a time and two a second harm nobody.
    pace: Pace::per_second(2).concurrency(2),
    resources: &[
        &site::NAMESPACES,
        &site::TYPES,
        &site::TAXONOMIES,
        &site::STATUSES,
        &site::PLUGINS,
        &site::THEMES,
        &site::USERS,
        &site::APPLICATION_PASSWORDS,
        &content::CATEGORIES,
        &content::TAGS,
        &content::CUSTOM_TERMS,
        &media::MEDIA,
        &design::BLOCKS,
        &content::POSTS,
        &content::PAGES,
        &content::CUSTOM_POSTS,
        &content::COMMENTS,
        &content::REVISIONS,
        &design::MENUS,
        &design::MENU_ITEMS,
        &design::MENU_LOCATIONS,
        &design::NAVIGATION,
        &design::TEMPLATES,
        &design::TEMPLATE_PARTS,
        &design::GLOBAL_STYLES,
        &design::SIDEBARS,
        &design::WIDGETS,
        &design::WIDGET_TYPES,
        &design::FONT_FAMILIES,
        &design::BLOCK_PATTERNS,
        // Last, since settings name pages, media and categories.
        &site::SETTINGS,
        &shop::ORDERS,
        &shop::ORDER_NOTES,
        &shop::REFUNDS,
        &shop::PRODUCTS,
        &shop::PRODUCT_VARIATIONS,
        &shop::PRODUCT_ATTRIBUTES,
        &shop::PRODUCT_ATTRIBUTE_TERMS,
        &shop::PRODUCT_CATEGORIES,
        &shop::PRODUCT_TAGS,
        &shop::PRODUCT_REVIEWS,
        &shop::CUSTOMERS,
        &shop::COUPONS,
        &shop::TAXES,
        &shop::TAX_CLASSES,
        &shop::SHIPPING_ZONES,
        &shop::SHIPPING_ZONE_LOCATIONS,
        &shop::SHIPPING_ZONE_METHODS,
        &shop::PAYMENT_GATEWAYS,
        &shop::SHOP_SETTING_GROUPS,
        &shop::SHOP_SETTINGS,
        &shop::WEBHOOKS,
    ],
    on_request: &["revisions"],
    identity: Request::get("/wp/v2/users/me").query(&[("context", "edit")]),
    classify: answers::classify,
    clean: Some(answers::clean),
    write_access: rights::WRITE_ACCESS,
    native_exports: &[wxr::WXR],
    builtin: Builtin {
        offers: "Tools > Export writes posts, pages, comments, terms and menu items as WXR, by hand; the trash keeps posts for 30 days; \
                 hosts and plugins offer backups of their own",
        misses: "the export has no media files, users' rights, settings, widgets, styles, plugins or themes; terms, users, menus and media \
                 are deleted at once, without trash; nothing runs by itself",
        source: "WordPress documentation, Tools Export Screen and Trash; WooCommerce documentation",
        read_on: "2026-11-22",
    },
    guide: "Make an Administrator account for backups (only an Administrator sees drafts, users, settings and plugins). In its profile, under \
            Application Passwords, add one named Seatbelt. The secret is {\"username\": \"...\", \"application_password\": \"xxxx xxxx xxxx xxxx xxxx xxxx\"}. \
            The site must be on https.",
};
