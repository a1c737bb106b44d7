//! Listings of deleted records, for vendors that have one.

use async_stream::try_stream;
use futures_util::Stream;
use seatbelt_connector_kit::{Cursor, DeletedFeed, Fill, KitError, Outcome, Parent, Resource, Response};
use serde_json::Value;

use crate::{cursor, listing::deleted_key, run::Context};

/// The keys of `resource` that `feed` names as deleted since `cursor`, page by page.
pub(crate) fn keys<'a>(
    context: &'a Context<'a>,
    resource: &'static Resource,
    feed: &'static DeletedFeed,
    cursor: &'a Value,
) -> impl Stream<Item = Result<Vec<String>, KitError>> + 'a {
    try_stream! {
        let session = &context.session;
        let parent = Parent::default();
        let fill = Fill { settings: session.settings(), parent: &parent };
        let mut first = feed.request.prepare(resource.name, session.base_url(), &fill)?;
        let overlap = match resource.cursor {
            Cursor::Since { overlap, .. } | Cursor::NewestFirst { overlap, .. } => overlap,
            _ => std::time::Duration::ZERO,
        };
        first.set_query(feed.send_as, cursor::since(cursor, overlap));
        let valid = |response: &Response| feed.records.split(&response.body).map(drop).map_err(|error| error.to_string());
        let mut token: Option<String> = None;
        loop {
            let mut request = first.clone();
            feed.paginator.apply(&mut request, token.as_deref());
            let answer = session.send(resource.name, &request, &valid).await?;
            if answer.outcome == Outcome::Empty {
                break;
            }
            let unexpected = |problem: String| KitError::Unexpected { at: resource.name.to_owned(), problem };
            let records = feed.records.split(&answer.response.body).map_err(|error| unexpected(error.to_string()))?;
            let next = feed.paginator.next(&answer.response, &records, token.as_deref())?;
            let keys = records.iter().map(|record| deleted_key(&record.json, feed)).collect::<Option<Vec<_>>>();
            yield keys.ok_or_else(|| unexpected("an entry of the list of deleted records names none".into()))?;
            if next.is_none() || next == token {
                break;
            }
            token = next;
        }
    }
}
