//! What the tests of the simulators share: one client, and answers read whole.

// Each test program uses its own part of this module.
#![allow(dead_code, reason = "shared between test programs")]
#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests stand outside of tests; a panic is their failure"
)]

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) bytes: Vec<u8>,
}

impl Got {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap()
    }

    pub(crate) fn list(&self) -> Vec<Value> {
        self.json().as_array().unwrap().clone()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// Status and WordPress's error code.
    pub(crate) fn failure(&self) -> (u16, String) {
        (self.status, self.json()["code"].as_str().unwrap_or_default().to_owned())
    }
}

/// How a request signs in.
#[derive(Clone)]
pub(crate) enum Auth {
    None,
    Basic(String, String),
    Bearer(String),
}

pub(crate) struct Client {
    http: reqwest::Client,
    base: String,
    pub(crate) auth: Auth,
}

impl Client {
    pub(crate) fn new(base: &str, auth: Auth) -> Self {
        // A second client in the same program finds the provider installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .timeout(Duration::from_secs(20))
            .build()
            .unwrap();
        Self {
            http,
            base: base.to_owned(),
            auth,
        }
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.auth {
            Auth::None => request,
            Auth::Basic(user, password) => request.basic_auth(user, Some(password)),
            Auth::Bearer(token) => request.bearer_auth(token),
        }
    }

    pub(crate) async fn try_get(&self, path: &str) -> Result<Got, reqwest::Error> {
        read(self.request("GET", path).send().await?).await
    }

    pub(crate) async fn get(&self, path: &str) -> Got {
        self.try_get(path).await.unwrap()
    }

    pub(crate) async fn send(&self, method: &str, path: &str, body: Value) -> Got {
        read(self.request(method, path).json(&body).send().await.unwrap())
            .await
            .unwrap()
    }
}

pub(crate) async fn read(response: reqwest::Response) -> Result<Got, reqwest::Error> {
    let status = response.status().as_u16();
    let headers = response.headers().iter();
    let headers = headers
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()))
        .collect();
    Ok(Got {
        status,
        headers,
        bytes: response.bytes().await?.to_vec(),
    })
}
