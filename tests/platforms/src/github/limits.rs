//! The primary and the secondary rate limits, by the simulated clock.

use std::collections::HashMap;

use jiff::{Timestamp, ToSpan};

use super::auth::{Caller, Holder};
use super::call::{Call, Reply};

/// What the limits allow, and what was used of it.
pub(super) struct Limits {
    /// Requests an hour for everyone signed in; `None` leaves GitHub's own numbers.
    pub(super) per_hour: Option<u64>,
    /// The same for each address that is not signed in.
    pub(super) anonymous_per_hour: u64,
    /// Whether the points and content limits per minute are enforced. Off unless asked for, since a test's clock
    /// stands still between requests.
    pub(super) secondary: bool,
    /// The status of a primary refusal: GitHub answers 403 or 429.
    pub(super) refusal_status: u16,
    /// The next so many requests meet the secondary limit, with these seconds in `retry-after`, if any.
    pub(super) refuse_next: u32,
    pub(super) refuse_retry_after_s: Option<u64>,
    buckets: HashMap<String, Bucket>,
    minutes: HashMap<String, Minute>,
}

#[derive(Clone, Copy)]
pub(super) struct Bucket {
    pub(super) limit: u64,
    pub(super) used: u64,
    pub(super) reset: Timestamp,
}

impl Bucket {
    pub(super) fn remaining(&self) -> u64 {
        self.limit.saturating_sub(self.used)
    }
}

struct Minute {
    ends: Timestamp,
    points: u64,
    content: u64,
}

const ANONYMOUS_PER_HOUR: u64 = 60;
const POINTS_PER_MINUTE: u64 = 900;
const GRAPHQL_POINTS_PER_MINUTE: u64 = 2_000;
const CONTENT_PER_MINUTE: u64 = 80;

impl Limits {
    pub(super) fn new() -> Self {
        Self {
            per_hour: None,
            anonymous_per_hour: ANONYMOUS_PER_HOUR,
            secondary: false,
            refusal_status: 403,
            refuse_next: 0,
            refuse_retry_after_s: None,
            buckets: HashMap::new(),
            minutes: HashMap::new(),
        }
    }

    /// The bucket of a caller as it stands at `now`; a new hour begins with the first request after the last one ended.
    pub(super) fn bucket(&mut self, caller: &Caller, resource: &str, own_limit: u64, now: Timestamp) -> &mut Bucket {
        let limit = match caller {
            Caller::Anonymous => self.anonymous_per_hour,
            _ => self.per_hour.unwrap_or(own_limit),
        };
        let fresh = Bucket {
            limit,
            used: 0,
            reset: later(now, 3600),
        };
        let bucket = self
            .buckets
            .entry(format!("{resource} {}", caller.name()))
            .or_insert(fresh);
        if bucket.reset <= now {
            *bucket = fresh;
        }
        bucket.limit = limit;
        bucket
    }

    /// Refuses when the hour is used up.
    pub(super) fn check_primary(&self, caller: &Caller, bucket: Bucket) -> Result<(), Reply> {
        if bucket.remaining() > 0 {
            return Ok(());
        }
        let who = match caller {
            Caller::Anonymous => {
                "127.0.0.1. (But here's the good news: Authenticated requests get a higher rate limit. \
                 Check out the documentation for more details.)"
                    .to_owned()
            }
            Caller::App => "app".to_owned(),
            Caller::Token(grant) => match &grant.holder {
                Holder::Installation(id) => format!("installation ID {id}."),
                _ => format!("user ID {}.", caller.name()),
            },
        };
        Err(Reply::error(
            self.refusal_status,
            &format!("API rate limit exceeded for {who}"),
        ))
    }

    /// Refuses what the secondary limits forbid, and counts what they allow: a read costs one point, a write five.
    pub(super) fn check_secondary(&mut self, call: &Call, graphql: bool) -> Result<(), Reply> {
        if self.refuse_next > 0 {
            self.refuse_next -= 1;
            return Err(secondary_refusal(self.refusal_status, self.refuse_retry_after_s));
        }
        if !self.secondary {
            return Ok(());
        }
        let most = if graphql {
            GRAPHQL_POINTS_PER_MINUTE
        } else {
            POINTS_PER_MINUTE
        };
        let reading = graphql || call.is_read();
        let fresh = || Minute {
            ends: later(call.now, 60),
            points: 0,
            content: 0,
        };
        let minute = self
            .minutes
            .entry(format!("{graphql} {}", call.caller.name()))
            .or_insert_with(fresh);
        if minute.ends <= call.now {
            *minute = fresh();
        }
        minute.points += if reading { 1 } else { 5 };
        minute.content += u64::from(!reading);
        if minute.points > most || minute.content > CONTENT_PER_MINUTE {
            let wait_s = minute.ends.as_second() - call.now.as_second();
            return Err(secondary_refusal(self.refusal_status, Some(wait_s.unsigned_abs())));
        }
        Ok(())
    }
}

fn secondary_refusal(status: u16, retry_after_s: Option<u64>) -> Reply {
    let message = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
    let reply = Reply::error(status, message);
    match retry_after_s {
        Some(seconds) => reply.with("retry-after", seconds.to_string()),
        None => reply,
    }
}

pub(super) fn later(time: Timestamp, seconds: i64) -> Timestamp {
    time.saturating_add(seconds.seconds()).unwrap_or(Timestamp::MAX)
}
