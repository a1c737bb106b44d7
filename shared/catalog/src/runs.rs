//! The run history.
//!
//! Beside each run that is not over stands a small item `open#<id>`, so that the open runs are found without reading the
//! history. It is written before the run and removed after the run's end, and a crash in between leaves one that names no
//! open run, which is seen and ignored.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::{
    operation::query::builders::QueryFluentBuilder,
    types::{AttributeValue, ReturnValuesOnConditionCheckFailure::AllOld},
};
use futures_util::{StreamExt, TryStreamExt, stream};
use seatbelt_model::{Run, RunId, RunStatus, SystemName};
use serde_json::Value;

use crate::{
    Catalog, CatalogError,
    attribute::{from_fields, text, to_fields, whole},
    call::{Item, Tried, key, names, text_of, values, whole_of},
};

/// Runs have ids, which begin with a digit; the colon follows the nine. All else beside them begins with a letter.
const AFTER_ALL_RUNS: &str = ":";
const OPEN: &str = "open#";
/// The partition that names all systems with a history. No system can have this name.
const SYSTEMS: &str = "#systems";
/// Systems whose runs are read at a time.
const PARALLEL: usize = 8;
/// Runs read at a time when one is looked for.
const PAGE: i32 = 25;

impl Catalog {
    /// Adds a run to the history.
    ///
    /// # Errors
    /// [`CatalogError::RunExists`] when the id is taken: of any number of runs created under one id, one is. After
    /// [`CatalogError::Unanswered`] the run may exist or not; [`Catalog::run`] tells.
    pub async fn create_run(&self, run: &Run) -> Result<(), CatalogError> {
        let what = format!("system {}: creating run {}", run.system, run.id);
        let tried = Tried {
            table: &self.tables.runs,
            what: &what,
        };
        self.note_system(&run.system, tried).await?;
        if !run.status.is_final() {
            self.mark_open(run, tried).await?;
        }
        // The SDK sends again when an answer is lost; the mark tells our own record from another's.
        let creation = format!("{:032x}", fastrand::u128(..));
        let outcome = self
            .client
            .put_item()
            .table_name(&self.tables.runs)
            .set_item(Some(item(run)?))
            .item("creation", text(&creation))
            .condition_expression("attribute_not_exists(#run)")
            .set_expression_attribute_names(names(["run"]))
            .return_values_on_condition_check_failure(AllOld)
            .send()
            .await;
        match tried.settle(outcome)? {
            Err(found) if text_of(&found, "creation") != Some(creation.as_str()) => Err(CatalogError::RunExists {
                system: run.system.clone(),
                run: run.id,
            }),
            _ => Ok(()),
        }
    }

    /// Adds a run under its own id, or, where that is taken, the next that is free. Returns it as it was added.
    ///
    /// # Errors
    /// Those of [`Catalog::create_run`], a taken id aside.
    pub async fn add_run(&self, mut run: Run) -> Result<Run, CatalogError> {
        loop {
            match self.create_run(&run).await {
                Ok(()) => return Ok(run),
                Err(CatalogError::RunExists { .. }) => run.id = run.id.next(),
                Err(error) => return Err(error),
            }
        }
    }

    /// Writes the system's name beside those of all others with a history: once per process, as it never changes.
    async fn note_system(&self, system: &str, tried: Tried<'_>) -> Result<(), CatalogError> {
        system.parse::<SystemName>().map_err(|error| CatalogError::Refused {
            tried: tried.what.to_owned(),
            table: tried.table.to_owned(),
            said: error.to_string(),
        })?;
        if self.noted().contains(system) {
            return Ok(());
        }
        let request = self
            .client
            .put_item()
            .table_name(&self.tables.runs)
            .set_item(key(SYSTEMS, system));
        request.send().await.map_err(|error| tried.failed(error))?;
        self.noted().insert(system.to_owned());
        Ok(())
    }

    async fn mark_open(&self, run: &Run, tried: Tried<'_>) -> Result<(), CatalogError> {
        let request = self
            .client
            .put_item()
            .table_name(&self.tables.runs)
            .set_item(key(&run.system, &mark(run.id)));
        request.send().await.map(|_| ()).map_err(|error| tried.failed(error))
    }

    /// Saves a run that exists. A run that is over can be saved again with the same status only, and an invocation (`hops`)
    /// that another has followed can no longer save at all.
    ///
    /// # Errors
    /// [`CatalogError::RunMissing`], [`CatalogError::RunClosed`] and [`CatalogError::RunSuperseded`], with nothing written.
    /// Safe to try again.
    pub async fn save_run(&self, run: &Run) -> Result<(), CatalogError> {
        let what = format!("system {}: saving run {}", run.system, run.id);
        let tried = Tried {
            table: &self.tables.runs,
            what: &what,
        };
        let outcome = self
            .client
            .put_item()
            .table_name(&self.tables.runs)
            .set_item(Some(item(run)?))
            .condition_expression("#status IN (:running, :interrupted, :status) AND #hops <= :hops")
            .set_expression_attribute_names(names(["status", "hops"]))
            .set_expression_attribute_values(values([
                (":running", status(RunStatus::Running)),
                (":interrupted", status(RunStatus::Interrupted)),
                (":status", status(run.status)),
                (":hops", whole(run.hops)),
            ]))
            .return_values_on_condition_check_failure(AllOld)
            .send()
            .await;
        if let Err(found) = tried.settle(outcome)? {
            return Err(refused(run, &found));
        }
        if run.status.is_final() {
            self.unmark(&run.system, run.id).await;
        }
        Ok(())
    }

    /// Removes the mark of a run that is over. One that stays is ignored, and removed by whoever sees it next.
    async fn unmark(&self, system: &str, run: RunId) {
        let request = self
            .client
            .delete_item()
            .table_name(&self.tables.runs)
            .set_key(key(system, &mark(run)));
        if let Err(error) = request.send().await {
            let tried = Tried {
                table: &self.tables.runs,
                what: "removing the mark of an open run",
            };
            tracing::debug!(system, %run, error = %tried.failed(error), "the mark of a closed run stays for now");
        }
    }

    /// One run, `None` if there is none.
    ///
    /// # Errors
    /// Those of the table; [`CatalogError::Damaged`] when the record cannot be read.
    pub async fn run(&self, system: &str, id: RunId) -> Result<Option<Run>, CatalogError> {
        let what = format!("system {system}: reading run {id}");
        let request = self
            .client
            .get_item()
            .table_name(&self.tables.runs)
            .set_key(key(system, &id.to_string()));
        let found = request.consistent_read(true).send().await;
        let found = found.map_err(|error| {
            Tried {
                table: &self.tables.runs,
                what: &what,
            }
            .failed(error)
        })?;
        found.item().map(read).transpose()
    }

    /// The newest runs of a system, newest first, `limit` at most. One query per megabyte. A record that cannot be read (a
    /// newer version's, or one edited by hand) is left out and logged.
    ///
    /// # Errors
    /// Those of the table.
    pub async fn runs(&self, system: &str, limit: usize) -> Result<Vec<Run>, CatalogError> {
        let mut runs = Vec::new();
        if limit == 0 {
            return Ok(runs);
        }
        let page = i32::try_from(limit).unwrap_or(i32::MAX);
        self.visit(system, page, |run| {
            runs.push(run);
            runs.len() < limit
        })
        .await?;
        Ok(runs)
    }

    /// The newest run of a system for which `filter` holds. Reads back in time until it finds one.
    ///
    /// # Errors
    /// Those of the table.
    pub async fn latest_run(&self, system: &str, filter: impl Fn(&Run) -> bool) -> Result<Option<Run>, CatalogError> {
        let mut latest = None;
        self.visit(system, PAGE, |run| {
            if filter(&run) {
                latest = Some(run);
            }
            latest.is_none()
        })
        .await?;
        Ok(latest)
    }

    /// Shows the runs of a system to `visitor`, newest first, until it has seen enough.
    async fn visit(&self, system: &str, page: i32, mut visitor: impl FnMut(Run) -> bool) -> Result<(), CatalogError> {
        let what = format!("system {system}: reading its runs");
        let mut items = self.history(system).limit(page).into_paginator().items().send();
        while let Some(item) = items.next().await {
            let item = item.map_err(|error| {
                Tried {
                    table: &self.tables.runs,
                    what: &what,
                }
                .failed(error)
            })?;
            match read(&item) {
                Ok(run) => {
                    if !visitor(run) {
                        break;
                    }
                }
                Err(error) => tracing::warn!(system, %error, "a run was left out"),
            }
        }
        Ok(())
    }

    fn history(&self, system: &str) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.tables.runs)
            .consistent_read(true)
            .scan_index_forward(false)
            .key_condition_expression("#system = :system AND #run < :end")
            .set_expression_attribute_names(names(["system", "run"]))
            .set_expression_attribute_values(values([(":system", text(system)), (":end", text(AFTER_ALL_RUNS))]))
    }

    /// The newest runs of all systems that ever had one, whether the manifest still has them or not, newest first, `limit` at
    /// most. One query per system.
    ///
    /// # Errors
    /// Those of the table.
    pub async fn recent_runs(&self, limit: usize) -> Result<Vec<Run>, CatalogError> {
        let systems = self.systems_with_runs().await?;
        let histories = stream::iter(&systems)
            .map(|system| self.runs(system, limit))
            .buffer_unordered(PARALLEL);
        let histories: Vec<_> = histories.try_collect().await?;
        let mut runs: Vec<_> = histories.into_iter().flatten().collect();
        runs.sort_by(|a, b| b.id.cmp(&a.id).then_with(|| a.system.cmp(&b.system)));
        runs.truncate(limit);
        Ok(runs)
    }

    /// The names of all systems that ever had a run.
    ///
    /// # Errors
    /// Those of the table.
    pub async fn systems_with_runs(&self) -> Result<BTreeSet<String>, CatalogError> {
        let tried = Tried {
            table: &self.tables.runs,
            what: "reading which systems have runs",
        };
        let query = self
            .client
            .query()
            .table_name(&self.tables.runs)
            .consistent_read(true)
            .key_condition_expression("#system = :system")
            .set_expression_attribute_names(names(["system"]))
            .set_expression_attribute_values(values([(":system", text(SYSTEMS))]));
        let items = query
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .map_err(|error| tried.failed(error))?;
        Ok(items
            .iter()
            .filter_map(|item| text_of(item, "run"))
            .map(str::to_owned)
            .collect())
    }

    /// The runs of a system that are not over, newest first.
    ///
    /// # Errors
    /// Those of the table.
    pub async fn open_runs(&self, system: &str) -> Result<Vec<Run>, CatalogError> {
        let what = format!("system {system}: looking for open runs");
        let tried = Tried {
            table: &self.tables.runs,
            what: &what,
        };
        let query = self
            .client
            .query()
            .table_name(&self.tables.runs)
            .consistent_read(true)
            .scan_index_forward(false)
            .key_condition_expression("#system = :system AND begins_with(#run, :prefix)")
            .set_expression_attribute_names(names(["system", "run"]))
            .set_expression_attribute_values(values([(":system", text(system)), (":prefix", text(OPEN))]));
        let marks = query
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .map_err(|error| tried.failed(error))?;
        let mut open = Vec::new();
        for id in marks.iter().filter_map(marked) {
            match self.run(system, id).await {
                Ok(Some(run)) if run.status.is_final() => self.unmark(system, id).await,
                Ok(Some(run)) => open.push(run),
                // Its creation is under way, or was cut short.
                Ok(None) => {}
                Err(error @ CatalogError::Damaged { .. }) => tracing::warn!(system, %error, "a run was left out"),
                Err(error) => return Err(error),
            }
        }
        Ok(open)
    }
}

fn mark(run: RunId) -> String {
    format!("{OPEN}{run}")
}

fn marked(item: &Item) -> Option<RunId> {
    text_of(item, "run")?.strip_prefix(OPEN)?.parse().ok()
}

fn status(status: RunStatus) -> AttributeValue {
    let word = serde_json::to_value(status).ok();
    text(
        word.as_ref()
            .and_then(Value::as_str)
            .expect("a status is written as one word"),
    )
}

/// A run as its item: the fields as they are named in the model, except that the id is the key `run`.
fn item(run: &Run) -> Result<Item, CatalogError> {
    let what = || format!("run {} of system {}", run.id, run.system);
    let damaged = |problem: String| CatalogError::Damaged { what: what(), problem };
    let Value::Object(mut fields) = serde_json::to_value(run).map_err(|error| damaged(error.to_string()))? else {
        return Err(damaged("it is not a table of fields".to_owned()));
    };
    if let Some(id) = fields.remove("id") {
        fields.insert("run".to_owned(), id);
    }
    Ok(from_fields(&fields))
}

fn read(item: &Item) -> Result<Run, CatalogError> {
    let mut fields = to_fields(item);
    let key = |name: &str| text_of(item, name).unwrap_or("?");
    let what = format!("run {} of system {}", key("run"), key("system"));
    if let Some(id) = fields.remove("run") {
        fields.insert("id".to_owned(), id);
    }
    serde_json::from_value(Value::Object(fields)).map_err(|error| CatalogError::Damaged {
        what,
        problem: error.to_string(),
    })
}

/// Why a run could not be saved, from the item that is there.
fn refused(run: &Run, found: &Item) -> CatalogError {
    let (system, id) = (run.system.clone(), run.id);
    if found.is_empty() {
        return CatalogError::RunMissing { system, run: id };
    }
    let stored = text_of(found, "status").map(|word| Value::String(word.to_owned()));
    let stored = stored.and_then(|word| serde_json::from_value::<RunStatus>(word).ok());
    match (stored, whole_of(found, "hops")) {
        (Some(status), _) if status.is_final() && status != run.status => CatalogError::RunClosed {
            system,
            run: id,
            status,
        },
        (Some(_), Some(hops)) => CatalogError::RunSuperseded { system, run: id, hops },
        _ => CatalogError::Damaged {
            what: format!("run {id} of system {system}"),
            problem: "its `status` or `hops` is missing or unknown".to_owned(),
        },
    }
}
