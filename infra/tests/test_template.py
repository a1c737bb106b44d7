"""The claims hold for the template in all its forms, and each of them fails where it should.

`python -m unittest discover -s infra/tests`, with a Python that has aws-sam-cli.
"""

import copy
import unittest

import claims
import stack

FORMS = {
    "as it comes": {},
    "one platform": {"PlatformNames": "github"},
    "with all that can be chosen": {
        "KmsKeyArn": "arn:aws:kms:eu-central-1:123456789012:key/0f3c", "LockMode": "COMPLIANCE", "LockDays": "30",
        "NotificationEmail": "ops@acme.example", "ReservedConcurrency": "5", "AccessLogBucket": "acme-logs",
    },
    "without a lock of its own": {"LockMode": "none"},
}


class Claims(unittest.TestCase):
    """Every claim on every form."""

    def test_claims_hold(self):
        for name, parameters in FORMS.items():
            deployed = stack.Stack(**parameters)
            for claim in claims.CLAIMS:
                with self.subTest(form=name, claim=claim.__name__):
                    claim(deployed)


def loop(template, kind):
    """A resource of the loop over platforms, as it is written."""
    return template["Resources"]["Fn::ForEach::BackupFunctions"][2]["Backup${P}" + kind]["Properties"]


def own(template, name):
    """A resource outside the loop, as it is written."""
    return template["Resources"][name]["Properties"]


def statement(properties, sid):
    """One statement of a role or of a resource's policy."""
    policies = [p["PolicyDocument"] for p in properties.get("Policies", [])] or [properties["PolicyDocument"]]
    return next(s for p in policies for s in p["Statement"] if s.get("Sid") == sid)


def grant(properties, action, resource):
    """Adds a right to a role."""
    new = {"Effect": "Allow", "Action": action, "Resource": resource}
    properties["Policies"][0]["PolicyDocument"]["Statement"].append(new)


def ungrant(properties, sid):
    """Removes a statement."""
    for document in [p["PolicyDocument"] for p in properties.get("Policies", [])] or [properties["PolicyDocument"]]:
        document["Statement"] = [s for s in document["Statement"] if s.get("Sid") != sid]


EVERY_OBJECT = {"Fn::Sub": "${Bucket.Arn}/*"}
A_SECRET = {"Fn::Sub": "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:seatbelt/*"}
A_FUNCTION = {"Fn::Sub": "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:*"}


def without(mapping, key):
    """Removes a key that must be there."""
    del mapping[key]


# What somebody might do to the template, and the claim that must notice.
MUTATIONS = {
    "a backup may delete": (lambda t: grant(loop(t, "Role"), "s3:DeleteObject", EVERY_OBJECT), "only_retention_deletes"),
    "the vault role may delete": (lambda t: grant(own(t, "VaultRole"), "s3:Delete*", EVERY_OBJECT), "only_retention_deletes"),
    "the watchdog may do anything with S3": (lambda t: grant(own(t, "WatchdogRole"), "s3:*", EVERY_OBJECT), "only_retention_deletes"),
    "retention may not delete": (lambda t: ungrant(own(t, "RetentionRole"), "Objects"), "only_retention_deletes"),
    "retention may change the lifecycle": (
        lambda t: grant(own(t, "RetentionRole"), "s3:PutLifecycleConfiguration", {"Fn::GetAtt": ["Bucket", "Arn"]}), "only_retention_deletes"),
    "the bucket lets others delete": (
        lambda t: statement(own(t, "BucketPolicy"), "OnlyRetentionDeletes").update(Action=["s3:DeleteObject"]), "only_retention_deletes"),
    "retention may shorten locks": (
        lambda t: grant(own(t, "RetentionRole"), "s3:BypassGovernanceRetention", EVERY_OBJECT), "nobody_lifts_locks"),
    "the bucket lets locks be shortened": (lambda t: ungrant(own(t, "BucketPolicy"), "NobodyShortensLocks"), "nobody_lifts_locks"),
    "a backup reads all secrets": (
        lambda t: statement(loop(t, "Role"), "OwnSecrets").update(Resource=A_SECRET), "a_backup_reads_its_own_secrets_only"),
    "a backup reads secrets that begin like its own": (
        lambda t: statement(loop(t, "Role"), "OwnSecrets")["Resource"].update(
            {"Fn::Sub": "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:seatbelt/${P}*"}),
        "a_backup_reads_its_own_secrets_only"),
    "the watchdog reads secrets": (
        lambda t: grant(own(t, "WatchdogRole"), "secretsmanager:GetSecretValue", A_SECRET), "a_backup_reads_its_own_secrets_only"),
    "a backup has rights on S3": (
        lambda t: grant(loop(t, "Role"), "s3:GetObject", EVERY_OBJECT), "a_backup_reaches_objects_through_the_vault_role_only"),
    "a backup cannot take the vault role": (
        lambda t: ungrant(loop(t, "Role"), "OneSystemsObjects"), "a_backup_reaches_objects_through_the_vault_role_only"),
    "the vault role reads all systems": (
        lambda t: statement(own(t, "VaultRole"), "Read").update(Resource=EVERY_OBJECT), "the_vault_role_is_one_systems"),
    "the vault role lists all systems": (lambda t: without(statement(own(t, "VaultRole"), "List"), "Condition"), "the_vault_role_is_one_systems"),
    "a session of the vault role without a system": (
        lambda t: without(own(t, "VaultRole")["AssumeRolePolicyDocument"]["Statement"][0]["Condition"], "StringLike"),
        "the_vault_role_is_one_systems"),
    "schedule-sync may take the vault role": (
        lambda t: own(t, "ScheduleSyncRole").update(Path={"Fn::Sub": "/seatbelt/${AWS::StackName}/backup/"}), "the_vault_role_is_one_systems"),
    "objects can be overwritten": (
        lambda t: without(statement(own(t, "BucketPolicy"), "WrittenOnce")["Condition"], "Null"), "nothing_stored_is_rewritten"),
    "snapshots can be overwritten": (
        lambda t: statement(own(t, "BucketPolicy"), "WrittenOnce")["Resource"].pop(), "nothing_stored_is_rewritten"),
    "a backup invokes all functions": (
        lambda t: statement(loop(t, "Role"), "HandOver").update(Resource=A_FUNCTION), "a_function_invokes_what_it_must"),
    "the watchdog invokes all functions": (
        lambda t: statement(own(t, "WatchdogRole"), "GoOnWithStalledRuns").update(Resource=A_FUNCTION), "a_function_invokes_what_it_must"),
    "a right on everything": (lambda t: grant(own(t, "WatchdogRole"), "cloudwatch:PutMetricData", "*"), "wildcards_are_the_known_ones"),
    "a right to everything": (
        lambda t: grant(own(t, "WatchdogRole"), "dynamodb:*", {"Fn::GetAtt": ["RunsTable", "Arn"]}), "wildcards_are_the_known_ones"),
    "a policy of AWS's": (
        lambda t: own(t, "WatchdogRole").update(ManagedPolicyArns=["arn:aws:iam::aws:policy/AmazonS3FullAccess"]), "wildcards_are_the_known_ones"),
    "the watchdog edits the manifest": (
        lambda t: grant(own(t, "WatchdogRole"), "dynamodb:PutItem", {"Fn::GetAtt": ["ManifestTable", "Arn"]}), "tables_are_held_to_their_use"),
    "schedule-sync edits runs": (lambda t: without(statement(own(t, "ScheduleSyncRole"), "Findings")["Condition"], "ForAllValues:StringEquals"),
                                 "tables_are_held_to_their_use"),
    "schedule-sync in all groups": (
        lambda t: statement(own(t, "ScheduleSyncRole"), "Schedules").update(
            Resource={"Fn::Sub": "arn:${AWS::Partition}:scheduler:${AWS::Region}:${AWS::AccountId}:schedule/*"}),
        "schedules_are_held_to_their_group"),
    "schedule-sync passes roles to anybody": (
        lambda t: without(statement(own(t, "ScheduleSyncRole"), "TheOneRole"), "Condition"), "schedules_are_held_to_their_group"),
    "AWS breaks long runs off": (lambda t: without(loop(t, ""), "RecursiveLoop"), "long_backups_are_not_broken_off"),
    "x86": (lambda t: t["Globals"]["Function"].update(Architectures=["x86_64"]), "functions_are_small_and_current"),
    "logs that are no JSON": (lambda t: loop(t, "")["LoggingConfig"].update(LogFormat="Text"), "functions_are_small_and_current"),
    "no Object Lock": (lambda t: own(t, "Bucket").update(ObjectLockEnabled=False), "the_bucket_is_safe"),
    "no versions": (lambda t: own(t, "Bucket").update(VersioningConfiguration={"Status": "Suspended"}), "the_bucket_is_safe"),
    "the bucket goes with the stack": (lambda t: t["Resources"]["Bucket"].update(DeletionPolicy="Delete"), "the_bucket_is_safe"),
    "a public bucket": (lambda t: own(t, "Bucket")["PublicAccessBlockConfiguration"].update(BlockPublicPolicy=False), "the_bucket_is_safe"),
    "locks of another mode": (
        lambda t: t["Globals"]["Function"]["Environment"]["Variables"].update(SEATBELT_LOCK_MODE="COMPLIANCE"), "the_bucket_is_safe"),
    "plain HTTP": (lambda t: ungrant(own(t, "BucketPolicy"), "EncryptedInTransitOnly"), "the_bucket_is_reached_encrypted_only"),
    "staging stays": (lambda t: own(t, "Bucket")["LifecycleConfiguration"]["Rules"][0].update(TagFilters=[]), "what_is_left_over_goes"),
    "backups expire": (
        lambda t: own(t, "Bucket")["LifecycleConfiguration"]["Rules"][1].update(ExpirationInDays=365), "what_is_left_over_goes"),
    "backups can be tagged to expire": (
        lambda t: statement(own(t, "VaultRole"), "StageWithTheTagThatExpires").update(
            Resource={"Fn::Sub": "${Bucket.Arn}/${!aws:PrincipalTag/system}/*"}), "what_is_left_over_goes"),
    "no point in time recovery": (lambda t: without(own(t, "RunsTable"), "PointInTimeRecoverySpecification"), "the_tables_are_safe"),
    "no deletion protection": (lambda t: own(t, "ManifestTable").update(DeletionProtectionEnabled=False), "the_tables_are_safe"),
    "no stream": (lambda t: own(t, "ManifestTable").update(StreamSpecification={"StreamViewType": "KEYS_ONLY"}), "the_tables_are_safe"),
    "a log that stays for ever": (lambda t: without(loop(t, "Logs"), "RetentionInDays"), "every_function_is_watched"),
    "failed events are lost": (lambda t: without(loop(t, "")["EventInvokeConfig"], "DestinationConfig"), "every_function_is_watched"),
    "failed events cannot be kept": (lambda t: ungrant(loop(t, "Role"), "FailedEvents"), "every_function_is_watched"),
    "no alarm on errors": (lambda t: without(t["Resources"]["Fn::ForEach::BackupFunctions"][2], "Backup${P}Errors"), "every_function_is_watched"),
    "a bad record blocks the stream": (
        lambda t: own(t, "ScheduleSync")["Events"]["Manifest"]["Properties"].update(MaximumRetryAttempts=-1), "every_function_is_watched"),
    "no alarm on a queue": (lambda t: without(t["Resources"], "FailedFiringsAlarm"), "queues_keep_and_tell"),
    "a queue in the clear": (lambda t: own(t, "FailedEvents").update(SqsManagedSseEnabled=False), "queues_keep_and_tell"),
    "an alarm nobody hears": (lambda t: own(t, "SystemsLateAlarm").update(AlarmActions=[]), "trouble_reaches_people"),
    "silence passes for good news": (lambda t: own(t, "WatchdogSilentAlarm").update(TreatMissingData="notBreaching"), "trouble_reaches_people"),
    "no alarm on damage": (lambda t: without(t["Resources"], "ObjectsDamagedAlarm"), "trouble_reaches_people"),
    "the watchdog is not run": (lambda t: own(t, "WatchdogOften").update(ScheduleExpression="rate(1 day)"), "the_house_is_run"),
    "the house's schedules among the systems'": (
        lambda t: own(t, "RetentionDaily").update(GroupName={"Ref": "ScheduleGroup"}), "the_house_is_run"),
    "a setting is missing": (
        lambda t: without(own(t, "ScheduleSync")["Environment"]["Variables"], "SEATBELT_SCHEDULE_DLQ_ARN"), "the_environment_is_the_contracts"),
    "a setting is another": (
        lambda t: own(t, "Watchdog")["Environment"]["Variables"].update(SEATBELT_BACKUP_ARN_PREFIX="backup-"), "the_environment_is_the_contracts"),
    "an output is missing": (lambda t: without(t["Outputs"], "BackupFunctionPrefix"), "the_outputs_are_the_contracts"),
    "an alarm that is not there": (lambda t: own(t, "SystemsLateAlarm").update(AlarmName="late"), "the_dashboard_answers"),
    "a platform's function under another name": (
        lambda t: loop(t, "").update(FunctionName={"Fn::Sub": "${AWS::StackName}-${P}"}), "only_the_functions_asked_for"),
    "the key for any use": (
        lambda t: t["Resources"]["VaultRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"][-1]["Fn::If"][1].update(
            Condition={"StringEquals": {"kms:ViaService": []}}), "keys_are_used_through_services_only"),
}


class Mutations(unittest.TestCase):
    """Each claim notices what it is about."""

    def test_each_mutation_is_noticed(self):
        written = stack.read()
        for name, (mutate, noticed_by) in MUTATIONS.items():
            with self.subTest(mutation=name):
                template = copy.deepcopy(written)
                mutate(template)
                self.assertNotEqual(template, written, "nothing was changed")
                form = FORMS["with all that can be chosen"] if name == "the key for any use" else {}
                claim = getattr(claims, noticed_by)
                with self.assertRaises((AssertionError, KeyError), msg=f"{noticed_by} did not notice"):
                    claim(stack.Stack(template, **form))

    def test_each_claim_has_a_mutation(self):
        self.assertEqual({claim.__name__ for claim in claims.CLAIMS}, {noticed for _, noticed in MUTATIONS.values()})


if __name__ == "__main__":
    unittest.main()
