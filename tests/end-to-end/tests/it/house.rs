//! The rules of the house: dependencies point down only, versions live in one place, connectors and simulated vendors do not know each other.

use std::{collections::BTreeMap, process::Command};

use seatbelt_end_to_end::workspace;
use serde_json::Value;

/// For each crate of `shared`, the crates of the workspace it may use. `functions` may use all of `shared`.
const ARROWS: &[(&str, &[&str])] = &[
    ("seatbelt-model", &[]),
    ("seatbelt-vault", &["seatbelt-model"]),
    ("seatbelt-catalog", &["seatbelt-model"]),
    ("seatbelt-connector-kit", &["seatbelt-model"]),
    (
        "seatbelt-engine",
        &[
            "seatbelt-model",
            "seatbelt-vault",
            "seatbelt-catalog",
            "seatbelt-connector-kit",
        ],
    ),
    (
        "seatbelt-runtime",
        &[
            "seatbelt-model",
            "seatbelt-vault",
            "seatbelt-catalog",
            "seatbelt-connector-kit",
            "seatbelt-engine",
        ],
    ),
    ("seatbelt-embedded", &[]),
    ("seatbelt-platforms", &[]),
];

/// What a platform's function may use: the words, and the glue that serves it.
const FUNCTION: &[&str] = &["seatbelt-connector-kit", "seatbelt-model", "seatbelt-runtime"];

/// Functions that are no platform's: they keep the house, and know all of `shared` that runs on AWS.
const HOUSEKEEPING: &[&str] = &["functions/schedule-sync", "functions/watchdog", "functions/retention"];
const HOUSEKEEPER: &[&str] = &[
    "seatbelt-model",
    "seatbelt-vault",
    "seatbelt-catalog",
    "seatbelt-connector-kit",
    "seatbelt-engine",
    "seatbelt-runtime",
];

struct Package {
    folder: String,
    /// Crates of the workspace it depends on, tests aside.
    uses: Vec<String>,
}

fn packages() -> BTreeMap<String, Package> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let arguments = ["metadata", "--format-version", "1", "--no-deps", "--offline"];
    let output = Command::new(cargo)
        .args(arguments)
        .current_dir(workspace())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "cargo metadata: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let root = workspace().to_string_lossy().into_owned();
    let package = |package: &Value| {
        let dependencies = package["dependencies"].as_array().unwrap().iter();
        let uses = dependencies
            .filter(|dependency| dependency["kind"].is_null())
            .filter_map(|dependency| dependency["name"].as_str())
            .filter(|name| name.starts_with("seatbelt"))
            .map(str::to_owned);
        let manifest = package["manifest_path"].as_str().unwrap();
        let folder = manifest
            .trim_start_matches(&root)
            .trim_start_matches('/')
            .trim_end_matches("/Cargo.toml");
        (
            package["name"].as_str().unwrap().to_owned(),
            Package {
                folder: folder.to_owned(),
                uses: uses.collect(),
            },
        )
    };
    packages.iter().map(package).collect()
}

#[test]
fn dependencies_point_down_only() {
    let packages = packages();
    assert!(packages.len() >= 15, "cargo metadata lists the workspace");
    for (name, package) in &packages {
        let allowed: &[&str] = match ARROWS.iter().find(|(known, _)| known == name) {
            Some((_, allowed)) => allowed,
            None if package.folder.starts_with("shared/") => {
                panic!("{name} is new in shared: say in ARROWS what it may use")
            }
            None if package.folder == "functions/cli" || package.folder.starts_with("tests/") => continue,
            None if HOUSEKEEPING.contains(&package.folder.as_str()) => HOUSEKEEPER,
            None => FUNCTION,
        };
        for used in &package.uses {
            assert!(allowed.contains(&used.as_str()), "{name} must not depend on {used}");
        }
    }
}

#[test]
fn connectors_and_simulated_vendors_do_not_know_each_other() {
    let packages = packages();
    let connectors: Vec<_> = packages
        .iter()
        .filter(|(_, package)| package.folder.starts_with("functions/") && package.folder != "functions/cli")
        .collect();
    assert!(connectors.len() >= 3);
    for (name, connector) in &connectors {
        assert!(
            !connector.uses.iter().any(|used| used == "seatbelt-platforms"),
            "{name} is written from the documentation"
        );
        assert!(
            !packages["seatbelt-platforms"].uses.contains(name),
            "seatbelt-platforms is written from the documentation"
        );
    }
}

#[test]
fn only_the_runtime_knows_lambda_and_no_function_links_the_embedded_engines() {
    let packages = packages();
    for (name, package) in &packages {
        let manifest = std::fs::read_to_string(workspace().join(&package.folder).join("Cargo.toml")).unwrap();
        let knows = manifest.lines().any(|line| line.starts_with("lambda_runtime"));
        assert_eq!(knows, name == "seatbelt-runtime", "{name}");
        let is_function = package.folder.starts_with("functions/") && package.folder != "functions/cli";
        assert!(
            !(is_function && package.uses.iter().any(|used| used == "seatbelt-embedded")),
            "{name}"
        );
    }
}

#[test]
fn versions_live_in_the_workspace() {
    for (name, package) in &packages() {
        let manifest = std::fs::read_to_string(workspace().join(&package.folder).join("Cargo.toml")).unwrap();
        let mut in_dependencies = false;
        for line in manifest.lines().map(str::trim) {
            if line.starts_with('[') {
                in_dependencies = line.contains("dependencies");
            } else if in_dependencies && !line.is_empty() && !line.starts_with('#') {
                assert!(
                    line.contains("workspace = true"),
                    "{name}: `{line}` belongs into the workspace's Cargo.toml"
                );
            }
        }
    }
}
