"""From an item in the manifest table to a snapshot, and what an operator does after that. The steps stand on each other, so one test takes them all."""

import json
import os
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import emulated  # noqa: E402

SYSTEM = "acme-site"
SECRET = "seatbelt/wordpress/acme-site"


class Stack(unittest.TestCase):
    """The deployed stack."""

    @classmethod
    def setUpClass(cls):
        cls.aws = emulated.Emulated(os.environ["SEATBELT_TARGET"], os.environ["SEATBELT_WORK"])
        cls.addClassCleanup(cls.aws.stop)
        cls.aws.deploy()
        cls.site = cls.aws.start_site()
        secret = {key: cls.site[key] for key in ("username", "application_password")}
        cls.aws.secrets.create_secret(Name=SECRET, SecretString=json.dumps(secret))

    def entry(self, schedule, **more):
        """The system's entry with a schedule."""
        return {
            "platform": {"S": "wordpress"}, "decision": {"S": "backup"}, "schedule": {"S": schedule}, "rpo": {"S": "26h"},
            "secret": {"S": f"secretsmanager:{SECRET}"}, "owner": {"S": "web@acme.example"},
            "settings": {"M": {"base_url": {"S": self.site["url"]}, "requests_per_second": {"S": "100"}}},
        } | more

    def schedule(self):
        """The system's one schedule."""
        found = self.aws.schedules()
        self.assertEqual(len(found), 1, found)
        return next(iter(found.values()))

    def test_from_an_item_to_a_snapshot_and_back(self):
        for step in (
            self.the_stack_is_what_the_command_line_expects, self.an_item_makes_a_schedule, self.the_schedule_makes_a_snapshot,
            self.the_run_is_told_in_the_log_and_in_metrics, self.the_watchdog_sees_the_snapshot, self.retention_reads_what_is_kept,
            self.an_edit_changes_the_schedule, self.a_mistake_leaves_the_last_good_schedule_and_shows, self.a_reconciliation_mends_drift,
            self.a_removal_removes_the_schedule_and_no_snapshot, self.nothing_secret_is_in_any_log,
        ):
            # They stand on each other, so the first that fails is the last.
            began = time.monotonic()
            step()
            print(f"    {step.__name__.replace('_', ' ')}: {time.monotonic() - began:.1f} s", file=sys.stderr)

    def the_stack_is_what_the_command_line_expects(self):
        expected = {"Bucket", "ManifestTable", "RunsTable", "Platforms", "BackupFunctionPrefix", "ScheduleGroup", "Topic", "Dashboard"}
        self.assertLessEqual(expected, set(self.aws.outputs))
        self.assertEqual(self.aws.outputs["Platforms"], "wordpress,github")
        prefix = self.aws.outputs["BackupFunctionPrefix"]
        for platform in self.aws.outputs["Platforms"].split(","):
            self.aws.functions.get_function(FunctionName=prefix + platform)

    def an_item_makes_a_schedule(self):
        self.assertEqual(self.aws.schedules(), {})
        self.aws.put(SYSTEM, **self.entry("every 1 minute"))
        self.aws.until(self.aws.schedules, "the schedule appears", 60, lambda: self.aws.log("schedule-sync")[-20:])
        schedule = self.schedule()
        self.assertEqual((schedule["ScheduleExpression"], schedule["State"]), ("rate(1 minute)", "ENABLED"))
        target = schedule["Target"]
        self.assertTrue(target["Arn"].endswith(":function:seatbelt-backup-wordpress"), target)
        self.assertEqual(json.loads(target["Input"]), {"system": SYSTEM, "due": "<aws.scheduler.scheduled-time>"})
        self.assertIn(":sqs:", target["DeadLetterConfig"]["Arn"])
        self.assertIn(":role/", target["RoleArn"])

    def the_schedule_makes_a_snapshot(self):
        ended = lambda: [run for run in self.aws.runs(SYSTEM) if run["status"]["S"] not in ("running", "interrupted")]  # noqa: E731
        self.aws.until(ended, "the schedule fires and the backup ends", 180, lambda: (self.aws.runs(SYSTEM), self.aws.log("backup-wordpress")[-20:]))
        self.run = ended()[0]
        self.assertEqual((self.run["status"]["S"], self.run["trigger"]["S"]), ("complete", "schedule"), self.run)
        self.assertEqual(self.run["resources"]["M"]["media"]["M"]["records"], {"N": "3"}, self.run["resources"])
        key = f"{SYSTEM}/snapshots/{self.run['run']['S']}.json"
        document = json.loads(self.aws.s3.get_object(Bucket=self.aws.outputs["Bucket"], Key=key)["Body"].read())
        self.assertEqual((document["system"], document["id"]), (SYSTEM, self.run["run"]["S"]))
        for stored in (key, self.keys(f"{SYSTEM}/objects/")[0]):
            lock = self.aws.s3.get_object_retention(Bucket=self.aws.outputs["Bucket"], Key=stored)["Retention"]
            self.assertEqual(lock["Mode"], "GOVERNANCE", stored)
        # What a run has staged carries the tag by which the bucket's rule expires it.
        for staged in self.keys(f"{SYSTEM}/staging/"):
            tags = self.aws.s3.get_object_tagging(Bucket=self.aws.outputs["Bucket"], Key=staged)["TagSet"]
            self.assertEqual(tags, [{"Key": "seatbelt", "Value": "staging"}], staged)

    def keys(self, prefix):
        """The keys of the bucket that begin so."""
        return [found["Key"] for found in self.aws.s3.list_objects_v2(Bucket=self.aws.outputs["Bucket"], Prefix=prefix).get("Contents", [])]

    def the_run_is_told_in_the_log_and_in_metrics(self):
        of_run = lambda: [line for line in self.aws.metrics("backup-wordpress") if line.get("run") == self.run["run"]["S"]]  # noqa: E731
        (line,) = self.aws.until(of_run, "the run's metrics are in the log", 30, lambda: self.aws.log("backup-wordpress"))
        self.well_formed(line)
        self.assertEqual((line["System"], line["Platform"]), (SYSTEM, "wordpress"))
        self.assertEqual(line["_aws"]["CloudWatchMetrics"][0]["Dimensions"], [["System", "Platform"], ["Platform"]])
        self.assertGreater(line["Records"], 30)
        self.assertEqual((line["Failed"], line["Partial"], line["Gaps"]), (0, 0, 0))
        declared = {metric["Name"] for metric in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]}
        self.assertLessEqual({"Records", "BytesRead", "BytesStored", "Added", "Changed", "Removed", "Requests", "Throttles", "DurationMs", "Hops"}, declared)

    def well_formed(self, line):
        """Whether CloudWatch takes metrics from a line: the embedded metric format's own rules."""
        self.assertGreater(line["_aws"]["Timestamp"], 1_700_000_000_000)
        for directive in line["_aws"]["CloudWatchMetrics"]:
            self.assertEqual(directive["Namespace"], "Seatbelt")
            self.assertTrue(0 < len(directive["Metrics"]) <= 100)
            for dimension in {name for names in directive["Dimensions"] for name in names}:
                self.assertTrue(isinstance(line[dimension], str) and line[dimension], dimension)
            for metric in directive["Metrics"]:
                self.assertIsInstance(line[metric["Name"]], (int, float), metric)

    def the_watchdog_sees_the_snapshot(self):
        self.aws.invoke("watchdog", {})
        lines = self.aws.until(lambda: self.aws.metrics("watchdog"), "the watchdog reports", 30, lambda: self.aws.log("watchdog"))
        for line in lines:
            self.well_formed(line)
        whole = next(line for line in lines if "WatchdogRounds" in line)
        self.assertEqual((whole["Stack"], whole["SystemsLate"], whole["SystemsUnreadable"]), (emulated.STACK, 0, 0), whole)
        age = next(line for line in lines if line.get("System") == SYSTEM)
        self.assertLess(age["SnapshotAgeSeconds"], 600)
        status = self.aws.s3.get_object(Bucket=self.aws.outputs["Bucket"], Key="_seatbelt/status.json")["Body"].read()
        self.assertIn(SYSTEM, status.decode())

    def retention_reads_what_is_kept(self):
        before = set(self.keys(f"{SYSTEM}/snapshots/"))
        self.aws.invoke("retention", {})
        (line, *_) = self.aws.until(lambda: self.aws.metrics("retention"), "retention reports", 30, lambda: self.aws.log("retention"))
        self.well_formed(line)
        self.assertEqual((line["RetentionRounds"], line["ObjectsDamaged"], line["SnapshotsExpired"]), (1, 0, 0), line)
        self.assertLessEqual(before, set(self.keys(f"{SYSTEM}/snapshots/")))

    def an_edit_changes_the_schedule(self):
        self.aws.put(SYSTEM, **self.entry("daily at 03:30 Europe/Berlin"))
        changed = lambda: self.schedule()["ScheduleExpression"] == "cron(30 3 * * ? *)"  # noqa: E731
        self.aws.until(changed, "the schedule changes", 60, lambda: (self.schedule(), self.aws.log("schedule-sync")[-20:]))
        self.assertEqual(self.schedule()["ScheduleExpressionTimezone"], "Europe/Berlin")

    def a_mistake_leaves_the_last_good_schedule_and_shows(self):
        self.aws.put(SYSTEM, **self.entry("daily at 25:00"))
        noted = self.aws.until(lambda: self.aws.items("#findings"), "the mistake is noted", 60, lambda: self.aws.log("schedule-sync")[-20:])
        self.assertEqual(noted[0]["entry"]["S"], SYSTEM)
        self.assertIn("25:00", json.dumps(noted), noted)
        self.assertEqual(self.schedule()["ScheduleExpression"], "cron(30 3 * * ? *)")
        self.assertTrue(any(line.get("ScheduleErrors") for line in self.aws.metrics("schedule-sync")), self.aws.metrics("schedule-sync"))
        self.aws.put(SYSTEM, **self.entry("weekly on sunday at 03:00"))
        self.aws.until(lambda: not self.aws.items("#findings"), "the note goes when the mistake is corrected", 60, lambda: self.aws.items("#findings"))
        self.assertEqual(self.schedule()["ScheduleExpression"], "cron(0 3 ? * SUN *)")

    def a_reconciliation_mends_drift(self):
        name = self.schedule()["Name"]
        self.aws.scheduler.delete_schedule(GroupName=self.aws.outputs["ScheduleGroup"], Name=name)
        self.aws.invoke("schedule-sync", {"reconcile": True})
        self.assertEqual((self.schedule()["Name"], self.schedule()["ScheduleExpression"]), (name, "cron(0 3 ? * SUN *)"))

    def a_removal_removes_the_schedule_and_no_snapshot(self):
        before = self.keys(f"{SYSTEM}/snapshots/")
        self.aws.dynamodb.delete_item(TableName=self.aws.outputs["ManifestTable"], Key={"system": {"S": SYSTEM}})
        self.aws.until(lambda: not self.aws.schedules(), "the schedule goes", 60, lambda: self.aws.log("schedule-sync")[-20:])
        self.assertTrue(before and self.keys(f"{SYSTEM}/snapshots/") == before)

    def nothing_secret_is_in_any_log(self):
        for function in ("backup-wordpress", "schedule-sync", "watchdog", "retention"):
            lines = self.aws.log(function)
            self.assertGreater(len(lines), 2, f"{function} has no log")
            for line in lines:
                self.assertNotIn(self.site["application_password"], line)


if __name__ == "__main__":
    unittest.main()
