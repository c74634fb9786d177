//! What is in effect, and where it was written: for people who ask why.

use std::path::PathBuf;

use serde::Serialize;

use super::{
    KeyPath, Sources,
    catalogue::{IMS_KEYS, INSTANCES, MAIL, MAIL_KEYS, NATIVE_KEYS, NOTIFY, PROTECTED_GROUPS, Place, SECTIONS, look},
    layers::{Found, Layers},
    notify::{SMTP_PASSWORD, WEBHOOK, secret_webhook, written_webhook},
    secrets::{SecretPlace, locate},
    section::{Section, text_of},
    shown::in_full,
};
use crate::notify::WebhookUrl;

/// One key with its value, redacted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EffectiveValue {
    /// The key with its section: `instances.production.url`.
    pub key: String,
    /// The value as text. A secret is `(set)`, `(set, not usable)` or `(not set)`; so is any key without a value.
    pub value: String,
    /// `default`, the file and its line, or the variable; empty for what is not set.
    pub source: String,
}

/// A file that holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretFile {
    /// Where it is; absolute.
    pub path: PathBuf,
    /// How it became known.
    pub named: Named,
}

/// How a file with a secret became known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// By a `…_file` key.
    InConfiguration,
    /// By its place among the credentials of systemd.
    AsCredential,
}

/// Every key that counts, in the order of `config/default.toml`, each instance in turn.
///
/// Shows as much as there is when the configuration has problems. Keys of the other way to log on are left out.
pub fn effective(sources: &Sources) -> Vec<EffectiveValue> {
    let mut problems = Vec::new();
    let layers = Layers::read(sources, &mut problems);
    let mut values = Vec::new();
    for section in &SECTIONS {
        if section.name == INSTANCES {
            for name in layers.instances() {
                let instance = Section::of_instance(&layers, name, &mut problems);
                let hidden: &[&str] = if is_native(&instance) { &IMS_KEYS } else { &NATIVE_KEYS };
                let keys = section.keys.iter().filter(|key| !hidden.contains(key));
                keys.for_each(|key| show(&instance, key, sources, &mut values));
            }
        } else {
            let shown = Section::new(&layers, section.name, &mut problems);
            section.keys.iter().for_each(|key| show(&shown, key, sources, &mut values));
        }
    }
    values
}

/// The files that secrets are read from, named or credentials of systemd, as far as the layers can be read.
pub fn secret_files(sources: &Sources) -> Vec<SecretFile> {
    let mut problems = Vec::new();
    let layers = Layers::read(sources, &mut problems);
    let cloud = Section::new(&layers, "experience_cloud", &mut problems);
    let mut files: Vec<SecretFile> = file(&cloud, "client_secret", sources).into_iter().collect();
    for name in layers.instances() {
        let instance = Section::of_instance(&layers, name, &mut problems);
        files.extend(file(&instance, if is_native(&instance) { "password" } else { "client_secret" }, sources));
    }
    let notify = Section::new(&layers, NOTIFY, &mut problems);
    files.extend([WEBHOOK, SMTP_PASSWORD].into_iter().filter_map(|key| file(&notify, key, sources)));
    files
}

fn file(section: &Section<'_>, key: &str, sources: &Sources) -> Option<SecretFile> {
    let file = match locate(section, key, sources.credentials_folder())? {
        SecretPlace::File { path, .. } => SecretFile { path, named: Named::InConfiguration },
        SecretPlace::Credential(path) => SecretFile { path, named: Named::AsCredential },
        SecretPlace::Variable(_) => return None,
    };
    file.path.is_absolute().then_some(file)
}

fn is_native(instance: &Section<'_>) -> bool {
    instance.find("authentication").is_some_and(|found| in_full(&found.value) == "native")
}

fn show(section: &Section<'_>, key: &str, sources: &Sources, values: &mut Vec<EffectiveValue>) {
    let path = section.path(key);
    match look(&path) {
        Place::Secret => values.push(secret(section, key, sources)),
        _ if key == PROTECTED_GROUPS => protected_groups(section, values),
        _ if path == KeyPath::root().with(NOTIFY).with(MAIL) => mail(section, values),
        _ if path == KeyPath::root().with(NOTIFY).with(WEBHOOK) => values.push(webhook(section, sources)),
        _ => values.push(match section.find(key) {
            Some(found) => plain(&path, found),
            None => not_set(&path),
        }),
    }
}

fn plain(path: &KeyPath, found: &Found) -> EffectiveValue {
    EffectiveValue { key: path.to_string(), value: in_full(&found.value), source: found.origin.to_string() }
}

fn not_set(path: &KeyPath) -> EffectiveValue {
    EffectiveValue { key: path.to_string(), value: "(not set)".to_owned(), source: String::new() }
}

fn secret(section: &Section<'_>, key: &str, sources: &Sources) -> EffectiveValue {
    let path = section.path(key);
    let Some(place) = locate(section, key, sources.credentials_folder()) else { return not_set(&path) };
    secret_at(&path, &place)
}

fn secret_at(path: &KeyPath, place: &SecretPlace<'_>) -> EffectiveValue {
    let value = if place.read().is_ok() { "(set)" } else { "(set, not usable)" };
    EffectiveValue { key: path.to_string(), value: value.to_owned(), source: place.to_string() }
}

fn mail(section: &Section<'_>, values: &mut Vec<EffectiveValue>) {
    for key in MAIL_KEYS {
        let path = section.path(MAIL).with(key);
        values.push(section.layers().value(&path).map_or_else(|| not_set(&path), |found| plain(&path, found)));
    }
}

/// The address of the webhook without what is secret of it.
fn webhook(section: &Section<'_>, sources: &Sources) -> EffectiveValue {
    let path = section.path(WEBHOOK);
    if let Some(place) = secret_webhook(section, sources.credentials_folder()) {
        return secret_at(&path, &place);
    }
    let Some(found) = written_webhook(section) else { return not_set(&path) };
    let url = text_of(&found.value).ok().and_then(|text| WebhookUrl::parse(text).ok());
    let value = url.map_or_else(|| "(set, not usable)".to_owned(), |url| url.to_string());
    EffectiveValue { key: path.to_string(), value, source: found.origin.to_string() }
}

/// The groups of this instance and those of all instances that it does not change.
fn protected_groups(section: &Section<'_>, values: &mut Vec<EffectiveValue>) {
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
