"""The stack of infra/template.yaml on the emulator, with the functions that cargo built for this machine."""

import json
import os
import shutil
import subprocess
import time
import zipfile
from pathlib import Path

import boto3
import yaml

ROOT = Path(__file__).resolve().parents[3]
STACK = "seatbelt"
CODE = "seatbelt-packages"
# What the emulator has no word for. None of it takes part in a backup; infra/tests looks at it.
UNKNOWN = {"AWS::Logs::QueryDefinition"}


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms."""


def _short_form(loader, suffix, node):
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        text = loader.construct_scalar(node)
        return {name: text.split(".", 1) if suffix == "GetAtt" else text}
    build = loader.construct_sequence if isinstance(node, yaml.SequenceNode) else loader.construct_mapping
    return {name: build(node, deep=True)}


_Loader.add_multi_constructor("!", _short_form)


def template():
    """The template as it is deployed, except for what the emulator cannot do: code from a bucket, this machine's architecture, and no
    resource it does not know."""
    written = yaml.load((ROOT / "infra" / "template.yaml").read_text(), _Loader)
    written["Globals"]["Function"]["Architectures"] = ["x86_64"]
    # It compares a list as a whole with the values that each of its members may have.
    del written["Parameters"]["PlatformNames"]["AllowedValues"]
    for name, resource in list(written["Resources"].items()):
        if name.startswith("Fn::ForEach::"):
            fragment = resource[2]
            for key, looped in list(fragment.items()):
                _fit(fragment, key, looped, {"Fn::Sub": f"s3://{CODE}/${{P}}.zip"})
        else:
            _fit(written["Resources"], name, resource, None)
    return written


def _fit(among, name, resource, code):
    if resource["Type"] in UNKNOWN:
        del among[name]
    elif resource["Type"] == "AWS::Serverless::Function":
        # In a loop only Fn::Sub is filled in, so bucket and key are given apart.
        folder = resource["Properties"]["CodeUri"].removeprefix("functions/")
        key = {"Fn::Sub": "${P}.zip"} if code else f"{folder}.zip"
        resource["Properties"]["CodeUri"] = {"Bucket": CODE, "Key": key}


class Emulated:
    """The deployed stack, and the simulated website beside it."""

    def __init__(self, target, work):
        self.target, self.work = Path(target), Path(work)
        client = lambda name: boto3.client(name, endpoint_url=os.environ["AWS_ENDPOINT_URL"])  # noqa: E731
        self.s3, self.dynamodb, self.scheduler = client("s3"), client("dynamodb"), client("scheduler")
        self.functions, self.logs, self.secrets, self.stacks = client("lambda"), client("logs"), client("secretsmanager"), client("cloudformation")
        self.site = None

    def deploy(self):
        """Uploads the functions and makes the stack."""
        self.s3.create_bucket(Bucket=CODE)
        for function in ("wordpress", "github", "schedule-sync", "watchdog", "retention"):
            packed = self.work / f"{function}.zip"
            with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
                entry = zipfile.ZipInfo("bootstrap", (2026, 1, 1, 0, 0, 0))
                entry.external_attr, entry.compress_type = 0o755 << 16, zipfile.ZIP_DEFLATED
                archive.writestr(entry, self._stripped(function))
            self.s3.upload_file(str(packed), CODE, f"{function}.zip")
            packed.unlink()
        body = json.dumps(template())
        self.s3.put_object(Bucket=CODE, Key="template.json", Body=body)
        self.stacks.create_stack(
            StackName=STACK, TemplateURL=f"{os.environ['AWS_ENDPOINT_URL']}/{CODE}/template.json",
            Parameters=[{"ParameterKey": "PathStyle", "ParameterValue": "true"}, {"ParameterKey": "NotificationEmail", "ParameterValue": "ops@acme.example"}],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        )
        self.until(lambda: self.stack()["StackStatus"] == "CREATE_COMPLETE", "the stack is made", 60, lambda: self.stack())
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in self.stack()["Outputs"]}
        self._lock()

    def _lock(self):
        """Locks the bucket as the template says: the emulator takes that through the API only."""
        said = {name: template()["Parameters"][name]["Default"] for name in ("LockMode", "LockDays")}
        rule = {"DefaultRetention": {"Mode": said["LockMode"], "Days": said["LockDays"]}}
        self.s3.put_object_lock_configuration(
            Bucket=self.outputs["Bucket"], ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
        )

    def _stripped(self, function):
        """The binary, without what only a debugger needs if the machine has the tool for it."""
        binary = self.target / f"seatbelt-{function}"
        if not shutil.which("strip"):
            return binary.read_bytes()
        stripped = self.work / function
        subprocess.run(["strip", "-o", stripped, binary], check=True)
        found = stripped.read_bytes()
        stripped.unlink()
        return found

    def stack(self):
        """The stack as CloudFormation describes it."""
        return self.stacks.describe_stacks(StackName=STACK)["Stacks"][0]

    def start_site(self):
        """Starts the simulated website, and returns where it is and how to sign in."""
        self.site = subprocess.Popen([self.target / "simulated-wordpress"], stdout=subprocess.PIPE, text=True)
        return json.loads(self.site.stdout.readline())

    def stop(self):
        """Ends what was started here."""
        if self.site:
            self.site.kill()
            self.site.wait()
            self.site.stdout.close()

    def until(self, holds, what, seconds, shown=lambda: ""):
        """Waits until something holds. The emulator runs on the machine's clock, so there is no other way."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if found := holds():
                return found
            time.sleep(0.5)
        raise AssertionError(f"within {seconds} s it did not happen that {what}: {shown()}")

    def put(self, system, **entry):
        """Writes an entry of the manifest, as a person does in the console."""
        self.dynamodb.put_item(TableName=self.outputs["ManifestTable"], Item={"system": {"S": system}} | entry)

    def schedules(self):
        """The systems' schedules, by name."""
        group = self.outputs["ScheduleGroup"]
        names = [found["Name"] for found in self.scheduler.list_schedules(GroupName=group)["Schedules"]]
        return {name: self.scheduler.get_schedule(GroupName=group, Name=name) for name in names}

    def items(self, partition):
        """What the runs table has under one key."""
        return self.dynamodb.query(
            TableName=self.outputs["RunsTable"], KeyConditionExpression="#s = :s", ExpressionAttributeNames={"#s": "system"},
            ExpressionAttributeValues={":s": {"S": partition}},
        )["Items"]

    def runs(self, system):
        """The runs of a system, oldest first."""
        return [item for item in self.items(system) if item["run"]["S"][0].isdigit()]

    def invoke(self, function, event):
        """Invokes a function and returns its answer."""
        answer = self.functions.invoke(FunctionName=f"{STACK}-{function}", Payload=json.dumps(event))
        body = json.loads(answer["Payload"].read() or "null")
        if "FunctionError" in answer:
            raise AssertionError(f"{function} failed: {body}")
        return body

    def log(self, function):
        """The lines of a function's log."""
        found = []
        for event in self.logs.filter_log_events(logGroupName=f"/aws/lambda/{STACK}-{function}")["events"]:
            found += event["message"].splitlines()
        return found

    def metrics(self, function):
        """The lines of a function's log that CloudWatch takes metrics from."""
        lines = [json.loads(line) for line in self.log(function) if line.startswith("{")]
        return [line for line in lines if "_aws" in line]
