use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use aws_sdk_s3::primitives::ByteStream;
use seatbelt_embedded::BUCKET;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::{Home, get, refusal};

/// Keeps every warning and error, with all that is in it.
#[derive(Clone, Default)]
struct Loud(Arc<Mutex<Vec<String>>>);

impl Subscriber for Loud {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::WARN
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        struct Text(String);
        impl Visit for Text {
            fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
                self.0 += &format!(" {field}={value:?}");
            }
        }
        let mut text = Text(event.metadata().target().to_owned());
        event.record(&mut text);
        self.0.lock().unwrap().push(text.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn a_refusal_is_an_answer_and_not_a_line_in_the_log() {
    let loud = Loud::default();
    let _guard = tracing::subscriber::set_default(loud.clone());
    tracing::warn!("the log works");
    let home = Home::new().await;
    let put = home
        .s3()
        .put_object()
        .bucket(BUCKET)
        .key("customer/ada@example.com")
        .tagging("a=b");
    let refused = put.body(ByteStream::from_static(b"x")).send().await.unwrap_err();
    assert_eq!(refusal(&refused).0, 501);
    assert_eq!(get(&home.s3(), "customer/ada@example.com").await, None);
    let seen = loud.0.lock().unwrap();
    assert_eq!(seen.len(), 1, "{seen:?}");
}
