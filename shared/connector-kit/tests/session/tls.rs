//! TLS: a certificate is always checked, and an authority of one's own can be named.

use std::{
    io::{Read, Write},
    net::TcpListener,
    path::Path,
    sync::Arc,
};

use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use seatbelt_connector_kit::KitError;
use serde_json::json;

use crate::vendor::{BEARER, FAST, World, connector, get};

/// A server with a certificate of the tests' own authority, which answers `[]` to whoever trusts it.
fn serve() -> String {
    let keys = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/session/keys");
    let certificate = CertificateDer::from_pem_file(keys.join("server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(keys.join("server.key")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let (config, listener) = (Arc::new(config), TcpListener::bind("127.0.0.1:0").unwrap());
    let url = format!("https://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let mut stream = StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), socket.unwrap());
            // Whoever does not trust the certificate hangs up here.
            if stream.read(&mut [0; 4096]).is_ok() {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n[]");
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        }
    });
    url
}

#[tokio::test]
async fn a_certificate_nobody_vouches_for_is_refused_at_once() {
    let world = World::with_secret(json!({"token": "hush"}));
    let settings = json!({ "base_url": serve() });
    let session = world
        .try_open(connector(BEARER, FAST), settings, Some("env:ACME"))
        .await
        .unwrap();
    let error = get(&session, "/things").await.unwrap_err();
    assert!(matches!(error, KitError::Refused { .. }), "{error}");
    assert!(
        error
            .to_string()
            .contains("its certificate is not trusted: UnknownIssuer"),
        "{error}"
    );
    assert!(error.to_string().contains("`ca_file`"), "{error}");
    assert_eq!(session.traffic().requests, 1);
}

#[tokio::test]
async fn an_authority_named_in_the_settings_is_trusted() {
    let world = World::with_secret(json!({"token": "hush"}));
    let authority = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/session/keys/authority.pem");
    let settings = json!({ "base_url": serve(), "ca_file": authority });
    let session = world
        .try_open(connector(BEARER, FAST), settings, Some("env:ACME"))
        .await
        .unwrap();
    assert_eq!(&get(&session, "/things").await.unwrap().response.body[..], b"[]");
}
