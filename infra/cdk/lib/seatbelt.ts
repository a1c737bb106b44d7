import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { CfnElement, Fn, Stack, type StackProps } from "aws-cdk-lib";
import { Asset } from "aws-cdk-lib/aws-s3-assets";
import type { Construct } from "constructs";
import { read, unroll, type Fields } from "./template";

const INFRA = resolve(__dirname, "..", "..");

/** What is deployed. */
export interface SeatbeltProps extends StackProps {
  /** The platforms to deploy a backup function for. */
  readonly platforms: string[];
  /** Parameters of the template besides `PlatformNames`, such as `NotificationEmail`; see `template.yaml`. */
  readonly parameters?: { [name: string]: string };
  /** The folder with a folder for each function, made by `make -C infra packages`. */
  readonly packages?: string;
}

/**
 * A whole template, as it is. The CDK's own way of including one goes through its classes for SAM, which do not know all of SAM's properties
 * (`EventInvokeConfig` without `OnSuccess` is refused).
 */
class Verbatim extends CfnElement {
  constructor(scope: Construct, id: string, private readonly fragment: Fields) {
    super(scope, id);
  }

  /** What the CDK merges into the stack's template. */
  _toCloudFormation(): object {
    return this.fragment;
  }
}

/**
 * Seatbelt's stack. The template stays the one place where it is described; this makes it a stack of a CDK application, so that it can stand
 * beside others and they can refer to it.
 */
export class Seatbelt extends Stack {
  private readonly resources: Set<string>;

  constructor(scope: Construct, id: string, props: SeatbeltProps) {
    super(scope, id, { terminationProtection: true, ...props });
    const written = read(join(INFRA, "template.yaml"));
    const declared = written.Parameters as { [name: string]: Fields };
    const known = declared.PlatformNames.AllowedValues as string[];
    for (const platform of props.platforms) {
      if (!known.includes(platform)) throw new Error(`there is no platform ${platform}; there are ${known.join(", ")}`);
    }
    for (const [name, value] of Object.entries({ ...props.parameters, PlatformNames: props.platforms.join(",") })) {
      if (!declared[name]) throw new Error(`the template has no parameter ${name}; it has ${Object.keys(declared).join(", ")}`);
      declared[name].Default = value;
    }
    const { Transform, Description, AWSTemplateFormatVersion, Metadata, ...template } = unroll(written, props.platforms);
    this.addTransform(String(Transform));
    this.templateOptions.description = String(Description);
    this.templateOptions.templateFormatVersion = String(AWSTemplateFormatVersion);
    this.templateOptions.metadata = Metadata as { [key: string]: unknown };
    this.resources = new Set(Object.keys(template.Resources as Fields));
    this.useAssets(template, props.packages ?? join(INFRA, "packages"));
    new Verbatim(this, "Template", template);
  }

  /** A resource of the template, as `Ref` gives it: `ref("Bucket")` is the bucket's name, `ref("Topic")` the topic's ARN. */
  ref(name: string): string {
    return Fn.ref(this.known(name));
  }

  /** An attribute of a resource of the template, as in `attribute("ManifestTable", "Arn")`. */
  attribute(name: string, attribute: string): string {
    return Fn.getAtt(this.known(name), attribute).toString();
  }

  private known(name: string): string {
    if (!this.resources.has(name)) throw new Error(`the template has no resource ${name}`);
    return name;
  }

  /** Points each function to its package, which the CDK uploads. */
  private useAssets(template: Fields, packages: string): void {
    for (const [name, resource] of Object.entries(template.Resources as { [name: string]: Fields })) {
      if (resource.Type !== "AWS::Serverless::Function") continue;
      const properties = resource.Properties as Fields;
      const folder = join(packages, String(properties.CodeUri).split("/").pop()!);
      if (!existsSync(join(folder, "bootstrap"))) {
        throw new Error(`${folder} has no bootstrap; \`make -C infra packages\` builds it`);
      }
      const asset = new Asset(this, `${name}Package`, { path: folder });
      properties.CodeUri = { Bucket: asset.s3BucketName, Key: asset.s3ObjectKey };
    }
  }
}
