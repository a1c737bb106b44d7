//! What is said where the stack, the way to it, or the right to it is missing.

use seatbelt_platforms::practice::crm;

use crate::cloud::{Cloud, said, says};

#[test]
fn without_region_or_credentials_nothing_is_asked() {
    let cloud = Cloud::start();
    let bare = |region: bool| {
        let mut command = cloud.bare(&["runs"]);
        if region {
            command.args(["--region", "eu-central-1"]);
        }
        said(command.output().unwrap())
    };
    says(
        bare(false),
        1,
        &[
            "stack prod: no region is named",
            "hint: name it with --region or AWS_REGION",
        ],
    );
    says(
        bare(true),
        1,
        &[
            "there are no AWS credentials to work with",
            "hint: name a profile with AWS_PROFILE",
        ],
    );
}

#[test]
fn a_stack_that_is_not_there_or_not_ready_says_so() {
    let cloud = Cloud::start();
    cloud.aws.account().status = "CREATE_IN_PROGRESS";
    cloud.fails(1, &["runs"], &["still being created", "hint: aws cloudformation wait"]);
    cloud.aws.account().status = "ROLLBACK_COMPLETE";
    cloud.fails(1, &["runs"], &["was not created (ROLLBACK_COMPLETE)"]);
    cloud.aws.account().status = "CREATE_COMPLETE";
    cloud.ok(&["runs"]);
    cloud.aws.account().outputs.clear();
    cloud.fails(
        1,
        &["runs"],
        &["stack prod has no output Bucket", "deploy this version's template"],
    );
}

#[test]
fn an_unknown_stack_names_region_and_what_helps() {
    let cloud = Cloud::start();
    let found = said(cloud.unknown(&["runs"]).output().unwrap());
    says(
        found,
        1,
        &[
            "there is no stack staging in us-east-1",
            "aws cloudformation list-stacks",
        ],
    );
}

#[test]
fn a_missing_right_is_named_with_what_it_is_on() {
    let cloud = Cloud::with_crm(crm::READ_ONLY_TOKEN);
    let deny = |action: &'static str| {
        let mut account = cloud.aws.account();
        account.denied.clear();
        account.denied.insert(action);
    };
    let hint = "docs/CLI.md, \"On a deployed stack\"";
    deny("cloudformation:DescribeStacks");
    cloud.fails(
        1,
        &["runs"],
        &["does not allow cloudformation:DescribeStacks on stack prod", hint],
    );
    deny("lambda:InvokeFunction");
    cloud.fails(
        1,
        &["backup", "crm"],
        &[
            "crm: starting its backup",
            "lambda:InvokeFunction on function prod-backup-practice_crm",
            hint,
        ],
    );
    deny("dynamodb:Scan");
    cloud.fails(1, &["manifest", "list"], &["dynamodb:Scan", "prod-manifest", hint]);
    deny("secretsmanager:GetSecretValue");
    cloud.fails(
        1,
        &["check", "crm"],
        &["secretsmanager:seatbelt/practice_crm/crm", "AccessDenied"],
    );
    deny("s3:GetObject");
    cloud.fails(1, &["verify", "--all"], &["access denied", hint]);
}

#[test]
fn a_platform_or_a_function_that_is_not_deployed_is_named() {
    let cloud = Cloud::with_crm(crm::READ_ONLY_TOKEN);
    cloud
        .aws
        .account()
        .outputs
        .insert("BackupFunctionPrefix", "gone-backup-".into());
    cloud.fails(
        1,
        &["backup", "crm"],
        &[
            "there is no function gone-backup-practice_crm",
            "hint: deploy the stack again",
        ],
    );
    cloud.aws.account().outputs.insert("Platforms", "wordpress".into());
    cloud.fails(
        1,
        &["backup", "crm"],
        &[
            "has no function for practice_crm; it has wordpress",
            "parameter Platforms",
        ],
    );
    let check = cloud.run(&["manifest", "check"]);
    assert!(
        check.code == 1 && check.out.contains("has no function for practice_crm"),
        "{check:?}"
    );
}
