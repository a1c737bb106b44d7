/** The SAM template as the CDK can take it: read with CloudFormation's short forms, and without its loop, which the CDK does not know. */

import { readFileSync } from "node:fs";
import { parse, type CollectionTag, type ScalarTag } from "yaml";

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type Fields = { [key: string]: Json };

const FUNCTIONS = ["GetAtt", "Sub", "If", "Join", "Equals", "Not", "And", "Or", "Select", "Split", "FindInMap"];

function shortForms(): (ScalarTag | CollectionTag)[] {
  const call = (name: string) => (name === "Ref" || name === "Condition" ? name : `Fn::${name}`);
  const scalar = (name: string): ScalarTag => ({
    tag: `!${name}`,
    // `!GetAtt Bucket.Arn` is the short form of a list of two.
    resolve: (text: string) => ({ [call(name)]: name === "GetAtt" ? [text.slice(0, text.indexOf(".")), text.slice(text.indexOf(".") + 1)] : text }),
  });
  const list = (name: string): CollectionTag => ({
    tag: `!${name}`,
    collection: "seq",
    resolve: (items) => ({ [call(name)]: items.toJSON() }) as never,
  });
  return [...["Ref", "Condition", "GetAtt", "Sub"].map(scalar), ...FUNCTIONS.map(list)];
}

/** Reads a template. */
export function read(path: string): Fields {
  return parse(readFileSync(path, "utf8"), { customTags: shortForms() });
}

/** The template for these platforms, without the loop. */
export function unroll(template: Fields, platforms: string[]): Fields {
  const resources: Fields = {};
  for (const [name, resource] of Object.entries(template.Resources as Fields)) {
    if (!name.startsWith("Fn::ForEach::")) {
      resources[name] = resource;
      continue;
    }
    const [identifier, , fragment] = resource as [string, Json, Fields];
    for (const platform of platforms) {
      for (const [key, value] of Object.entries(fragment)) {
        resources[key.replaceAll(`\${${identifier}}`, platform)] = bind(value, identifier, platform);
      }
    }
  }
  return { ...template, Transform: "AWS::Serverless-2016-10-31", Resources: resources };
}

function bind(node: Json, identifier: string, item: string): Json {
  if (typeof node === "string") return node.replaceAll(`\${${identifier}}`, item);
  if (Array.isArray(node)) return node.map((value) => bind(value, identifier, item));
  if (node === null || typeof node !== "object") return node;
  const keys = Object.keys(node);
  if (keys.length === 1 && node.Ref === identifier) return item;
  if (keys.length === 1 && typeof node["Fn::Sub"] === "string") {
    const text = node["Fn::Sub"].replaceAll(`\${${identifier}}`, item);
    return text.includes("${") ? { "Fn::Sub": text } : text;
  }
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, bind(value, identifier, item)]));
}
