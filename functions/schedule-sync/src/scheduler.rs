//! The calls to EventBridge Scheduler, and what its errors mean.

use std::error::Error;

use aws_sdk_scheduler::{
    Client,
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
    operation::get_schedule::GetScheduleOutput,
    types::ActionAfterCompletion,
};

use crate::{Draft, SyncError};

/// The stack's group of schedules.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    client: Client,
    name: String,
}

/// Why a write was not carried out.
#[derive(Debug)]
pub(crate) enum NotDone {
    /// The schedule is not what it was when it was read: look again.
    Moved,
    /// AWS will not take it, however often it is asked.
    Refused(String),
    /// Anything else.
    Failed(SyncError),
}

impl Group {
    pub(crate) fn new(client: Client, name: String) -> Self {
        Self { client, name }
    }

    /// The schedule of that name, `None` if there is none.
    pub(crate) async fn get(&self, name: &str) -> Result<Option<GetScheduleOutput>, SyncError> {
        match self
            .client
            .get_schedule()
            .group_name(&self.name)
            .name(name)
            .send()
            .await
        {
            Ok(found) => Ok(Some(found)),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(self.failed(name, "reading it", &error)),
        }
    }

    /// The names of all schedules of the group. A listing may lag behind by some seconds.
    pub(crate) async fn list(&self) -> Result<Vec<String>, SyncError> {
        let mut listed = Vec::new();
        let mut pages = self
            .client
            .list_schedules()
            .group_name(&self.name)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| {
                if is_missing(&error) {
                    return self.missing("*");
                }
                self.failed("*", "listing the group", &error)
            })?;
            listed.extend(page.schedules.into_iter().filter_map(|summary| summary.name));
        }
        Ok(listed)
    }

    /// Makes the schedule. The SDK names the request, so that one sent twice makes one schedule.
    pub(crate) async fn create(&self, draft: &Draft) -> Result<(), NotDone> {
        let request = self.client.create_schedule().group_name(&self.name).name(&draft.name);
        let sent = request
            .description(&draft.description)
            .schedule_expression(&draft.expression)
            .schedule_expression_timezone(&draft.timezone)
            .state(draft.state())
            .flexible_time_window(draft.window())
            .target(draft.target())
            .action_after_completion(ActionAfterCompletion::None)
            .send()
            .await;
        match sent {
            Ok(_) => Ok(()),
            Err(error) if is_missing(&error) => Err(NotDone::Failed(self.missing(&draft.name))),
            Err(error) => Err(self.not_done(&draft.name, "creating it", &error)),
        }
    }

    /// Replaces the schedule, all fields of it.
    pub(crate) async fn update(&self, draft: &Draft) -> Result<(), NotDone> {
        let request = self.client.update_schedule().group_name(&self.name).name(&draft.name);
        let sent = request
            .description(&draft.description)
            .schedule_expression(&draft.expression)
            .schedule_expression_timezone(&draft.timezone)
            .state(draft.state())
            .flexible_time_window(draft.window())
            .target(draft.target())
            .action_after_completion(ActionAfterCompletion::None)
            .send()
            .await;
        match sent {
            Ok(_) => Ok(()),
            Err(error) if is_missing(&error) => Err(NotDone::Moved),
            Err(error) => Err(self.not_done(&draft.name, "changing it", &error)),
        }
    }

    /// Removes the schedule.
    pub(crate) async fn delete(&self, name: &str) -> Result<(), NotDone> {
        match self
            .client
            .delete_schedule()
            .group_name(&self.name)
            .name(name)
            .send()
            .await
        {
            Ok(_) => Ok(()),
            Err(error) if is_missing(&error) => Err(NotDone::Moved),
            Err(error) => Err(self.not_done(name, "deleting it", &error)),
        }
    }

    fn missing(&self, name: &str) -> SyncError {
        SyncError::GroupMissing {
            name: name.to_owned(),
            group: self.name.clone(),
        }
    }

    fn not_done<E>(&self, name: &str, tried: &'static str, error: &SdkError<E, HttpResponse>) -> NotDone
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        match error.code() {
            Some("ConflictException") => NotDone::Moved,
            // AWS words it so when the scheduler may not assume the role, as in the seconds after the role was made.
            Some("ValidationException") if error.message().is_some_and(|text| text.contains("execution role")) => {
                let (name, said) = (name.to_owned(), said(error));
                NotDone::Failed(SyncError::Denied { name, tried, said })
            }
            Some("ValidationException") => NotDone::Refused(said(error)),
            _ => NotDone::Failed(self.failed(name, tried, error)),
        }
    }

    fn failed<E>(&self, name: &str, tried: &'static str, error: &SdkError<E, HttpResponse>) -> SyncError
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let (name, said) = (name.to_owned(), said(error));
        match error.code().unwrap_or_default() {
            "ThrottlingException" | "Throttling" | "TooManyRequestsException" | "RequestLimitExceeded" => {
                SyncError::Throttled { name, tried, said }
            }
            "ServiceQuotaExceededException" => SyncError::QuotaUsedUp { name, tried, said },
            "AccessDeniedException"
            | "UnrecognizedClientException"
            | "ExpiredTokenException"
            | "InvalidSignatureException"
            | "MissingAuthenticationTokenException" => SyncError::Denied { name, tried, said },
            _ => SyncError::Unanswered { name, tried, said },
        }
    }
}

fn is_missing<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    error.code() == Some("ResourceNotFoundException")
}

/// The error and its causes in one line; the SDK's own long form also prints the answer's headers, which nobody needs.
fn said<E: ProvideErrorMetadata + Error + 'static>(error: &SdkError<E, HttpResponse>) -> String {
    if let Some(code) = error.code() {
        return format!("{code}: {}", error.message().unwrap_or("no message"));
    }
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !said.ends_with(&text) {
            said = format!("{said}: {text}");
        }
        cause = error.source();
    }
    said
}
