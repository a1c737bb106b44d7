//! JSON Web Tokens signed with RS256 (RFC 7515), by the RSA that TLS brings along.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use rustls::{
    SignatureScheme,
    pki_types::{PrivateKeyDer, pem::PemObject},
};
use serde_json::Value;

use crate::Secret;

/// Signs `claims` with a private key in PEM form, PKCS#1 or PKCS#8.
pub(super) fn sign(private_key: &Secret, claims: &Value) -> Result<Secret, String> {
    const HELP: &str =
        "`private_key` is not an RSA key in PEM form (`-----BEGIN ... PRIVATE KEY-----`) of at least 2048 bits";
    // Environment variables often hold line breaks as `\n`.
    let pem = private_key.expose().replace("\\n", "\n");
    let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| HELP.to_owned())?;
    let key = rustls::crypto::ring::sign::any_supported_type(&key).map_err(|_| HELP.to_owned())?;
    let signer = key.choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256]).ok_or(HELP)?;
    let part = |json: String| BASE64_URL_SAFE_NO_PAD.encode(json);
    let message = format!(
        "{}.{}",
        part(r#"{"alg":"RS256","typ":"JWT"}"#.to_owned()),
        part(claims.to_string())
    );
    let signature = signer
        .sign(message.as_bytes())
        .map_err(|_| "signing with `private_key` failed".to_owned())?;
    Ok(Secret::new(format!(
        "{message}.{}",
        BASE64_URL_SAFE_NO_PAD.encode(signature)
    )))
}
