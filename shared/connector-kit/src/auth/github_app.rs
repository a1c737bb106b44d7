//! GitHub Apps: a signed assertion of the app is traded for a token of one installation.
//!
//! Source: docs.github.com, "Generating a JSON Web Token (JWT) for a GitHub App" and "Generating an installation access token".

use http::{HeaderMap, HeaderValue, header};
use serde_json::json;

use super::{
    jwt, plain,
    token::{Minter, Token},
};
use crate::{KitError, Outcome, Response, Secret};

/// GitHub refuses more than ten minutes, and advises to date an assertion back by one.
const LIFETIME_S: i64 = 540;
const CLOCK_SKEW_S: i64 = 60;

/// The path, on the API, that installation tokens are had from.
pub(crate) fn path(installation_id: &str) -> Option<String> {
    let id = installation_id.trim();
    let is_number = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| format!("/app/installations/{id}/access_tokens"))
}

pub(super) async fn mint(minter: &Minter) -> Result<Token, KitError> {
    let now = minter.now().as_second();
    let claims = json!({
        "iss": minter.field("app_id")?.expose().trim(),
        "iat": now - CLOCK_SKEW_S,
        "exp": now + LIFETIME_S,
    });
    let unusable = |problem: String| minter.unusable(&problem);
    let assertion = jwt::sign(minter.field("private_key")?, &claims).map_err(unusable)?;
    let signature = plain::bearer_header(&assertion).map_err(unusable)?;
    let accept = (header::ACCEPT, HeaderValue::from_static("application/vnd.github+json"));
    let answer = minter
        .post(&[], HeaderMap::from_iter([accept]), Some(&signature), classify)
        .await?;
    let token = answer["token"]
        .as_str()
        .ok_or_else(|| minter.unexpected("the answer has no `token`"))?;
    let expires = answer["expires_at"].as_str().and_then(|text| text.parse().ok());
    Token::new(Secret::new(token), expires.unwrap_or_else(|| minter.expiry(None)))
        .map_err(|_| minter.unexpected("the token is malformed"))
}

fn classify(response: &Response) -> Outcome {
    match response.status.as_u16() {
        401 => Outcome::Reconnect("HTTP 401; check `app_id` and `private_key`, and this machine's clock".to_owned()),
        404 => Outcome::Reconnect("HTTP 404; the app is no longer installed, or `installation_id` is wrong".to_owned()),
        403 if response.retry_after().is_some() => Outcome::Throttled(None),
        403 => Outcome::Reconnect("HTTP 403; the installation is suspended".to_owned()),
        _ => Outcome::from_status(response),
    }
}
