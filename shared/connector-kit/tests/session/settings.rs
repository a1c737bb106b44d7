//! Settings: what is missing, malformed or unknown is named together with what helps.

use seatbelt_connector_kit::{Auth, Connector, KitError, Session, Setting};
use serde_json::{Value, json};

use crate::vendor::{BEARER, FAST, SETTING, World, connector, plain};

async fn open(connector: &'static Connector, settings: Value) -> Result<Session, KitError> {
    World::with_secret(json!({"token": "hush"}))
        .try_open(connector, settings, Some("env:ACME"))
        .await
}

async fn said(connector: &'static Connector, settings: Value) -> String {
    let error = open(connector, settings).await.unwrap_err();
    assert!(matches!(error, KitError::Setting { .. }), "{error}");
    error.to_string()
}

fn with_settings(settings: &'static [Setting], base_url: &'static str) -> &'static Connector {
    Box::leak(Box::new(Connector {
        settings,
        base_url,
        ..plain(BEARER, FAST)
    }))
}

#[tokio::test]
async fn defaults_may_name_other_settings_in_any_order() {
    const SETTINGS: &[Setting] = &[
        Setting {
            name: "host",
            default: Some("{subdomain}.{region}.acme.example"),
            help: "",
        },
        Setting {
            name: "region",
            default: Some("eu"),
            help: "",
        },
        SETTING,
    ];
    let acme = with_settings(SETTINGS, "https://{host}/v2/");
    let session = open(acme, json!({"subdomain": " crm ", "region": ""})).await.unwrap();
    assert_eq!(
        (session.base_url(), session.origin()),
        ("https://crm.eu.acme.example/v2", "https://crm.eu.acme.example")
    );
    assert_eq!(session.setting("region"), Some("eu"));
    assert_eq!(session.settings().len(), 3);
}

#[tokio::test]
async fn a_missing_setting_is_named_with_its_help() {
    let error = said(
        with_settings(&[SETTING], "https://{subdomain}.acme.example"),
        json!({"subdomain": " "}),
    )
    .await;
    assert!(
        error.starts_with("setting `subdomain`: it is required: the part before .acme.example"),
        "{error}"
    );
}

#[tokio::test]
async fn an_unknown_setting_is_refused_with_those_there_are() {
    let error = said(
        with_settings(&[SETTING], "https://{subdomain}.acme.example"),
        json!({"subdomian": "crm"}),
    )
    .await;
    assert!(
        error.contains(
            "`subdomian`: Acme has no such setting; it takes subdomain, base_url, timeout_s, ca_file, max_page_mb"
        ),
        "{error}"
    );
    const CLIENT: &[Auth] = &[Auth::ClientCredentials {
        token_url: "/t",
        scopes: &[],
    }];
    assert!(
        said(connector(CLIENT, FAST), json!({"x": 1}))
            .await
            .contains("base_url, token_url, timeout_s")
    );
}

#[tokio::test]
async fn defaults_that_name_each_other_are_an_error_not_a_hang() {
    const CIRCLE: &[Setting] = &[
        Setting {
            name: "a",
            default: Some("{b}"),
            help: "",
        },
        Setting {
            name: "b",
            default: Some("{a}"),
            help: "",
        },
    ];
    assert!(
        said(with_settings(CIRCLE, "https://acme.example"), json!({}))
            .await
            .contains("names a setting that has no value")
    );
}

#[tokio::test]
async fn the_base_url_is_taken_over_and_checked() {
    let acme = connector(BEARER, FAST);
    assert_eq!(
        open(acme, json!({"base_url": "http://localhost:8080/api/"}))
            .await
            .unwrap()
            .base_url(),
        "http://localhost:8080/api"
    );
    for (url, problem) in [
        ("acme.example", "it is not a URL"),
        ("ftp://acme.example", "it must start with https://"),
        ("https://ann:hush@acme.example", "they belong in the secret"),
        ("https://acme.example/#top", "must not hold a `#`"),
    ] {
        let error = said(acme, json!({ "base_url": url })).await;
        assert!(error.contains(problem) && !error.contains("hush"), "{error}");
    }
    const OWN: &[Setting] = &[Setting {
        name: "base_url",
        default: None,
        help: "where the site is",
    }];
    let own = with_settings(OWN, "{base_url}/wp-json");
    assert_eq!(
        open(own, json!({"base_url": "https://acme.example"}))
            .await
            .unwrap()
            .base_url(),
        "https://acme.example/wp-json"
    );
    assert!(said(own, json!({})).await.contains("it is required: where the site is"));
}

#[tokio::test]
async fn numbers_and_files_are_checked() {
    let acme = connector(BEARER, FAST);
    for (name, range) in [("requests_per_second", "1 to 10000"), ("concurrency", "1 to 64")] {
        let error = said(acme, json!({ name: 0 })).await;
        assert!(
            error.contains(&format!("`{name}`: it takes a whole number from {range}")),
            "{error}"
        );
    }
    assert!(
        said(acme, json!({"timeout_s": 0}))
            .await
            .contains("`timeout_s`: it takes a whole number from 1 to 3600")
    );
    assert!(
        said(acme, json!({"max_page_mb": "many"}))
            .await
            .contains("`max_page_mb`: it takes a whole number")
    );
    assert!(
        said(acme, json!({"base_url": ["https://acme.example"]}))
            .await
            .contains("it takes a text or a number")
    );
    assert!(
        said(acme, json!({"ca_file": "/no/such.pem"}))
            .await
            .contains("/no/such.pem cannot be read")
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, "nothing").unwrap();
    assert!(
        said(acme, json!({ "ca_file": file.to_str().unwrap() }))
            .await
            .contains("holds no certificate in PEM form")
    );
}
