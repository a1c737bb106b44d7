//! From a body on the wire to a file on the disk: the body is read on the caller's task, and hashed and written on a
//! thread that may wait for the disk. At most a few pieces are in between, so memory does not grow with the body.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use s3s::dto::StreamingBlob;
use s3s::{S3Error, S3Result, StdError, TrailingHeaders, s3_error};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::checks::{Digests, Expected};
use super::data::NewFile;
use super::{Store, failure};

/// Pieces on their way from the body to the file.
const PIECES_IN_FLIGHT: usize = 4;

/// A body that arrived whole, is on the disk, and matched all that was said about it.
pub(crate) struct Received {
    pub(crate) file: NewFile,
    pub(crate) digests: Digests,
}

enum Piece {
    Bytes(Bytes),
    /// The body is complete. A channel that closes without this was cut off.
    End(Option<http::HeaderMap>),
}

/// Receives a body, then commits. `admit` is asked before a byte is read, so that a request that cannot succeed
/// costs no writing; what it saw may have changed by the time of `commit`, which must look again.
pub(crate) async fn receive<T: Send + 'static>(
    store: &Arc<Store>,
    body: Option<StreamingBlob>,
    trailers: Option<TrailingHeaders>,
    expected: Expected,
    admit: impl FnOnce(&Store) -> S3Result<()> + Send + 'static,
    commit: impl FnOnce(&Store, Received) -> S3Result<T> + Send + 'static,
) -> S3Result<T> {
    let turn = store.receiving.clone().acquire_owned().await;
    let (pieces, inbox) = channel(PIECES_IN_FLIGHT);
    let written = store.blocking(move |store| {
        let _turn = turn;
        admit(store)?;
        let received = write(store, inbox, expected)?;
        commit(store, received)
    });
    // Both run at once; `written` was started by `blocking`, and ends soon after the pieces do.
    let (fed, done) = futures_util::future::join(feed(body, trailers, pieces), written).await;
    fed.and(done)
}

/// Sends the body on. Stops without an error when nobody listens any more: the writer knows why.
async fn feed(body: Option<StreamingBlob>, trailers: Option<TrailingHeaders>, pieces: Sender<Piece>) -> S3Result<()> {
    if let Some(mut body) = body {
        while let Some(piece) = body.next().await {
            let piece = piece.map_err(|e| broken_body(&e))?;
            if pieces.send(Piece::Bytes(piece)).await.is_err() {
                return Ok(());
            }
        }
    }
    let trailers = trailers.and_then(|trailers| trailers.take());
    // Nobody listening is no error here either.
    let _ = pieces.send(Piece::End(trailers)).await;
    Ok(())
}

fn write(store: &Store, mut inbox: Receiver<Piece>, mut expected: Expected) -> S3Result<Received> {
    let mut file = store
        .data
        .create()
        .map_err(|e| failure::io("create a file in", store.data.root(), &e))?;
    let mut digester = expected.digester();
    let trailers = loop {
        match inbox.blocking_recv() {
            Some(Piece::Bytes(bytes)) => {
                digester.update(&bytes);
                file.write(&bytes).map_err(|e| failure::io("write", file.path(), &e))?;
            }
            Some(Piece::End(trailers)) => break trailers,
            None => {
                return Err(s3_error!(
                    IncompleteBody,
                    "the connection broke before the body was complete"
                ));
            }
        }
    };
    if let Some(trailers) = trailers {
        expected.trailers(&trailers);
    }
    let digests = digester.finish();
    expected.compare(&digests)?;
    file.finish().map_err(|e| failure::io("write", file.path(), &e))?;
    Ok(Received { file, digests })
}

/// The readers below tell a wrong signature hash and a short body apart only in words.
fn broken_body(error: &StdError) -> S3Error {
    let text = error.to_string();
    if text.contains("Sha256Mismatch") {
        s3_error!(BadDigest, "the body does not match x-amz-content-sha256")
    } else {
        s3_error!(IncompleteBody, "the body broke off: {text}")
    }
}
