"""What the template promises. Each claim raises an AssertionError that says what is wrong, and where.

They judge the stack as it would be deployed. A statement with a condition counts as if the condition held, unless the claim is about the
condition.
"""

import json
import re

from stack import PSEUDO, as_list

BUCKET = "<Bucket.Arn>"
ARN = f"arn:aws:{{}}:{PSEUDO['AWS::Region']}:{PSEUDO['AWS::AccountId']}:{{}}"
# What a role may do to everything, since AWS knows no resource for it (service authorization reference, read 2026-11-25).
WITHOUT_RESOURCE = {("ScheduleSyncRole", "scheduler:ListSchedules"), ("ScheduleSyncRole", "dynamodb:ListStreams")}
DELETING = ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:DeleteBucket", "s3:PutLifecycleConfiguration", "s3:PutBucketPolicy"]
BASIC = ["SEATBELT_STACK", "SEATBELT_BUCKET", "SEATBELT_MANIFEST_TABLE", "SEATBELT_RUNS_TABLE", "SEATBELT_LOCK_MODE", "SEATBELT_LOCK_DAYS"]
OF_SYNC = ["SEATBELT_SCHEDULE_GROUP", "SEATBELT_SCHEDULER_ROLE_ARN", "SEATBELT_SCHEDULE_DLQ_ARN"]
OUTPUTS = ["Bucket", "ManifestTable", "RunsTable", "Platforms", "BackupFunctionPrefix", "ScheduleGroup", "Topic", "Dashboard"]


def roles(stack):
    """All roles of the stack."""
    found = list(stack.of_type("AWS::IAM::Role"))
    assert len(found) >= 6, f"only {len(found)} roles: something was not expanded"
    return found


def platforms(stack):
    """The platforms that are deployed."""
    return stack.parameters["PlatformNames"]


def functions(stack):
    """All functions, by logical id."""
    return stack.of_type("AWS::Lambda::Function")


def only_the_functions_asked_for(stack):
    names = {f["Properties"]["FunctionName"] for f in functions(stack).values()}
    wanted = {f"seatbelt-backup-{p}" for p in platforms(stack)} | {f"seatbelt-{f}" for f in ("schedule-sync", "watchdog", "retention")}
    assert names == wanted, f"functions are {sorted(names)}, not {sorted(wanted)}"


def only_retention_deletes(stack):
    for role in roles(stack):
        for action in DELETING:
            for resource in (BUCKET, f"{BUCKET}/acme-crm/objects/00/x", f"{BUCKET}/acme-crm/snapshots/x.json", f"{BUCKET}/acme-crm/staging/x"):
                may = stack.allows(role, action, resource)
                expected = role == "RetentionRole" and action == "s3:DeleteObject" and resource != BUCKET
                assert bool(may) == expected, f"{role} {'may' if may else 'may not'} {action} on {resource}"
    (statement,) = [s for s in policy(stack) if s["Sid"] == "OnlyRetentionDeletes"]
    assert statement["Effect"] == "Deny" and statement["Principal"] == "*" and statement["Resource"] == f"{BUCKET}/*", statement
    assert {"s3:DeleteObject", "s3:DeleteObjectVersion"} <= set(statement["Action"]), statement
    assert statement["Condition"] == {"ArnNotEquals": {"aws:PrincipalArn": "<RetentionRole.Arn>"}}, statement


def nobody_lifts_locks(stack):
    for role in roles(stack):
        for action in ("s3:BypassGovernanceRetention", "s3:PutBucketObjectLockConfiguration", "s3:PutObjectLegalHold"):
            assert not stack.allows(role, action, f"{BUCKET}/acme-crm/objects/00/x"), f"{role} may {action}"
            assert not stack.allows(role, action, BUCKET), f"{role} may {action}"
    assert any(denies(s, "s3:BypassGovernanceRetention", "Condition") for s in policy(stack)), "the bucket's policy lets locks be lifted"


def a_backup_reads_its_own_secrets_only(stack):
    for platform in platforms(stack):
        role = f"Backup{platform}Role"
        for other in [*platforms(stack), "salesforce", f"{platform}x"]:
            secret, parameter = f"seatbelt/{other}/acme-AbCdEf", f"seatbelt/{other}/acme"
            for action, resource in (
                ("secretsmanager:GetSecretValue", ARN.format("secretsmanager", f"secret:{secret}")),
                ("secretsmanager:PutSecretValue", ARN.format("secretsmanager", f"secret:{secret}")),
                ("ssm:GetParameter", ARN.format("ssm", f"parameter/{parameter}")),
            ):
                may = bool(stack.allows(role, action, resource))
                assert may == (other == platform), f"{role}: {action} on {resource} is {may}"
        assert not stack.allows(role, "secretsmanager:GetSecretValue", ARN.format("secretsmanager", "secret:production-db-AbCdEf")), role
    for role in set(roles(stack)) - {f"Backup{p}Role" for p in platforms(stack)}:
        for action, service, name in (("secretsmanager:GetSecretValue", "secretsmanager", "secret:"), ("ssm:GetParameter", "ssm", "parameter/")):
            for platform in platforms(stack):
                assert not stack.allows(role, action, ARN.format(service, f"{name}seatbelt/{platform}/acme")), f"{role} reads secrets"


def a_backup_reaches_objects_through_the_vault_role_only(stack):
    for platform in platforms(stack):
        role = f"Backup{platform}Role"
        services = {action.split(":")[0] for s in stack.statements(role) for action in as_list(s["Action"])}
        assert "s3" not in services and "*" not in services, f"{role} has rights on S3 of its own"
        assert stack.allows(role, "sts:AssumeRole", "<VaultRole.Arn>") and stack.allows(role, "sts:TagSession", "<VaultRole.Arn>"), role
        assert not stack.allows(role, "sts:AssumeRole", "<RetentionRole.Arn>"), f"{role} can become retention"
        environment = stack.properties(f"Backup{platform}")["Environment"]["Variables"]
        assert environment["SEATBELT_VAULT_ROLE_ARN"] == "<VaultRole.Arn>", environment


def the_vault_role_is_one_systems(stack):
    for statement in stack.statements("VaultRole"):
        assert statement["Effect"] == "Allow", statement
        for action in as_list(statement["Action"]):
            if not action.startswith("s3:"):
                assert statement["Sid"] == "Key" and action.startswith("kms:"), statement
            elif action == "s3:ListBucket":
                assert statement["Condition"] == {"StringLike": {"s3:prefix": "${aws:PrincipalTag/system}/*"}}, statement
            else:
                for resource in as_list(statement["Resource"]):
                    assert resource.startswith(BUCKET + "/${aws:PrincipalTag/system}/"), f"{action} on {resource}"
    actions = {action for s in stack.statements("VaultRole") for action in as_list(s["Action"]) if action.startswith("s3:")}
    wanted = {"GetObject", "GetObjectRetention", "ListBucket", "PutObject", "PutObjectRetention", "PutObjectTagging", "AbortMultipartUpload"}
    assert actions == {f"s3:{action}" for action in wanted}, sorted(actions)
    own = BUCKET + "/${aws:PrincipalTag/system}"
    for action, key in (("PutObject", "objects/00/x"), ("PutObject", "snapshots/x.json"), ("PutObject", "staging/x"), ("GetObject", "staging/x")):
        assert stack.allows("VaultRole", f"s3:{action}", f"{own}/{key}"), f"a backup cannot {action} {key}"
    (trust,) = stack.properties("VaultRole")["AssumeRolePolicyDocument"]["Statement"]
    condition = trust["Condition"]
    assert condition["StringLike"] == {"aws:RequestTag/system": "?*"}, "a session without a system"
    assert condition["ForAllValues:StringEquals"] == {"aws:TagKeys": ["system"]}, "a session with other tags"
    path = f"arn:aws:iam::{PSEUDO['AWS::AccountId']}:role/seatbelt/seatbelt/backup/*"
    assert condition["ArnLike"] == {"aws:PrincipalArn": path}, condition
    for role in roles(stack):
        on_path = stack.properties(role).get("Path") == "/seatbelt/seatbelt/backup/"
        assert on_path == bool(re.fullmatch(r"Backup[a-z0-9]+Role", role)), f"{role}: its path {'lets it' if on_path else 'keeps it from'} being one"


def nothing_stored_is_rewritten(stack):
    (statement,) = [s for s in policy(stack) if s["Sid"] == "WrittenOnce"]
    assert statement["Effect"] == "Deny" and statement["Principal"] == "*" and statement["Action"] == "s3:PutObject", statement
    assert set(statement["Resource"]) == {f"{BUCKET}/*/{folder}/*" for folder in ("objects", "snapshots", "restores")}, statement
    expected = {"Null": {"s3:if-none-match": "true"}, "Bool": {"s3:ObjectCreationOperation": "true"}}
    assert statement["Condition"] == expected, statement


def a_function_invokes_what_it_must(stack):
    backup = lambda platform: ARN.format("lambda", f"function:seatbelt-backup-{platform}")  # noqa: E731
    for platform in platforms(stack):
        for other in [*platforms(stack), "x"]:
            may = bool(stack.allows(f"Backup{platform}Role", "lambda:InvokeFunction", backup(other)))
            assert may == (other == platform), f"Backup{platform}Role invokes {other}: {may}"
    for role in ("WatchdogRole", "SchedulerRole"):
        assert stack.allows(role, "lambda:InvokeFunction", backup(platforms(stack)[0])), role
        for foreign in ("seatbelt-retention", "payroll", "seatbelt2-backup-github"):
            assert not stack.allows(role, "lambda:InvokeFunction", ARN.format("lambda", f"function:{foreign}")), f"{role} invokes {foreign}"
    for role in ("ScheduleSyncRole", "RetentionRole", "VaultRole"):
        assert not stack.allows(role, "lambda:InvokeFunction", backup(platforms(stack)[0])), role


def wildcards_are_the_known_ones(stack):
    for role in roles(stack):
        assert "ManagedPolicyArns" not in stack.properties(role), f"{role}: AWS's policies are wider than needed"
        for statement in stack.statements(role):
            assert statement["Effect"] != "Allow" or not {"NotAction", "NotResource"} & set(statement), statement
            for action in as_list(statement["Action"]):
                assert "*" not in action, f"{role}: {action}"
                if "*" in as_list(statement["Resource"]):
                    assert (role, action) in WITHOUT_RESOURCE, f"{role}: {action} on everything"


def tables_are_held_to_their_use(stack):
    manifest, runs = "<ManifestTable.Arn>", "<RunsTable.Arn>"
    writes = ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem"]
    for role in roles(stack):
        for action in writes:
            assert not stack.allows(role, action, manifest), f"{role} edits the manifest, which is people's"
        for action in ("dynamodb:DeleteTable", "dynamodb:UpdateTable", "dynamodb:Scan", "dynamodb:DeleteBackup"):
            assert not stack.allows(role, action, runs), f"{role} may {action} on the runs"
    for statement in stack.statements("ScheduleSyncRole"):
        if runs in as_list(statement["Resource"]):
            leading = statement["Condition"]["ForAllValues:StringEquals"]
            assert leading == {"dynamodb:LeadingKeys": ["#findings"]}, statement
            assert statement["Condition"]["Null"] == {"dynamodb:LeadingKeys": "false"}, statement
    for platform in platforms(stack):
        assert not stack.allows(f"Backup{platform}Role", "dynamodb:Scan", manifest), "a backup reads its own entry only"


def schedules_are_held_to_their_group(stack):
    for action in ("CreateSchedule", "UpdateSchedule", "DeleteSchedule", "GetSchedule"):
        own, house = (ARN.format("scheduler", f"schedule/{group}/x") for group in ("seatbelt", "seatbelt-house"))
        assert stack.allows("ScheduleSyncRole", f"scheduler:{action}", own), action
        assert not stack.allows("ScheduleSyncRole", f"scheduler:{action}", house), f"{action} on the stack's own schedules"
        assert not stack.allows("ScheduleSyncRole", f"scheduler:{action}", ARN.format("scheduler", "schedule/default/x")), action
    passing = [s for role in roles(stack) for s in stack.statements(role) if "iam:PassRole" in as_list(s["Action"])]
    assert len(passing) == 1 and passing[0]["Resource"] == "<SchedulerRole.Arn>", passing
    assert passing[0]["Condition"] == {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}, passing
    for role, group in (("SchedulerRole", "seatbelt"), ("HouseRole", "seatbelt-house")):
        (trust,) = stack.properties(role)["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Condition"]["ArnLike"] == {"aws:SourceArn": ARN.format("scheduler", f"schedule-group/{group}")}, trust
        assert trust["Condition"]["StringEquals"] == {"aws:SourceAccount": PSEUDO["AWS::AccountId"]}, trust


def long_backups_are_not_broken_off(stack):
    for platform in platforms(stack):
        function = stack.properties(f"Backup{platform}")
        assert function.get("RecursiveLoop") == "Allow", f"{platform}: AWS stops the 17th invocation of a run"
        assert function["Timeout"] == 900, function["Timeout"]
    for other in ("ScheduleSync", "Watchdog", "Retention"):
        assert "RecursiveLoop" not in stack.properties(other), f"{other} has no business invoking itself"


def functions_are_small_and_current(stack):
    for name, function in functions(stack).items():
        properties = function["Properties"]
        assert properties["Architectures"] == ["arm64"], name
        assert properties["Runtime"] == "provided.al2023" and properties["Handler"] == "bootstrap", name
        assert properties["LoggingConfig"]["LogFormat"] == "JSON", name


def the_bucket_is_safe(stack):
    resource, bucket = stack.resources["Bucket"], stack.properties("Bucket")
    assert resource["DeletionPolicy"] == "Retain" and resource["UpdateReplacePolicy"] == "Retain", "deleting the stack deletes the backups"
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}, "no versions"
    assert bucket["ObjectLockEnabled"] is True and bucket["ObjectLockConfiguration"]["ObjectLockEnabled"] == "Enabled", "no Object Lock"
    mode, rule = stack.parameters["LockMode"], bucket["ObjectLockConfiguration"].get("Rule")
    if mode == "none":
        assert rule is None, rule
    else:
        assert rule == {"DefaultRetention": {"Mode": mode, "Days": stack.parameters["LockDays"]}}, rule
    for function in functions(stack).values():
        expected = "COMPLIANCE" if mode == "COMPLIANCE" else "GOVERNANCE"
        assert function["Properties"]["Environment"]["Variables"]["SEATBELT_LOCK_MODE"] == expected, "locks of another mode than the bucket's"
    assert all(bucket["PublicAccessBlockConfiguration"][key] is True for key in ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"))
    assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}], "objects may belong to others"
    (encryption,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    key = stack.parameters["KmsKeyArn"]
    expected = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key} if key else {"SSEAlgorithm": "AES256"}
    assert encryption["ServerSideEncryptionByDefault"] == expected, encryption


def the_bucket_is_reached_encrypted_only(stack):
    everything = {BUCKET, f"{BUCKET}/*"}
    for condition in ({"Bool": {"aws:SecureTransport": "false"}}, {"NumericLessThan": {"s3:TlsVersion": "1.2"}}):
        found = [s for s in policy(stack) if s["Effect"] == "Deny" and s.get("Condition") == condition]
        assert found and found[0]["Principal"] == "*" and found[0]["Action"] == "s3:*" and set(found[0]["Resource"]) == everything, condition
    assert all(s["Effect"] == "Deny" for s in policy(stack)), "the bucket's policy lets somebody in"
    assert stack.resources["BucketPolicy"]["DeletionPolicy"] == "Retain", "a bucket that outlives the stack outlives its policy"


def what_is_left_over_goes(stack):
    rules = {rule["Id"]: rule for rule in stack.properties("Bucket")["LifecycleConfiguration"]["Rules"]}
    assert all(rule["Status"] == "Enabled" for rule in rules.values())
    staging = rules["what-a-run-staged"]
    assert staging["TagFilters"] == [{"Key": "seatbelt", "Value": "staging"}], "staging is not what the functions tag"
    assert int(staging["ExpirationInDays"]) >= 2, "a run lives for a day"
    assert rules["what-retention-deleted"]["NoncurrentVersionExpiration"], "deleted versions stay for ever"
    assert int(rules["uploads-that-broke-off"]["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"]) >= 2
    for rule in rules.values():
        assert "TagFilters" in rule or not {"ExpirationInDays", "ExpirationDate"} & set(rule), f"{rule['Id']} expires backups"
    (tagging,) = [s for s in stack.statements("VaultRole") if s["Action"] == "s3:PutObjectTagging"]
    assert tagging["Resource"].endswith("/staging/*"), "what is stored could be tagged to expire"
    assert tagging["Condition"]["StringEquals"] == {"s3:RequestObjectTag/seatbelt": "staging"}, tagging


def the_tables_are_safe(stack):
    for name in ("ManifestTable", "RunsTable"):
        resource, table = stack.resources[name], stack.properties(name)
        assert resource["DeletionPolicy"] == "Retain" and resource["UpdateReplacePolicy"] == "Retain", name
        assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}, name
        assert table["DeletionProtectionEnabled"] is True, name
        assert table["BillingMode"] == "PAY_PER_REQUEST", name
        assert table["SSESpecification"]["SSEEnabled"] is True, name
        assert table["SSESpecification"].get("KMSMasterKeyId", "") == stack.parameters["KmsKeyArn"], name
    keys = lambda name: [key["AttributeName"] for key in stack.properties(name)["KeySchema"]]  # noqa: E731
    assert keys("ManifestTable") == ["system"] and keys("RunsTable") == ["system", "run"]
    assert stack.properties("ManifestTable")["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert stack.properties("RunsTable")["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}


def every_function_is_watched(stack):
    logs = {group["Properties"]["LogGroupName"]: group["Properties"] for group in stack.of_type("AWS::Logs::LogGroup").values()}
    groups = {f"<{name}>": f["Properties"]["LogGroupName"] for name, f in stack.of_type("AWS::Logs::LogGroup").items()}
    alarms = [alarm["Properties"] for alarm in stack.of_type("AWS::CloudWatch::Alarm").values()]
    configured = {c["Properties"]["FunctionName"]: c["Properties"] for c in stack.of_type("AWS::Lambda::EventInvokeConfig").values()}
    for name, function in functions(stack).items():
        called = function["Properties"]["FunctionName"]
        group = function["Properties"]["LoggingConfig"]["LogGroup"]
        group = groups.get(group, group)
        assert group == f"/aws/lambda/{called}" and logs[group]["RetentionInDays"], f"{called}: its log stays for ever"
        role = function["Properties"]["Role"].strip("<>").split(".")[0]
        assert stack.allows(role, "logs:PutLogEvents", ARN.format("logs", f"log-group:/aws/lambda/{called}:log-stream:x")), f"{called} cannot log"
        assert not stack.allows(role, "logs:PutLogEvents", ARN.format("logs", "log-group:/aws/lambda/other:log-stream:x")), f"{called} logs elsewhere"
        config = configured[f"<{name}>"]
        assert config["MaximumRetryAttempts"] == 2 and config["MaximumEventAgeInSeconds"] <= 21600, f"{called}: {config}"
        assert config["DestinationConfig"] == {"OnFailure": {"Destination": "<FailedEvents.Arn>"}}, f"{called}: failed events are lost"
        assert stack.allows(role, "sqs:SendMessage", "<FailedEvents.Arn>"), f"{called}: failed events are lost"
        for metric in ("Errors", "Throttles"):
            dimension = [{"Name": "FunctionName", "Value": called}]
            assert any(a["MetricName"] == metric and a["Dimensions"] == dimension for a in alarms), f"{called}: no alarm on {metric}"
    (stream,) = stack.of_type("AWS::Lambda::EventSourceMapping").values()
    stream = stream["Properties"]
    assert stream["FunctionResponseTypes"] == ["ReportBatchItemFailures"] and stream["BisectBatchOnFunctionError"] is True, stream
    assert 0 < stream["MaximumRetryAttempts"] <= 100, "a bad record blocks all others"
    assert stream["DestinationConfig"] == {"OnFailure": {"Destination": "<FailedEvents.Arn>"}}, stream


def queues_keep_and_tell(stack):
    alarms = [alarm["Properties"] for alarm in stack.of_type("AWS::CloudWatch::Alarm").values()]
    for name, queue in stack.of_type("AWS::SQS::Queue").items():
        assert queue["Properties"]["MessageRetentionPeriod"] == 1209600 and queue["Properties"]["SqsManagedSseEnabled"] is True, name
        dimension = [{"Name": "QueueName", "Value": f"<{name}.QueueName>"}]
        assert any(a["Dimensions"] == dimension for a in alarms), f"nobody hears of what is in {name}"
    for role in ("SchedulerRole", "HouseRole"):
        assert stack.allows(role, "sqs:SendMessage", "<FailedFirings.Arn>"), f"{role}: failed firings are lost"
    for name, schedule in stack.of_type("AWS::Scheduler::Schedule").items():
        assert schedule["Properties"]["Target"]["DeadLetterConfig"] == {"Arn": "<FailedFirings.Arn>"}, name


def trouble_reaches_people(stack):
    alarms = stack.of_type("AWS::CloudWatch::Alarm")
    for name, alarm in alarms.items():
        properties = alarm["Properties"]
        assert properties["AlarmActions"] == ["<Topic>"] and properties["OKActions"] == ["<Topic>"], f"nobody hears of {name}"
        assert len(properties["AlarmDescription"]) > 40 and properties["AlarmName"].startswith("seatbelt-"), name
    metrics = {(a["Properties"]["Namespace"], a["Properties"]["MetricName"]) for a in alarms.values()}
    for metric in ("SystemsLate", "FiringsMissed", "RunsStalled", "SnapshotsImplausible", "CredentialsExpiring", "ExportsDue", "DrillsOverdue",
                   "EntriesInvalid", "SystemsFailing", "ScheduleErrors", "ObjectsDamaged", "RetentionTroubles", "Failed"):
        assert ("Seatbelt", metric) in metrics, f"no alarm on {metric}"
    for name in ("WatchdogSilentAlarm", "RetentionSilentAlarm"):
        silent = stack.properties(name)
        assert silent["TreatMissingData"] == "breaching" and silent["MetricName"].endswith("Rounds") and silent["Threshold"] == 1, f"{name}: silence passes for good news"
    publish = [s for s in stack.properties("TopicPolicy")["PolicyDocument"]["Statement"] if s["Effect"] == "Allow"]
    assert [s["Principal"] for s in publish] == [{"Service": "cloudwatch.amazonaws.com"}], publish
    assert stack.allows("WatchdogRole", "sns:Publish", "<Topic>")
    email = stack.parameters["NotificationEmail"]
    assert len(stack.of_type("AWS::SNS::Subscription")) == (1 if email else 0)


def the_house_is_run(stack):
    schedules = {s["Properties"]["Name"]: s["Properties"] for s in stack.of_type("AWS::Scheduler::Schedule").values()}
    for name, target, expression, event in (
        ("reconcile", "ScheduleSync", "rate(1 day)", {"reconcile": True}),
        ("watchdog", "Watchdog", "rate(10 minutes)", {}),
        ("retention", "Retention", "rate(1 day)", {}),
    ):
        schedule = schedules[name]
        assert schedule["ScheduleExpression"] == expression and schedule["Target"]["Arn"] == f"<{target}.Arn>", schedule
        assert json.loads(schedule["Target"]["Input"]) == event, schedule
        assert schedule["GroupName"] == "<HouseGroup>", f"{name} is where schedule-sync deletes what it does not know"
        assert stack.allows("HouseRole", "lambda:InvokeFunction", f"<{target}.Arn>"), target
    rule = stack.properties("OnDeployment")
    assert rule["EventPattern"]["detail"]["stack-id"] == [PSEUDO["AWS::StackId"]], rule
    assert {target["Arn"] for target in rule["Targets"]} == {"<ScheduleSync.Arn>", "<Watchdog.Arn>", "<Retention.Arn>"}
    permitted = {p["Properties"]["FunctionName"]: p["Properties"] for p in stack.of_type("AWS::Lambda::Permission").values()}
    for function in ("ScheduleSync", "Watchdog", "Retention"):
        assert permitted[f"<{function}>"]["SourceArn"] == "<OnDeployment.Arn>", function
    assert set(permitted) == {"<ScheduleSync>", "<Watchdog>", "<Retention>"}, "others may invoke a function"


def the_environment_is_the_contracts(stack):
    prefix = ARN.format("lambda", "function:seatbelt-backup-")
    listed = ",".join(platforms(stack))
    wanted = {f"Backup{p}": ["SEATBELT_VAULT_ROLE_ARN"] for p in platforms(stack)}
    wanted |= {"ScheduleSync": ["SEATBELT_PLATFORMS", "SEATBELT_BACKUP_ARN_PREFIX", *OF_SYNC], "Retention": []}
    wanted |= {"Watchdog": ["SEATBELT_PLATFORMS", "SEATBELT_BACKUP_ARN_PREFIX", "SEATBELT_TOPIC_ARN"]}
    for name, own in wanted.items():
        found = stack.properties(name)["Environment"]["Variables"]
        assert set(found) - {"SEATBELT_S3_PATH_STYLE"} == {*BASIC, *own}, f"{name}: {sorted(found)}"
        assert all(found.values()), f"{name}: an empty setting"
        assert found.get("SEATBELT_PLATFORMS", listed) == listed and found.get("SEATBELT_BACKUP_ARN_PREFIX", prefix) == prefix, name
        assert found["SEATBELT_STACK"] == "seatbelt" and found["SEATBELT_BUCKET"] == "<Bucket>", name
    sync = stack.properties("ScheduleSync")["Environment"]["Variables"]
    assert [sync[name] for name in OF_SYNC] == ["<ScheduleGroup>", "<SchedulerRole.Arn>", "<FailedFirings.Arn>"], sync
    assert stack.properties("Watchdog")["Environment"]["Variables"]["SEATBELT_TOPIC_ARN"] == "<Topic>"


def the_outputs_are_the_contracts(stack):
    assert not set(stack.outputs) & set(stack.parameters), "SAM's tool takes an output for the parameter of the same name, and fails"
    assert set(OUTPUTS) <= set(stack.outputs), sorted(stack.outputs)
    assert stack.outputs["Platforms"] == ",".join(platforms(stack))
    assert stack.outputs["BackupFunctionPrefix"] == "seatbelt-backup-"
    assert stack.outputs["Dashboard"].startswith("https://")


def the_dashboard_answers(stack):
    board = json.loads(stack.properties("Dashboard")["DashboardBody"])
    texts = " ".join(w["properties"]["markdown"] for w in board["widgets"] if w["type"] == "text")
    for question in ("Is everything backed up?", "Is anything wrong?", "What changed?", "What does it cost"):
        assert question in texts, question
    shown = json.dumps(board)
    for metric in ("SystemsLate", "FiringsMissed", "RunsStalled", "SystemsUndecided", "SnapshotAgeSeconds", "Failed", "Partial", "Added", "Changed",
                   "Removed", "ObjectsDamaged", "Requests", "Throttles", "BytesStored", "BucketSizeBytes"):
        assert metric in shown, f"the dashboard does not show {metric}"
    names = {alarm["Properties"]["AlarmName"] for alarm in stack.of_type("AWS::CloudWatch::Alarm").values()}
    (alarms,) = [w["properties"]["alarms"] for w in board["widgets"] if w["type"] == "alarm"]
    for arn in alarms:
        assert arn.rsplit(":", 1)[1] in names, f"the dashboard shows an alarm that is not there: {arn}"
    boxes = [(w["x"], w["y"], w["width"], w["height"]) for w in board["widgets"]]
    for at, (x, y, w, h) in enumerate(boxes):
        assert x + w <= 24
        assert not any(x < ox + ow and ox < x + w and y < oy + oh and oy < y + h for ox, oy, ow, oh in boxes[at + 1:]), "widgets overlap"


def keys_are_used_through_services_only(stack):
    for role in roles(stack):
        for statement in stack.statements(role):
            if any(action.startswith("kms:") for action in as_list(statement["Action"])):
                assert statement["Resource"] == stack.parameters["KmsKeyArn"] != "", statement
                via = as_list(statement["Condition"]["StringEquals"]["kms:ViaService"])
                assert via and all(name.endswith(".amazonaws.com") for name in via), statement


def policy(stack):
    """The statements of the bucket's policy."""
    return stack.properties("BucketPolicy")["PolicyDocument"]["Statement"]


def denies(statement, action, *without):
    """Whether a statement denies an action to everybody."""
    return statement["Effect"] == "Deny" and statement["Principal"] == "*" and action in as_list(statement["Action"]) and not set(without) & set(statement)


CLAIMS = [
    only_the_functions_asked_for, only_retention_deletes, nobody_lifts_locks, a_backup_reads_its_own_secrets_only,
    a_backup_reaches_objects_through_the_vault_role_only, the_vault_role_is_one_systems, nothing_stored_is_rewritten,
    a_function_invokes_what_it_must, wildcards_are_the_known_ones, tables_are_held_to_their_use, schedules_are_held_to_their_group,
    long_backups_are_not_broken_off, functions_are_small_and_current, the_bucket_is_safe, the_bucket_is_reached_encrypted_only,
    what_is_left_over_goes, the_tables_are_safe, every_function_is_watched, queues_keep_and_tell, trouble_reaches_people, the_house_is_run,
    the_environment_is_the_contracts, the_outputs_are_the_contracts, the_dashboard_answers, keys_are_used_through_services_only,
]
