//! Which operation a request is, told from its method and address, for the fault hook.

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;

use crate::fault::Named;

pub(super) fn name(request: &HttpRequest) -> Named {
    let uri = request.uri();
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    let path = path
        .split_once("://")
        .map_or(path, |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
    let key = path
        .trim_start_matches('/')
        .split_once('/')
        .map(|(_, key)| decoded(key))
        .filter(|key| !key.is_empty());
    let method = request.method();
    let operation = operation(
        method,
        key.is_some(),
        query,
        request.headers().get("x-amz-copy-source").is_some(),
    );
    Named {
        operation: operation.to_owned(),
        key,
        write: !matches!(method, "GET" | "HEAD"),
    }
}

fn operation(method: &str, has_key: bool, query: &str, is_copy: bool) -> &'static str {
    let has = |name: &str| query.split('&').any(|pair| pair.split('=').next() == Some(name));
    match (method, has_key) {
        ("PUT", true) if has("partNumber") => "UploadPart",
        ("PUT", true) if has("retention") => "PutObjectRetention",
        ("PUT", true) if is_copy => "CopyObject",
        ("PUT", true) => "PutObject",
        ("PUT", false) => "CreateBucket",
        ("POST", true) if has("uploads") => "CreateMultipartUpload",
        ("POST", true) => "CompleteMultipartUpload",
        ("POST", false) => "DeleteObjects",
        ("DELETE", true) if has("uploadId") => "AbortMultipartUpload",
        ("DELETE", true) => "DeleteObject",
        ("HEAD", true) => "HeadObject",
        ("HEAD", false) => "HeadBucket",
        ("GET", true) if has("uploadId") => "ListParts",
        ("GET", true) if has("retention") => "GetObjectRetention",
        ("GET", true) => "GetObject",
        ("GET", false) if has("uploads") => "ListMultipartUploads",
        ("GET", false) => "ListObjectsV2",
        _ => "Unknown",
    }
}

/// Undoes percent-encoding.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let code = tail
            .get(..2)
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (byte, code) {
            (b'%', Some(code)) => {
                bytes.push(code);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(byte);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_named_as_the_vendor_names_it() {
        let named = |method: &str, uri: &str| {
            let mut request = HttpRequest::empty();
            request.set_method(method).expect("a method");
            request.set_uri(uri).expect("an address");
            let Named { operation, key, write } = name(&request);
            (operation, key.unwrap_or_default(), write)
        };
        let expected = ("PutObject".to_owned(), "a b/c%".to_owned(), true);
        assert_eq!(
            named("PUT", "http://s3.embedded/seatbelt/a%20b/c%25?x-id=PutObject"),
            expected
        );
        let expected = ("ListObjectsV2".to_owned(), String::new(), false);
        assert_eq!(
            named("GET", "http://s3.embedded/seatbelt/?list-type=2&prefix=a/b"),
            expected
        );
        let expected = ("CompleteMultipartUpload".to_owned(), "a".to_owned(), true);
        assert_eq!(named("POST", "http://s3.embedded/seatbelt/a?uploadId=1"), expected);
    }
}
