//! Keeps every log event on one line with visible characters, whatever names it contains.

use std::fmt;

use tracing::{
    Event, Subscriber,
    field::{DisplayValue, Field, Value, Visit, display},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{Layer, layer::Context, registry::LookupSpan};

use super::log_line::Fields;
use crate::domain::{is_printable, printable};

/// The most fields of one event: the limit of `tracing`.
const MOST_FIELDS: usize = 32;

/// Passes events on to the inner layer, with every text in them made printable. Fields of systemd-journald, JSON and text are
/// written from the result.
pub(super) struct OneLine<L>(pub(super) L);

impl<S: Subscriber + for<'s> LookupSpan<'s>, L: Layer<S>> Layer<S> for OneLine<L> {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
        self.0.on_new_span(attributes, id, context);
    }

    fn on_record(&self, span: &Id, values: &Record<'_>, context: Context<'_, S>) {
        self.0.on_record(span, values, context);
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut check = PrintableCheck::default();
        event.record(&mut check);
        if check.is_printable {
            self.0.on_event(event, context);
            return;
        }
        let mut values = OwnedFields::default();
        event.record(&mut values);
        let fields = event.metadata().fields();
        let mut entries: Vec<(&Field, Option<&dyn Value>)> =
            values.0.iter().map(|(field, value)| (field, Some(value.as_value()))).collect();
        let Some((first, _)) = entries.first().copied() else { return };
        entries.resize(MOST_FIELDS, (first, None));
        if let Ok(entries) = <[_; MOST_FIELDS]>::try_from(entries) {
            let set = fields.value_set(&entries);
            self.0.on_event(&Event::new(event.metadata(), &set), context);
        }
    }
}

/// Whether all texts of an event are printable.
struct PrintableCheck {
    is_printable: bool,
}

impl Default for PrintableCheck {
    fn default() -> Self {
        Self { is_printable: true }
    }
}

impl Visit for PrintableCheck {
    fn record_str(&mut self, _: &Field, value: &str) {
        self.is_printable &= value.chars().all(is_printable);
    }

    fn record_debug(&mut self, _: &Field, value: &dyn fmt::Debug) {
        self.is_printable &= format!("{value:?}").chars().all(is_printable);
    }

    fn record_i64(&mut self, _: &Field, _: i64) {}
    fn record_u64(&mut self, _: &Field, _: u64) {}
    fn record_bool(&mut self, _: &Field, _: bool) {}
    fn record_f64(&mut self, _: &Field, _: f64) {}
}

/// The fields of one event.
#[derive(Default)]
struct OwnedFields(Vec<(Field, OwnedValue)>);

enum OwnedValue {
    Text(String),
    Shown(DisplayValue<String>),
    Signed(i64),
    Unsigned(u64),
    Flag(bool),
    Float(f64),
}

impl OwnedValue {
    fn as_value(&self) -> &dyn Value {
        match self {
            Self::Text(text) => text,
            Self::Shown(text) => text,
            Self::Signed(number) => number,
            Self::Unsigned(number) => number,
            Self::Flag(flag) => flag,
            Self::Float(number) => number,
        }
    }
}

impl Visit for OwnedFields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.push((field.clone(), OwnedValue::Text(printable(value).into_owned())));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = printable(&format!("{value:?}")).into_owned();
        self.0.push((field.clone(), OwnedValue::Shown(display(text))));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.push((field.clone(), OwnedValue::Signed(value)));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.push((field.clone(), OwnedValue::Unsigned(value)));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.push((field.clone(), OwnedValue::Flag(value)));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.push((field.clone(), OwnedValue::Float(value)));
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{self, Write},
        sync::{Arc, Mutex},
    };

    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("not poisoned").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(log: impl FnOnce()) -> String {
        let written = Written::default();
        let writer = written.clone();
        let layer =
            tracing_subscriber::fmt::layer().with_writer(move || writer.clone()).without_time().with_target(false);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(OneLine(layer.with_ansi(false))), log);
        String::from_utf8(written.0.lock().expect("not poisoned").clone()).expect("UTF-8")
    }

    #[test]
    fn incident_33_a_name_can_neither_forge_a_line_nor_change_the_reading_direction() {
        let name = "eve\n2026-01-01 INFO run ends: in_sync\u{202e}\u{2067}\u{2028}";
        let text =
            logged(|| tracing::warn!(count = 3_u64, up = true, operator = name, group = %name, "removed {name}"));
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.trim_end().chars().all(is_printable), "{text}");
        let expected = r"removed eve\n2026-01-01 INFO run ends: in_sync\u{202e}\u{2067}\u{2028} count=3 up=true";
        assert!(text.contains(expected), "{text}");
    }

    #[test]
    fn ordinary_events_are_written_unchanged() {
        let text = logged(|| tracing::info!(operator = "zoë@acme.com", "added zoë@acme.com"));
        assert_eq!(text.trim(), "INFO added zoë@acme.com operator=\"zoë@acme.com\"");
    }
}
