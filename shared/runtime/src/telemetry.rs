//! Logs as CloudWatch Logs Insights reads them: one JSON object a line, with names and numbers, never customer data.
//!
//! Fields of the spans around a line are on the line itself, so that `run`, `system` and `resource` can be asked for in one way.

use jiff::Timestamp;
use seatbelt_connector_kit::SystemClock;
use seatbelt_model::{Clock, Event, Observer};
use serde_json::{Map, Value};
use tracing::{Subscriber, field::Visit};
use tracing_subscriber::{
    EnvFilter, fmt,
    fmt::{
        FmtContext, FormatEvent, FormatFields, FormattedFields,
        format::{JsonFields, Writer},
    },
    registry::LookupSpan,
};

/// Logs as the function's `LoggingConfig` says, which Lambda passes in the environment.
pub(crate) fn init() {
    let level = std::env::var("AWS_LAMBDA_LOG_LEVEL").or_else(|_| std::env::var("RUST_LOG"));
    let filter = EnvFilter::new(level.unwrap_or_else(|_| "info".into()));
    // A second initialisation happens only in tests, where the first one serves.
    fmt()
        .fmt_fields(JsonFields::new())
        .event_format(Lines)
        .with_env_filter(filter)
        .try_init()
        .ok();
}

/// Where this function's logs are: the group and the stream, as Lambda names them.
pub(crate) fn place() -> Option<String> {
    let name = |variable: &str| std::env::var(variable).ok().filter(|name| !name.is_empty());
    let group = name("AWS_LAMBDA_LOG_GROUP_NAME")?;
    Some(match name("AWS_LAMBDA_LOG_STREAM_NAME") {
        Some(stream) => format!("{group} {stream}"),
        None => group,
    })
}

/// One JSON object a line.
struct Lines;

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &tracing::Event<'_>,
    ) -> std::fmt::Result {
        let now: Timestamp = SystemClock.now();
        let mut line = Map::new();
        line.insert("timestamp".into(), now.to_string().into());
        line.insert("level".into(), event.metadata().level().as_str().into());
        line.insert("target".into(), event.metadata().target().into());
        // The outermost first, so that the closest says what counts.
        for span in context.event_scope().into_iter().flat_map(|scope| scope.from_root()) {
            let extensions = span.extensions();
            let fields = extensions.get::<FormattedFields<N>>();
            let fields = fields.and_then(|fields| serde_json::from_str::<Map<_, _>>(&fields.fields).ok());
            line.extend(fields.unwrap_or_default());
        }
        event.record(&mut Fields(&mut line));
        writeln!(writer, "{}", Value::Object(line))
    }
}

/// Takes an event's fields into a JSON object.
struct Fields<'a>(&'a mut Map<String, Value>);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &tracing::field::Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_u64(&mut self, field: &tracing::field::Field, value: u64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_i64(&mut self, field: &tracing::field::Field, value: i64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_bool(&mut self, field: &tracing::field::Field, value: bool) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

/// An observer that logs.
pub(crate) struct Logged {
    pub(crate) system: String,
}

impl Observer for Logged {
    fn notice(&self, event: Event) {
        let system = self.system.as_str();
        match event {
            Event::Started { resource, expected } => tracing::info!(system, resource, expected, "reading"),
            Event::Done {
                resource,
                records,
                gaps,
            } => tracing::info!(system, resource, records, gaps, "read"),
            Event::Waiting { reason, wait } => {
                tracing::info!(system, ?reason, wait_ms = wait.as_millis() as u64, "waiting");
            }
            Event::Page {
                resource,
                records,
                bytes,
                ..
            } => tracing::debug!(system, resource, records, bytes, "page"),
            Event::Body { resource, bytes } => tracing::debug!(system, resource, bytes, "file"),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_carries_the_fields_of_its_spans() {
        let written = Written::default();
        let writer = written.clone();
        let subscriber = fmt()
            .fmt_fields(JsonFields::new())
            .event_format(Lines)
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            let run = tracing::info_span!("run", system = "acme-site", run = tracing::field::Empty);
            let _inside = run.enter();
            run.record("run", "20261122T060000Z");
            let _resource = tracing::info_span!("resource", resource = "posts").entered();
            tracing::warn!(wait_ms = 12_u64, said = "line\nbreak", "waiting");
        });
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        let line: Value = serde_json::from_str(&text).unwrap();
        for (field, value) in [
            ("level", "WARN"),
            ("system", "acme-site"),
            ("run", "20261122T060000Z"),
            ("resource", "posts"),
            ("said", "line\nbreak"),
            ("message", "waiting"),
        ] {
            assert_eq!(line[field], value, "{text}");
        }
        assert_eq!(line["wait_ms"], 12);
        assert!(line["timestamp"].as_str().unwrap().parse::<Timestamp>().is_ok());
    }
}
