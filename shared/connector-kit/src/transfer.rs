//! One try: the request goes out, redirects are followed, the answer comes in whole or as a stream.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http::{HeaderValue, Method, StatusCode, header};
use url::Url;

use crate::{
    BodyStream, KitError, Permit, Response,
    auth::Signature,
    client::{certificate_problem, describe},
    send::{Errand, Wire},
};

const MOST_REDIRECTS: u32 = 5;
/// A stated length up to this is believed.
const MOST_TRUSTED_BYTES: u64 = 4 * 1024 * 1024;

/// An answer.
pub(crate) struct Arrived {
    /// Its head; also its body, unless that is streamed.
    pub(crate) response: Response,
    /// Its body on the way.
    pub(crate) stream: Option<BodyStream>,
    /// Whether a redirect led to where the credential does not go.
    pub(crate) left_home: bool,
}

/// Why there is no answer.
pub(crate) enum Trouble {
    /// A next try may get one.
    Passing(String),
    /// None will.
    Final(KitError),
}

impl Wire {
    /// Tries once. The permit is given back when the body was read, or with the stream.
    pub(crate) async fn attempt(
        self: &Arc<Self>,
        errand: &Errand<'_>,
        signature: Option<&Signature>,
        permit: Permit,
    ) -> Result<Arrived, Trouble> {
        let mut hop = Hop {
            method: errand.method.clone(),
            url: errand.url.clone(),
            body: errand.body.clone(),
            left_home: false,
        };
        for _ in 0..=MOST_REDIRECTS {
            hop.left_home |= hop.url.origin() != errand.home;
            self.meter.request();
            let response = self.fly(errand, &hop, signature.filter(|_| !hop.left_home)).await?;
            match hop.next(&response, errand)? {
                Some(next) => hop = next,
                None => return self.arrive(errand, response, &hop, permit).await,
            }
        }
        let said = format!("more than {MOST_REDIRECTS} redirects");
        Err(Trouble::Final(KitError::Refused {
            at: errand.at.to_owned(),
            said,
        }))
    }

    async fn fly(
        &self,
        errand: &Errand<'_>,
        hop: &Hop,
        signature: Option<&Signature>,
    ) -> Result<reqwest::Response, Trouble> {
        let mut headers = errand.headers.clone();
        if let Some(signature) = signature {
            headers.insert(signature.name.clone(), signature.value.clone());
        }
        if errand.streamed {
            // A file's bytes are wanted as they are, and their length as it is stated.
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        }
        let mut request = self
            .client
            .request(hop.method.clone(), hop.url.clone())
            .headers(headers);
        if let Some(body) = &hop.body {
            request = request.body(body.clone());
        }
        if let Some(file) = errand.upload.filter(|_| hop.method == errand.method) {
            let stream = file.open().await.map_err(Trouble::Final)?;
            request = request
                .header(header::CONTENT_LENGTH, file.size_bytes())
                .body(reqwest::Body::wrap_stream(stream));
        }
        request.send().await.map_err(|error| match certificate_problem(&error) {
            Some(said) => Trouble::Final(KitError::Refused {
                at: errand.at.to_owned(),
                said,
            }),
            None => Trouble::Passing(describe(error)),
        })
    }

    async fn arrive(
        self: &Arc<Self>,
        errand: &Errand<'_>,
        answer: reqwest::Response,
        hop: &Hop,
        permit: Permit,
    ) -> Result<Arrived, Trouble> {
        let mut response = Response {
            resource: errand.at.to_owned(),
            status: answer.status(),
            headers: answer.headers().clone(),
            body: Bytes::new(),
            url: hop.url.clone(),
        };
        let mut incoming = Incoming::new(self.clone(), errand.at, answer);
        if errand.streamed && response.status.is_success() && response.status != StatusCode::NO_CONTENT {
            let first = incoming.chunk().await.map_err(Trouble::Passing)?;
            let stream = Some(incoming.stream(first, permit));
            return Ok(Arrived {
                response,
                stream,
                left_home: hop.left_home,
            });
        }
        let body = incoming.whole(self.max_page_bytes).await?;
        response.body = errand
            .clean
            .map_or_else(|| body.clone(), |clean| body.slice_ref(clean(&body)));
        Ok(Arrived {
            response,
            stream: None,
            left_home: hop.left_home,
        })
    }
}

/// One request of a chain of redirects.
struct Hop {
    method: Method,
    url: Url,
    body: Option<Bytes>,
    /// Once away, the credential stays home, wherever a stranger sends us next.
    left_home: bool,
}

impl Hop {
    /// The request that `response` redirects to, if it does and we follow. A body, which may hold a credential, goes to no
    /// other origin.
    fn next(&self, response: &reqwest::Response, errand: &Errand<'_>) -> Result<Option<Self>, Trouble> {
        if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
            return Ok(None);
        }
        let Some(location) = response.headers().get(header::LOCATION) else {
            return Ok(None);
        };
        let url = location.to_str().ok().and_then(|location| self.url.join(location).ok());
        let url = url.filter(|url| matches!(url.scheme(), "http" | "https"));
        let refused = || KitError::Refused {
            at: errand.at.to_owned(),
            said: "it redirects to no valid URL".to_owned(),
        };
        let url = url.ok_or_else(|| Trouble::Final(refused()))?;
        if response.status() == StatusCode::SEE_OTHER {
            return Ok(Some(Self {
                method: Method::GET,
                url,
                body: None,
                left_home: self.left_home,
            }));
        }
        if self.body.is_some() && url.origin() != self.url.origin() {
            return Ok(None);
        }
        Ok(Some(Self {
            method: self.method.clone(),
            url,
            body: self.body.clone(),
            left_home: self.left_home,
        }))
    }
}

/// A body on its way in, counted.
struct Incoming {
    wire: Arc<Wire>,
    at: String,
    answer: reqwest::Response,
    expected: Option<u64>,
    got: u64,
}

impl Incoming {
    fn new(wire: Arc<Wire>, at: &str, answer: reqwest::Response) -> Self {
        // Where the body was decompressed on the way, the stated length is gone, and the decoder notices a cut.
        let stated = answer
            .headers()
            .get(header::CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok()?.parse().ok());
        let expected = stated.filter(|_| !answer.headers().contains_key(header::CONTENT_ENCODING));
        Self {
            wire,
            at: at.to_owned(),
            answer,
            expected,
            got: 0,
        }
    }

    /// The next bytes, or a sentence that says how the body broke off.
    async fn chunk(&mut self) -> Result<Option<Bytes>, String> {
        let chunk = self.answer.chunk().await.map_err(|error| self.cut(&describe(error)))?;
        match &chunk {
            Some(bytes) => {
                self.got += bytes.len() as u64;
                self.wire.meter.read(bytes.len());
            }
            None if self.expected.is_some_and(|expected| expected != self.got) => {
                return Err(self.cut("the connection was closed"));
            }
            None => {}
        }
        Ok(chunk)
    }

    fn cut(&self, why: &str) -> String {
        match self.expected {
            Some(expected) => format!("the body broke off after {} of {expected} bytes ({why})", self.got),
            None => format!("the body broke off after {} bytes ({why})", self.got),
        }
    }

    async fn whole(mut self, limit: usize) -> Result<Bytes, Trouble> {
        // What is stated may be a lie: memory for more is taken only as the bytes come.
        let capacity = self.expected.unwrap_or(0).min(MOST_TRUSTED_BYTES);
        let mut body = BytesMut::with_capacity(capacity as usize);
        while let Some(bytes) = self.chunk().await.map_err(Trouble::Passing)? {
            if body.len() + bytes.len() > limit {
                let problem = format!(
                    "the answer is larger than {} MB; raise the setting `max_page_mb`",
                    limit / (1024 * 1024)
                );
                return Err(Trouble::Final(KitError::Unexpected { at: self.at, problem }));
            }
            body.extend_from_slice(&bytes);
        }
        Ok(body.freeze())
    }

    /// The body from `first` on. The permit is given back at its end.
    fn stream(self, first: Option<Bytes>, permit: Permit) -> BodyStream {
        Box::pin(stream::try_unfold(
            (self, first, permit),
            async |(mut incoming, first, permit)| {
                let next = match first {
                    Some(bytes) => Some(bytes),
                    None => {
                        let failed = |at: &str, said| KitError::Exhausted {
                            at: at.to_owned(),
                            said,
                            tries: 1,
                            spent_s: 0,
                        };
                        incoming.chunk().await.map_err(|said| failed(&incoming.at, said))?
                    }
                };
                Ok(next.map(|bytes| (bytes, (incoming, None, permit))))
            },
        ))
    }
}
