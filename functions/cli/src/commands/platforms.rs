//! `seatbelt platforms`: the coverage of each connector, generated from its declaration.

use std::process::ExitCode;

use anyhow::Result;
use seatbelt_connector_kit::{Connector, Cursor, Deletes, DependsOn, NativeExport, Resource, Restore};
use seatbelt_model::RestoreLevel;
use serde_json::{Value, json};

use crate::{
    Context, platforms,
    table::{Table, paragraph},
};

pub(crate) const EXAMPLES: &str = "\
Examples:
  seatbelt platforms
  seatbelt platforms wordpress

Restore levels: R0 export only, R1 created again with new ids, R2 updated in
place, R3 with relations remapped, R4 bit by bit.";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The connector; all of them if none is named
    name: Option<String>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<ExitCode> {
    match &args.name {
        Some(name) => one(platforms::named(name)?, context)?,
        None => list(context)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn list(context: &Context) -> Result<()> {
    if context.out.json {
        return context.out.value(
            &platforms::all()
                .iter()
                .map(|connector| summary(connector))
                .collect::<Vec<_>>(),
        );
    }
    let mut table = Table::new(&["PLATFORM", ">RESOURCES", ">TAKES BACK", "~NAME"]);
    for connector in platforms::all() {
        table.row([
            connector.name.into(),
            connector.resources.len().to_string().into(),
            restorable(connector).to_string().into(),
            connector.title.into(),
        ]);
    }
    context.out.data(table.render(&context.out))?;
    context
        .out
        .note("\nseatbelt platforms NAME shows what each of them covers.");
    Ok(())
}

fn restorable(connector: &Connector) -> usize {
    connector
        .resources
        .iter()
        .filter(|resource| resource.restore.level() > RestoreLevel::R0)
        .count()
}

fn summary(connector: &Connector) -> Value {
    json!({
        "platform": connector.name,
        "title": connector.title,
        "resources": connector.resources.len(),
        "restorable": restorable(connector),
    })
}

fn one(connector: &'static Connector, context: &Context) -> Result<()> {
    if context.out.json {
        return context.out.value(&json!([details(connector)]));
    }
    let mut text = format!("{} ({})\n\n", connector.title, connector.name);
    let mut table = Table::new(&["RESOURCE", "KIND", "~READ", "DELETIONS", "LEVEL"]);
    for resource in connector.resources {
        table.row([
            resource.name.into(),
            resource.kind.plain().to_string().into(),
            read(connector, resource).into(),
            deletions(resource).into(),
            resource.restore.level().to_string().into(),
        ]);
    }
    text += &table.render(&context.out);
    text += "\nHow the vendor takes each resource back\n";
    let writes = |resource: &&Resource| matches!(resource.restore, Restore::Writes(_));
    text += &paragraph(
        2,
        if connector.resources.iter().any(writes) {
            "seatbelt restore shows a plan first, and writes only with --apply."
        } else {
            "This version writes nothing back here; it shows and exports what is held."
        },
    );
    text += &restores(connector);
    if !connector.native_exports.is_empty() {
        text += "\nForms of the vendor's own that seatbelt export writes\n";
    }
    for export in connector.native_exports {
        text += &paragraph(
            2,
            &format!("--format {}: {}. {}", export.name, export.title, export.import),
        );
    }
    text += "\nSettings\n";
    for setting in connector.settings {
        let default = setting
            .default
            .map_or("required".to_owned(), |default| format!("default {default}"));
        text += &paragraph(2, &format!("{}: {} ({default})", setting.name, setting.help));
    }
    let builtin = &connector.builtin;
    text += "\nThe vendor's own backup offers\n";
    text += &paragraph(2, builtin.offers);
    text += "It misses\n";
    text += &paragraph(2, builtin.misses);
    text += &paragraph(2, &format!("({}, read {})", builtin.source, builtin.read_on));
    text += "\nThe credential\n";
    text += &paragraph(2, connector.guide);
    context.out.data(text)
}

/// Resources that come back in the same way stand together.
fn restores(connector: &Connector) -> String {
    let mut ways: Vec<(String, Vec<&str>)> = Vec::new();
    for resource in connector.resources {
        let way = match resource.restore {
            Restore::ExportOnly { why } => format!("R0, export only: {why}"),
            Restore::Api { level, how } => format!("{level}, not by this version yet: {how}"),
            Restore::Writes(writes) => format!("{}: {}", writes.level, writes.how),
        };
        match ways.iter_mut().find(|(known, _)| *known == way) {
            Some((_, names)) => names.push(resource.name),
            None => ways.push((way, vec![resource.name])),
        }
    }
    ways.iter()
        .map(|(way, names)| paragraph(2, way) + &paragraph(4, &names.join(", ")))
        .collect()
}

fn details(connector: &'static Connector) -> Value {
    let resource = |resource: &&'static Resource| {
        let (how, why) = match resource.restore {
            Restore::ExportOnly { why } => (None, Some(why)),
            Restore::Api { how, .. } => (Some(how), Some("not written by this version yet")),
            Restore::Writes(writes) => (Some(writes.how), None),
        };
        json!({
            "resource": resource.name,
            "kind": resource.kind.plain(),
            "read": read(connector, resource),
            "deletions": deletions(resource),
            "restore": resource.restore.level(),
            "restored_by": how,
            "not_restored_since": why,
        })
    };
    let setting = |setting: &seatbelt_connector_kit::Setting| json!({ "name": setting.name, "default": setting.default, "help": setting.help });
    let native = |export: &NativeExport| json!({ "format": export.name, "title": export.title, "file": export.file, "import": export.import });
    let builtin = &connector.builtin;
    json!({
        "platform": connector.name,
        "title": connector.title,
        "resources": connector.resources.iter().map(resource).collect::<Vec<_>>(),
        "native_exports": connector.native_exports.iter().map(native).collect::<Vec<_>>(),
        "settings": connector.settings.iter().map(setting).collect::<Vec<_>>(),
        "builtin": { "offers": builtin.offers, "misses": builtin.misses, "source": builtin.source, "read_on": builtin.read_on },
        "credential": connector.guide,
    })
}

/// How a resource is read between full sweeps.
fn read(connector: &Connector, resource: &Resource) -> String {
    let what = match resource.cursor {
        Cursor::None => "all",
        Cursor::Since { .. } => "changes by time",
        Cursor::NewestFirst { .. } => "newest first",
        Cursor::Feed { .. } => "change feed",
    };
    let of = match resource.depends_on {
        DependsOn::Nothing => String::new(),
        DependsOn::Values(name, _) => format!(" per {name}"),
        DependsOn::Has(..) => String::new(),
        DependsOn::Each(parent, _) => format!(" of each {}", singular(parent.name)),
        DependsOn::EachChanged(parent, _) => format!(" of changed {}", parent.name),
    };
    let asked = if connector.on_request.contains(&resource.name) {
        ", on request"
    } else {
        ""
    };
    format!("{what}{of}{asked}")
}

/// The names of resources are plural; what is meant here is one of them.
fn singular(name: &str) -> String {
    let one = match name.strip_suffix("ies") {
        Some(stem) => format!("{stem}y"),
        None if name.ends_with("ses") || name.ends_with("xes") => name[..name.len() - 2].to_owned(),
        None => name.strip_suffix('s').unwrap_or(name).to_owned(),
    };
    one.replace('_', " ")
}

fn deletions(resource: &Resource) -> String {
    match resource.deletes {
        Deletes::ByAbsence if matches!(resource.cursor, Cursor::None) => "at once",
        Deletes::ByAbsence => "by sweep",
        Deletes::Flagged { .. } => "flagged",
        Deletes::Listed(_) => "listed",
    }
    .into()
}
