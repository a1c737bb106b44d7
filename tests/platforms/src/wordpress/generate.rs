//! Sites made from a seed: what the installer leaves behind, and content of any amount.

use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::records::{Post, PostType, Taxonomy, Term, ThemeFile};
use super::state::{State, slugify};
use super::{Role, accounts, generate_shop, rest};

/// How much a generated site holds.
#[derive(Clone, Debug)]
pub struct Counts {
    /// Posts, of which some are drafts, private, pending, scheduled or in the trash.
    pub posts: usize,
    /// Pages, some below others.
    pub pages: usize,
    /// Records of the custom type `book`.
    pub books: usize,
    /// Media with bytes.
    pub media: usize,
    /// Bytes of each medium, at most.
    pub media_bytes: usize,
    /// Comments of all statuses.
    pub comments: usize,
    /// Users beside those of the roles.
    pub users: usize,
    /// Categories, tags and genres, this many each.
    pub terms: usize,
    /// Words of a post.
    pub words: usize,
    /// Orders of the shop; with 0 orders and 0 products the shop is off.
    pub orders: usize,
    /// Products of the shop.
    pub products: usize,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            posts: 250,
            pages: 25,
            books: 30,
            media: 20,
            media_bytes: 4096,
            comments: 120,
            users: 12,
            terms: 15,
            words: 60,
            orders: 0,
            products: 0,
        }
    }
}

/// The types and taxonomies, settings, theme, users and menus of a fresh site.
pub(super) fn furnish(state: &mut State) {
    settings(state);
    kinds(state);
    for role in Role::ALL {
        add_user(state, role.login(), "", role);
    }
    add_term(state, "category", "Uncategorized", 0);
    theme(state);
    for (file, name, version, status) in [
        ("practice-forms/practice-forms", "Practice Forms", "2.4.1", "active"),
        ("practice-seo/practice-seo", "Practice SEO", "5.0.3", "active"),
        ("old-gallery/old-gallery", "Old Gallery", "0.9.0", "inactive"),
    ] {
        state
            .plugins
            .insert(file.to_owned(), rest::plugin(file, name, version, status));
    }
}

fn settings(state: &mut State) {
    let settings = json!({
        "title": "Practice Site", "description": "Just another site", "url": "https://practice.example",
        "email": "admin@practice.example", "timezone": "Europe/Berlin", "date_format": "F j, Y", "time_format": "g:i a",
        "start_of_week": 1, "language": "en_US", "use_smilies": true, "default_category": 1,
        "default_post_format": "standard", "posts_per_page": 10, "show_on_front": "posts", "page_on_front": 0,
        "page_for_posts": 0, "default_ping_status": "open", "default_comment_status": "open", "site_logo": 0, "site_icon": 0,
    });
    if let Value::Object(settings) = settings {
        state.settings = settings;
    }
}

/// Slug, name, path, in REST, hierarchical, taxonomies.
type Kind = (
    &'static str,
    &'static str,
    &'static str,
    bool,
    bool,
    &'static [&'static str],
);

fn kinds(state: &mut State) {
    let types: [Kind; 12] = [
        ("post", "Posts", "posts", true, false, &["category", "post_tag"]),
        ("page", "Pages", "pages", true, true, &[]),
        ("attachment", "Media", "media", true, false, &[]),
        ("book", "Books", "books", true, false, &["genre"]),
        ("internal_note", "Internal notes", "internal-notes", false, false, &[]),
        ("nav_menu_item", "Menu items", "menu-items", true, false, &["nav_menu"]),
        ("wp_navigation", "Navigation menus", "navigation", true, false, &[]),
        ("wp_block", "Patterns", "blocks", true, false, &[]),
        ("wp_template", "Templates", "templates", true, false, &[]),
        ("wp_template_part", "Template parts", "template-parts", true, false, &[]),
        ("wp_global_styles", "Global styles", "global-styles", true, false, &[]),
        ("wp_font_family", "Font families", "font-families", true, false, &[]),
    ];
    for (slug, name, base, show_in_rest, hierarchical, taxonomies) in types {
        let kind = PostType {
            slug: slug.to_owned(),
            name: name.to_owned(),
            rest_base: base.to_owned(),
            show_in_rest,
            hierarchical,
            taxonomies: taxonomies.iter().map(|taxonomy| (*taxonomy).to_owned()).collect(),
        };
        state.types.insert(slug.to_owned(), kind);
        state.posts.insert(slug.to_owned(), Default::default());
    }
    let taxonomies = [
        ("category", "Categories", "categories", true, "post"),
        ("post_tag", "Tags", "tags", false, "post"),
        ("genre", "Genres", "genres", true, "book"),
        ("nav_menu", "Navigation menus", "menus", false, "nav_menu_item"),
    ];
    for (slug, name, base, hierarchical, kind) in taxonomies {
        let taxonomy = Taxonomy {
            slug: slug.to_owned(),
            name: name.to_owned(),
            rest_base: base.to_owned(),
            show_in_rest: true,
            hierarchical,
            types: vec![kind.to_owned()],
        };
        state.taxonomies.insert(slug.to_owned(), taxonomy);
        state.terms.insert(slug.to_owned(), Default::default());
    }
}

fn theme(state: &mut State) {
    for (stylesheet, name, status) in [
        ("practice-theme", "Practice Theme", "active"),
        ("plain-theme", "Plain Theme", "inactive"),
    ] {
        let theme = json!({
            "stylesheet": stylesheet, "template": stylesheet, "status": status, "version": "1.3.0", "requires_php": "7.4",
            "requires_wp": "6.1", "textdomain": stylesheet, "is_block_theme": true,
            "name": {"raw": name, "rendered": name}, "author": {"raw": "Example Works", "rendered": "Example Works"},
        });
        if let Value::Object(theme) = theme {
            state.themes.insert(stylesheet.to_owned(), theme);
        }
    }
    for (kind, slug, title) in [
        ("wp_template", "index", "Index"),
        ("wp_template", "single", "Single posts"),
        ("wp_template", "page", "Pages"),
        ("wp_template_part", "header", "Header"),
        ("wp_template_part", "footer", "Footer"),
    ] {
        let content = format!("<!-- wp:group --><div class=\"{slug}\">{title}</div><!-- /wp:group -->");
        state.theme_files.push(ThemeFile {
            kind,
            slug: slug.to_owned(),
            title: title.to_owned(),
            content,
        });
    }
    let mut styles = state.blank("wp_global_styles", 1);
    (styles.title, styles.slug, styles.status) = (
        "Custom Styles".to_owned(),
        "wp-global-styles-practice-theme".to_owned(),
        "publish".to_owned(),
    );
    styles.extra.insert(
        "styles".to_owned(),
        json!({"color": {"background": "#ffffff", "text": "#1a1a1a"}}),
    );
    styles.extra.insert("settings".to_owned(), json!({}));
    state.insert(styles, true);
    state
        .menu_locations
        .insert("primary".to_owned(), ("Primary menu".to_owned(), 0));
    state
        .menu_locations
        .insert("footer".to_owned(), ("Footer menu".to_owned(), 0));
    state
        .widgets
        .insert("block-2".to_owned(), json!({"content": "<!-- wp:search /-->"}));
    state
        .widgets
        .insert("block-3".to_owned(), json!({"content": "<!-- wp:latest-posts /-->"}));
    let placed = vec!["block-2".to_owned(), "block-3".to_owned()];
    state
        .sidebars
        .insert("sidebar-1".to_owned(), ("Sidebar".to_owned(), placed));
    state.sidebars.insert(
        "wp_inactive_widgets".to_owned(),
        ("Inactive widgets".to_owned(), Vec::new()),
    );
}

pub(super) fn add_user(state: &mut State, username: &str, name: &str, role: Role) -> u64 {
    let id = state.next_user;
    state.next_user += 1;
    let registered = past(state, 400 * DAY_S);
    state
        .users
        .insert(id, accounts::new_user(id, username, name, &[role.name()], registered));
    id
}

pub(super) fn add_term(state: &mut State, taxonomy: &str, name: &str, parent: u64) -> u64 {
    let id = state.next_term;
    state.next_term += 1;
    let term = Term {
        id,
        taxonomy: taxonomy.to_owned(),
        name: name.to_owned(),
        slug: slugify(name, id),
        description: String::new(),
        parent,
        meta: Map::new(),
        auto_add: false,
    };
    state.terms.entry(taxonomy.to_owned()).or_default().insert(id, term);
    id
}

pub(super) const DAY_S: u64 = 24 * 60 * 60;

pub(super) fn past(state: &State, seconds: u64) -> Timestamp {
    state
        .now()
        .saturating_sub(Duration::from_secs(seconds))
        .unwrap_or(Timestamp::UNIX_EPOCH)
}

const WORDS: [&str; 40] = [
    "harbour", "garden", "workshop", "season", "letter", "window", "recipe", "weather", "market", "visit", "river",
    "paper", "bridge", "kitchen", "evening", "winter", "lantern", "station", "quiet", "bright", "early", "local",
    "open", "new", "autumn", "orchard", "gallery", "village", "concert", "library", "summer", "notebook", "repair",
    "holiday", "journey", "update", "guide", "question", "answer", "story",
];

fn words(rng: &mut Rng, count: usize) -> String {
    let words: Vec<&str> = (0..count).map(|_| WORDS[rng.usize(..WORDS.len())]).collect();
    words.join(" ")
}

pub(super) fn title(rng: &mut Rng, number: usize) -> String {
    let words = words(rng, 3);
    let mut letters = words.chars();
    let first = letters
        .next()
        .map(|letter| letter.to_uppercase().to_string())
        .unwrap_or_default();
    format!("{first}{} {number}", letters.as_str())
}

/// Fills a furnished site.
pub(super) fn fill(state: &mut State, seed: u64, counts: &Counts) {
    let mut rng = Rng::with_seed(seed);
    for number in 0..counts.users {
        let name = format!("Writer {}", number + 1);
        let role = if number % 3 == 0 {
            Role::Editor
        } else {
            Role::Contributor
        };
        add_user(state, &format!("writer{}", number + 1), &name, role);
    }
    for taxonomy in ["category", "post_tag", "genre"] {
        let mut parent = 0;
        for number in 0..counts.terms {
            let name = title(&mut rng, number + 1);
            let below = if taxonomy != "post_tag" && number % 4 != 0 {
                parent
            } else {
                0
            };
            let id = add_term(state, taxonomy, &name, below);
            parent = if number % 4 == 0 { id } else { parent };
        }
    }
    for number in 0..counts.media {
        media(state, &mut rng, number, counts.media_bytes);
    }
    for (kind, count) in [
        ("post", counts.posts),
        ("page", counts.pages),
        ("book", counts.books),
        ("internal_note", 3),
    ] {
        for number in 0..count {
            content(state, &mut rng, kind, number, counts.words);
        }
    }
    editor_posts(state);
    menus(state);
    comments(state, &mut rng, counts.comments);
    if counts.orders + counts.products > 0 {
        generate_shop::fill(state, &mut rng, counts);
    }
}

fn media(state: &mut State, rng: &mut Rng, number: usize, most: usize) {
    let length = rng.usize(most / 2..=most.max(1));
    let bytes: Vec<u8> = (0..length).map(|_| rng.u8(..)).collect();
    let (ending, mime) = [("jpg", "image/jpeg"), ("png", "image/png"), ("pdf", "application/pdf")][number % 3];
    let name = format!("{}-{}.{ending}", WORDS[rng.usize(..WORDS.len())], number + 1);
    let id = rest::media::store(state, &name, mime, Bytes::from(bytes), 1);
    let at = past(state, rng.u64(40 * DAY_S..300 * DAY_S));
    stamp(state, id, at, at);
}

fn stamp(state: &mut State, id: u64, date: Timestamp, modified: Timestamp) {
    let (date_local, modified_local) = (state.local(date), state.local(modified));
    if let Some(post) = state.post_mut(id) {
        (post.date, post.date_gmt) = (date_local, post.date_gmt.map(|_| date));
        (post.modified, post.modified_gmt) = (modified_local, modified);
    }
}

fn status(kind: &str, number: usize) -> &'static str {
    match (kind, number % 20) {
        ("post" | "page" | "book", 13) => "draft",
        ("post" | "book", 15) => "private",
        ("post", 17) => "pending",
        ("post", 18) => "trash",
        ("post", 19) if number % 40 == 19 => "future",
        _ => "publish",
    }
}

fn content(state: &mut State, rng: &mut Rng, kind: &str, number: usize, length: usize) {
    let author = 1 + rng.u64(0..state.next_user.saturating_sub(1).max(1));
    let mut post = state.blank(kind, author);
    post.title = title(rng, number + 1);
    post.slug = slugify(&post.title, post.id);
    let text = words(rng, length);
    post.content = format!("<!-- wp:paragraph --><p>{text}</p><!-- /wp:paragraph -->");
    post.status = status(kind, number).to_owned();
    let date = past(state, rng.u64(20 * DAY_S..700 * DAY_S));
    let modified = date
        .saturating_add(Duration::from_secs(rng.u64(0..10 * DAY_S)))
        .unwrap_or(date);
    let date = if post.status == "future" {
        ahead(state, rng.u64(1..20))
    } else {
        date
    };
    let modified = if post.status == "future" { date } else { modified };
    let undated = matches!(post.status.as_str(), "draft" | "pending");
    post.date_gmt = (!undated).then_some(date);
    (post.date, post.modified, post.modified_gmt) = (state.local(date), state.local(modified), modified);
    if post.status == "trash" {
        post.status_before_trash = "publish".to_owned();
        post.slug.push_str("__trashed");
    }
    relate(state, rng, &mut post, number);
    state.store(post);
}

fn ahead(state: &State, days: u64) -> Timestamp {
    state
        .now()
        .saturating_add(Duration::from_secs(days * DAY_S))
        .unwrap_or(Timestamp::MAX)
}

fn relate(state: &State, rng: &mut Rng, post: &mut Post, number: usize) {
    let taxonomies = state
        .types
        .get(&post.kind)
        .map(|kind| kind.taxonomies.clone())
        .unwrap_or_default();
    for taxonomy in taxonomies {
        let Some(terms) = state.terms.get(&taxonomy).filter(|terms| !terms.is_empty()) else {
            continue;
        };
        let mut held: Vec<u64> = (0..rng.usize(1..3))
            .filter_map(|_| terms.keys().nth(rng.usize(..terms.len())).copied())
            .collect();
        held.sort_unstable();
        held.dedup();
        post.terms.insert(taxonomy, held);
    }
    if post.kind == "page"
        && !number.is_multiple_of(5)
        && let Some((id, _)) = state.posts.get("page").and_then(|pages| pages.first_key_value())
    {
        post.parent = *id;
    }
    if number.is_multiple_of(4)
        && let Some(media) = state.posts.get("attachment").filter(|media| !media.is_empty())
    {
        post.featured_media = media.keys().nth(rng.usize(..media.len())).copied().unwrap_or(0);
    }
    if post.kind == "post" {
        post.sticky = number == 0;
        post.meta.insert("footnotes".to_owned(), "".into());
        post.hidden_meta.insert("_edit_lock".to_owned(), "1:1".into());
    }
}

fn editor_posts(state: &mut State) {
    for (kind, title, content) in [
        (
            "wp_block",
            "Call to action",
            "<!-- wp:button --><div>Write to us</div><!-- /wp:button -->",
        ),
        ("wp_navigation", "Main navigation", "<!-- wp:page-list /-->"),
        (
            "wp_template_part",
            "Header",
            "<!-- wp:site-title /--><!-- wp:navigation /-->",
        ),
    ] {
        let mut post = state.blank(kind, 1);
        (post.title, post.content, post.status) = (title.to_owned(), content.to_owned(), "publish".to_owned());
        state.insert(post, true);
    }
    let mut font = state.blank("wp_font_family", 1);
    (font.title, font.slug, font.status) = (
        "Practice Sans".to_owned(),
        "practice-sans".to_owned(),
        "publish".to_owned(),
    );
    let family = json!({"name": "Practice Sans", "slug": "practice-sans", "fontFamily": "Practice Sans, sans-serif"});
    font.extra.insert("font_family_settings".to_owned(), family);
    state.insert(font, true);
}

fn menus(state: &mut State) {
    let menu = add_term(state, "nav_menu", "Main menu", 0);
    if let Some((_, held)) = state.menu_locations.get_mut("primary") {
        *held = menu;
    }
    let pages = state.posts.get("page").into_iter().flat_map(|pages| pages.values());
    let pages: Vec<(u64, String)> = pages
        .filter(|page| page.status == "publish")
        .take(4)
        .map(|page| (page.id, page.title.clone()))
        .collect();
    let mut first = 0;
    for (order, (page, title)) in pages.into_iter().enumerate() {
        let mut item = state.blank("nav_menu_item", 1);
        (item.title, item.status, item.menu_order) = (title, "publish".to_owned(), order as i64 + 1);
        item.parent = if order == 3 { first } else { 0 };
        item.terms.insert("nav_menu".to_owned(), vec![menu]);
        let link = [
            ("type", json!("post_type")),
            ("object", json!("page")),
            ("object_id", json!(page)),
        ];
        item.extra.extend(link.map(|(name, value)| (name.to_owned(), value)));
        first = if order == 0 { item.id } else { first };
        state.insert(item, true);
    }
    let mut link = state.blank("nav_menu_item", 1);
    (link.title, link.status, link.menu_order) = ("Contact".to_owned(), "publish".to_owned(), 9);
    link.terms.insert("nav_menu".to_owned(), vec![menu]);
    link.extra
        .insert("url".to_owned(), "https://practice.example/contact".into());
    state.insert(link, true);
}

fn comments(state: &mut State, rng: &mut Rng, count: usize) {
    let posts: Vec<u64> = state
        .posts
        .get("post")
        .map(|posts| posts.keys().copied().collect())
        .unwrap_or_default();
    let mut previous: Option<(u64, u64)> = None;
    for number in 0..count.min(if posts.is_empty() { 0 } else { count }) {
        let id = state.next_comment;
        state.next_comment += 1;
        let answers = previous.filter(|_| number % 5 == 4);
        let post = answers.map_or_else(|| posts[rng.usize(..posts.len())], |(_, post)| post);
        let status = [
            "approved", "approved", "approved", "hold", "approved", "spam", "approved", "trash",
        ][number % 8];
        let (name, content) = (format!("Visitor {}", rng.u32(1..400)), words(rng, 12));
        let date = past(state, rng.u64(DAY_S..300 * DAY_S));
        let comment = super::Comment {
            id,
            post,
            parent: answers.map_or(0, |(id, _)| id),
            author: 0,
            author_name: name,
            author_email: format!("visitor{number}@example.com"),
            author_url: String::new(),
            author_ip: "192.0.2.10".to_owned(),
            content,
            status: status.to_owned(),
            date: state.local(date),
            date_gmt: date,
            meta: Map::new(),
        };
        state.comments.insert(id, comment);
        previous = Some((id, post));
    }
}
