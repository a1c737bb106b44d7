//! A lane: one listing, read page by page. Its pages go through a channel to the one consumer that stages them, so the next page is
//! fetched while the last one is compressed.

use std::{
    collections::HashSet,
    hash::BuildHasher,
    ops::{ControlFlow, Range},
    sync::{Arc, Mutex, PoisonError},
};

use jiff::Timestamp;
use seatbelt_connector_kit::{
    Count, Cursor, Deletes, Fill, KitError, Outcome, PageToken, Paginator, Parent, Prepared, Record, Resource,
    Response, Session,
};
use seatbelt_model::{
    Gap, GapReason,
    json::{self, Pointer},
};
use seatbelt_vault::line;
use tokio::sync::mpsc;

use crate::cursor;

/// Where a lane begins: at the start, or where an interrupted run stopped.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lane {
    pub(crate) parent: Parent,
    /// The page to go on from.
    pub(crate) token: Option<PageToken>,
    /// The latest time of change seen on earlier pages.
    pub(crate) seen: Option<Timestamp>,
    /// The last snapshot's cursor; `None` reads everything.
    pub(crate) cursor: Option<serde_json::Value>,
}

/// What a lane tells the consumer.
pub(crate) enum Message {
    Page(Page),
    End {
        parent: String,
        end: Result<LaneEnd, KitError>,
    },
}

/// One page, split and keyed.
#[derive(Default)]
pub(crate) struct Page {
    pub(crate) parent: String,
    pub(crate) rows: Vec<Row>,
    /// The lines of all rows, in one piece of memory.
    lines: String,
    pub(crate) next: Option<PageToken>,
    pub(crate) seen: Option<Timestamp>,
    pub(crate) total: Option<u64>,
    pub(crate) bytes: u64,
    pub(crate) fields: Vec<String>,
    pub(crate) gaps: Vec<Gap>,
}

/// One record with its key.
pub(crate) struct Row {
    pub(crate) key: String,
    /// Where its line is, see [`Page::line`].
    line: Range<usize>,
    /// The vendor marks it as deleted.
    pub(crate) gone: bool,
}

impl Page {
    /// The line of one of its rows, as it is stored.
    pub(crate) fn line(&self, row: &Row) -> &str {
        &self.lines[row.line.clone()]
    }
}

/// How a lane ended that read its last page.
pub(crate) struct LaneEnd {
    /// Whether it read everything its partition holds, so that what it did not see is gone.
    pub(crate) whole: bool,
    /// Where the next run goes on; `None` leaves it where it was.
    pub(crate) cursor: Option<serde_json::Value>,
    /// The vendor's count, on the last page.
    pub(crate) total: Option<u64>,
    pub(crate) gaps: Vec<Gap>,
}

/// Reads one lane to its end.
pub(crate) struct LaneReader {
    pub(crate) session: Arc<Session>,
    pub(crate) resource: &'static Resource,
    pub(crate) lane: Lane,
    pub(crate) started: Timestamp,
    pub(crate) pages: mpsc::Sender<Message>,
}

/// What is remembered from page to page to notice pages that repeat or shift.
#[derive(Default)]
struct Memory {
    tokens: HashSet<u64>,
    last_keys: HashSet<String>,
    rows: u64,
    largest_total: Option<u64>,
    smallest_total: Option<u64>,
    shifted: bool,
}

/// A listing that lost records while it was read is read again at most this often.
const REREADS: u32 = 2;

impl LaneReader {
    pub(crate) async fn run(mut self) {
        let parent = self.lane.parent.key.clone();
        let end = self.read().await;
        // The consumer is gone only when the run is being stopped; then nobody waits for the end of a lane.
        self.pages.send(Message::End { parent, end }).await.ok();
    }

    async fn read(&mut self) -> Result<LaneEnd, KitError> {
        if let Some(list) = self.resource.request.custom_list() {
            let records = list(&self.session, &self.lane.parent).await?;
            return self.read_custom(records).await;
        }
        for _ in 0..REREADS {
            let mut memory = Memory::default();
            let end = self.read_pages(&mut memory).await?;
            if !memory.shifted {
                return Ok(end);
            }
            self.lane.token = None;
        }
        let mut memory = Memory::default();
        let mut end = self.read_pages(&mut memory).await?;
        if memory.shifted {
            (end.whole, end.cursor) = (false, None);
            end.gaps.push(self.gap(
                GapReason::CountMismatch,
                "records vanished during each of three readings; some may have been passed over",
            ));
        }
        Ok(end)
    }

    async fn read_custom(&self, records: Vec<String>) -> Result<LaneEnd, KitError> {
        let records: Vec<_> = records
            .iter()
            .map(|json| Record {
                json: json.as_str().into(),
                member: None,
            })
            .collect();
        let bytes = records.iter().map(|record| record.json.len() as u64).sum();
        let mut page = Page {
            parent: self.lane.parent.key.clone(),
            bytes,
            ..Page::default()
        };
        self.fill(&mut page, &records);
        self.pages.send(Message::Page(page)).await.ok();
        Ok(LaneEnd {
            whole: true,
            cursor: None,
            total: None,
            gaps: Vec::new(),
        })
    }

    async fn read_pages(&mut self, memory: &mut Memory) -> Result<LaneEnd, KitError> {
        let first = self.first_request()?;
        let mut token = self.lane.token.clone();
        let mut end = LaneEnd {
            whole: !self.is_incremental(),
            cursor: None,
            total: None,
            gaps: Vec::new(),
        };
        let (mut feed, mut broken) = (None, false);
        loop {
            let Some((response, page)) = self.request(&first, &mut token).await? else {
                break;
            };
            if let Cursor::Feed { read, .. } = self.resource.cursor {
                feed = body_text(&response, read).or(feed);
            }
            self.lane.seen = self.lane.seen.max(page.seen);
            end.total = page.total.or(end.total);
            let next = page.next.clone();
            match self.remember(memory, &page) {
                ControlFlow::Continue(()) => {}
                ControlFlow::Break(gap) => {
                    end.gaps.push(gap);
                    (end.whole, broken) = (false, true);
                    break;
                }
            }
            let reached = self.reached_cursor(&page);
            if self.pages.send(Message::Page(page)).await.is_err() || reached {
                break;
            }
            let Some(next) = next else { break };
            token = Some(next);
        }
        self.check_count(memory, &mut end);
        // What a listing that broke off did not show is behind the cursor it began with.
        end.cursor = if broken { None } else { self.next_cursor(feed) };
        Ok(end)
    }

    fn first_request(&self) -> Result<Prepared, KitError> {
        let fill = Fill {
            settings: self.session.settings(),
            parent: &self.lane.parent,
        };
        let mut request = self
            .resource
            .request
            .prepare(self.resource.name, self.session.base_url(), &fill)?;
        match (self.resource.cursor, &self.lane.cursor) {
            (
                Cursor::Since {
                    send_as, with, overlap, ..
                },
                Some(since),
            ) => {
                request.set_query(send_as, cursor::since(since, overlap));
                with.iter().for_each(|(name, value)| request.set_query(name, *value));
            }
            (Cursor::Feed { send_as, .. }, Some(token)) => {
                request.set_query(send_as, token.as_str().unwrap_or_default());
            }
            _ => {}
        }
        Ok(request)
    }

    /// Asks for the page at `token`; where the server fails on it, for smaller ones from the same record on.
    /// `None` past the last page.
    async fn request(
        &self,
        first: &Prepared,
        token: &mut Option<PageToken>,
    ) -> Result<Option<(Response, Page)>, KitError> {
        loop {
            let mut request = first.clone();
            self.resource.paginator.apply(&mut request, token.as_deref());
            // Whether an answer can be used is seen by splitting it, which is work worth doing once: the page is kept.
            let page = Mutex::new(None);
            let accept = |response: &Response| match self.resource.records.split(&response.body) {
                Ok(records) => {
                    *page.lock().unwrap_or_else(PoisonError::into_inner) =
                        Some(self.page(response, &records, token.as_deref()));
                    Ok(())
                }
                Err(error) => Err(format!("{} bytes that are {error}", response.body.len())),
            };
            let sent = self.session.send(self.resource.name, &request, &accept).await;
            match (sent, page.into_inner().unwrap_or_else(PoisonError::into_inner)) {
                (Ok(answer), Some(page)) if answer.outcome == Outcome::Success => {
                    return Ok(Some((answer.response, page?)));
                }
                (Ok(_), _) => return Ok(None),
                (Err(KitError::Exhausted { .. }), _) if self.resource.paginator.smaller(token.as_deref()).is_some() => {
                    *token = self.resource.paginator.smaller(token.as_deref());
                }
                (Err(error), _) => return Err(error),
            }
        }
    }

    fn page(&self, response: &Response, records: &[Record<'_>], token: Option<&str>) -> Result<Page, KitError> {
        let total = match self.resource.count {
            Count::None => None,
            Count::Header(name) => response.header(name).and_then(|text| text.trim().parse().ok()),
            Count::At(pointer) => body_text(response, pointer).and_then(|text| text.parse().ok()),
        };
        let mut page = Page {
            parent: self.lane.parent.key.clone(),
            next: self.resource.paginator.next(response, records, token)?,
            total,
            bytes: response.body.len() as u64,
            ..Page::default()
        };
        self.fill(&mut page, records);
        Ok(page)
    }

    /// Keys the records of a page. One that has no key is a gap, not a failure.
    fn fill(&self, page: &mut Page, records: &[Record<'_>]) {
        let written = self.resource.key_rule() == seatbelt_model::KeyRule::Written;
        page.fields = records
            .first()
            .map(|record| json::names(&record.json).iter().map(|name| name.to_string()).collect())
            .unwrap_or_default();
        let keys = self.resource.keys();
        let time = cursor::time_field(self.resource.cursor).map(Pointer::new);
        page.lines.reserve(page.bytes as usize);
        for (at, record) in records.iter().enumerate() {
            let Some(key) = keys.of(record, &self.lane.parent.key) else {
                page.gaps.push(self.gap(
                    GapReason::InvalidRecord,
                    &format!("record {at} of a page has no key at {:?}", self.resource.key),
                ));
                continue;
            };
            if let Some(time) = &time {
                page.seen = page
                    .seen
                    .max(json::text_at(&record.json, time).and_then(|text| cursor::parse_time(&text)));
            }
            let extra = line::Extra {
                key: written.then(|| key.clone()),
                ..line::Extra::default()
            };
            let start = page.lines.len();
            match line::build_into(&mut page.lines, &record.json, &extra) {
                Ok(()) => page.rows.push(Row {
                    line: start..page.lines.len(),
                    gone: self.is_gone(&record.json),
                    key,
                }),
                Err(error) => page
                    .gaps
                    .push(self.gap(GapReason::InvalidRecord, &format!("record {at} of a page: {error}"))),
            }
        }
    }

    fn is_gone(&self, record: &str) -> bool {
        matches!(self.resource.deletes, Deletes::Flagged { field, equals }
            if json::text_at(record, &Pointer::new(field)).as_deref() == Some(equals))
    }

    fn is_incremental(&self) -> bool {
        self.lane.cursor.is_some()
    }

    /// Notices a page or token that was there before, and a listing that shrinks while it is read.
    fn remember(&self, memory: &mut Memory, page: &Page) -> ControlFlow<Gap> {
        let keys: HashSet<String> = page.rows.iter().map(|row| row.key.clone()).collect();
        if !keys.is_empty() && page.next.is_some() && keys == memory.last_keys {
            return ControlFlow::Break(
                self.gap(GapReason::RepeatedPage, "the vendor sent the same page twice in a row"),
            );
        }
        if let Some(token) = &page.next
            && !memory.tokens.insert(fingerprint(token))
        {
            return ControlFlow::Break(self.gap(
                GapReason::RepeatedPage,
                "the vendor named a next page that was read before",
            ));
        }
        // A record that comes twice on a page, or again on the next, is one.
        memory.rows += keys.difference(&memory.last_keys).count() as u64;
        memory.last_keys = keys;
        if let Some(total) = page.total {
            memory.shifted |=
                self.is_shifted_by_removal() && memory.smallest_total.is_some_and(|before| total < before);
            memory.largest_total = memory.largest_total.max(Some(total));
            memory.smallest_total = Some(memory.smallest_total.map_or(total, |before| before.min(total)));
        }
        ControlFlow::Continue(())
    }

    /// Pages counted from the start move when a record before them goes.
    fn is_shifted_by_removal(&self) -> bool {
        matches!(
            self.resource.paginator,
            Paginator::PageNumber { .. } | Paginator::Offset { .. }
        )
    }

    fn reached_cursor(&self, page: &Page) -> bool {
        let (Cursor::NewestFirst { field, overlap }, Some(since)) = (self.resource.cursor, &self.lane.cursor) else {
            return false;
        };
        let Some(since) = cursor::stored_time(since).and_then(|since| since.checked_sub(overlap).ok()) else {
            return false;
        };
        let field = Pointer::new(field);
        let times = page
            .rows
            .iter()
            .filter_map(|row| json::text_at(page.line(row), &field).and_then(|text| cursor::parse_time(&text)));
        times.min().is_some_and(|oldest| oldest < since)
    }

    /// A whole reading that began at its first page must have as many records as the vendor counts.
    fn check_count(&self, memory: &Memory, end: &mut LaneEnd) {
        let (Some(least), Some(most)) = (memory.smallest_total, memory.largest_total) else {
            return;
        };
        let counted = end.whole && self.lane.token.is_none() && !memory.shifted;
        if counted && !(least..=most).contains(&memory.rows) {
            let detail = format!("the vendor counts {most}, its pages held {}", memory.rows);
            end.gaps.push(self.gap(GapReason::CountMismatch, &detail));
            end.whole = false;
        }
    }

    fn next_cursor(&self, feed: Option<String>) -> Option<serde_json::Value> {
        match self.resource.cursor {
            Cursor::None => None,
            Cursor::Feed { .. } => feed.map(Into::into).or_else(|| self.lane.cursor.clone()),
            Cursor::Since { .. } | Cursor::NewestFirst { .. } => {
                Some(cursor::advance(self.lane.cursor.as_ref(), self.lane.seen, self.started))
            }
        }
    }

    fn gap(&self, reason: GapReason, detail: &str) -> Gap {
        Gap {
            reason,
            at: self.lane.parent.key.clone(),
            detail: detail.to_owned(),
            more: 0,
        }
    }
}

fn body_text(response: &Response, pointer: &str) -> Option<String> {
    let body = std::str::from_utf8(&response.body).ok()?;
    json::text_at(body, &Pointer::new(pointer)).map(std::borrow::Cow::into_owned)
}

fn fingerprint(token: &str) -> u64 {
    std::hash::BuildHasherDefault::<std::hash::DefaultHasher>::default().hash_one(token)
}
