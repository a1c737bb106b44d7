#!/usr/bin/env node
import { App } from "aws-cdk-lib";
import { Seatbelt } from "../lib/seatbelt";

const app = new App();
new Seatbelt(app, "seatbelt", {
  platforms: (app.node.tryGetContext("platforms") ?? "wordpress,github").split(","),
  parameters: { NotificationEmail: app.node.tryGetContext("email") ?? "" },
  packages: app.node.tryGetContext("packages"),
});
