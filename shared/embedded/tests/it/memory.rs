use std::pin::Pin;
use std::task::{Context, Poll};

use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::mpsc::Receiver;

/// A body of a known length, whose pieces come when they come.
pub(crate) fn body_of(pieces: Receiver<Bytes>, length: u64) -> SdkBody {
    SdkBody::from_body_1_x(Pieces { pieces, length })
}

struct Pieces {
    pieces: Receiver<Bytes>,
    length: u64,
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.pieces
            .poll_recv(cx)
            .map(|piece| piece.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length)
    }
}

/// Streams a large object both ways in a process of its own, where the peak of memory is that of this object alone.
#[cfg(target_os = "linux")]
mod linux {
    use std::io::Write;
    use std::process::Command;

    use aws_sdk_s3::Client;
    use aws_sdk_s3::primitives::ByteStream;
    use seatbelt_embedded::{BUCKET, Embedded};

    use super::body_of;

    const CHILD: &str = "SEATBELT_EMBEDDED_MEMORY_CHILD";
    const MIB: u64 = 1024 * 1024;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_large_object_passes_through_little_memory() {
        if let Ok(home) = std::env::var(CHILD) {
            return child(&home).await;
        }
        let folder = tempfile::tempdir().unwrap();
        let exe = std::env::current_exe().unwrap();
        let mut child = Command::new(exe);
        child.args([
            "--exact",
            "memory::linux::a_large_object_passes_through_little_memory",
            "--nocapture",
        ]);
        let output = child.env(CHILD, folder.path()).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "{text}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let grown = text
            .lines()
            .find_map(|line| line.strip_prefix("grown_kib="))
            .expect("the child says it");
        let grown: u64 = grown.parse().unwrap();
        assert!(grown < 24 * 1024, "64 MiB up and down took {grown} KiB of memory");
    }

    async fn child(home: &str) {
        let embedded = Embedded::open_for_tests(home.as_ref()).await.unwrap();
        pass(&embedded.s3(), "small", 2 * MIB).await;
        let before = peak_kib();
        pass(&embedded.s3(), "large", 64 * MIB).await;
        let mut stdout = std::io::stdout().lock();
        writeln!(stdout, "\ngrown_kib={}", peak_kib() - before).unwrap();
    }

    async fn pass(s3: &Client, key: &str, length: u64) {
        let (sender, receiver) = tokio::sync::mpsc::channel(2);
        tokio::spawn(async move {
            for n in 0..length / (MIB / 16) {
                let _ = sender.send(vec![(n % 251) as u8; (MIB / 16) as usize].into()).await;
            }
        });
        let body = ByteStream::new(body_of(receiver, length));
        s3.put_object().bucket(BUCKET).key(key).body(body).send().await.unwrap();
        let mut body = s3.get_object().bucket(BUCKET).key(key).send().await.unwrap().body;
        let mut read = 0;
        while let Some(piece) = body.try_next().await.unwrap() {
            let expected = (read / (MIB / 16) % 251) as u8;
            assert_eq!(piece[0], expected);
            read += piece.len() as u64;
        }
        assert_eq!(read, length);
    }

    fn peak_kib() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").trim().parse().unwrap()
    }
}
