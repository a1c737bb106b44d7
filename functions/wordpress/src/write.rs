//! Writes that take more than one request, or a body that depends on more than the changed fields.

use getrandom::fill;
use http::Method;
use seatbelt_connector_kit::{BoxFuture, KitError, Payload, Prepared, Response, Session, Writing};
use serde_json::{Map, Value, json};
use tokio::sync::Mutex;

use crate::words::FORCE;

type Fields = Map<String, Value>;
type Written<'a> = BoxFuture<'a, Result<Option<String>, KitError>>;

/// Some things are written as a whole list: whoever reads, changes and writes one does it alone.
static LISTS: Mutex<()> = Mutex::const_new(());

/// One write of one record.
struct Call<'a> {
    session: &'a Session,
    writing: &'a Writing<'a>,
    at: &'a str,
}

impl<'a> Call<'a> {
    fn of(session: &'a Session, writing: &'a Writing<'a>) -> Self {
        let at = writing.records.records.first().map_or("", |(name, _)| name.as_str());
        Self { session, writing, at }
    }

    fn prepared(&self, method: Method, path: &str) -> Prepared {
        let mut request = Prepared::get(format!("{}{path}", self.session.base_url()));
        request.method = method;
        request
    }

    async fn post(&self, path: &str, body: &Value, repeatable: bool) -> Result<Response, KitError> {
        let request = self.prepared(Method::POST, path);
        let text = body.to_string();
        self.session
            .write(self.at, &request, Payload::Json(&text), repeatable)
            .await
    }

    async fn delete(&self, path: &str, query: &[(&str, &str)]) -> Result<Response, KitError> {
        let mut request = self.prepared(Method::DELETE, path);
        query.iter().for_each(|(name, value)| request.set_query(name, *value));
        self.session.write(self.at, &request, Payload::Empty, true).await
    }

    async fn get(&self, path: &str) -> Result<Value, KitError> {
        let mut request = self.prepared(Method::GET, path);
        request.set_query("context", "edit");
        let answer = self.session.send(self.at, &request, &|_| Ok(())).await?;
        self.value(&answer.response)
    }

    fn value(&self, response: &Response) -> Result<Value, KitError> {
        serde_json::from_slice(&response.body)
            .map_err(|error| self.unexpected(format!("its answer is no JSON: {error}")))
    }

    fn unexpected(&self, problem: String) -> KitError {
        KitError::Unexpected {
            at: self.at.to_owned(),
            problem,
        }
    }

    fn fields(&self) -> Fields {
        serde_json::from_str(self.writing.fields).unwrap_or_default()
    }

    fn wanted(&self, field: &str) -> Value {
        member(self.writing.wanted, field)
    }

    fn live(&self, field: &str) -> Value {
        member(self.writing.live, field)
    }

    /// Where the posts of this resource are.
    fn route(&self) -> Result<String, KitError> {
        match self.at {
            "custom_posts" => {
                let (_, kind) = self
                    .writing
                    .records
                    .records
                    .get(1)
                    .ok_or_else(|| self.unexpected("its post type is not known".to_owned()))?;
                let base = member(Some(kind), "rest_base");
                Ok(format!("/wp/v2/{}", base.as_str().unwrap_or_default()))
            }
            // Menus of blocks and reusable blocks are posts too.
            name => Ok(format!("/wp/v2/{name}")),
        }
    }
}

fn member(record: Option<&str>, field: &str) -> Value {
    let mut record: Fields = record
        .and_then(|record| serde_json::from_str(record).ok())
        .unwrap_or_default();
    record.remove(field).unwrap_or_default()
}

fn body_of(response: &Response) -> Option<String> {
    std::str::from_utf8(&response.body).ok().map(str::to_owned)
}

/// Texts are read as `{"raw": ..., "rendered": ...}` and taken as raw text.
pub(crate) fn raw_texts(mut fields: Fields) -> Value {
    for name in ["title", "content", "excerpt", "caption", "description"] {
        if let Some(value) = fields.get_mut(name)
            && let Some(raw) = value.get("raw")
        {
            *value = raw.clone();
        }
    }
    // What is to be empty is null in an update; these are texts.
    for name in [
        "title",
        "content",
        "excerpt",
        "caption",
        "description",
        "slug",
        "password",
        "template",
    ] {
        if fields.get(name) == Some(&Value::Null) {
            fields.insert(name.to_owned(), "".into());
        }
    }
    Value::Object(fields)
}

/// The trash marks the slug of what goes into it, and remembers it as it was.
fn before_trash(fields: &mut Fields) {
    if let Some(Value::String(slug)) = fields.get_mut("slug") {
        *slug = slug.trim_end_matches("__trashed").to_owned();
    }
}

/// A post goes into the trash by a deletion, and is not taken there by its status.
pub(crate) fn create_post<'a>(session: &'a Session, writing: &'a Writing<'a>) -> Written<'a> {
    Box::pin(async move {
        let call = Call::of(session, writing);
        let (route, mut fields) = (call.route()?, call.fields());
        let trashed = fields.get("status").and_then(Value::as_str) == Some("trash");
        if trashed {
            fields.insert("status".to_owned(), "draft".into());
            before_trash(&mut fields);
        }
        let made = call.post(&route, &raw_texts(fields), false).await?;
        let id = call.value(&made)?["id"].clone();
        if !trashed {
            return Ok(body_of(&made));
        }
        let trashed = call.delete(&format!("{route}/{id}"), &[]).await?;
        Ok(body_of(&trashed))
    })
}

/// Sends the changed fields. A page that finds its parent again asks once more for its slug, which another may have had at its old place.
pub(crate) fn update_post<'a>(session: &'a Session, writing: &'a Writing<'a>) -> Written<'a> {
    Box::pin(async move {
        let call = Call::of(session, writing);
        let (path, mut fields) = (format!("{}/{}", call.route()?, writing.key), call.fields());
        if fields.contains_key("parent") && call.wanted("slug") != call.live("slug") {
            fields.entry("slug").or_insert_with(|| call.wanted("slug"));
        }
        let trashed = fields.get("status").and_then(Value::as_str) == Some("trash");
        if trashed {
            fields.remove("status");
            before_trash(&mut fields);
        }
        let date = fields.get("date").cloned().unwrap_or_else(|| call.live("date"));
        let mut last = None;
        if !fields.is_empty() {
            let answer = call.post(&path, &raw_texts(fields), true).await?;
            last = body_of(&answer);
            // The date of a draft that was never published moves with every edit, unless it is set to another one.
            let moved = date.is_string() && member(last.as_deref(), "date") != date;
            if moved {
                last = body_of(&call.post(&path, &json!({"date": date}), true).await?);
            }
        }
        if trashed {
            last = body_of(&call.delete(&path, &[]).await?);
        }
        Ok(last)
    })
}

/// For good, past the trash.
pub(crate) fn remove_post<'a>(session: &'a Session, writing: &'a Writing<'a>) -> Written<'a> {
    Box::pin(async move {
        let call = Call::of(session, writing);
        call.delete(&format!("{}/{}", call.route()?, writing.key), FORCE)
            .await?;
        Ok(None)
    })
}

/// Uploads the bytes under the name they had. What tells the upload again goes along in the query; the rest is changed afterwards.
pub(crate) fn upload<'a>(session: &'a Session, writing: &'a Writing<'a>) -> Written<'a> {
    Box::pin(async move {
        let call = Call::of(session, writing);
        let refused = |said: &str| KitError::Refused {
            at: "media".to_owned(),
            said: said.to_owned(),
        };
        let file = writing.file.ok_or_else(|| refused("its bytes were not stored"))?;
        let source = call.wanted("source_url");
        let original = call.wanted("media_details")["original_image"].clone();
        let name = original.as_str().filter(|name| !name.is_empty()).or(source.as_str());
        let name = name.and_then(|name| name.rsplit('/').next()).unwrap_or_default();
        let name: String = name
            .chars()
            .filter(|letter| !matches!(letter, '"' | '\\') && !letter.is_control())
            .collect();
        let mime = call.wanted("mime_type");
        let mut request = call.prepared(Method::POST, "/wp/v2/media");
        request.headers.extend([
            (
                "content-type".to_owned(),
                mime.as_str().unwrap_or("application/octet-stream").to_owned(),
            ),
            (
                "content-disposition".to_owned(),
                format!("attachment; filename=\"{name}\""),
            ),
        ]);
        for (parameter, value) in [
            ("title", call.wanted("title")["raw"].clone()),
            ("date", call.wanted("date")),
        ] {
            if let Some(value) = value.as_str().filter(|value| !value.is_empty()) {
                request.set_query(parameter, value);
            }
        }
        let made = session.write("media", &request, Payload::File(file), false).await?;
        Ok(body_of(&made))
    })
}

/// A medium belongs to a post, or with 0 to none.
pub(crate) fn media_fields(mut fields: Fields) -> Value {
    if fields.get("post") == Some(&Value::Null) {
        fields.insert("post".to_owned(), 0.into());
    }
    raw_texts(fields)
}

/// A visitor's comment has no author: `author` 0 is refused.
pub(crate) fn new_comment(fields: Fields) -> Value {
    let mut fields = comment_fields(fields);
    if fields.get("author").and_then(Value::as_u64) == Some(0) {
        fields.remove("author");
    }
    Value::Object(fields)
}

fn comment_fields(fields: Fields) -> Fields {
    match raw_texts(fields) {
        Value::Object(fields) => fields,
        _ => Fields::new(),
    }
}

/// Every update of a comment sets the address and the program of whoever sends it, and that of an author sets his name, unless they
/// are sent along.
pub(crate) fn update_comment<'a>(session: &'a Session, writing: &'a Writing<'a>) -> Written<'a> {
    Box::pin(async move {
        let call = Call::of(session, writing);
        let mut fields = comment_fields(call.fields());
        let author = fields.contains_key("author");
        let named = ["author_name", "author_email", "author_url"].iter().filter(|_| author);
        for name in ["author_ip", "author_user_agent"].iter().chain(named) {
            fields.entry(*name).or_insert_with(|| call.live(name));
        }
        // A visitor's comment that was given an author keeps him: the vendor takes no 0.
        if fields.get("author").and_then(Value::as_u64) == Some(0) {
            fields.remove("author");
        }
        let path = format!("/wp/v2/comments/{}", writing.key);
        Ok(body_of(&call.post(&path, &Value::Object(fields), true).await?))
    })
}

/// With a password that nobody knows: the person asks for another.
pub(crate) fn create_user<'a>(session: &'a Session, writing: &'a Writing<'a>) -> Written<'a> {
    Box::pin(async move {
        let call = Call::of(session, writing);
        let mut fields = call.fields();
        let mut random = [0_u8; 24];
        fill(&mut random).map_err(|error| call.unexpected(format!("no random password can be made: {error}")))?;
        let password: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        fields.insert("password".to_owned(), password.into());
        let path = if call.at == "users" {
            "/wp/v2/users"
        } else {
            "/wc/v3/customers"
        };
        Ok(body_of(&call.post(path, &Value::Object(fields), false).await?))
    })
}

/// What an account that goes has written becomes that of the account that restores; nothing goes with it.
pub(crate) fn remove_user<'a>(session: &'a Session, writing: &'a Writing<'a>) -> Written<'a> {
    Box::pin(async move {
        let call = Call::of(session, writing);
        let me = call.get("/wp/v2/users/me").await?["id"].as_u64();
        let me = me.ok_or_else(|| call.unexpected("the account's own id is not known".to_owned()))?;
        if me.to_string() == writing.key {
            return Err(KitError::Refused {
                at: "users".to_owned(),
                said: "it is the account that restores".to_owned(),
            });
        }
        let path = format!("/wp/v2/users/{}", writing.key);
        call.delete(&path, &[("force", "true"), ("reassign", &me.to_string())])
            .await?;
        Ok(None)
    })
}

/// The directory knows a plugin by its folder.
pub(crate) fn plugin(mut fields: Fields) -> Value {
    if let Some(file) = fields
        .remove("plugin")
        .and_then(|file| file.as_str().map(str::to_owned))
    {
        fields.insert("slug".to_owned(), file.split('/').next().unwrap_or_default().into());
    }
    Value::Object(fields)
}

/// A template that comes from the theme again loses its customization; any other is given its texts.
pub(crate) fn update_template<'a>(session: &'a Session, writing: &'a Writing<'a>) -> Written<'a> {
    Box::pin(async move {
        let call = Call::of(session, writing);
        let kind = if call.at == "templates" {
            "templates"
        } else {
            "template-parts"
        };
        let path = format!("/wp/v2/{kind}/{}", writing.key);
        let mut fields = call.fields();
        if call.wanted("source") == "theme" && call.live("source") == "custom" {
            call.delete(&path, &[("force", "true")]).await?;
            return Ok(None);
        }
        fields.remove("source");
        if fields.is_empty() {
            fields.insert("content".to_owned(), call.wanted("content"));
        }
        Ok(body_of(&call.post(&path, &raw_texts(fields), true).await?))
    })
}

/// A sidebar takes its widgets from the others, so they are written one after the other; the inactive ones are what is left, and come last.
pub(crate) fn update_sidebar<'a>(session: &'a Session, writing: &'a Writing<'a>) -> Written<'a> {
    Box::pin(async move {
        let call = Call::of(session, writing);
        let _alone = LISTS.lock().await;
        let path = format!("/wp/v2/sidebars/{}", writing.key);
        Ok(body_of(&call.post(&path, &Value::Object(call.fields()), true).await?))
    })
}

/// New widgets stand nowhere until their sidebar, whose order is given back as a whole, takes them in.
pub(crate) fn new_widget(mut fields: Fields) -> Value {
    fields.insert("sidebar".to_owned(), "wp_inactive_widgets".into());
    Value::Object(fields)
}

/// New templates are the database's own.
pub(crate) fn new_template(mut fields: Fields) -> Value {
    fields.remove("source");
    raw_texts(fields)
}

/// Nothing is said by leaving it out.
pub(crate) fn without_nulls(fields: Fields) -> Value {
    fn prune(value: &mut Value) {
        if let Value::Object(members) = value {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(prune);
        }
    }
    let mut fields = fields;
    for value in fields.values_mut() {
        if value.is_null() {
            *value = json!({});
        }
        prune(value);
    }
    raw_texts(fields)
}

/// Other items than custom links have their address, and mostly their title, from what they lead to.
pub(crate) fn menu_item(mut fields: Fields) -> Value {
    if fields
        .get("type")
        .and_then(Value::as_str)
        .is_some_and(|kind| kind != "custom")
    {
        fields.remove("url");
    }
    for name in ["url", "attr_title", "target"] {
        if fields.get(name) == Some(&Value::Null) {
            fields.insert(name.to_owned(), "".into());
        }
    }
    raw_texts(fields)
}

/// Which menu is shown at a location is said by the menu.
pub(crate) fn update_menu_location<'a>(session: &'a Session, writing: &'a Writing<'a>) -> Written<'a> {
    Box::pin(async move {
        let call = Call::of(session, writing);
        let (wanted, live) = (call.fields().remove("menu").unwrap_or_default(), call.live("menu"));
        let wanted = wanted.as_u64().unwrap_or(0);
        let menu = if wanted == 0 {
            live.as_u64().unwrap_or(0)
        } else {
            wanted
        };
        if menu == 0 {
            return Ok(None);
        }
        let _alone = LISTS.lock().await;
        let path = format!("/wp/v2/menus/{menu}");
        let shown = call.get(&path).await?["locations"].clone();
        let mut shown: Vec<String> = serde_json::from_value(shown).unwrap_or_default();
        shown.retain(|location| location != writing.key);
        if wanted != 0 {
            shown.push(writing.key.to_owned());
        }
        call.post(&path, &json!({"locations": shown}), true).await?;
        Ok(None)
    })
}

/// The places of a shipping zone are written as one list.
pub(crate) fn add_place<'a>(session: &'a Session, writing: &'a Writing<'a>) -> Written<'a> {
    places(session, writing, true)
}

/// The list without one place.
pub(crate) fn remove_place<'a>(session: &'a Session, writing: &'a Writing<'a>) -> Written<'a> {
    places(session, writing, false)
}

fn places<'a>(session: &'a Session, writing: &'a Writing<'a>, add: bool) -> Written<'a> {
    Box::pin(async move {
        let call = Call::of(session, writing);
        let record = writing.wanted.or(writing.live);
        let (kind, code) = (member(record, "type"), member(record, "code"));
        let zone = writing.records.records.get(1).map(|(_, zone)| member(Some(zone), "id"));
        let zone = zone.and_then(|zone| zone.as_u64());
        let zone = zone.ok_or_else(|| call.unexpected("its zone is not known".to_owned()))?;
        let path = format!("/wc/v3/shipping/zones/{zone}/locations");
        let _alone = LISTS.lock().await;
        let held = call.get(&path).await?;
        let mut held: Vec<Value> = held.as_array().cloned().unwrap_or_default();
        held.retain(|place| (&place["type"], &place["code"]) != (&kind, &code));
        if add {
            held.push(json!({"type": kind, "code": code}));
        }
        let held: Vec<Value> = held
            .iter()
            .map(|place| json!({"type": place["type"], "code": place["code"]}))
            .collect();
        let mut request = call.prepared(Method::PUT, &path);
        request.set_query("context", "edit");
        let text = Value::from(held).to_string();
        session.write(call.at, &request, Payload::Json(&text), true).await?;
        Ok(add.then(|| record.unwrap_or("{}").to_owned()))
    })
}

/// Settings of gateways and methods are read as objects and taken as values.
pub(crate) fn plain_settings(mut fields: Fields) -> Value {
    if let Some(Value::Object(settings)) = fields.get_mut("settings") {
        for setting in settings.values_mut() {
            if let Some(value) = setting.get("value") {
                *setting = value.clone();
            }
        }
    }
    Value::Object(fields)
}

/// The lines of a new order get numbers of their own.
pub(crate) fn new_order(mut fields: Fields) -> Value {
    for lines in ["line_items", "shipping_lines", "fee_lines", "coupon_lines", "meta_data"] {
        let lines = fields.get_mut(lines).and_then(Value::as_array_mut);
        for line in lines.into_iter().flatten() {
            if let Value::Object(line) = line {
                line.remove("id");
                if let Some(Value::Array(meta)) = line.get_mut("meta_data") {
                    let meta = meta.iter_mut().filter_map(Value::as_object_mut);
                    meta.for_each(|meta| _ = meta.remove("id"));
                }
            }
        }
    }
    Value::Object(fields)
}
