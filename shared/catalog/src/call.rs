//! Calling DynamoDB: expressions, conditional writes, and what its errors mean.

use std::{collections::HashMap, error::Error};

use aws_sdk_dynamodb::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
    operation::{delete_item::DeleteItemError, put_item::PutItemError, update_item::UpdateItemError},
    types::{AttributeValue, error::ConditionalCheckFailedException},
};

use crate::CatalogError;

/// What DynamoDB keeps under one key.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// DynamoDB's limit for one item, names and values together.
pub(crate) const ITEM_LIMIT_BYTES: usize = 400 * 1024;

/// `#name` stands for `name` in every expression: half of the plain words we use are reserved.
pub(crate) fn names<const N: usize>(names: [&str; N]) -> Option<HashMap<String, String>> {
    Some(
        names
            .into_iter()
            .map(|name| (format!("#{name}"), name.to_owned()))
            .collect(),
    )
}

/// The values of an expression, by their names with the colon.
pub(crate) fn values<const N: usize>(values: [(&str, AttributeValue); N]) -> Option<Item> {
    Some(
        values
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    )
}

/// The key of an item of the runs table.
pub(crate) fn key(system: &str, run: &str) -> Option<Item> {
    values([
        ("system", AttributeValue::S(system.to_owned())),
        ("run", AttributeValue::S(run.to_owned())),
    ])
}

/// A text of an item.
pub(crate) fn text_of<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

/// A whole number of an item.
pub(crate) fn whole_of(item: &Item, name: &str) -> Option<u64> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

/// What was tried, and on which table.
#[derive(Clone, Copy)]
pub(crate) struct Tried<'a> {
    pub(crate) table: &'a str,
    pub(crate) what: &'a str,
}

/// An operation that may be refused by its own condition.
pub(crate) trait Conditional: ProvideErrorMetadata + Error + Send + Sync + 'static {
    /// The refusal, if it is one.
    fn refusal(&self) -> Option<&ConditionalCheckFailedException>;
}

macro_rules! conditional {
    ($($error:ident),*) => {$(
        impl Conditional for $error {
            fn refusal(&self) -> Option<&ConditionalCheckFailedException> {
                match self {
                    Self::ConditionalCheckFailedException(refusal) => Some(refusal),
                    _ => None,
                }
            }
        }
    )*};
}
conditional!(DeleteItemError, PutItemError, UpdateItemError);

impl Tried<'_> {
    /// The outcome of a conditional write: done, or refused with the item that stood in the way (empty if there is none).
    pub(crate) fn settle<T, E: Conditional>(
        self,
        outcome: Result<T, SdkError<E, HttpResponse>>,
    ) -> Result<Result<T, Item>, CatalogError> {
        match outcome {
            Ok(done) => Ok(Ok(done)),
            Err(error) => match error.as_service_error().and_then(E::refusal) {
                Some(refusal) => Ok(Err(refusal.item().cloned().unwrap_or_default())),
                None => Err(self.failed(error)),
            },
        }
    }

    /// What an error of the SDK means.
    pub(crate) fn failed<E>(self, error: SdkError<E, HttpResponse>) -> CatalogError
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        let status = error.raw_response().map(|response| response.status().as_u16());
        let (code, message) = (error.code().unwrap_or_default(), error.message().unwrap_or_default());
        let (tried, table) = (self.what.to_owned(), self.table.to_owned());
        let said = if code.is_empty() {
            causes(&error)
        } else {
            format!("{code}: {message}")
        };
        match code {
            "ThrottlingException"
            | "Throttling"
            | "ProvisionedThroughputExceededException"
            | "RequestLimitExceeded"
            | "LimitExceededException" => CatalogError::Throttled { tried, table, said },
            "ResourceNotFoundException" => CatalogError::TableMissing { tried, table },
            "ValidationException" if message.contains("tem size") => CatalogError::TooLarge {
                tried,
                size_bytes: ITEM_LIMIT_BYTES + 1,
                limit_bytes: ITEM_LIMIT_BYTES,
            },
            "AccessDeniedException"
            | "UnrecognizedClientException"
            | "ExpiredTokenException"
            | "ExpiredToken"
            | "InvalidSignatureException"
            | "MissingAuthenticationTokenException" => CatalogError::Denied { tried, table, said },
            "InternalServerError"
            | "InternalServerErrorException"
            | "ServiceUnavailable"
            | "TransactionConflictException"
            | "TransactionInProgressException"
            | "ReplicatedWriteConflictException" => CatalogError::Unanswered { tried, table, said },
            "" if status.is_none() && is_local(&error, &said) => CatalogError::Denied { tried, table, said },
            "" => CatalogError::Unanswered { tried, table, said },
            _ if status.is_some_and(|status| status >= 500) => CatalogError::Unanswered { tried, table, said },
            _ => CatalogError::Refused { tried, table, said },
        }
    }
}

/// Whether the request never left, as it could not be built, or not be signed for want of credentials.
fn is_local<E: Error + 'static>(error: &SdkError<E, HttpResponse>, said: &str) -> bool {
    match error {
        SdkError::ConstructionFailure(_) => true,
        // The SDK has no error of its own for missing credentials; only its words tell.
        SdkError::DispatchFailure(failure) if !failure.is_io() && !failure.is_timeout() => {
            failure.is_user() || said.contains("identity") || said.contains("credentials")
        }
        _ => false,
    }
}

/// The error and its causes in one line. The SDK's own long form also prints the answer's headers, which nobody needs.
fn causes(error: &dyn Error) -> String {
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
