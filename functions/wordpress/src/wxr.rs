//! WordPress eXtended RSS 1.2, the file that Tools > Import > WordPress reads: authors, terms, and posts of every type with their comments. Pure:
//! records go in, XML comes out, a post at a time.
//!
//! Source: WordPress 6.1, `wp-admin/includes/export.php`, and the plugin WordPress Importer 0.8, `parsers/` and `class-wp-import.php`, read
//! 2026-11-22. The importer looks parents of categories up by their slug, so parents come first.

use std::{collections::BTreeMap, fmt::Write};

use jiff::civil::DateTime;
use seatbelt_connector_kit::{Joined, NativeExport, NativeRecord, NativeSource, NativeWriter};
use seatbelt_model::json::{self, Pointer};

/// Posts that the form takes come with their comments.
const COMMENTS: Option<Joined> = Some(Joined {
    resource: "comments",
    by: "/post",
    to: "/id",
});

/// The form.
pub const WXR: NativeExport = NativeExport {
    name: "wxr",
    title: "WordPress eXtended RSS",
    import: "Tools > Import > WordPress takes it; the importer fetches media from the address they had, so that address must still answer, or \
             the files be uploaded before. Menus, widgets, settings, products, orders and passwords are not part of it, nor are custom fields that hold \
             more than text, numbers and lists of them.",
    file: "wordpress.xml",
    sources: &[
        plain("settings"),
        plain("users"),
        plain("taxonomies"),
        plain("categories"),
        plain("tags"),
        plain("custom_terms"),
        with_comments("media"),
        with_comments("posts"),
        with_comments("pages"),
        with_comments("custom_posts"),
        plain("blocks"),
    ],
    writer: || Box::new(Wxr::default()),
};

const fn plain(resource: &'static str) -> NativeSource {
    NativeSource { resource, with: None }
}

const fn with_comments(resource: &'static str) -> NativeSource {
    NativeSource {
        resource,
        with: COMMENTS,
    }
}

/// What is remembered of the records that posts refer to: in proportion to users and terms, not to posts.
#[derive(Debug, Default)]
struct Wxr {
    begun: bool,
    site: Site,
    /// Login names by id.
    authors: BTreeMap<String, Author>,
    /// The taxonomy of each field that lists terms, such as `post_tag` of `tags`.
    taxonomies: BTreeMap<String, String>,
    /// Terms by taxonomy and id.
    terms: BTreeMap<(String, String), Term>,
}

#[derive(Debug, Default)]
struct Site {
    title: String,
    description: String,
    url: String,
    language: String,
}

#[derive(Debug, Default)]
struct Author {
    login: String,
    email: String,
    name: String,
    first: String,
    last: String,
}

#[derive(Debug, Clone, Default)]
struct Term {
    slug: String,
    name: String,
    description: String,
    parent: String,
}

impl NativeWriter for Wxr {
    fn record(&mut self, record: NativeRecord<'_>, out: &mut String) {
        let fields = Fields(record.json);
        match record.resource {
            "settings" => self.site(fields),
            "users" => self.author(fields),
            "taxonomies" => {
                self.taxonomies.insert(fields.text("/rest_base"), fields.text("/slug"));
            }
            "categories" => self.term("category", fields),
            "tags" => self.term("post_tag", fields),
            "custom_terms" => self.term(&fields.text("/taxonomy"), fields),
            _ => {
                self.begin(out);
                self.item(fields, record.joined, out);
            }
        }
    }

    fn finish(&mut self, out: &mut String) {
        self.begin(out);
        out.push_str("</channel>\n</rss>\n");
    }
}

impl Wxr {
    fn site(&mut self, fields: Fields<'_>) {
        self.site = Site {
            title: fields.text("/title"),
            description: fields.text("/description"),
            url: fields.text("/url"),
            language: fields.text("/language").replace('_', "-"),
        };
    }

    fn author(&mut self, fields: Fields<'_>) {
        let login = match fields.text("/username") {
            login if login.is_empty() => fields.text("/slug"),
            login => login,
        };
        let author = Author {
            login,
            email: fields.text("/email"),
            name: fields.text("/name"),
            first: fields.text("/first_name"),
            last: fields.text("/last_name"),
        };
        self.authors.insert(fields.text("/id"), author);
    }

    fn term(&mut self, taxonomy: &str, fields: Fields<'_>) {
        let term = Term {
            slug: fields.text("/slug"),
            name: fields.text("/name"),
            description: fields.text("/description"),
            parent: fields.text("/parent"),
        };
        self.terms.insert((taxonomy.to_owned(), fields.text("/id")), term);
    }

    /// The head of the file, once everything posts refer to is known.
    fn begin(&mut self, out: &mut String) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        out.push_str(
            "<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n<rss version=\"2.0\"\n\
             \txmlns:excerpt=\"http://wordpress.org/export/1.2/excerpt/\"\n\
             \txmlns:content=\"http://purl.org/rss/1.0/modules/content/\"\n\
             \txmlns:wfw=\"http://wellformedweb.org/CommentAPI/\"\n\
             \txmlns:dc=\"http://purl.org/dc/elements/1.1/\"\n\
             \txmlns:wp=\"http://wordpress.org/export/1.2/\">\n<channel>\n",
        );
        text(out, "title", &self.site.title);
        text(out, "link", &self.site.url);
        text(out, "description", &self.site.description);
        text(out, "language", &self.site.language);
        text(out, "wp:wxr_version", "1.2");
        text(out, "wp:base_site_url", &self.site.url);
        text(out, "wp:base_blog_url", &self.site.url);
        for (id, author) in &self.authors {
            out.push_str("<wp:author>");
            inner_text(out, "wp:author_id", id);
            inner_cdata(out, "wp:author_login", &author.login);
            inner_cdata(out, "wp:author_email", &author.email);
            inner_cdata(out, "wp:author_display_name", &author.name);
            inner_cdata(out, "wp:author_first_name", &author.first);
            inner_cdata(out, "wp:author_last_name", &author.last);
            out.push_str("</wp:author>\n");
        }
        let mut written = std::collections::BTreeSet::new();
        for (taxonomy, id) in self.terms.keys() {
            self.write_term(taxonomy, id, &mut written, out);
        }
    }

    /// A term after its parent. A circle of parents, which WordPress refuses, ends where it began.
    fn write_term<'a>(
        &'a self,
        taxonomy: &'a str,
        id: &'a str,
        written: &mut std::collections::BTreeSet<(&'a str, &'a str)>,
        out: &mut String,
    ) {
        let mut line = Vec::new();
        let mut at = id;
        while let Some(term) = self.terms.get(&(taxonomy.to_owned(), at.to_owned())) {
            if !written.insert((taxonomy, at)) {
                break;
            }
            line.push((at, term));
            at = &term.parent;
        }
        for (id, term) in line.into_iter().rev() {
            let parent = self.terms.get(&(taxonomy.to_owned(), term.parent.clone()));
            element_of_term(out, taxonomy, id, term, parent.map_or("", |parent| &parent.slug));
        }
    }

    fn item(&self, post: Fields<'_>, comments: &[String], out: &mut String) {
        let kind = post.text("/type");
        out.push_str("<item>\n");
        cdata(out, "title", &post.raw_or_rendered("title"));
        text(out, "link", &post.text("/link"));
        text(out, "pubDate", &rfc2822(&post.text("/date_gmt")));
        let author = self.authors.get(&post.text("/author"));
        cdata(out, "dc:creator", author.map_or("", |author| &author.login));
        out.push_str("<guid isPermaLink=\"false\">");
        escape(out, &post.raw_or_rendered("guid"));
        out.push_str("</guid>\n<description></description>\n");
        // The text of an attachment is its description, and its excerpt the caption.
        let (content, excerpt) = match kind.as_str() {
            "attachment" => ("description", "caption"),
            _ => ("content", "excerpt"),
        };
        cdata(out, "content:encoded", &post.raw_or_rendered(content));
        cdata(out, "excerpt:encoded", &post.raw_or_rendered(excerpt));
        text(out, "wp:post_id", &post.text("/id"));
        for (name, field) in [
            ("wp:post_date", "/date"),
            ("wp:post_date_gmt", "/date_gmt"),
            ("wp:post_modified", "/modified"),
            ("wp:post_modified_gmt", "/modified_gmt"),
        ] {
            cdata(out, name, &sql_time(&post.text(field)));
        }
        cdata(out, "wp:comment_status", &post.text("/comment_status"));
        cdata(out, "wp:ping_status", &post.text("/ping_status"));
        cdata(out, "wp:post_name", &post.text("/slug"));
        cdata(out, "wp:status", &post.text("/status"));
        let parent = if kind == "attachment" { "/post" } else { "/parent" };
        text(out, "wp:post_parent", &number(&post.text(parent)));
        text(out, "wp:menu_order", &number(&post.text("/menu_order")));
        cdata(out, "wp:post_type", &kind);
        cdata(out, "wp:post_password", &post.text("/password"));
        text(
            out,
            "wp:is_sticky",
            if post.text("/sticky") == "true" { "1" } else { "0" },
        );
        if kind == "attachment" {
            cdata(out, "wp:attachment_url", &post.text("/source_url"));
        }
        self.terms_of(post, out);
        meta_of(post, out);
        comments.iter().for_each(|comment| write_comment(Fields(comment), out));
        out.push_str("</item>\n");
    }

    fn terms_of(&self, post: Fields<'_>, out: &mut String) {
        let known = [("categories", "category"), ("tags", "post_tag")];
        let known = known.map(|(field, taxonomy)| (field.to_owned(), taxonomy.to_owned()));
        let fields: BTreeMap<String, String> = known.into_iter().chain(self.taxonomies.clone()).collect();
        for (field, taxonomy) in fields {
            for id in post.list(&format!("/{}", field.replace('~', "~0").replace('/', "~1"))) {
                if let Some(term) = self.terms.get(&(taxonomy.clone(), id)) {
                    category(out, &taxonomy, &term.slug, &term.name);
                }
            }
        }
        let format = post.text("/format");
        if !format.is_empty() && format != "standard" {
            category(out, "post_format", &format!("post-format-{format}"), &format);
        }
    }
}

fn element_of_term(out: &mut String, taxonomy: &str, id: &str, term: &Term, parent: &str) {
    let (element, names) = match taxonomy {
        "category" => (
            "wp:category",
            ["wp:category_nicename", "wp:cat_name", "wp:category_description"],
        ),
        "post_tag" => ("wp:tag", ["wp:tag_slug", "wp:tag_name", "wp:tag_description"]),
        _ => ("wp:term", ["wp:term_slug", "wp:term_name", "wp:term_description"]),
    };
    let _ = write!(out, "<{element}>");
    inner_text(out, "wp:term_id", id);
    match element {
        "wp:category" => inner_cdata(out, "wp:category_parent", parent),
        "wp:term" => {
            inner_cdata(out, "wp:term_taxonomy", taxonomy);
            inner_cdata(out, "wp:term_parent", parent);
        }
        _ => {}
    }
    inner_cdata(out, names[0], &term.slug);
    inner_cdata(out, names[1], &term.name);
    inner_cdata(out, names[2], &term.description);
    let _ = writeln!(out, "</{element}>");
}

fn category(out: &mut String, taxonomy: &str, slug: &str, name: &str) {
    out.push_str("<category domain=\"");
    escape(out, taxonomy);
    out.push_str("\" nicename=\"");
    escape(out, slug);
    out.push_str("\">");
    push_cdata(out, name);
    out.push_str("</category>\n");
}

/// What core keeps as custom fields, and the registered ones that REST shows.
fn meta_of(post: Fields<'_>, out: &mut String) {
    let own = [
        ("_thumbnail_id", post.text("/featured_media")),
        ("_wp_page_template", post.text("/template")),
        ("_wp_attached_file", post.text("/media_details/file")),
        ("_wp_attachment_image_alt", post.text("/alt_text")),
    ];
    for (name, value) in own {
        if !value.is_empty() && value != "0" {
            meta(out, name, &value);
        }
    }
    let Some(meta_fields) = json::find(post.0, &Pointer::new("/meta")) else {
        return;
    };
    for name in json::names(meta_fields) {
        let pointer = Pointer::new(&format!("/{}", name.replace('~', "~0").replace('/', "~1")));
        match json::find(meta_fields, &pointer) {
            Some(value) if value.starts_with('[') => {
                Fields(value).list("").iter().for_each(|value| meta(out, &name, value));
            }
            Some(value) => {
                if let Some(value) = json::scalar(value) {
                    meta(out, &name, &value);
                }
            }
            None => {}
        }
    }
}

fn meta(out: &mut String, name: &str, value: &str) {
    out.push_str("<wp:postmeta>");
    inner_cdata(out, "wp:meta_key", name);
    inner_cdata(out, "wp:meta_value", value);
    out.push_str("</wp:postmeta>\n");
}

fn write_comment(comment: Fields<'_>, out: &mut String) {
    out.push_str("<wp:comment>\n");
    text(out, "wp:comment_id", &comment.text("/id"));
    cdata(out, "wp:comment_author", &comment.text("/author_name"));
    cdata(out, "wp:comment_author_email", &comment.text("/author_email"));
    text(out, "wp:comment_author_url", &comment.text("/author_url"));
    cdata(out, "wp:comment_author_IP", &comment.text("/author_ip"));
    cdata(out, "wp:comment_date", &sql_time(&comment.text("/date")));
    cdata(out, "wp:comment_date_gmt", &sql_time(&comment.text("/date_gmt")));
    cdata(out, "wp:comment_content", &comment.raw_or_rendered("content"));
    let approved = match comment.text("/status").as_str() {
        "approved" | "approve" => "1".to_owned(),
        "hold" => "0".to_owned(),
        other => other.to_owned(),
    };
    cdata(out, "wp:comment_approved", &approved);
    cdata(out, "wp:comment_type", &comment.text("/type"));
    text(out, "wp:comment_parent", &number(&comment.text("/parent")));
    text(out, "wp:comment_user_id", &number(&comment.text("/author")));
    out.push_str("</wp:comment>\n");
}

/// A record's fields as text.
#[derive(Clone, Copy)]
struct Fields<'a>(&'a str);

impl Fields<'_> {
    /// The scalar at `pointer`; nothing for null, objects, and what is not there.
    fn text(self, pointer: &str) -> String {
        json::text_at(self.0, &Pointer::new(pointer)).map_or_else(String::new, std::borrow::Cow::into_owned)
    }

    /// A text as it is stored; as it is shown, where the credential sees no more.
    fn raw_or_rendered(self, name: &str) -> String {
        let raw = Pointer::new(&format!("/{name}/raw"));
        let text = json::text_at(self.0, &raw).map(std::borrow::Cow::into_owned);
        text.unwrap_or_else(|| self.text(&format!("/{name}/rendered")))
    }

    /// The scalars of a list.
    fn list(self, pointer: &str) -> Vec<String> {
        let Some(raw) = json::find(self.0, &Pointer::new(pointer)) else {
            return Vec::new();
        };
        let elements: Vec<&serde_json::value::RawValue> = serde_json::from_str(raw).unwrap_or_default();
        let scalar =
            |element: &&serde_json::value::RawValue| json::scalar(element.get()).map(std::borrow::Cow::into_owned);
        elements.iter().filter_map(scalar).collect()
    }
}

/// `0` where there is nothing, as WordPress writes it.
fn number(text: &str) -> String {
    if text.is_empty() {
        "0".to_owned()
    } else {
        text.to_owned()
    }
}

/// `2026-11-22T06:00:00` as MySQL writes it; WordPress's own zero for drafts that have no time yet.
fn sql_time(time: &str) -> String {
    if time.is_empty() {
        "0000-00-00 00:00:00".to_owned()
    } else {
        time.replacen('T', " ", 1)
    }
}

/// A time in UTC as RSS writes it; nothing if there is none.
fn rfc2822(time: &str) -> String {
    let parsed = time.parse::<DateTime>();
    parsed.map_or_else(
        |_| String::new(),
        |time| time.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string(),
    )
}

fn text(out: &mut String, element: &str, value: &str) {
    inner_text(out, element, value);
    out.push('\n');
}

fn cdata(out: &mut String, element: &str, value: &str) {
    inner_cdata(out, element, value);
    out.push('\n');
}

/// Without the end of a line: where PHP has no reader of XML, the importer looks for authors line by line, each whole on one.
fn inner_text(out: &mut String, element: &str, value: &str) {
    let _ = write!(out, "<{element}>");
    escape(out, value);
    let _ = write!(out, "</{element}>");
}

fn inner_cdata(out: &mut String, element: &str, value: &str) {
    let _ = write!(out, "<{element}>");
    push_cdata(out, value);
    let _ = write!(out, "</{element}>");
}

fn push_cdata(out: &mut String, value: &str) {
    out.push_str("<![CDATA[");
    out.push_str(&allowed(value).replace("]]>", "]]]]><![CDATA[>"));
    out.push_str("]]>");
}

fn escape(out: &mut String, value: &str) {
    for char in allowed(value).chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            char => out.push(char),
        }
    }
}

/// The text without the characters that XML 1.0 has no way to write; one of them makes a whole file unreadable.
fn allowed(text: &str) -> String {
    let is_allowed = |char: &char| {
        matches!(char, '\t' | '\n' | '\r')
            || (!char.is_control() && !matches!(char, '\u{fffe}' | '\u{ffff}'))
            || ('\u{7f}'..='\u{9f}').contains(char)
    };
    text.chars().filter(is_allowed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_would_break_xml_does_not() {
        let mut out = String::new();
        cdata(&mut out, "a", "x ]]> y\u{1}\u{b}\u{ffff} <b> é 🦀");
        assert_eq!(out, "<a><![CDATA[x ]]]]><![CDATA[> y <b> é 🦀]]></a>\n");
        out.clear();
        text(&mut out, "a", "<&\">\u{0}");
        assert_eq!(out, "<a>&lt;&amp;&quot;&gt;</a>\n");
    }

    #[test]
    fn an_author_is_one_line() {
        let mut wxr = Wxr::default();
        let record = NativeRecord {
            resource: "users",
            json: r#"{"id":7,"username":"ann","email":"a@b.example","name":"Ann & Co"}"#,
            joined: &[],
        };
        wxr.record(record, &mut String::new());
        let mut out = String::new();
        wxr.finish(&mut out);
        let author = out.lines().find(|line| line.starts_with("<wp:author>")).unwrap();
        assert!(
            author.ends_with("</wp:author>") && author.contains("<![CDATA[Ann & Co]]>"),
            "{author}"
        );
    }

    #[test]
    fn times_are_written_as_each_element_wants_them() {
        assert_eq!(rfc2822("2026-11-22T06:00:00"), "Sun, 22 Nov 2026 06:00:00 +0000");
        assert_eq!(
            (rfc2822(""), sql_time("").as_str()),
            (String::new(), "0000-00-00 00:00:00")
        );
        assert_eq!(sql_time("2026-11-22T06:00:00"), "2026-11-22 06:00:00");
    }

    #[test]
    fn parents_come_first_and_circles_end() {
        let mut wxr = Wxr::default();
        let term = |id: u32, parent: u32| format!(r#"{{"id":{id},"slug":"s{id}","name":"n","parent":{parent}}}"#);
        for json in [term(1, 3), term(2, 0), term(3, 2), term(8, 9), term(9, 8)] {
            let record = NativeRecord {
                resource: "categories",
                json: &json,
                joined: &[],
            };
            wxr.record(record, &mut String::new());
        }
        let mut out = String::new();
        wxr.finish(&mut out);
        let at = |id: u32| out.find(&format!("<wp:term_id>{id}<")).unwrap();
        assert!(at(2) < at(3) && at(3) < at(1), "{out}");
        assert_eq!(out.matches("<wp:category>").count(), 5, "{out}");
    }
}
