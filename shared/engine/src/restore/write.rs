//! Sending one write, as the resource declares it.

use futures_util::StreamExt;
use seatbelt_connector_kit::{
    Body, BodyStream, BoxFuture, Fill, KitError, Parent, Payload, Request, Response, Session, StoredFile, Write,
    Writing,
};
use seatbelt_vault::{StoredBody, Vault};

use super::{
    fields::Shape,
    live::{own_key, record_in},
    tree::Tree,
};

/// One write of one record.
pub(super) struct Task<'a> {
    /// Its key as the vendor has it; for a create, as it was.
    pub(super) key: &'a str,
    pub(super) wanted: Option<&'a str>,
    pub(super) live: Option<&'a str>,
    pub(super) fields: Tree,
    /// Its ancestors, nearest first.
    pub(super) above: &'a Parent,
    pub(super) file: Option<&'a VaultFile>,
    /// A header by which the vendor knows a repetition.
    pub(super) header: Option<(&'a str, String)>,
    pub(super) repeatable: bool,
}

/// Sends it. The answer is the record as the vendor gives it back, found at `record`, where it does.
pub(super) async fn send(
    session: &Session,
    shape: &Shape,
    write: Write,
    task: Task<'_>,
    record: &str,
) -> Result<Option<String>, KitError> {
    let own = own_key(shape.resource, task.key);
    let itself = task.live.or(task.wanted).unwrap_or("{}").to_owned();
    let mut records = task.above.clone();
    records.records.insert(0, (shape.resource.name.to_owned(), itself));
    records.value = Some(("key".to_owned(), own.clone()));
    match write {
        Write::Send(request, body) => {
            let response = send_request(session, shape, request, body, &task, &records).await?;
            Ok(record_in(&response.body, record))
        }
        Write::Custom(custom) => {
            let fields = task.fields.text();
            let writing = Writing {
                key: &own,
                wanted: task.wanted,
                live: task.live,
                fields: &fields,
                records: &records,
                file: task.file.map(|file| file as &dyn StoredFile),
            };
            custom(session, &writing).await
        }
    }
}

async fn send_request(
    session: &Session,
    shape: &Shape,
    request: Request,
    body: Body,
    task: &Task<'_>,
    records: &Parent,
) -> Result<Response, KitError> {
    let at = shape.resource.name;
    let fill = Fill {
        settings: session.settings(),
        parent: records,
    };
    let mut prepared = request.prepare(at, session.base_url(), &fill)?;
    if let Some((name, value)) = &task.header {
        prepared.headers.push(((*name).to_owned(), value.clone()));
    }
    let text = match body {
        Body::Empty | Body::Bytes => String::new(),
        Body::Fields => task.fields.text(),
        Body::Under(pointer) => {
            let mut whole = Tree::empty();
            whole.set(seatbelt_model::json::Pointer::new(pointer).parts(), task.fields.clone());
            whole.text()
        }
        Body::Shaped(shaped) => match value(&task.fields) {
            serde_json::Value::Object(fields) => shaped(fields).to_string(),
            other => other.to_string(),
        },
        Body::Variable(name) => {
            if let Some(variables) = prepared.body.as_mut().and_then(|body| body.get_mut("variables")) {
                variables[name] = value(&task.fields);
            }
            String::new()
        }
    };
    let payload = match (body, task.file) {
        (Body::Bytes, Some(file)) => Payload::File(file),
        (Body::Bytes, None) => {
            return Err(KitError::Refused {
                at: at.to_owned(),
                said: "its bytes were not stored".to_owned(),
            });
        }
        (Body::Empty | Body::Variable(_), _) => Payload::Empty,
        _ => Payload::Json(&text),
    };
    session.write(at, &prepared, payload, task.repeatable).await
}

fn value(tree: &Tree) -> serde_json::Value {
    serde_json::from_str(&tree.text()).unwrap_or_default()
}

/// The bytes of a file in the vault.
pub(super) struct VaultFile {
    pub(super) vault: Vault,
    pub(super) system: String,
    pub(super) body: StoredBody,
}

impl StoredFile for VaultFile {
    fn size_bytes(&self) -> u64 {
        self.body.size_bytes
    }

    fn open(&self) -> BoxFuture<'_, Result<BodyStream, KitError>> {
        Box::pin(async {
            let failed = |error: seatbelt_vault::VaultError| KitError::Local {
                at: "reading a file from the vault".to_owned(),
                problem: error.to_string(),
            };
            let stream = self.vault.body(&self.system, &self.body.sha256).await.map_err(failed)?;
            Ok(Box::pin(stream.map(move |chunk| chunk.map_err(failed))) as BodyStream)
        })
    }
}
