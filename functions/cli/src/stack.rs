//! A stack deployed on AWS, found by its name: what it is made of, and its functions.
//!
//! CloudFormation alone is asked, once for each command: bucket, tables and functions are the stack's outputs, and how objects are locked
//! is among its parameters. Everything is done with the caller's own rights.

use std::{collections::BTreeMap, error::Error};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_cloudformation::{
    config::{ProvideCredentials as _, http::HttpResponse},
    error::{ProvideErrorMetadata, SdkError},
    types::StackStatus,
};
use aws_sdk_lambda::{primitives::Blob, types::InvocationType};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use seatbelt_catalog::{Catalog, Tables};
use seatbelt_connector_kit::AwsSecrets;
use seatbelt_vault::{LockMode, Options, Vault};
use serde_json::json;

use crate::failure::Failure;

/// Where it is written which rights each command needs.
pub(crate) const RIGHTS: &str = "docs/CLI.md, \"On a deployed stack\", lists what each command needs";

/// A stack, as CloudFormation describes it.
#[derive(Debug, Clone)]
pub(crate) struct Stack {
    /// Its name.
    pub(crate) name: String,
    aws: SdkConfig,
    outputs: BTreeMap<String, String>,
    parameters: BTreeMap<String, String>,
}

/// Region, credentials and HTTP client, as every AWS tool takes them from environment and profile. Sends nothing.
pub(crate) async fn config(region: Option<&str>) -> SdkConfig {
    let http = Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https();
    let loader = aws_config::defaults(BehaviorVersion::latest()).http_client(http);
    match region {
        Some(region) => loader.region(Region::new(region.to_owned())).load().await,
        None => loader.load().await,
    }
}

/// Where AWS keeps secrets.
pub(crate) fn secrets(aws: &SdkConfig) -> AwsSecrets {
    AwsSecrets {
        ssm: aws_sdk_ssm::Client::new(aws),
        secretsmanager: aws_sdk_secretsmanager::Client::new(aws),
    }
}

impl Stack {
    /// Asks CloudFormation for the stack of this name, in `region` or in that of the environment or the profile.
    pub(crate) async fn find(name: &str, region: Option<&str>) -> Result<Self, Failure> {
        let aws = config(region).await;
        let Some(region) = aws.region().map(ToString::to_string) else {
            return Err(Failure::new(
                format!("stack {name}: no region is named, so it is unknown where to look for it"),
                "name it with --region or AWS_REGION, or in the profile that AWS_PROFILE names",
            ));
        };
        signed_in(&aws).await?;
        let described = aws_sdk_cloudformation::Client::new(&aws)
            .describe_stacks()
            .stack_name(name)
            .send()
            .await;
        let described = described.map_err(|error| {
            if error.code() == Some("ValidationError") && error.message().is_some_and(|said| said.contains("not exist")) {
                return Failure::new(
                    format!("there is no stack {name} in {region}, in the account of these credentials"),
                    "name the right one with --stack, --region and AWS_PROFILE; aws cloudformation list-stacks lists them",
                );
            }
            let tried = format!("looking for stack {name} in {region}");
            refused(&tried, "cloudformation:DescribeStacks", &format!("stack {name}"), &error)
        })?;
        let stack = described.stacks.unwrap_or_default().into_iter().next().ok_or_else(|| {
            Failure::new(
                format!("CloudFormation answered without a description of stack {name}"),
                "run the same command again",
            )
        })?;
        settled(name, stack.stack_status.as_ref())?;
        let outputs = stack.outputs.unwrap_or_default().into_iter();
        let parameters = stack.parameters.unwrap_or_default().into_iter();
        Ok(Self {
            name: name.to_owned(),
            outputs: outputs
                .filter_map(|output| Some((output.output_key?, output.output_value?)))
                .collect(),
            parameters: parameters
                .filter_map(|parameter| Some((parameter.parameter_key?, parameter.parameter_value?)))
                .collect(),
            aws,
        })
    }

    /// The bucket, worked on as the stack's functions do.
    pub(crate) fn vault(&self) -> Result<Vault, Failure> {
        // Emulators have one host for all buckets.
        let path_style = std::env::var("SEATBELT_S3_PATH_STYLE").is_ok_and(|value| value == "true");
        let config = aws_sdk_s3::config::Builder::from(&self.aws)
            .force_path_style(path_style)
            .build();
        let parameter = |name: &str| self.parameters.get(name).map(String::as_str);
        let (lock_mode, locked) = match parameter("LockMode") {
            Some("COMPLIANCE") => (LockMode::Compliance, true),
            Some("GOVERNANCE") => (LockMode::Governance, true),
            _ => (LockMode::Governance, false),
        };
        let options = Options {
            lock_mode,
            lock_days: parameter("LockDays")
                .filter(|_| locked)
                .and_then(|days| days.parse().ok()),
            // The bucket's lifecycle rule expires what carries this tag.
            staging_tags: Some("seatbelt=staging".to_owned()),
            ..Options::default()
        };
        Ok(Vault::new(
            aws_sdk_s3::Client::from_conf(config),
            self.output("Bucket")?,
            options,
        ))
    }

    /// The two tables.
    pub(crate) fn catalog(&self) -> Result<Catalog, Failure> {
        let tables = Tables {
            manifest: self.output("ManifestTable")?.to_owned(),
            runs: self.output("RunsTable")?.to_owned(),
        };
        Ok(Catalog::new(aws_sdk_dynamodb::Client::new(&self.aws), tables))
    }

    /// Where its credentials are, read with the caller's rights.
    pub(crate) fn secrets(&self) -> AwsSecrets {
        secrets(&self.aws)
    }

    /// Whether it has a function for this platform.
    pub(crate) fn has(&self, platform: &str) -> Result<bool, Failure> {
        let platforms = self.output("Platforms")?;
        Ok(platforms.split(',').any(|known| known.trim() == platform))
    }

    /// The name of the function that backs up systems of this platform.
    pub(crate) fn function(&self, platform: &str) -> Result<String, Failure> {
        if self.has(platform)? {
            return Ok(format!("{}{platform}", self.output("BackupFunctionPrefix")?));
        }
        Err(Failure::new(
            format!(
                "stack {} has no function for {platform}; it has {}",
                self.name,
                self.output("Platforms")?
            ),
            format!("add {platform} to the stack's parameter Platforms, and deploy it again"),
        ))
    }

    /// Asks a function for a backup, and does not wait for it. Returns the id of the request, which the function's log has too.
    pub(crate) async fn invoke(&self, function: &str, system: &str, full: bool) -> Result<String, Failure> {
        let mut event = json!({ "system": system });
        if full {
            event["full"] = true.into();
        }
        let invoked = aws_sdk_lambda::Client::new(&self.aws)
            .invoke()
            .function_name(function)
            .invocation_type(InvocationType::Event)
            .payload(Blob::new(event.to_string()))
            .send()
            .await;
        match invoked {
            Ok(accepted) => Ok(aws_sdk_lambda::operation::RequestId::request_id(&accepted)
                .unwrap_or_default()
                .to_owned()),
            Err(error) if error.code() == Some("ResourceNotFoundException") => Err(Failure::new(
                format!(
                    "{system}: there is no function {function}, although the outputs of stack {} name it",
                    self.name
                ),
                "deploy the stack again",
            )),
            Err(error) => {
                let tried = format!("{system}: starting its backup");
                Err(refused(
                    &tried,
                    "lambda:InvokeFunction",
                    &format!("function {function}"),
                    &error,
                ))
            }
        }
    }

    fn output(&self, name: &str) -> Result<&str, Failure> {
        self.outputs.get(name).map(String::as_str).ok_or_else(|| {
            Failure::new(
                format!(
                    "stack {} has no output {name}, so it is no stack of Seatbelt's, or one of an older version",
                    self.name
                ),
                "name the right stack with --stack, or deploy this version's template",
            )
        })
    }
}

/// Makes sure that there are credentials, which are the first thing to be missing on a new machine.
async fn signed_in(aws: &SdkConfig) -> Result<(), Failure> {
    let found = match aws.credentials_provider() {
        Some(provider) => provider
            .provide_credentials()
            .await
            .map(|_| ())
            .map_err(|error| causes(&error)),
        None => Err("none are configured".to_owned()),
    };
    found.map_err(|why| {
        Failure::new(
            format!("there are no AWS credentials to work with: {why}"),
            "name a profile with AWS_PROFILE, and sign in with aws sso login or aws configure; or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        )
    })
}

/// Refuses a stack that is not, or no longer, there to be worked with.
fn settled(name: &str, status: Option<&StackStatus>) -> Result<(), Failure> {
    let status = status.map_or("", StackStatus::as_str);
    let wait = format!("aws cloudformation wait stack-create-complete --stack-name {name}");
    match status {
        "CREATE_IN_PROGRESS" | "REVIEW_IN_PROGRESS" => Err(Failure::new(
            format!("stack {name} is still being created ({status})"),
            wait,
        )),
        "CREATE_FAILED" | "ROLLBACK_IN_PROGRESS" | "ROLLBACK_FAILED" | "ROLLBACK_COMPLETE" => Err(Failure::new(
            format!("stack {name} was not created ({status})"),
            format!(
                "aws cloudformation describe-stack-events --stack-name {name} says why; then delete it and deploy it again"
            ),
        )),
        "DELETE_IN_PROGRESS" | "DELETE_FAILED" | "DELETE_COMPLETE" => Err(Failure::new(
            format!("stack {name} is deleted, or being deleted ({status})"),
            "its bucket and tables are kept; deploy a stack on them again, or name another with --stack",
        )),
        _ => Ok(()),
    }
}

/// What it means that AWS did not do what was tried, and what helps.
fn refused<E>(tried: &str, action: &str, on: &str, error: &SdkError<E, HttpResponse>) -> Failure
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let (code, said) = (error.code().unwrap_or_default(), error.message().unwrap_or_default());
    match code {
        "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" => Failure::new(
            format!("{tried}: AWS does not allow {action} on {on} ({said})"),
            format!("ask for {action} on {on}, or use another profile with AWS_PROFILE; {RIGHTS}"),
        ),
        "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" => Failure::new(
            format!("{tried}: the AWS credentials have expired ({said})"),
            "sign in again: aws sso login",
        ),
        "InvalidClientTokenId"
        | "UnrecognizedClientException"
        | "SignatureDoesNotMatch"
        | "InvalidSignatureException"
        | "MissingAuthenticationToken" => Failure::new(
            format!("{tried}: AWS does not accept the credentials ({said})"),
            "aws sts get-caller-identity says whose they are; name others with AWS_PROFILE",
        ),
        "" => Failure::new(
            format!("{tried}: AWS cannot be reached: {}", causes(error)),
            "check the network, the region (--region, AWS_REGION) and AWS_ENDPOINT_URL if it is set",
        ),
        _ => Failure::new(
            format!("{tried}: AWS refused ({code}: {said})"),
            "run the same command again; if it stays so, a person must look",
        ),
    }
}

/// An error with all that caused it, each once.
fn causes(error: &dyn Error) -> String {
    let (mut said, mut next) = (error.to_string(), error.source());
    while let Some(cause) = next {
        let text = cause.to_string();
        if !said.contains(&text) {
            said = format!("{said}: {text}");
        }
        next = cause.source();
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_stack_that_is_there_is_worked_with() {
        let said = |status: StackStatus| settled("prod", Some(&status)).err().map(|failure| failure.to_string());
        for fine in [
            StackStatus::CreateComplete,
            StackStatus::UpdateInProgress,
            StackStatus::UpdateRollbackFailed,
        ] {
            assert_eq!(said(fine), None);
        }
        for (status, words) in [
            (StackStatus::CreateInProgress, "still being created"),
            (StackStatus::RollbackComplete, "was not created"),
            (StackStatus::DeleteInProgress, "being deleted"),
        ] {
            let said = said(status).unwrap();
            assert!(said.contains(words), "{said}");
        }
    }
}
