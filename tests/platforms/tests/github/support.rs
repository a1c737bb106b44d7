//! A server and a client for the tests.

use reqwest::header::HeaderMap;
use reqwest::{Client, Method, StatusCode};
use seatbelt_platforms::Server;
use seatbelt_platforms::github::{Counts, GitHub};
use serde_json::Value;

pub(crate) struct World {
    pub(crate) github: GitHub,
    pub(crate) server: Server,
    client: Client,
}

pub(crate) struct Got {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Got {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or(Value::Null)
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn array(&self) -> Vec<Value> {
        assert_eq!(self.status, 200, "{}", String::from_utf8_lossy(&self.bytes));
        self.json().as_array().expect("an array").clone()
    }

    pub(crate) fn message(&self) -> String {
        self.json()["message"].as_str().unwrap_or("").to_owned()
    }

    pub(crate) fn next(&self) -> Option<String> {
        let link = self.header("link").to_owned();
        let next = link.split(", ").find(|part| part.ends_with("rel=\"next\""))?;
        Some(next.trim_start_matches('<').split('>').next()?.to_owned())
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(&Counts::default()).await
    }

    pub(crate) async fn small() -> Self {
        let counts = Counts {
            repos: 2,
            issues: 5,
            pulls: 2,
            discussions: 3,
            ..Counts::default()
        };
        Self::with(&counts).await
    }

    pub(crate) async fn with(counts: &Counts) -> Self {
        // Another test of this process may have installed it already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let github = GitHub::generate(7, counts);
        let server = Server::start(github.router()).await;
        let client = Client::builder()
            .user_agent("seatbelt-test")
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Self { github, server, client }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}{path}", self.server.url())
        }
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        token: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Got {
        let mut request = self.client.request(method, self.url(path));
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        Got {
            status,
            headers,
            bytes: response.bytes().await.unwrap().to_vec(),
        }
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Got {
        self.send(Method::GET, path, token, &[], None).await
    }

    pub(crate) async fn all(&self, path: &str, token: &str) -> Vec<Value> {
        let mut found = Vec::new();
        let mut next = Some(path.to_owned());
        while let Some(path) = next {
            let got = self.get(&path, token).await;
            found.extend(got.array());
            next = got.next();
        }
        found
    }
}
