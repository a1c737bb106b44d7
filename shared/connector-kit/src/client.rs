//! The HTTP client: timeouts, TLS, a user agent. Redirects and retries are ours, see [`crate::send`].

use std::{error::Error, io, time::Duration};

use reqwest::{Certificate, Client, redirect::Policy};

use crate::{
    KitError,
    settings::{Settings, wrong},
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The client of one session.
pub(crate) fn build(settings: &Settings) -> Result<Client, KitError> {
    // Somebody else in the process may have been first with the same; TLS needs one, whoever set it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = Client::builder()
        .user_agent(concat!("seatbelt/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .referer(false)
        .connect_timeout(CONNECT_TIMEOUT.min(settings.timeout))
        .read_timeout(settings.timeout);
    if let Some(path) = &settings.ca_file {
        let pem = std::fs::read(path)
            .map_err(|error| wrong("ca_file", format!("{} cannot be read ({error})", path.display())))?;
        let roots = Certificate::from_pem_bundle(&pem)
            .ok()
            .filter(|roots| !roots.is_empty());
        let roots = roots.ok_or_else(|| {
            wrong(
                "ca_file",
                format!("{} holds no certificate in PEM form", path.display()),
            )
        })?;
        builder = builder.tls_certs_merge(roots);
    }
    builder.build().map_err(|error| KitError::Local {
        at: "setting up HTTP".to_owned(),
        problem: describe(error),
    })
}

/// An HTTP error with its causes, without the URL, whose query may be signed.
pub(crate) fn describe(error: reqwest::Error) -> String {
    let error = error.without_url();
    if error.is_timeout() {
        return "timed out".to_owned();
    }
    let mut said = if error.is_connect() {
        "no connection".to_owned()
    } else {
        error.to_string()
    };
    if let Some(cause) = causes(&error).last() {
        said = format!("{said}: {cause}");
    }
    said
}

/// What is wrong with the server's certificate, if that is the trouble: it does not pass by itself.
pub(crate) fn certificate_problem(error: &reqwest::Error) -> Option<String> {
    causes(error).find_map(|cause| match cause.downcast_ref()? {
        rustls::Error::InvalidCertificate(problem) => Some(format!(
            "its certificate is not trusted: {problem:?}; for one of your own, name its authority in `ca_file`"
        )),
        _ => None,
    })
}

/// The causes of an error, outermost first. An I/O error skips the error it wraps, so that one is unwrapped by hand.
fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |cause: &&(dyn Error + 'static)| {
        let wrapped = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        wrapped
            .map(|error| error as &(dyn Error + 'static))
            .or_else(|| (*cause).source())
    })
}
