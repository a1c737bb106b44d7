//! How pages follow each other: pure functions from an answer to the next page's token, and from a token to a request.

use seatbelt_model::json::{self, Pointer};

use crate::{KitError, Paginator, Prepared, Record, Response};

/// A place within one listing. It may be stored in a checkpoint, and dies with its run.
pub type PageToken = String;

impl Paginator {
    /// Turns the request for the first page into the one for the page at `token`.
    pub fn apply(&self, request: &mut Prepared, token: Option<&str>) {
        match (*self, token) {
            (Self::LinkHeader | Self::NextUrl { .. } | Self::Custom(_), Some(url)) => {
                url.clone_into(&mut request.url);
                request.query.clear();
            }
            (
                Self::PageNumber {
                    send_as,
                    size_as,
                    sizes,
                    ..
                },
                token,
            ) => {
                let (page, size) = token.map_or((1, sizes[0]), |token| numbered(token, sizes[0]));
                request.set_query(size_as, size.to_string());
                request.set_query(send_as, page.to_string());
            }
            (Self::Token { send_as, .. }, Some(token)) => request.set_query(send_as, token),
            (
                Self::Offset {
                    send_as, size_as, size, ..
                },
                token,
            ) => {
                request.set_query(size_as, size.to_string());
                request.set_query(send_as, token.unwrap_or("0"));
            }
            (
                Self::Keyset {
                    send_as, size_as, size, ..
                },
                token,
            ) => {
                request.set_query(size_as, size.to_string());
                if let Some(token) = token {
                    request.set_query(send_as, token);
                }
            }
            (Self::GraphQl { .. }, Some(token)) => {
                if let Some(variables) = request.body.as_mut().and_then(|body| body.get_mut("variables")) {
                    variables["after"] = token.into();
                }
            }
            (Self::SinglePage, _) | (_, None) => {}
        }
    }

    /// The token of the page after `response`, which holds `records` and was asked for by `token`. `None` at the end.
    ///
    /// # Errors
    /// [`KitError::Unexpected`] if the answer names a next page that cannot be asked for.
    pub fn next(
        &self,
        response: &Response,
        records: &[Record<'_>],
        token: Option<&str>,
    ) -> Result<Option<PageToken>, KitError> {
        let body = || std::str::from_utf8(&response.body).unwrap_or_default();
        let text = |pointer: &str| json::text_at(body(), &Pointer::new(pointer)).filter(|text| !text.is_empty());
        Ok(match *self {
            Self::SinglePage => None,
            Self::LinkHeader => next_link(response).map(|link| absolute(response, &link)).transpose()?,
            Self::NextUrl { read } => text(read).map(|link| absolute(response, &link)).transpose()?,
            Self::PageNumber { sizes, pages, .. } => {
                let (page, size) = token.map_or((1, sizes[0]), |token| numbered(token, sizes[0]));
                let pages = pages
                    .and_then(|header| response.header(header))
                    .and_then(|pages| pages.trim().parse::<u64>().ok());
                let more = pages.map_or(records.len() as u64 >= u64::from(size), |pages| page < pages);
                more.then(|| format!("{}/{size}", page + 1))
            }
            Self::Token { read, .. } => text(read).map(std::borrow::Cow::into_owned),
            Self::Offset { size, total, .. } => {
                // A page that holds more than was asked for holds some twice.
                let read = (records.len() as u64).min(u64::from(size));
                let next = token.and_then(|token| token.parse::<u64>().ok()).unwrap_or(0) + read;
                let total = total.and_then(text).and_then(|total| total.parse::<u64>().ok());
                let more =
                    !records.is_empty() && total.map_or(records.len() as u64 >= u64::from(size), |total| next < total);
                more.then(|| next.to_string())
            }
            Self::Keyset { field, size, .. } if records.len() as u64 >= u64::from(size) => {
                let last = records
                    .last()
                    .and_then(|record| json::text_at(&record.json, &Pointer::new(field)));
                let last = last
                    .ok_or_else(|| unexpected(response, format!("the last record has no `{field}` to go on from")))?;
                Some(last.into_owned())
            }
            Self::Keyset { .. } => None,
            Self::GraphQl { page_info } => {
                let more = text(&format!("{page_info}/hasNextPage")).as_deref() == Some("true");
                more.then(|| text(&format!("{page_info}/endCursor")).map(std::borrow::Cow::into_owned))
                    .flatten()
            }
            Self::Custom(next) => next(response),
        })
    }

    /// The token that reads on from `token` in smaller pages, where the server fails on large ones. `None` if there is no
    /// smaller size.
    #[must_use]
    pub fn smaller(&self, token: Option<&str>) -> Option<PageToken> {
        let Self::PageNumber { sizes, .. } = *self else {
            return None;
        };
        let (page, size) = token.map_or((1, sizes[0]), |token| numbered(token, sizes[0]));
        let smaller = *sizes.iter().find(|other| **other < size)?;
        Some(format!("{}/{smaller}", (page - 1) * u64::from(size / smaller) + 1))
    }

    /// Whether the token belongs to smaller pages than the first size.
    #[must_use]
    pub fn page_size(&self, token: Option<&str>) -> Option<u32> {
        match *self {
            Self::PageNumber { sizes, .. } => Some(token.map_or(sizes[0], |token| numbered(token, sizes[0]).1)),
            Self::Offset { size, .. } | Self::Keyset { size, .. } => Some(size),
            _ => None,
        }
    }
}

/// Page number and size of `7/100`.
fn numbered(token: &str, size: u32) -> (u64, u32) {
    let (page, written) = token.split_once('/').unwrap_or((token, ""));
    (page.parse().unwrap_or(1), written.parse().unwrap_or(size))
}

/// The `rel="next"` of a `Link` header (RFC 8288).
fn next_link(response: &Response) -> Option<String> {
    let links = response.headers.get_all("link");
    let links = links
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(",<").flat_map(|one| one.split(", <")));
    links
        .filter_map(|link| link.trim_start_matches([' ', '<']).split_once('>'))
        .find(|(_, parameters)| {
            parameters.split(';').any(|parameter| {
                matches!(parameter.trim().split_once('='), Some(("rel", rel)) if rel.trim_matches('"').split(' ').any(|one| one == "next"))
            })
        })
        .map(|(url, _)| url.to_owned())
}

/// A link as a whole URL; it must stay on the origin that answered, since the credential goes along.
fn absolute(response: &Response, link: &str) -> Result<PageToken, KitError> {
    let url = response
        .url
        .join(link)
        .map_err(|error| unexpected(response, format!("the next page's URL is malformed ({error})")))?;
    if url.origin() == response.url.origin() {
        Ok(url.into())
    } else {
        let host = url.host_str().unwrap_or_default().to_owned();
        Err(unexpected(
            response,
            format!("the next page is on another host ({host}), where the credential must not go"),
        ))
    }
}

fn unexpected(response: &Response, problem: String) -> KitError {
    KitError::Unexpected {
        at: response.resource.clone(),
        problem,
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

    use super::*;
    use crate::{Records, Request};

    fn response(headers: &[(&'static str, &str)], body: &str) -> Response {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
            .collect();
        Response {
            resource: "things".into(),
            status: StatusCode::OK,
            headers,
            body: body.to_owned().into(),
            url: "https://api.example/things?page=1".parse().unwrap(),
        }
    }

    fn next(paginator: Paginator, at: &'static str, response: &Response, token: Option<&str>) -> Option<String> {
        let records = Records::At(at).split(&response.body).unwrap();
        paginator.next(response, &records, token).unwrap()
    }

    fn request(paginator: Paginator, token: Option<&str>) -> Prepared {
        let mut prepared = Prepared::get("https://api.example/things");
        paginator.apply(&mut prepared, token);
        prepared
    }

    const NUMBERED: Paginator = Paginator::PageNumber {
        send_as: "page",
        size_as: "per_page",
        sizes: &[100, 20],
        pages: Some("x-pages"),
    };

    #[test]
    fn links_are_followed_and_kept_on_the_origin() {
        let two =
            r#"<https://api.example/things?page=1>; rel="prev", <https://api.example/things?page=3&q=a,b>; rel="next""#;
        let link = next(Paginator::LinkHeader, "", &response(&[("link", two)], "[]"), None);
        assert_eq!(link.as_deref(), Some("https://api.example/things?page=3&q=a,b"));
        assert_eq!(next(Paginator::LinkHeader, "", &response(&[], "[]"), None), None);
        let elsewhere = response(&[("link", r#"<https://evil.example/>; rel="next""#)], "[]");
        assert!(Paginator::LinkHeader.next(&elsewhere, &[], None).is_err());
        assert_eq!(
            request(Paginator::LinkHeader, Some("https://api.example/x?page=2")).url,
            "https://api.example/x?page=2"
        );
    }

    #[test]
    fn numbered_pages_end_with_the_stated_number_or_a_short_page() {
        assert_eq!(
            next(NUMBERED, "", &response(&[("x-pages", "3")], "[1]"), Some("2/100")).as_deref(),
            Some("3/100")
        );
        assert_eq!(
            next(NUMBERED, "", &response(&[("x-pages", "3")], "[1]"), Some("3/100")),
            None
        );
        assert_eq!(next(NUMBERED, "", &response(&[], "[1]"), None), None);
        let query = request(NUMBERED, Some("6/20")).query;
        assert_eq!(query, [("per_page".into(), "20".into()), ("page".into(), "6".into())]);
    }

    #[test]
    fn a_smaller_page_goes_on_at_the_same_record() {
        assert_eq!(
            NUMBERED.smaller(Some("3/100")).as_deref(),
            Some("11/20"),
            "page 3 of 100 begins at record 201"
        );
        assert_eq!(NUMBERED.smaller(None).as_deref(), Some("1/20"));
        assert_eq!(NUMBERED.smaller(Some("11/20")), None);
    }

    #[test]
    fn tokens_offsets_and_keysets_end_where_the_records_do() {
        let token = Paginator::Token {
            read: "/paging/next",
            send_as: "after",
        };
        assert_eq!(
            next(token, "/r", &response(&[], r#"{"r":[1],"paging":{"next":"t"}}"#), None).as_deref(),
            Some("t")
        );
        assert_eq!(
            next(token, "/r", &response(&[], r#"{"r":[1],"paging":{"next":null}}"#), None),
            None
        );
        let offset = Paginator::Offset {
            send_as: "offset",
            size_as: "limit",
            size: 2,
            total: Some("/total"),
        };
        assert_eq!(
            next(offset, "/r", &response(&[], r#"{"r":[1,2],"total":3}"#), None).as_deref(),
            Some("2")
        );
        assert_eq!(
            next(offset, "/r", &response(&[], r#"{"r":[3],"total":3}"#), Some("2")),
            None
        );
        assert_eq!(
            next(offset, "/r", &response(&[], r#"{"r":[],"total":9}"#), Some("2")),
            None,
            "an empty page ends"
        );
        let keyset = Paginator::Keyset {
            field: "/id",
            send_as: "after_id",
            size_as: "limit",
            size: 2,
        };
        assert_eq!(
            next(keyset, "", &response(&[], r#"[{"id":4},{"id":7}]"#), None).as_deref(),
            Some("7")
        );
        assert_eq!(next(keyset, "", &response(&[], r#"[{"id":4}]"#), None), None);
        let graphql = Paginator::GraphQl { page_info: "/p" };
        let page = response(&[], r#"{"p":{"hasNextPage":true,"endCursor":"c"},"n":[]}"#);
        assert_eq!(next(graphql, "/n", &page, None).as_deref(), Some("c"));
    }

    #[test]
    fn a_graphql_token_goes_into_the_variables() {
        let request = Request::graphql("/graphql", "query", &[("owner", "acme")]);
        let fill = crate::Fill {
            settings: &std::collections::BTreeMap::new(),
            parent: &crate::Parent::default(),
        };
        let mut prepared = request.prepare("things", "https://api.example/", &fill).unwrap();
        Paginator::GraphQl { page_info: "/p" }.apply(&mut prepared, Some("c"));
        assert_eq!(prepared.url, "https://api.example/graphql");
        assert_eq!(
            prepared.body.unwrap()["variables"],
            serde_json::json!({"owner": "acme", "after": "c"})
        );
    }
}
