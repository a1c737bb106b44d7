//! Where the schedules are, and what they call: the stack's own names, from the environment.

use std::collections::BTreeSet;

use seatbelt_model::system::KnownPlatforms;
use seatbelt_runtime::setting;

/// EventBridge Scheduler's limits for names (API reference, `CreateSchedule`, read 2026-11-25).
const LONGEST_NAME: usize = 64;
const LONGEST_ARN: usize = 1600;

/// The stack's part of every schedule. Made by [`Place::new`], which checks it.
#[derive(Debug, Clone)]
pub struct Place {
    stack: String,
    group: String,
    backup_arn_prefix: String,
    role_arn: String,
    dead_letter_arn: String,
    deployed: BTreeSet<String>,
    known: KnownPlatforms,
}

/// What a [`Place`] is made of, by the names of the environment.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// `SEATBELT_STACK`
    pub stack: String,
    /// `SEATBELT_SCHEDULE_GROUP`
    pub group: String,
    /// `SEATBELT_BACKUP_ARN_PREFIX`, to which a platform is appended.
    pub backup_arn_prefix: String,
    /// `SEATBELT_SCHEDULER_ROLE_ARN`, the role EventBridge Scheduler calls the backup functions with.
    pub role_arn: String,
    /// `SEATBELT_SCHEDULE_DLQ_ARN`, the queue for firings that could not be delivered.
    pub dead_letter_arn: String,
    /// `SEATBELT_PLATFORMS`, with commas.
    pub platforms: String,
}

/// A name EventBridge Scheduler would refuse. AWS says so only when the first schedule is made; an emulator never.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{setting} is \"{value}\", which is not {expected}; the stack's template sets it")]
pub struct InvalidPlace {
    /// The environment variable.
    pub setting: &'static str,
    /// What is in it.
    pub value: String,
    /// What should be.
    pub expected: &'static str,
}

impl Names {
    /// Reads them from the environment.
    ///
    /// # Errors
    /// When one is not set.
    pub fn from_env() -> anyhow::Result<Self> {
        Ok(Self {
            stack: setting("SEATBELT_STACK")?,
            group: setting("SEATBELT_SCHEDULE_GROUP")?,
            backup_arn_prefix: setting("SEATBELT_BACKUP_ARN_PREFIX")?,
            role_arn: setting("SEATBELT_SCHEDULER_ROLE_ARN")?,
            dead_letter_arn: setting("SEATBELT_SCHEDULE_DLQ_ARN")?,
            platforms: setting("SEATBELT_PLATFORMS")?,
        })
    }
}

impl Place {
    /// Checks the names as AWS would.
    ///
    /// # Errors
    /// The first that AWS would refuse.
    pub fn new(names: Names) -> Result<Self, InvalidPlace> {
        let deployed = split(&names.platforms);
        check("SEATBELT_PLATFORMS", &names.platforms, "a list of platforms", |_| {
            !deployed.is_empty() && deployed.iter().all(|platform| is_word(platform, "_-"))
        })?;
        check(
            "SEATBELT_SCHEDULE_GROUP",
            &names.group,
            "the name of a schedule group",
            is_name,
        )?;
        let functions = "the beginning of a Lambda function's ARN";
        check(
            "SEATBELT_BACKUP_ARN_PREFIX",
            &names.backup_arn_prefix,
            functions,
            |arn| {
                is_arn(arn, "lambda", |name| {
                    name.strip_prefix("function:").is_some_and(|name| is_word(name, "_-"))
                })
            },
        )?;
        check(
            "SEATBELT_SCHEDULER_ROLE_ARN",
            &names.role_arn,
            "the ARN of a role",
            |arn| {
                is_arn(arn, "iam", |name| {
                    name.strip_prefix("role/").is_some_and(|name| is_word(name, "_+=,.@/-"))
                })
            },
        )?;
        check(
            "SEATBELT_SCHEDULE_DLQ_ARN",
            &names.dead_letter_arn,
            "the ARN of an SQS queue",
            |arn| is_arn(arn, "sqs", |name| is_word(name, "_-")),
        )?;
        Ok(Self {
            // Whether a system has its credential is not for its schedule: some platforms need none, and each backup says so.
            known: deployed.iter().fold(KnownPlatforms::default(), |known, platform| {
                known.without_secret(platform)
            }),
            stack: names.stack,
            group: names.group,
            backup_arn_prefix: names.backup_arn_prefix,
            role_arn: names.role_arn,
            dead_letter_arn: names.dead_letter_arn,
            deployed,
        })
    }

    /// The stack's name.
    #[must_use]
    pub fn stack(&self) -> &str {
        &self.stack
    }

    /// The schedule group, the stack's own.
    #[must_use]
    pub fn group(&self) -> &str {
        &self.group
    }

    /// The role that EventBridge Scheduler calls the functions with.
    #[must_use]
    pub fn role_arn(&self) -> &str {
        &self.role_arn
    }

    /// The queue for firings that could not be delivered.
    #[must_use]
    pub fn dead_letter_arn(&self) -> &str {
        &self.dead_letter_arn
    }

    /// The platforms that are deployed, as the manifest's entries are checked with.
    #[must_use]
    pub fn known(&self) -> &KnownPlatforms {
        &self.known
    }

    /// The backup function of a platform.
    #[must_use]
    pub fn function_arn(&self, platform: &str) -> String {
        format!("{}{platform}", self.backup_arn_prefix)
    }

    /// Whether `arn` is a backup function of this stack, deployed or not.
    #[must_use]
    pub fn owns(&self, arn: &str) -> bool {
        arn.starts_with(&self.backup_arn_prefix)
    }

    /// Whether `arn` is a backup function that is deployed.
    #[must_use]
    pub fn is_deployed(&self, arn: &str) -> bool {
        arn.strip_prefix(&self.backup_arn_prefix)
            .is_some_and(|platform| self.deployed.contains(platform))
    }
}

/// A name as EventBridge Scheduler takes it, of a schedule and of a group: 1 to 64 of `0-9a-zA-Z-_.`.
pub(crate) fn is_name(text: &str) -> bool {
    text.len() <= LONGEST_NAME && is_word(text, "-_.")
}

fn split(platforms: &str) -> BTreeSet<String> {
    let names = platforms.split(',').map(str::trim).filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

fn is_word(text: &str, besides: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || besides.contains(c))
}

/// `arn:PARTITION:SERVICE:REGION:ACCOUNT:NAME`, with no region for IAM.
fn is_arn(text: &str, service: &str, name: impl Fn(&str) -> bool) -> bool {
    let parts: Vec<_> = text.splitn(6, ':').collect();
    let [arn, partition, found, region, account, rest] = parts[..] else {
        return false;
    };
    let placed = if service == "iam" {
        region.is_empty()
    } else {
        is_word(region, "-")
    };
    text.len() <= LONGEST_ARN
        && arn == "arn"
        && partition.starts_with("aws")
        && found == service
        && placed
        && account.len() == 12
        && account.bytes().all(|byte| byte.is_ascii_digit())
        && name(rest)
}

fn check(
    setting: &'static str,
    value: &str,
    expected: &'static str,
    holds: impl Fn(&str) -> bool,
) -> Result<(), InvalidPlace> {
    if holds(value) {
        return Ok(());
    }
    Err(InvalidPlace {
        setting,
        value: value.to_owned(),
        expected,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        Names {
            stack: "seatbelt".into(),
            group: "seatbelt-backups".into(),
            backup_arn_prefix: "arn:aws:lambda:eu-central-1:123456789012:function:seatbelt-backup-".into(),
            role_arn: "arn:aws:iam::123456789012:role/seatbelt/Scheduler-1AB".into(),
            dead_letter_arn: "arn:aws:sqs:eu-central-1:123456789012:seatbelt-dead".into(),
            platforms: "github, google_workspace".into(),
        }
    }

    #[test]
    fn functions_are_told_apart() {
        let place = Place::new(names()).unwrap();
        assert_eq!(
            place.known().names().collect::<Vec<_>>(),
            ["github", "google_workspace"]
        );
        assert!(place.is_deployed(&place.function_arn("google_workspace")));
        assert!(!place.is_deployed(&place.function_arn("google")));
        assert!(place.owns(&place.function_arn("google")));
        assert!(!place.owns("arn:aws:lambda:eu-central-1:123456789012:function:mine"));
    }

    #[test]
    fn what_aws_would_refuse_is_refused_at_the_start() {
        let refused = |change: &dyn Fn(&mut Names)| {
            let mut names = names();
            change(&mut names);
            Place::new(names).map(|_| ()).unwrap_err().setting
        };
        assert_eq!(refused(&|n| n.group = "a/b".into()), "SEATBELT_SCHEDULE_GROUP");
        assert_eq!(refused(&|n| n.group = "a".repeat(65)), "SEATBELT_SCHEDULE_GROUP");
        assert_eq!(refused(&|n| n.platforms = " , ".into()), "SEATBELT_PLATFORMS");
        assert_eq!(
            refused(&|n| n.role_arn = n.dead_letter_arn.clone()),
            "SEATBELT_SCHEDULER_ROLE_ARN"
        );
        assert_eq!(
            refused(&|n| n.role_arn = n.role_arn.replace("12:", "1:")),
            "SEATBELT_SCHEDULER_ROLE_ARN"
        );
        let topic = |n: &mut Names| n.dead_letter_arn = n.dead_letter_arn.replace("sqs", "sns");
        assert_eq!(refused(&topic), "SEATBELT_SCHEDULE_DLQ_ARN");
        assert_eq!(
            refused(&|n| n.backup_arn_prefix = "backup-".into()),
            "SEATBELT_BACKUP_ARN_PREFIX"
        );
    }
}
