//! Trying a credential before the first backup: signs in, and asks each resource for its first page.

use std::collections::BTreeMap;

use seatbelt_connector_kit::{
    Count, DependsOn, Fill, KitError, Only, Outcome, Parent, Prepared, Resource, Response, Session,
};
use seatbelt_model::json::{self, Pointer};

use crate::{EngineError, Job, backup::Engine, plan};

/// What the credential sees of one resource.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Access {
    /// The resource.
    pub resource: String,
    /// What came of the attempt.
    #[serde(flatten)]
    pub sight: Sight,
}

/// What came of asking for a resource's first page.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "sight", rename_all = "snake_case")]
pub enum Sight {
    /// It can be read.
    Readable {
        /// Records on the first page (of the first parent).
        first_page: u64,
        /// The vendor's own count, where it gives one.
        total: Option<u64>,
    },
    /// The credential may not see it.
    Forbidden {
        /// What came back.
        said: String,
    },
    /// This edition or plan does not have it.
    Unavailable {
        /// What came back.
        said: String,
    },
    /// It could not be tried for want of a parent record.
    Untried {
        /// Which parent.
        said: String,
    },
    /// The request failed.
    Failed {
        /// What came back.
        said: String,
    },
}

impl Engine {
    /// Signs in and asks every resource in scope for its first page; below parents, for the first parent that can be had. Stores nothing.
    ///
    /// # Errors
    /// When the credential is refused, the vendor cannot be reached, or the entry names a resource that does not exist.
    pub async fn check(&self, job: &Job<'_>) -> Result<Vec<Access>, EngineError> {
        let session = Session::open(job.connector, self.options(job)).await?;
        sign_in(&session).await?;
        let mut samples = Samples::default();
        let mut seen = Vec::new();
        for resource in plan::resources(job.connector, job.system)? {
            let sight = look(&session, resource, &mut samples).await;
            seen.push(Access {
                resource: resource.name.to_owned(),
                sight,
            });
        }
        Ok(seen)
    }
}

/// Records of first pages, as parents for what hangs below them.
#[derive(Default)]
struct Samples {
    parents: BTreeMap<&'static str, Vec<Parent>>,
    keys: BTreeMap<&'static str, Vec<String>>,
}

/// Asks who the credential belongs to. What it may see is another question.
pub(crate) async fn sign_in(session: &Session) -> Result<(), KitError> {
    let fill = Fill {
        settings: session.settings(),
        parent: &Parent::default(),
    };
    let identity = session.connector().identity;
    let request = identity.prepare("sign-in", session.base_url(), &fill)?;
    match session.send("sign-in", &request, &|_| Ok(())).await {
        Ok(_) | Err(KitError::Forbidden { .. } | KitError::Unavailable { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

async fn look(session: &Session, resource: &'static Resource, samples: &mut Samples) -> Sight {
    let partition = match partition(resource, samples) {
        Ok(partition) => partition,
        Err(sight) => return sight,
    };
    match first_page(session, resource, &partition).await {
        Ok((records, total)) => {
            let first_page = records.len() as u64;
            samples.take(resource, &partition, records);
            Sight::Readable { first_page, total }
        }
        Err(KitError::Forbidden { said, .. } | KitError::Reconnect { said, .. }) => Sight::Forbidden { said },
        Err(KitError::Unavailable { said, .. }) => Sight::Unavailable { said },
        Err(error) => Sight::Failed {
            said: error.to_string(),
        },
    }
}

/// One partition to try.
fn partition(resource: &'static Resource, samples: &Samples) -> Result<Parent, Sight> {
    match resource.depends_on {
        DependsOn::Nothing => Ok(Parent::default()),
        DependsOn::Has(other, key) => {
            let has = samples
                .keys
                .get(other.name)
                .is_some_and(|keys| keys.iter().any(|found| found == key));
            if has {
                Ok(Parent::default())
            } else {
                Err(Sight::Unavailable {
                    said: format!("{} has no {key}", other.name),
                })
            }
        }
        DependsOn::Values(name, values) => {
            let value = values.first().copied().unwrap_or_default();
            Ok(Parent {
                key: value.to_owned(),
                value: Some((name.to_owned(), value.to_owned())),
                records: Vec::new(),
            })
        }
        DependsOn::Each(parent, only) | DependsOn::EachChanged(parent, only) => {
            let holds = |sample: &&Parent| match only {
                Only::All => true,
                Only::If(holds) => sample.records.first().is_some_and(|(_, record)| holds(record)),
            };
            let sample = samples
                .parents
                .get(parent.name)
                .and_then(|parents| parents.iter().find(holds));
            sample.cloned().ok_or_else(|| Sight::Untried {
                said: format!("none of the first {} has it", parent.name),
            })
        }
    }
}

type FirstPage = (Vec<(String, String)>, Option<u64>);

/// Keys and records of the first page, and the vendor's count.
async fn first_page(session: &Session, resource: &'static Resource, partition: &Parent) -> Result<FirstPage, KitError> {
    let keyed = |records: Vec<seatbelt_connector_kit::Record<'_>>| -> Vec<(String, String)> {
        let records = records.into_iter();
        records
            .filter_map(|record| Some((resource.key_of(&record, &partition.key)?, record.json.into_owned())))
            .collect()
    };
    if let Some(list) = resource.request.custom_list() {
        let records = list(session, partition).await?;
        let records = records.iter().map(|json| seatbelt_connector_kit::Record {
            json: json.as_str().into(),
            member: None,
        });
        return Ok((keyed(records.collect()), None));
    }
    let fill = Fill {
        settings: session.settings(),
        parent: partition,
    };
    let mut request: Prepared = resource.request.prepare(resource.name, session.base_url(), &fill)?;
    resource.paginator.apply(&mut request, None);
    let valid = |response: &Response| {
        resource
            .records
            .split(&response.body)
            .map(drop)
            .map_err(|error| error.to_string())
    };
    let answer = session.send(resource.name, &request, &valid).await?;
    if answer.outcome == Outcome::Empty {
        return Ok((Vec::new(), None));
    }
    let response = answer.response;
    let records = resource
        .records
        .split(&response.body)
        .map_err(|error| KitError::Unexpected {
            at: resource.name.to_owned(),
            problem: error.to_string(),
        })?;
    let body = || std::str::from_utf8(&response.body).unwrap_or_default();
    let total = match resource.count {
        Count::None => None,
        Count::Header(name) => response.header(name).and_then(|text| text.trim().parse().ok()),
        Count::At(pointer) => json::text_at(body(), &Pointer::new(pointer)).and_then(|text| text.parse().ok()),
    };
    Ok((keyed(records), total))
}

impl Samples {
    fn take(&mut self, resource: &'static Resource, partition: &Parent, records: Vec<(String, String)>) {
        let above = partition.records.iter().filter(|_| resource.parent().is_some());
        let parents = records.iter().map(|(key, record)| Parent {
            key: plan::as_prefix(resource, key),
            value: None,
            records: std::iter::once((resource.name.to_owned(), record.clone()))
                .chain(above.clone().cloned())
                .collect(),
        });
        self.parents.insert(resource.name, parents.collect());
        self.keys
            .insert(resource.name, records.into_iter().map(|(key, _)| key).collect());
    }
}
