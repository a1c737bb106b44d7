#!/usr/bin/env bash
# All checks of the infrastructure: the template by SAM, cfn-lint and checkov, its promises by infra/tests, the CDK wrapper by synthesis.
# Usage: check.sh [FOLDER], where the tools are installed (about 950 MB, once). Needs Python and npm; the checks themselves need no network.
set -euo pipefail
cd "$(dirname "$0")"
tools=${1:-${TMPDIR:-/tmp}/seatbelt-infra-tools}
export SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=us-east-1 AWS_EC2_METADATA_DISABLED=true PYTHONDONTWRITEBYTECODE=1
step() { printf -- '-- %s (%s s)\n' "$1" "$SECONDS"; }

# SAM and checkov want different versions of the same libraries, so each has an environment of its own.
python_tools() {
    [ -x "$tools/$1/bin/python" ] || python3 -m venv "$tools/$1"
    "$tools/$1/bin/pip" install --quiet --disable-pip-version-check "$2"
}
step "tools"
mkdir -p "$tools/cdk"
python_tools sam 'aws-sam-cli==1.170.0'
python_tools checkov 'checkov==3.3.30'
# Beside the sources, not among them: the folder of the wrapper stays as it is in the repository.
cp -r cdk/package.json cdk/package-lock.json cdk/cdk.json cdk/tsconfig.json cdk/bin cdk/lib cdk/test "$tools/cdk/"
cp template.yaml "$tools/"
[ -e "$tools/cdk/node_modules/.package-lock.json" ] && cmp -s cdk/package-lock.json "$tools/cdk/installed.json" ||
    { npm ci --prefix "$tools/cdk" --silent --no-audit --no-fund && cp cdk/package-lock.json "$tools/cdk/installed.json"; }

step "the template's promises"
"$tools/sam/bin/python" -m unittest discover --start-directory tests

step "sam validate --lint"
"$tools/sam/bin/sam" validate --lint --language-extensions --template template.yaml

step "cfn-lint"
"$tools/sam/bin/cfn-lint" template.yaml
plain=$(mktemp -d)
trap 'rm -rf "$plain"' EXIT
mkdir "$plain/cfn" && "$tools/sam/bin/python" plain.py "$plain/cfn/template.json"

step "sam build, with stand-ins for the binaries"
mkdir -p "$plain/house/infra" "$plain/built"
cp -r functions Makefile package.mk samconfig.toml template.yaml "$plain/house/infra/"
for function in functions/*/; do
    name=$(basename "$function")
    mkdir -p "$plain/built/seatbelt-$name" && echo "$name" >"$plain/built/seatbelt-$name/bootstrap"
done
touch "$plain/built/.built"
(cd "$plain/house/infra" && MAKEFLAGS="BUILT=$plain/built" "$tools/sam/bin/sam" build) >"$plain/build.log" 2>&1 || { cat "$plain/build.log"; exit 1; }
"$tools/sam/bin/python" - "$plain/house/infra/.aws-sam/build" <<'PYTHON'
import sys, pathlib, yaml
built = pathlib.Path(sys.argv[1])
found = {folder.name: (folder / "bootstrap").read_text().strip() for folder in built.iterdir() if folder.is_dir()}
expected = {"Backupwordpress": "wordpress", "Backupgithub": "github", "ScheduleSync": "schedule-sync", "Watchdog": "watchdog", "Retention": "retention"}
assert found == expected, found
mapped = yaml.safe_load((built / "template.yaml").read_text())["Mappings"]["SAMCodeUriBackupFunctions"]
assert mapped == {"wordpress": {"CodeUri": "Backupwordpress"}, "github": {"CodeUri": "Backupgithub"}}, mapped
print("each function has its own package")
PYTHON

step "checkov, on the template without loops"
"$tools/checkov/bin/checkov" --config-file checkov.yaml --directory "$plain/cfn"
"$tools/checkov/bin/checkov" --config-file checkov.yaml --directory "$plain/cfn" --output json >"$plain/report.json"
"$tools/sam/bin/python" - "$plain/report.json" <<'PYTHON'
import json, sys
summary = json.load(open(sys.argv[1]))["summary"]
print(f"checkov: {summary['passed']} passed, {summary['failed']} failed")
assert summary["passed"] > 40 and summary["failed"] == 0, "checkov did not see the resources of the template"
PYTHON

step "the CDK wrapper"
for function in functions/*/; do
    mkdir -p "$plain/packages/$(basename "$function")" && echo '#!/bin/false' >"$plain/packages/$(basename "$function")/bootstrap"
done
(
    cd "$tools/cdk"
    npm run --silent check
    npm test --silent
    npx --no-install cdk synth --quiet --context packages="$plain/packages" --output "$plain/cdk.out"
    grep -q AWS::Serverless::Function "$plain/cdk.out/seatbelt.template.json"
) >"$plain/cdk.log" 2>&1 || { cat "$plain/cdk.log"; exit 1; }
grep -E '^# (pass|fail)' "$plain/cdk.log"
step "the infrastructure is sound"
