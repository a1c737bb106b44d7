import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { App } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { Seatbelt } from "../lib/seatbelt";

function packages(...functions: string[]): string {
  const folder = mkdtempSync(join(tmpdir(), "seatbelt-packages-"));
  for (const name of functions) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, "bootstrap"), name);
  }
  return folder;
}

const all = packages("wordpress", "github", "schedule-sync", "watchdog", "retention");

test("the stack is the template's, with packages of its own", () => {
  const stack = new Seatbelt(new App(), "seatbelt", { platforms: ["wordpress", "github"], packages: all });
  const template = Template.fromStack(stack);
  template.resourceCountIs("AWS::Serverless::Function", 5);
  template.hasResourceProperties("AWS::Serverless::Function", { RecursiveLoop: "Allow", FunctionName: { "Fn::Sub": "${AWS::StackName}-backup-github" } });
  template.hasResource("AWS::S3::Bucket", { DeletionPolicy: "Retain" });
  const json = template.toJSON();
  assert.equal(json.Transform, "AWS::Serverless-2016-10-31");
  assert.ok(!JSON.stringify(json).includes("ForEach") && !JSON.stringify(json).includes("${P}"));
  const keys = Object.values<any>(json.Resources).filter((r) => r.Type === "AWS::Serverless::Function").map((r) => JSON.stringify(r.Properties.CodeUri));
  assert.equal(new Set(keys).size, 5, "each function has a package of its own");
  for (const output of ["Bucket", "ManifestTable", "RunsTable", "Platforms", "BackupFunctionPrefix", "ScheduleGroup", "Topic", "Dashboard"]) {
    assert.ok(json.Outputs[output], output);
  }
});

test("platforms and parameters are taken, and mistakes refused", () => {
  const one = new Seatbelt(new App(), "seatbelt", { platforms: ["github"], packages: all, parameters: { LockMode: "COMPLIANCE" } });
  const json = Template.fromStack(one).toJSON();
  assert.ok(json.Resources.Backupgithub && !json.Resources.Backupwordpress);
  assert.deepEqual([json.Parameters.PlatformNames.Default, json.Parameters.LockMode.Default], ["github", "COMPLIANCE"]);
  assert.throws(() => new Seatbelt(new App(), "a", { platforms: ["gitub"], packages: all }), /no platform gitub/);
  assert.throws(() => new Seatbelt(new App(), "b", { platforms: ["github"], packages: all, parameters: { Lock: "x" } }), /no parameter Lock/);
  assert.throws(() => new Seatbelt(new App(), "c", { platforms: ["github"], packages: packages() }), /make -C infra packages/);
});

test("its resources can be referred to", () => {
  const app = new App();
  const seatbelt = new Seatbelt(app, "seatbelt", { platforms: ["github"], packages: all });
  assert.deepEqual(seatbelt.resolve(seatbelt.ref("Topic")), { Ref: "Topic" });
  assert.deepEqual(seatbelt.resolve(seatbelt.attribute("Bucket", "Arn")), { "Fn::GetAtt": ["Bucket", "Arn"] });
  assert.throws(() => seatbelt.ref("Nothing"), /no resource Nothing/);
});
