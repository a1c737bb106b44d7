//! What every function of a stack works with, from its environment.

use std::sync::Arc;

use anyhow::Context as _;
use aws_config::SdkConfig;
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use seatbelt_catalog::{Catalog, Tables};
use seatbelt_connector_kit::{AwsSecrets, SecretStore, SystemClock};
use seatbelt_model::Clock;
use seatbelt_vault::{LockMode, Vault};

/// The vault, the catalog, the secrets and the clock of the stack this function belongs to. Cheap to clone.
#[derive(Clone)]
pub struct House {
    /// Region, credentials and HTTP client, for clients of other services.
    pub aws: SdkConfig,
    /// Where snapshots are, with the function's own rights.
    pub vault: Vault,
    /// Where the manifest and the run history are.
    pub catalog: Catalog,
    /// Where credentials are.
    pub secrets: Arc<dyn SecretStore>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl House {
    /// Reads `SEATBELT_BUCKET`, `SEATBELT_MANIFEST_TABLE` and `SEATBELT_RUNS_TABLE`; region and credentials as every AWS SDK does.
    /// Sends nothing.
    ///
    /// # Errors
    /// When one of them is not set.
    pub async fn from_env() -> anyhow::Result<Self> {
        // Two TLS stacks would double the start; the SDK and the vendor's client share this one.
        rustls::crypto::ring::default_provider().install_default().ok();
        let http = Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_https();
        let aws = aws_config::defaults(aws_config::BehaviorVersion::latest())
            .http_client(http)
            .load()
            .await;
        let tables = Tables {
            manifest: setting("SEATBELT_MANIFEST_TABLE")?,
            runs: setting("SEATBELT_RUNS_TABLE")?,
        };
        let secrets = AwsSecrets {
            ssm: aws_sdk_ssm::Client::new(&aws),
            secretsmanager: aws_sdk_secretsmanager::Client::new(&aws),
        };
        Ok(Self {
            vault: vault(aws_sdk_s3::config::Builder::from(&aws))?,
            catalog: Catalog::new(aws_sdk_dynamodb::Client::new(&aws), tables),
            secrets: Arc::new(secrets),
            clock: Arc::new(SystemClock),
            aws,
        })
    }

    /// The vault with rights on the objects of `system` and no others. IAM holds it to that: the role that `SEATBELT_VAULT_ROLE_ARN` names
    /// takes the system from the session's tag. Without such a role, the function's own rights serve.
    ///
    /// # Errors
    /// When the role cannot be assumed.
    pub async fn vault_of(&self, system: &str) -> anyhow::Result<Vault> {
        let Ok(role) = std::env::var("SEATBELT_VAULT_ROLE_ARN") else {
            return Ok(self.vault.clone());
        };
        let tag = aws_sdk_sts::types::Tag::builder().key("system").value(system).build()?;
        let assumed = aws_sdk_sts::Client::new(&self.aws)
            .assume_role()
            .role_arn(&role)
            .role_session_name(system.chars().take(64).collect::<String>())
            .tags(tag)
            .send()
            .await
            .map_err(|error| {
                let error = aws_sdk_sts::error::DisplayErrorContext(error);
                anyhow::anyhow!("cannot assume {role} for system {system}: {error}; the stack's template grants it")
            })?;
        let given = assumed.credentials.context("AssumeRole answered without credentials")?;
        // They outlive the invocation: an hour against 15 minutes.
        let credentials = Credentials::new(
            given.access_key_id,
            given.secret_access_key,
            Some(given.session_token),
            None,
            "seatbelt-vault-role",
        );
        let config = aws_sdk_s3::config::Builder::from(&self.aws)
            .credentials_provider(SharedCredentialsProvider::new(credentials));
        vault(config)
    }
}

fn vault(config: aws_sdk_s3::config::Builder) -> anyhow::Result<Vault> {
    // Emulators and S3-compatible stores have one host for all buckets.
    let path_style = std::env::var("SEATBELT_S3_PATH_STYLE").is_ok_and(|value| value == "true");
    let client = aws_sdk_s3::Client::from_conf(config.force_path_style(path_style).build());
    let options = seatbelt_vault::Options {
        lock_mode: lock_mode()?,
        lock_days: lock_days()?,
        // The bucket's lifecycle rule expires what carries this tag.
        staging_tags: Some("seatbelt=staging".to_owned()),
        ..seatbelt_vault::Options::default()
    };
    Ok(Vault::new(client, setting("SEATBELT_BUCKET")?, options))
}

/// The mode of the locks that systems ask for. It must be the bucket's own, as S3 turns no lock of one mode into one of the other.
fn lock_mode() -> anyhow::Result<LockMode> {
    match std::env::var("SEATBELT_LOCK_MODE").as_deref() {
        Err(_) | Ok("" | "GOVERNANCE") => Ok(LockMode::Governance),
        Ok("COMPLIANCE") => Ok(LockMode::Compliance),
        Ok(other) => anyhow::bail!("SEATBELT_LOCK_MODE is `{other}`; it is GOVERNANCE or COMPLIANCE"),
    }
}

/// For how long the bucket locks whatever is stored in it.
fn lock_days() -> anyhow::Result<Option<u32>> {
    match std::env::var("SEATBELT_LOCK_DAYS").as_deref() {
        Err(_) | Ok("" | "0") => Ok(None),
        Ok(days) => days
            .parse()
            .map(Some)
            .map_err(|_| anyhow::anyhow!("SEATBELT_LOCK_DAYS is `{days}`; it is a whole number of days")),
    }
}

/// A setting from the environment.
///
/// # Errors
/// When it is not set, or empty.
pub fn setting(name: &str) -> anyhow::Result<String> {
    std::env::var(name)
        .ok()
        .filter(|value| !value.is_empty())
        .with_context(|| format!("the environment variable {name} is not set; the stack's template sets it"))
}
