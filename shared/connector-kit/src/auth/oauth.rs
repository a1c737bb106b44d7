//! OAuth 2 tokens: client credentials and refresh tokens (RFC 6749), and signed assertions (RFC 7523).

use std::{sync::PoisonError, time::Duration};

use http::HeaderMap;
use serde_json::{Value, json};

use super::{
    jwt,
    token::{Minter, Token, json as body},
};
use crate::{KitError, Outcome, Response, Secret, SecretFields};

const WRITE_TRIES: u32 = 3;
/// How long an assertion can be used. Some vendors refuse more than five minutes.
const ASSERTION_LIFETIME_S: i64 = 180;
/// Our clock may be ahead of the vendor's by this much.
const CLOCK_SKEW_S: i64 = 30;

pub(super) async fn client_credentials(minter: &Minter, scopes: &[&str]) -> Result<Token, KitError> {
    let (id, secret, scopes) = (
        minter.field("client_id")?,
        minter.field("client_secret")?,
        scopes.join(" "),
    );
    let mut form = vec![
        ("grant_type", "client_credentials"),
        ("client_id", id.expose()),
        ("client_secret", secret.expose()),
    ];
    if !scopes.is_empty() {
        form.push(("scope", &scopes));
    }
    let answer = minter.post(&form, HeaderMap::new(), None, classify).await?;
    token(minter, &answer)
}

pub(super) async fn jwt_bearer(minter: &Minter, audience: &str, scopes: &[&str]) -> Result<Token, KitError> {
    let now = minter.now().as_second();
    let mut claims = json!({
        "iss": minter.field("issuer")?.expose(),
        "sub": minter.field("subject")?.expose(),
        "aud": audience,
        "iat": now - CLOCK_SKEW_S,
        "exp": now + ASSERTION_LIFETIME_S,
    });
    if !scopes.is_empty() {
        claims["scope"] = scopes.join(" ").into();
    }
    let assertion = jwt::sign(minter.field("private_key")?, &claims).map_err(|problem| minter.unusable(&problem))?;
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
        ("assertion", assertion.expose()),
    ];
    let answer = minter.post(&form, HeaderMap::new(), None, classify).await?;
    token(minter, &answer)
}

/// Trades the refresh token for an access token. Where the vendor sends a new refresh token, that is stored first: from that
/// moment on the old one may be worthless, and the account lost with it.
pub(super) async fn refresh(minter: &Minter) -> Result<Token, KitError> {
    store_unwritten(minter).await?;
    // Another process may have stored a newer one since the session was opened.
    let mut fields = minter.secrets.read(&minter.place).await?;
    let mut answer = trade(minter, &fields).await;
    if matches!(answer, Err(KitError::Reconnect { .. })) {
        // Or while we asked: then ours was used up, and theirs is good.
        let again = minter.secrets.read(&minter.place).await?;
        if refresh_token(minter, &again)?.expose() != refresh_token(minter, &fields)?.expose() {
            fields = again;
            answer = trade(minter, &fields).await;
        }
    }
    let answer = answer?;
    if let Some(new) = answer["refresh_token"].as_str().filter(|new| !new.is_empty())
        && new != refresh_token(minter, &fields)?.expose()
    {
        fields.set("refresh_token", Secret::new(new));
        *minter.cell().unwritten.lock().unwrap_or_else(PoisonError::into_inner) = Some(fields);
        store_unwritten(minter).await?;
    }
    token(minter, &answer)
}

async fn trade(minter: &Minter, fields: &SecretFields) -> Result<Value, KitError> {
    let (id, secret) = (minter.field("client_id")?, minter.field("client_secret")?);
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh_token(minter, fields)?.expose()),
        ("client_id", id.expose()),
        ("client_secret", secret.expose()),
    ];
    minter.post(&form, HeaderMap::new(), None, classify).await
}

fn refresh_token<'a>(minter: &Minter, fields: &'a SecretFields) -> Result<&'a Secret, KitError> {
    fields
        .get("refresh_token")
        .ok_or_else(|| minter.unusable("it lacks the field `refresh_token`"))
}

/// Stores a rotated secret, trying a few times. Until that succeeds it stays in memory, and no token is handed out.
async fn store_unwritten(minter: &Minter) -> Result<(), KitError> {
    let waiting = || {
        minter
            .cell()
            .unwritten
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    };
    let Some(fields) = waiting() else { return Ok(()) };
    let mut tried = 0;
    while let Err(error) = minter.secrets.write(&minter.place, &fields).await {
        tried += 1;
        if tried == WRITE_TRIES {
            return Err(minter.unusable(&format!(
                "the vendor sent a new refresh token, which could not be stored ({error}); once that works, try again, and if \
                 the vendor then refuses the old one, connect the account again"
            )));
        }
        minter.wire.clock.sleep(Duration::from_secs(1 << tried)).await;
    }
    minter
        .cell()
        .unwritten
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    Ok(())
}

fn token(minter: &Minter, answer: &Value) -> Result<Token, KitError> {
    let text = answer["access_token"].as_str().filter(|text| !text.is_empty());
    let text = text.ok_or_else(|| minter.unexpected("the answer has no `access_token`; check `token_url`"))?;
    Token::new(Secret::new(text), minter.expiry(answer.get("expires_in")))
        .map_err(|_| minter.unexpected("the token is malformed"))
}

/// What a token endpoint's answer means (RFC 6749, section 5.2). Some vendors send errors with status 200.
fn classify(response: &Response) -> Outcome {
    let body = body(response);
    // The code alone is told: descriptions may quote what was sent.
    let code = body["error"].as_str().unwrap_or_default();
    let code: String = code
        .chars()
        .filter(|char| char.is_ascii_alphanumeric() || *char == '_')
        .take(40)
        .collect();
    let status = response.status.as_u16();
    let said = if code.is_empty() {
        format!("HTTP {status}")
    } else {
        format!("HTTP {status}, {code}")
    };
    match (status, code.as_str()) {
        (_, "temporarily_unavailable" | "server_error") => Outcome::Retry,
        (_, "slow_down") => Outcome::Throttled(None),
        (200..=299, "") => Outcome::Success,
        (200 | 400 | 401, "invalid_scope" | "unsupported_grant_type" | "invalid_request") => Outcome::Refused(said),
        (200..=299 | 400 | 401 | 403, _) => Outcome::Reconnect(said),
        (404 | 405 | 410, _) => Outcome::Refused(format!("{said}; check `token_url`")),
        _ => Outcome::from_status(response),
    }
}
