//! Whether an entry of the manifest can be used: what the model says, and what only the connector knows.

use seatbelt_catalog::Entry;
use seatbelt_connector_kit::{COMMON_SETTINGS, Connector};
use seatbelt_model::{
    Decision, Finding, System,
    system::{check_entry, has_errors, nearest},
};

use crate::platforms;

/// The system, unless a finding is an error, and all findings.
pub(crate) fn judge(entry: &Entry) -> (Option<System>, Vec<Finding>) {
    // What is wrong with key and version stands beside the fields, which are judged as a whole.
    let beside = entry
        .findings
        .iter()
        .filter(|finding| matches!(finding.field.as_str(), "system" | "version"))
        .cloned();
    let (system, findings) = check_entry(&entry.raw, &platforms::known());
    let mut findings: Vec<Finding> = beside.chain(findings).collect();
    if let Some(system) = &system {
        findings.extend(connectors(system));
    }
    (system.filter(|_| !has_errors(&findings)), findings)
}

/// What the connector finds wrong with scope and settings. Nothing, if there is no connector: that is a finding of the model's.
pub(crate) fn connectors(system: &System) -> Vec<Finding> {
    let connector = system.platform.as_deref().and_then(|name| platforms::named(name).ok());
    match connector {
        Some(connector) if system.decision == Decision::Backup => {
            scope(system, connector).chain(settings(system, connector)).collect()
        }
        _ => Vec::new(),
    }
}

fn scope<'a>(system: &'a System, connector: &'a Connector) -> impl Iterator<Item = Finding> + 'a {
    let lists = [
        ("scope.include", &system.scope.include),
        ("scope.exclude", &system.scope.exclude),
    ];
    let names = lists
        .into_iter()
        .flat_map(|(field, names)| names.iter().map(move |name| (field, name)));
    // A star stands for everything.
    let unknown = names.filter(|(_, name)| *name != "*" && connector.resource(name).is_none());
    unknown.map(|(field, name)| {
        let near = nearest(name, connector.resources.iter().map(|resource| resource.name));
        let near = near.map_or_else(
            || format!("; seatbelt platforms {} lists them", connector.name),
            |near| format!("; did you mean \"{near}\"?"),
        );
        Finding::error(field, format!("{} has no resource \"{name}\"{near}", connector.title))
    })
}

fn settings<'a>(system: &'a System, connector: &'a Connector) -> impl Iterator<Item = Finding> + 'a {
    let own = connector.settings.iter();
    let missing = own.filter(|setting| setting.default.is_none() && !system.settings.contains_key(setting.name));
    let missing = missing.map(|setting| {
        Finding::error(
            format!("settings.{}", setting.name),
            format!("{} needs it: {}", connector.title, setting.help),
        )
    });
    let known = || {
        connector
            .settings
            .iter()
            .chain(COMMON_SETTINGS)
            .map(|setting| setting.name)
    };
    let unknown = system
        .settings
        .keys()
        .filter(move |name| !known().any(|known| known == *name));
    let unknown = unknown.map(move |name| {
        let near = nearest(name, known());
        let near = near.map_or_else(
            || format!("; it takes {}", known().collect::<Vec<_>>().join(", ")),
            |near| format!("; did you mean \"{near}\"?"),
        );
        Finding::error(
            format!("settings.{name}"),
            format!("{} has no such setting{near}", connector.title),
        )
    });
    missing.chain(unknown)
}

/// The command that corrects what a finding is about.
pub(crate) fn remedy(system: &str, finding: &Finding) -> String {
    let value = match finding.field.as_str() {
        "" => return format!("seatbelt manifest show {system}"),
        "system" => return format!("seatbelt manifest remove '{system}'"),
        "version" => return "remove that field in the table".to_owned(),
        "decision" => "backup",
        "platform" => "NAME",
        "schedule" => "'daily at 03:30 Europe/Berlin'",
        "rpo" => "26h",
        "retention" => "'30 daily, 12 monthly'",
        "lock_days" => "30",
        "secret" => "file:NAME.json",
        "owner" => "NAME",
        "reason" => "'WHY'",
        "paused" => "false",
        "settings.base_url" => "https://...",
        "scope" | "scope.include" | "scope.exclude" => {
            return format!("seatbelt manifest set {system} scope.include=A,B scope.exclude=C");
        }
        _ => "VALUE",
    };
    format!("seatbelt manifest set {system} {}={value}", finding.field)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(raw: serde_json::Value) -> Entry {
        Entry {
            name: "acme-site".into(),
            system: None,
            findings: Vec::new(),
            version: 1,
            raw,
        }
    }

    #[test]
    fn the_connector_is_asked_about_scope_and_settings() {
        let (system, findings) = judge(&entry(json!({
            "platform": "wordpress", "decision": "backup", "schedule": "daily at 02:00", "secret": "file:a.json", "rpo": "2 days",
            "owner": "ann", "scope": {"exclude": ["post"]}, "settings": {"timeout": 5},
        })));
        assert!(system.is_none());
        let said: Vec<_> = findings.iter().map(ToString::to_string).collect();
        let has = |words: &str| assert!(said.iter().any(|said| said.contains(words)), "{words}: {said:?}");
        has("did you mean \"posts\"?");
        has("settings.base_url: WordPress and WooCommerce needs it");
        has("settings.timeout: WordPress and WooCommerce has no such setting; did you mean");
    }

    #[test]
    fn a_good_entry_passes() {
        let (system, findings) = judge(&entry(json!({
            "platform": "wordpress", "decision": "backup", "schedule": "daily at 02:00", "secret": "file:a.json", "rpo": "2 days",
            "owner": "ann", "settings": {"base_url": "https://acme.example", "timeout_s": 5},
        })));
        assert!(system.is_some() && findings.is_empty(), "{findings:?}");
    }
}
