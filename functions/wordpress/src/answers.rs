//! What WordPress's answers mean.

use seatbelt_connector_kit::{Outcome, Response};

/// By status and error code. Permission and credential share the status 401; a WAF in front answers 403 in HTML.
pub(crate) fn classify(response: &Response) -> Outcome {
    let status = response.status.as_u16();
    if response.status.is_success() {
        return Outcome::Success;
    }
    let Some(code) = response.text("/code") else {
        return match status {
            403 => Outcome::Retry, // A firewall of the host's, which lets through again when asked less.
            401 => Outcome::Reconnect(
                "HTTP 401, not from WordPress: the host strips or blocks the Authorization header".into(),
            ),
            404 => Outcome::Unavailable("HTTP 404, not from WordPress: is the REST API at this address?".into()),
            _ => Outcome::from_status(response),
        };
    };
    let said = format!("HTTP {status} {code}");
    match (status, code.as_str()) {
        (400, "rest_post_invalid_page_number" | "rest_invalid_page_number") => Outcome::Empty,
        (
            401,
            "rest_not_logged_in"
            | "incorrect_password"
            | "invalid_username"
            | "invalid_email"
            | "invalid_application_credentials",
        ) => Outcome::Reconnect(said),
        (401, "application_passwords_disabled" | "application_passwords_disabled_for_user") => Outcome::Reconnect(said),
        (401 | 403, _) => Outcome::Forbidden(said),
        // A status that the user may not list is refused as if it were malformed.
        (400, "rest_invalid_param")
            if response.text("/data/details/status/code").as_deref() == Some("rest_forbidden_status") =>
        {
            Outcome::Forbidden(format!("{said}, rest_forbidden_status"))
        }
        (404, "rest_no_route") => Outcome::Unavailable(said),
        (404, _) => Outcome::Empty, // It was deleted between its parent's listing and this request.
        // What a write is refused with, although the status says that the server failed.
        (
            500,
            "existing_user_login"
            | "existing_user_email"
            | "empty_term_name"
            | "rest_comment_failed_edit"
            | "rest_upload_sideload_error"
            | "rest_upload_unknown_error"
            | "plugins_api_failed"
            | "folder_exists"
            | "rest_cannot_delete"
            | "invalid_username",
        )
        | (501, "rest_trash_not_supported") => Outcome::Refused(said),
        (400..500, _) if status != 429 && status != 408 => Outcome::Refused(said),
        _ => Outcome::from_status(response),
    }
}

/// PHP warnings may stand before the JSON; it begins at the first bracket that opens a line or the body.
pub(crate) fn clean(body: &[u8]) -> &[u8] {
    if matches!(body.first(), Some(b'[' | b'{')) {
        return body;
    }
    match body.iter().position(|byte| matches!(byte, b'[' | b'{')) {
        Some(start) if serde_json::from_slice::<serde::de::IgnoredAny>(&body[start..]).is_ok() => &body[start..],
        _ => after_warnings(body),
    }
}

/// A warning's own text may hold brackets: the last line that begins with one and is JSON to the end.
fn after_warnings(body: &[u8]) -> &[u8] {
    let starts = body
        .windows(2)
        .enumerate()
        .filter(|(_, pair)| pair[0] == b'\n' && matches!(pair[1], b'[' | b'{'));
    starts
        .map(|(at, _)| &body[at + 1..])
        .find(|rest| serde_json::from_slice::<serde::de::IgnoredAny>(rest).is_ok())
        .unwrap_or(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_before_the_json_are_cut_off() {
        assert_eq!(clean(b"[1]"), b"[1]");
        assert_eq!(
            clean(b"<br />\n<b>Warning</b>: x in /a.php on line 3<br />\n{\"a\":1}"),
            b"{\"a\":1}"
        );
        assert_eq!(
            clean(b"Notice: Undefined array key [0] in a.php\n[{\"id\":1}]"),
            b"[{\"id\":1}]"
        );
        assert_eq!(clean(b"<html>"), b"<html>");
        assert_eq!(clean(b"[{\"id\":1},"), b"[{\"id\":1},");
    }
}
