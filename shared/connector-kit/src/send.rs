//! Sending: paced, signed, retried until an answer can be used or an error is final.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Method};
use jiff::Timestamp;
use seatbelt_model::{Clock, Event, Observer, Traffic, Wait};
use url::{Origin, Url};

use crate::{
    Clean, KitError, Outcome, Patience, Permit, Response,
    account::Account,
    auth::{Credential, Signature},
    clock::{after, until},
    settings::wrong,
    transfer::{Arrived, Trouble},
};

/// The first wait after a failure is up to this; each further one up to twice the one before.
const RETRY_BASE: Duration = Duration::from_millis(500);
/// The same after a wish to slow down that does not say for how long.
const THROTTLE_BASE: Duration = Duration::from_secs(5);
/// No wait of our own choosing is longer.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// What sending needs, shared by a session, its token minter and its open bodies.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) client: reqwest::Client,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) observer: Watched,
    pub(crate) account: Arc<Account>,
    pub(crate) budget: Duration,
    pub(crate) deadline: Option<Timestamp>,
    pub(crate) max_page_bytes: usize,
    pub(crate) meter: Meter,
}

/// An observer that prints as nothing.
pub(crate) struct Watched(pub(crate) Arc<dyn Observer>);

impl std::fmt::Debug for Watched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Observer")
    }
}

/// Counts traffic.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    requests: AtomicU64,
    retries: AtomicU64,
    throttles: AtomicU64,
    bytes_read: AtomicU64,
}

impl Meter {
    pub(crate) fn request(&self) {
        self.requests.fetch_add(1, Relaxed);
    }

    pub(crate) fn read(&self, bytes: usize) {
        self.bytes_read.fetch_add(bytes as u64, Relaxed);
    }

    pub(crate) fn traffic(&self) -> Traffic {
        Traffic {
            requests: self.requests.load(Relaxed),
            retries: self.retries.load(Relaxed),
            throttles: self.throttles.load(Relaxed),
            bytes_read: self.bytes_read.load(Relaxed),
            bytes_stored: 0,
        }
    }
}

/// A request on the way: what it asks, who signs it, what its answer means.
pub(crate) struct Errand<'a> {
    pub(crate) at: &'a str,
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Bytes>,
    /// A file that is streamed as the body instead; opened anew for each try.
    pub(crate) upload: Option<&'a dyn crate::StoredFile>,
    /// Whether a try that may have been carried out is not to be repeated.
    pub(crate) once: bool,
    pub(crate) signed: Signed<'a>,
    /// The only origin the signature may go to.
    pub(crate) home: Origin,
    /// Whether a success is handed on while it arrives.
    pub(crate) streamed: bool,
    pub(crate) clean: Option<Clean>,
    pub(crate) classify: &'a (dyn Fn(&Response) -> Outcome + Sync),
    pub(crate) accept: &'a (dyn Fn(&Response) -> Result<(), String> + Sync),
}

/// Who signs a request.
#[derive(Clone, Copy)]
pub(crate) enum Signed<'a> {
    /// Nobody: what proves us is in the body.
    Nobody,
    /// This header.
    By(&'a Signature),
    /// The session's credential, which may have to mint a token first.
    With(&'a Credential),
}

/// What to do about one try.
enum Verdict {
    Take(Box<Arrived>, Outcome),
    Retry(String),
    Throttled(Option<Duration>),
    Reconnect(String),
    Fail(KitError),
}

/// How a request has fared so far.
#[derive(Default)]
struct Effort {
    since: Option<Timestamp>,
    tries: u32,
    failures: u32,
    throttles: u32,
    minted_again: bool,
}

impl Wire {
    /// Sends until there is a usable answer, which is a success or empty.
    pub(crate) async fn exchange(self: &Arc<Self>, errand: &Errand<'_>) -> Result<(Arrived, Outcome), KitError> {
        let mut effort = Effort::default();
        loop {
            let (permit, signature) = self.admit(errand, &effort).await?;
            effort.since.get_or_insert(self.clock.now());
            effort.tries += 1;
            if effort.tries > 1 {
                self.meter.retries.fetch_add(1, Relaxed);
            }
            let tried = self.attempt(errand, signature.as_ref(), permit).await;
            if let Ok(arrived) = &tried {
                self.account
                    .pacer
                    .note_quota(&arrived.response.headers, self.clock.now());
            }
            match judge(errand, tried) {
                Verdict::Take(arrived, outcome) => return Ok((*arrived, outcome)),
                Verdict::Fail(error) => return Err(error),
                Verdict::Retry(said) if errand.once => {
                    return Err(KitError::InDoubt {
                        at: errand.at.to_owned(),
                        said,
                    });
                }
                Verdict::Retry(said) => self.back_off(errand.at, &mut effort, said).await?,
                Verdict::Throttled(wait) => self.slow_down(errand.at, &mut effort, wait)?,
                Verdict::Reconnect(said) => {
                    let minted = match (errand.signed, &signature) {
                        (Signed::With(credential), Some(used)) if !effort.minted_again => credential.forget(used),
                        _ => false,
                    };
                    if !minted {
                        return Err(KitError::Reconnect {
                            at: errand.at.to_owned(),
                            said,
                        });
                    }
                    effort.minted_again = true;
                }
            }
        }
    }

    /// Signs, then waits for the pacer. Signing comes first, since minting a token takes a permit of its own; it is repeated
    /// where the token ran out during the wait.
    async fn admit(&self, errand: &Errand<'_>, effort: &Effort) -> Result<(Permit, Option<Signature>), KitError> {
        let patience = Patience {
            since: effort.since,
            budget: self.budget,
            deadline: self.deadline,
        };
        for last_chance in [false, true] {
            let signature = match errand.signed {
                Signed::Nobody => None,
                Signed::By(signature) => Some(signature.clone()),
                Signed::With(credential) => credential.sign().await?,
            };
            let admitted = self
                .account
                .pacer
                .admit(patience, &*self.clock, &*self.observer.0)
                .await;
            let permit = admitted.map_err(|wait| {
                let at = errand.at.to_owned();
                if patience.lacks_time(self.clock.now(), wait) {
                    KitError::OutOfTime { at, wait }
                } else {
                    KitError::Throttled { at, wait }
                }
            })?;
            let stale = matches!((errand.signed, &signature), (Signed::With(credential), Some(used)) if !credential.is_fresh(used));
            if last_chance || !stale {
                return Ok((permit, signature));
            }
        }
        unreachable!("the last chance returns")
    }

    /// Waits before the next try, longer and longer, at random so that many do not come back at once.
    async fn back_off(&self, at: &str, effort: &mut Effort, said: String) -> Result<(), KitError> {
        let wait = doubled(RETRY_BASE, effort.failures).mul_f64(fastrand::f64());
        effort.failures += 1;
        let now = self.clock.now();
        let patience = self.patience(effort);
        if patience.lacks_time(now, wait) {
            let at = at.to_owned();
            return Err(KitError::OutOfTime { at, wait });
        }
        if after(now, wait) > patience.ends(now) {
            let spent_s = until(effort.since.unwrap_or(now), now).as_secs();
            return Err(KitError::Exhausted {
                at: at.to_owned(),
                said,
                tries: effort.tries,
                spent_s,
            });
        }
        self.observer.0.notice(Event::Waiting {
            reason: Wait::Retry,
            wait,
        });
        self.clock.sleep(wait).await;
        Ok(())
    }

    /// Makes the whole account wait; the pacer does the waiting, before the next try of anybody.
    fn slow_down(&self, at: &str, effort: &mut Effort, wait: Option<Duration>) -> Result<(), KitError> {
        self.meter.throttles.fetch_add(1, Relaxed);
        // At least half of it, since less than nothing was asked for; the rest at random.
        let chosen = || doubled(THROTTLE_BASE, effort.throttles).mul_f64(0.5 + fastrand::f64() / 2.0);
        let wait = wait.filter(|wait| !wait.is_zero()).unwrap_or_else(chosen);
        effort.throttles += 1;
        let now = self.clock.now();
        self.account.pacer.pause(now, wait);
        let (at, patience) = (at.to_owned(), self.patience(effort));
        if patience.lacks_time(now, wait) {
            return Err(KitError::OutOfTime { at, wait });
        }
        if after(now, wait) > patience.ends(now) {
            return Err(KitError::Throttled { at, wait });
        }
        Ok(())
    }

    fn patience(&self, effort: &Effort) -> Patience {
        Patience {
            since: effort.since,
            budget: self.budget,
            deadline: self.deadline,
        }
    }
}

fn doubled(base: Duration, times: u32) -> Duration {
    base.saturating_mul(1 << times.min(16)).min(LONGEST_WAIT)
}

/// What to do about one try: the connector's classification, `Retry-After`, and whether the answer can be used.
fn judge(errand: &Errand<'_>, tried: Result<Arrived, Trouble>) -> Verdict {
    let arrived = match tried {
        Ok(arrived) => arrived,
        Err(Trouble::Passing(said)) => return Verdict::Retry(said),
        Err(Trouble::Final(error)) => return Verdict::Fail(error),
    };
    if arrived.stream.is_some() {
        return Verdict::Take(Box::new(arrived), Outcome::Success);
    }
    let (response, at) = (&arrived.response, errand.at.to_owned());
    let retry_after = response.retry_after().filter(|wait| !wait.is_zero());
    match (errand.classify)(response) {
        Outcome::Success => match (errand.accept)(response) {
            Ok(()) => Verdict::Take(Box::new(arrived), Outcome::Success),
            Err(said) => Verdict::Retry(said),
        },
        Outcome::Empty => Verdict::Take(Box::new(arrived), Outcome::Empty),
        Outcome::Retry if retry_after.is_some() => Verdict::Throttled(retry_after),
        Outcome::Retry => Verdict::Retry(format!("HTTP {}", response.status.as_u16())),
        Outcome::Throttled(wait) => Verdict::Throttled(retry_after.or(wait)),
        Outcome::Reconnect(_) if arrived.left_home => Verdict::Fail(wrong(
            "base_url",
            format!(
                "it redirects to {}, where the credential is not sent; set that address",
                response.url.origin().ascii_serialization()
            ),
        )),
        Outcome::Reconnect(said) => Verdict::Reconnect(said),
        Outcome::Unavailable(said) => Verdict::Fail(KitError::Unavailable { at, said }),
        Outcome::Forbidden(said) => Verdict::Fail(KitError::Forbidden { at, said }),
        Outcome::CursorExpired => Verdict::Fail(KitError::CursorExpired { at }),
        Outcome::Refused(said) => Verdict::Fail(KitError::Refused { at, said }),
    }
}
