//! How far a backup is: bars where somebody looks, lines where they are kept, nothing where nobody asked.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use seatbelt_connector_kit::SystemClock;
use seatbelt_model::{Clock, Event, Observer, Wait};

use crate::{
    output::{Output, say},
    units,
};

/// A wait shorter than this is nothing to speak of.
const NOTABLE: Duration = Duration::from_secs(2);

/// The progress of all systems that are being backed up.
#[derive(Debug, Clone)]
pub(crate) struct Progress {
    out: Output,
    bars: Option<MultiProgress>,
    /// Whether each line begins with the time.
    stamped: bool,
}

impl Progress {
    /// Bars on a terminal, lines elsewhere, and neither if the options say so.
    pub(crate) fn new(out: Output) -> Self {
        Self {
            out,
            bars: (out.live && !out.quiet && !out.json).then(MultiProgress::new),
            stamped: false,
        }
    }

    /// Lines with the time, wherever they go: for a service, whose output is a log.
    pub(crate) fn log(out: Output) -> Self {
        Self {
            out,
            bars: None,
            stamped: true,
        }
    }

    /// Who watches one system's run.
    pub(crate) fn watch(&self, system: &str) -> Arc<Watch> {
        Arc::new(Watch {
            system: system.to_owned(),
            progress: self.clone(),
            resources: Mutex::default(),
        })
    }

    /// A line about one system that is worked on elsewhere.
    pub(crate) fn line(&self, system: &str) -> Line {
        let bar = self.bars.as_ref().map(|bars| spinner(bars, system.to_owned()));
        Line(bar)
    }

    /// Says something above the bars.
    pub(crate) fn say(&self, text: &str) {
        match &self.bars {
            Some(bars) => bars.suspend(|| say(text)),
            None if self.stamped => self.out.note(format!("{} {text}", units::instant(SystemClock.now()))),
            None => self.out.note(text),
        }
    }
}

/// A line that moves, where somebody looks; it goes when it is dropped.
#[derive(Debug)]
pub(crate) struct Line(Option<ProgressBar>);

impl Line {
    /// Whether there is one.
    pub(crate) fn is_live(&self) -> bool {
        self.0.is_some()
    }

    /// What it says from now on.
    pub(crate) fn set(&self, text: &str) {
        if let Some(bar) = &self.0 {
            bar.set_message(text.to_owned());
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

fn spinner(bars: &MultiProgress, prefix: String) -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {prefix}  {wide_msg}");
    let bar = ProgressBar::new_spinner().with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    let bar = bars.add(bar.with_prefix(prefix));
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

/// Watches one run.
#[derive(Debug)]
pub(crate) struct Watch {
    system: String,
    progress: Progress,
    resources: Mutex<BTreeMap<String, Reading>>,
}

/// One resource that is being read.
#[derive(Debug)]
struct Reading {
    began: Instant,
    expected: u64,
    records: u64,
    bytes: u64,
    comparing: bool,
    bar: Option<ProgressBar>,
}

impl Watch {
    /// Takes the bars away, whatever the run did not finish.
    pub(crate) fn clear(&self) {
        for reading in std::mem::take(&mut *self.resources()).into_values() {
            if let Some(bar) = reading.bar {
                bar.finish_and_clear();
            }
        }
    }

    fn resources(&self) -> MutexGuard<'_, BTreeMap<String, Reading>> {
        self.resources.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn started(&self, resource: String, expected: u64) {
        let bar = self.progress.bars.as_ref();
        let bar = bar.map(|bars| spinner(bars, format!("{} {resource}", self.system)));
        let reading = Reading {
            began: Instant::now(),
            expected,
            records: 0,
            bytes: 0,
            comparing: false,
            bar,
        };
        self.resources().insert(resource, reading);
    }

    fn change(&self, resource: &str, change: impl FnOnce(&mut Reading)) {
        if let Some(reading) = self.resources().get_mut(resource) {
            change(reading);
            reading.show("");
        }
    }

    fn done(&self, resource: &str, records: u64, gaps: u64) {
        let reading = self.resources().remove(resource);
        let took = reading
            .as_ref()
            .map(|reading| reading.began.elapsed())
            .unwrap_or_default();
        let bytes = reading.as_ref().map(|reading| reading.bytes).unwrap_or_default();
        if let Some(bar) = reading.and_then(|reading| reading.bar) {
            // A bar for each of fifty resources would fill the screen; what is done is in the summary.
            bar.finish_and_clear();
            return;
        }
        let gaps = if gaps == 0 {
            String::new()
        } else {
            format!(", {}", units::counted(gaps, "gap"))
        };
        self.progress.say(&format!(
            "{} {resource}: {}, {} in {}{gaps}",
            self.system,
            units::counted(records, "record"),
            units::bytes(bytes),
            units::duration(took)
        ));
    }

    fn waiting(&self, reason: Wait, wait: Duration) {
        let why = match reason {
            Wait::Pace => "pacing",
            Wait::Throttled => "throttled by the vendor",
            Wait::Retry => "retry",
            Wait::Quota => "quota left to others",
        };
        let said = format!("{why}, {}", units::duration(wait));
        if self.progress.bars.is_some() {
            self.resources().values().for_each(|reading| reading.show(&said));
        } else if wait >= NOTABLE && reason != Wait::Pace {
            self.progress.say(&format!("{}: waiting: {said}", self.system));
        }
    }
}

impl Reading {
    fn show(&self, waiting: &str) {
        let Some(bar) = &self.bar else { return };
        let seconds = self.began.elapsed().as_secs_f64().max(0.001);
        let of = if self.expected > 0 {
            format!(" of about {}", units::count(self.expected))
        } else {
            String::new()
        };
        let rate = if self.records > 0 {
            format!(", {:.0}/s", self.records as f64 / seconds)
        } else {
            String::new()
        };
        let now = match waiting {
            "" if self.comparing => "  comparing".into(),
            "" => String::new(),
            waiting => format!("  ({waiting})"),
        };
        bar.set_message(format!(
            "{}{of}, {}{rate}{now}",
            units::count(self.records),
            units::bytes(self.bytes)
        ));
    }
}

impl Observer for Watch {
    fn notice(&self, event: Event) {
        match event {
            Event::Started { resource, expected } => self.started(resource, expected),
            Event::Page {
                resource,
                records,
                bytes,
                total,
            } => self.change(&resource, |reading| {
                reading.records += records;
                reading.bytes += bytes;
                reading.expected = total.unwrap_or(reading.expected);
            }),
            Event::Body { resource, bytes } => self.change(&resource, |reading| reading.bytes += bytes),
            Event::Comparing { resource } => self.change(&resource, |reading| reading.comparing = true),
            Event::Done {
                resource,
                records,
                gaps,
            } => self.done(&resource, records, gaps),
            Event::Waiting { reason, wait } => self.waiting(reason, wait),
            _ => {}
        }
    }
}
