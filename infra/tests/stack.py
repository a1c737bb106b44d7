"""The stack as CloudFormation would make it: loops expanded, SAM's shorthand translated, parameters and conditions filled in.

What only a deployment knows stays a name: the ARN of the resource `Bucket` is `<Bucket.Arn>`.
"""

import copy
import logging
import re
from pathlib import Path

from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

TEMPLATE = Path(__file__).resolve().parent.parent / "template.yaml"
PSEUDO = {
    "AWS::Partition": "aws",
    "AWS::Region": "eu-central-1",
    "AWS::AccountId": "123456789012",
    "AWS::StackName": "seatbelt",
    "AWS::StackId": "arn:aws:cloudformation:eu-central-1:123456789012:stack/seatbelt/1",
    "AWS::URLSuffix": "amazonaws.com",
}
NO_VALUE = object()
logging.getLogger("samtranslator").setLevel(logging.ERROR)


def read():
    """The template as it is written."""
    return yaml_parse(TEMPLATE.read_text())


def unroll(template, platforms):
    """The template without its loop, with the care CloudFormation takes: the item is filled in in keys, in `Fn::Sub` and in `Ref`, and in no
    other text. (The tool's own expansion fills it in everywhere, and would hide a mistake.)"""
    unrolled = copy.deepcopy(template)
    resources = {}
    for name, resource in unrolled["Resources"].items():
        if not name.startswith("Fn::ForEach::"):
            resources[name] = resource
            continue
        identifier, collection, fragment = resource
        if collection != {"Ref": "PlatformNames"}:
            raise ValueError(f"{name} loops over something else than the platforms")
        for item in platforms:
            if not re.fullmatch("[a-zA-Z0-9]+", item):
                raise ValueError(f"{item}: a loop makes logical ids, which have letters and digits only")
            for key, value in fragment.items():
                resources[key.replace(f"${{{identifier}}}", item)] = _bind(value, identifier, item)
    unrolled["Resources"] = resources
    unrolled["Transform"] = "AWS::Serverless-2016-10-31"
    return unrolled


def _bind(node, identifier, item):
    if isinstance(node, list):
        return [_bind(value, identifier, item) for value in node]
    if not isinstance(node, dict):
        return node
    if node == {"Ref": identifier}:
        return item
    if set(node) == {"Fn::Sub"} and isinstance(node["Fn::Sub"], str):
        text = node["Fn::Sub"].replace(f"${{{identifier}}}", item)
        return {"Fn::Sub": text} if "${" in text else text
    return {key: _bind(value, identifier, item) for key, value in node.items()}


def expand(template, parameters):
    """The template without loops and without SAM's shorthand: plain CloudFormation."""
    expanded = unroll(template, parameters["PlatformNames"].split(","))
    for resource in expanded["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://packages/" + resource["Properties"]["CodeUri"]
    # Parameters stay references, so that nothing is filled in before its time.
    return Translator({}, Parser(), boto_session=_Session()).translate(expanded, {})


class _Session:
    """The translator asks for the region and nothing else."""

    region_name = PSEUDO["AWS::Region"]

    def get_partition_for_region(self, _region):
        return PSEUDO["AWS::Partition"]


class Stack:
    """Resources and outputs with everything filled in that is known before a deployment."""

    def __init__(self, template=None, **parameters):
        template = template if template is not None else read()
        declared = template["Parameters"]
        values = {name: str(parameters.get(name, spec.get("Default", ""))) for name, spec in declared.items()}
        self.parameters = {
            name: value.split(",") if declared[name]["Type"] == "CommaDelimitedList" else value for name, value in values.items()
        }
        plain = expand(template, values)
        self.conditions = plain.get("Conditions", {})
        self.ids = set(plain["Resources"])
        self.resources = {}
        for name, resource in plain["Resources"].items():
            if "Condition" in resource and not self._holds(resource["Condition"]):
                continue
            self.resources[name] = self._fill(resource)
        self.outputs = {name: self._fill(output["Value"]) for name, output in plain["Outputs"].items()}

    def of_type(self, kind):
        """The resources of one type, by logical id."""
        return {name: found for name, found in self.resources.items() if found["Type"] == kind}

    def properties(self, name):
        """The properties of one resource."""
        return self.resources[name]["Properties"]

    def statements(self, role):
        """All statements a role has, by policies inside it and beside it."""
        found = []
        for policy in self.properties(role).get("Policies", []):
            found += policy["PolicyDocument"]["Statement"]
        for policy in (self.of_type("AWS::IAM::Policy") | self.of_type("AWS::IAM::ManagedPolicy")).values():
            if f"<{role}>" in policy["Properties"].get("Roles", []):
                found += policy["Properties"]["PolicyDocument"]["Statement"]
        return found

    def allows(self, role, action, resource):
        """The statements that let a role do something to a resource, if their conditions hold."""
        return [
            statement
            for statement in self.statements(role)
            if statement["Effect"] == "Allow"
            and _matches(statement.get("Action", []), action, re.IGNORECASE)
            and _matches(statement.get("Resource", []), resource)
        ]

    def _holds(self, name):
        return self._condition(self.conditions[name])

    def _condition(self, expression):
        ((function, argument),) = expression.items()
        if function == "Fn::Not":
            return not self._condition(argument[0])
        if function == "Fn::Equals":
            left, right = (self._fill(side) for side in argument)
            return str(left) == str(right)
        if function == "Condition":
            return self._holds(argument)
        raise ValueError(f"an unknown condition: {function}")

    def _fill(self, node):
        if isinstance(node, list):
            filled = [self._fill(item) for item in node]
            return [item for item in filled if item is not NO_VALUE]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            ((function, argument),) = node.items()
            if function == "Ref":
                return self._ref(argument)
            if function.startswith("Fn::"):
                return self._call(function, argument)
        filled = {key: self._fill(value) for key, value in node.items()}
        return {key: value for key, value in filled.items() if value is not NO_VALUE}

    def _ref(self, name):
        if name == "AWS::NoValue":
            return NO_VALUE
        if name in PSEUDO:
            return PSEUDO[name]
        if name in self.parameters:
            return self.parameters[name]
        if name not in self.ids:
            raise ValueError(f"nothing is called {name}")
        return f"<{name}>"

    def _get(self, argument):
        name, attribute = argument.split(".", 1) if isinstance(argument, str) else [self._fill(part) for part in argument]
        if name not in self.ids:
            raise ValueError(f"no resource is called {name}")
        return f"<{name}.{attribute}>"

    def _call(self, function, argument):
        if function == "Fn::GetAtt":
            return self._get(argument)
        if function == "Fn::If":
            name, yes, no = argument
            return self._fill(yes if self._holds(name) else no)
        if function == "Fn::Join":
            return argument[0].join(str(item) for item in self._fill(argument[1]))
        if function == "Fn::Sub":
            return self._sub(argument)
        raise ValueError(f"an unknown function: {function}")

    def _sub(self, argument):
        text, own = (argument, {}) if isinstance(argument, str) else (argument[0], self._fill(argument[1]))

        def value(match):
            name = match.group(1)
            if name.startswith("!"):
                return "${" + name[1:] + "}"
            if name in own:
                return str(own[name])
            return str(self._get(name) if "." in name else self._ref(name))

        return re.sub(r"\$\{([^}]*)\}", value, text)


def as_list(value):
    """One thing or several."""
    return value if isinstance(value, list) else [value]


def _matches(patterns, value, flags=0):
    return any(
        re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), value, flags) for pattern in as_list(patterns)
    )
