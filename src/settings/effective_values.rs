//! The values that are in effect, each with its source, and the files of secrets.

use std::path::PathBuf;

use serde::Serialize;

use super::{
    KeyPath, Sources,
    layers::{LayerValue, Layers},
    notify::{secret_webhook, written_webhook},
    redacted::full_value,
    schema::{
        IMS_KEYS, INSTANCES, KeyKind, MAIL, MAIL_KEYS, NATIVE_KEYS, NOTIFY, PROTECTED_GROUPS, WEBHOOK, classify,
        holds_secret, schema,
    },
    secrets::{SecretSource, find_secret},
    section_reader::{SectionReader, text_of},
};
use crate::notify::WebhookUrl;

/// One key with its value, redacted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EffectiveValue {
    /// The key with its section: `instances.production.url`.
    pub key: String,
    /// The value as text. A secret is shown as `(set)`, `(set, not usable)` or `(not set)`, a missing key as `(not
    /// set)`.
    pub value: String,
    /// `default`, the file and line, or the variable; empty where the key is not set.
    pub source: String,
}

/// A file that holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretFile {
    /// Its absolute path.
    pub path: PathBuf,
    /// What names it.
    pub origin: SecretFileOrigin,
}

/// What names a file with a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretFileOrigin {
    /// A `…_file` key.
    Key,
    /// Its name in the folder of systemd credentials.
    Credential,
}

/// Every key with its value, in the order of `config/default.toml`, for each instance in turn.
///
/// Has as much as there is when the configuration has problems. Keys of the other kind of authentication are omitted.
pub fn effective_values(sources: &Sources) -> Vec<EffectiveValue> {
    let mut values = Vec::new();
    for_each_key(sources, |section, key| show(section, key, sources, &mut values));
    values
}

/// The files that secrets are read from, both those that keys name and systemd credentials, as far as the layers can be
/// read.
pub fn secret_files(sources: &Sources) -> Vec<SecretFile> {
    let mut files = Vec::new();
    for_each_key(sources, |section, key| {
        if holds_secret(key) {
            files.extend(file(section, key, sources));
        }
    });
    files
}

/// Calls `visit` for every key of every section and instance, without the keys of the other kind of authentication.
fn for_each_key(sources: &Sources, mut visit: impl FnMut(&SectionReader<'_>, &str)) {
    let mut problems = Vec::new();
    let layers = Layers::read(sources, &mut problems);
    for section in &schema().sections {
        let keys = section.keys.iter().map(|key| key.name);
        if section.name != INSTANCES {
            let reader = SectionReader::new(&layers, section.name, &mut problems);
            keys.for_each(|key| visit(&reader, key));
            continue;
        }
        for name in layers.instances() {
            let reader = SectionReader::of_instance(&layers, name, &mut problems);
            let other_kind: &[&str] = if is_native(&reader) { &IMS_KEYS } else { &NATIVE_KEYS };
            keys.clone().filter(|key| !other_kind.contains(key)).for_each(|key| visit(&reader, key));
        }
    }
}

fn file(section: &SectionReader<'_>, key: &str, sources: &Sources) -> Option<SecretFile> {
    let file = match find_secret(section, key, sources.credentials_folder())? {
        SecretSource::File { path, .. } => SecretFile { path, origin: SecretFileOrigin::Key },
        SecretSource::Credential(path) => SecretFile { path, origin: SecretFileOrigin::Credential },
        SecretSource::Variable(_) => return None,
    };
    file.path.is_absolute().then_some(file)
}

fn is_native(instance: &SectionReader<'_>) -> bool {
    instance.find("authentication").is_some_and(|found| full_value(&found.value) == "native")
}

fn show(section: &SectionReader<'_>, key: &str, sources: &Sources, values: &mut Vec<EffectiveValue>) {
    let path = section.path(key);
    match classify(&path) {
        KeyKind::Secret => values.push(secret(section, key, sources)),
        _ if key == PROTECTED_GROUPS => protected_groups(section, values),
        _ if path == KeyPath::root().with(NOTIFY).with(MAIL) => mail(section, values),
        _ if path == KeyPath::root().with(NOTIFY).with(WEBHOOK) => values.push(webhook(section, sources)),
        _ => values.push(match section.find(key) {
            Some(found) => plain(&path, found),
            None => not_set(&path),
        }),
    }
}

fn plain(path: &KeyPath, found: &LayerValue) -> EffectiveValue {
    EffectiveValue { key: path.to_string(), value: full_value(&found.value), source: found.origin.to_string() }
}

fn not_set(path: &KeyPath) -> EffectiveValue {
    EffectiveValue { key: path.to_string(), value: "(not set)".to_owned(), source: String::new() }
}

fn secret(section: &SectionReader<'_>, key: &str, sources: &Sources) -> EffectiveValue {
    let path = section.path(key);
    let Some(place) = find_secret(section, key, sources.credentials_folder()) else { return not_set(&path) };
    secret_at(&path, &place)
}

fn secret_at(path: &KeyPath, place: &SecretSource<'_>) -> EffectiveValue {
    let value = if place.read().is_ok() { "(set)" } else { "(set, not usable)" };
    EffectiveValue { key: path.to_string(), value: value.to_owned(), source: place.to_string() }
}

fn mail(section: &SectionReader<'_>, values: &mut Vec<EffectiveValue>) {
    for key in MAIL_KEYS {
        let path = section.path(MAIL).with(key);
        values.push(section.layers().value(&path).map_or_else(|| not_set(&path), |found| plain(&path, found)));
    }
}

/// The address of the webhook, without its secret part.
fn webhook(section: &SectionReader<'_>, sources: &Sources) -> EffectiveValue {
    let path = section.path(WEBHOOK);
    if let Some(place) = secret_webhook(section, sources.credentials_folder()) {
        return secret_at(&path, &place);
    }
    let Some(found) = written_webhook(section) else { return not_set(&path) };
    let url = text_of(&found.value).ok().and_then(|text| WebhookUrl::parse(text).ok());
    let value = url.map_or_else(|| "(set, not usable)".to_owned(), |url| url.to_string());
    EffectiveValue { key: path.to_string(), value, source: found.origin.to_string() }
}

/// The protected groups of this instance, and those of all instances that it does not replace.
fn protected_groups(section: &SectionReader<'_>, values: &mut Vec<EffectiveValue>) {
    let mut shown: Vec<KeyPath> = Vec::new();
    for path in section.paths(PROTECTED_GROUPS) {
        for found in section.layers().below(&path) {
            let key = found.path.names().skip(3).fold(section.path(PROTECTED_GROUPS), |path, name| path.with(name));
            if !shown.contains(&key.folded()) {
                shown.push(key.folded());
                values.push(plain(&key, found));
            }
        }
    }
}
