//! What becomes of one value: kept, replaced by a pseudonym, or dropped, by its kind. Only a value that has the form of
//! its kind is kept.

use super::{
    error_text::error_text,
    expressions::{expression, mask},
    pseudonyms::{KnownWords, Pseudonyms, is_separator},
    vocabulary::{ADOBE_DOMAINS, COLUMNS, LOOPBACK, OWN_ADDRESSES, PATH_WORDS, PRESCRIBED, SCHEMAS, TOP_LEVEL_DOMAINS},
};

/// What stands for a secret. Where a response must have a token, a replay sends this word.
pub(super) const DROPPED: &str = "dropped";

/// The kind of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ValueKind {
    /// A secret or token, or a value that no reader needs: dropped; an empty one stays empty.
    Secret,
    /// `true`, `false`, `0`, `1` or nothing.
    Flag,
    /// A number of rows, seconds or bytes, or a number that stands for a type.
    Count,
    /// A version or build: digits and points.
    Version,
    /// One of these values.
    OneOf(&'static [&'static str]),
    /// An id.
    Id,
    /// A name of a user or anything else in free words.
    Text,
    /// A name of an operator, an operator group, an instance or an account, which may be an address.
    Name,
    /// A name of a product profile.
    Profile,
    /// The address of a server, with or without scheme.
    Url,
    /// The id of an organization.
    Organization,
    /// An association mask.
    Mask,
    /// An XTK expression or path.
    Expression,
    /// A name in a schema.
    Column,
    /// The name of a schema or of a service.
    Schema,
    /// The text of an error.
    ErrorText,
}

impl Pseudonyms {
    /// The value as the transcript shows it.
    pub(super) fn value(&mut self, kind: ValueKind, value: &str) -> String {
        if value.is_empty() {
            return String::new();
        }
        let stays = match kind {
            ValueKind::Secret => return DROPPED.to_owned(),
            ValueKind::Flag => matches!(value, "true" | "false" | "0" | "1"),
            ValueKind::Count => value.len() <= 10 && value.bytes().all(|byte| byte.is_ascii_digit()),
            ValueKind::Version => value.len() <= 20 && value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'),
            ValueKind::OneOf(known) => known.contains(&value),
            ValueKind::Schema => SCHEMAS.contains(&value) || value.split('|').all(|part| SCHEMAS.contains(&part)),
            ValueKind::Column => COLUMNS.contains(&value),
            ValueKind::Id => match value.parse() {
                Ok(id) => return self.id(id).to_string(),
                Err(_) => false,
            },
            ValueKind::Text => false,
            ValueKind::Name => return self.name(value),
            ValueKind::Profile => return self.profile(value),
            ValueKind::Url => return self.url(value),
            ValueKind::Organization => return self.organization(value),
            ValueKind::Mask => return mask(self, value),
            ValueKind::Expression => return expression(self, value),
            ValueKind::ErrorText => return error_text(self, value),
        };
        if stays { value.to_owned() } else { self.words(value, KnownWords::AreReplaced) }
    }

    /// A name. One with a single `@` and no space is an address.
    fn name(&mut self, value: &str) -> String {
        if PRESCRIBED.contains(&value) || OWN_ADDRESSES.contains(&value) {
            return value.to_owned();
        }
        match value.split_once('@') {
            Some((local, domain)) if !domain.contains('@') && !value.contains(char::is_whitespace) => {
                format!("{}@{}", self.words(local, KnownWords::AreReplaced), self.host(domain))
            }
            _ => self.words(value, KnownWords::Stay),
        }
    }

    /// The name of a product profile: before, within and after the part that names the group.
    fn profile(&mut self, value: &str) -> String {
        match self.divided(value) {
            Some((before, group, after)) => format!("{}{}{}", self.name(&before), self.name(&group), self.name(&after)),
            None => self.name(value),
        }
    }

    fn organization(&mut self, value: &str) -> String {
        let inner = value.trim();
        let (id, domain) = inner.split_once('@').unwrap_or((inner, ""));
        let id = if id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            self.hexadecimal(id)
        } else {
            self.words(id, KnownWords::AreReplaced)
        };
        let shown = match domain {
            "" => id,
            "AdobeOrg" => format!("{id}@AdobeOrg"),
            other => format!("{id}@{}", self.words(other, KnownWords::AreReplaced)),
        };
        let before: String = value.chars().take_while(|character| character.is_whitespace()).collect();
        let after: String = value.chars().rev().take_while(|character| character.is_whitespace()).collect();
        format!("{before}{shown}{after}")
    }

    /// The address of a server. Scheme, loopback, Adobe's domains and known parts of the path stay.
    fn url(&mut self, value: &str) -> String {
        let (scheme, rest) = match value.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https") => {
                (format!("{scheme}://"), rest)
            }
            Some(_) => return self.words(value, KnownWords::AreReplaced),
            None => (String::new(), value),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (host, port),
            _ => (authority, ""),
        };
        let mut out = scheme + &self.host(host);
        if host.len() < authority.len() {
            out.push(':');
            let usual = ["80", "443", "8080"].contains(&port);
            out.push_str(&if usual { port.to_owned() } else { self.words(port, KnownWords::AreReplaced) });
        }
        for part in path.split_inclusive(is_separator) {
            let word = part.trim_end_matches(is_separator);
            if PATH_WORDS.contains(&word) {
                out.push_str(part);
            } else {
                out.push_str(&self.words(part, KnownWords::AreReplaced));
            }
        }
        out
    }

    /// A host or a domain: what belongs to Adobe, and a top-level domain that names nothing, stays.
    pub(super) fn host(&mut self, host: &str) -> String {
        let lower = host.to_ascii_lowercase();
        if LOOPBACK.contains(&lower.as_str()) {
            return host.to_owned();
        }
        let is_within = |domain: &&&str| {
            lower.strip_suffix(**domain).is_some_and(|before| before.is_empty() || before.ends_with('.'))
        };
        let kept = ADOBE_DOMAINS.iter().chain(TOP_LEVEL_DOMAINS).find(is_within).map_or(0, |domain| domain.len());
        let (own, kept) = host.split_at_checked(host.len() - kept).unwrap_or((host, ""));
        format!("{}{kept}", self.words(own, KnownWords::AreReplaced))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{AssociationMask, MaskMatch};

    /// Shows these values after they were collected.
    fn shown<const N: usize>(masks: &[&str], values: [(ValueKind, &str); N]) -> [String; N] {
        let masks = masks.iter().map(|mask| AssociationMask::parse(mask).expect("a mask")).collect();
        let mut pseudonyms = Pseudonyms::new(masks).expect("random numbers");
        for (kind, value) in values {
            pseudonyms.value(kind, value);
        }
        pseudonyms.replace();
        values.map(|(kind, value)| pseudonyms.value(kind, value))
    }

    #[test]
    fn a_value_without_the_form_of_its_kind_does_not_stay() {
        for (kind, value) in [
            (ValueKind::Flag, "ann"),
            (ValueKind::Count, "12 Ann"),
            (ValueKind::Count, "46701234567890"),
            (ValueKind::Version, "7.4.3-ann"),
            (ValueKind::OneOf(&["ims"]), "ann"),
            (ValueKind::Schema, "ann:customers"),
            (ValueKind::Column, "annsColumn"),
            (ValueKind::Id, "ann"),
        ] {
            let [replaced] = shown(&[], [(kind, value)]);
            assert_ne!(replaced, value);
            assert!(!replaced.contains("ann") && !replaced.contains("Ann"), "{replaced}");
        }
        assert_eq!(shown(&[], [(ValueKind::Secret, "pa"), (ValueKind::Secret, "")]), ["dropped", ""]);
    }

    #[test]
    fn an_address_is_replaced_but_for_what_names_no_user() {
        let [user, technical, domain] = shown(
            &[],
            [
                (ValueKind::Name, "ann.report@acme.com"),
                (ValueKind::Name, "group-sync@techacct.adobe.com"),
                (ValueKind::Name, "ann@acme.de"),
            ],
        );
        assert!(user.rsplit('.').next() == Some("com") && !user.contains("report") && !user.contains("acme"), "{user}");
        assert!(technical.ends_with("@techacct.adobe.com") && !technical.contains("sync"), "{technical}");
        assert_ne!(domain.rsplit('.').next(), Some("de"), "{domain}");
        let [first, second] = shown(&[], [(ValueKind::Name, "Ann@ACME.com"), (ValueKind::Name, "ann@acme.com")]);
        assert_eq!(first.to_lowercase(), second, "the same address in another case");
    }

    #[test]
    fn hosts_keep_what_is_adobes() {
        let [customer, ims, own, slash] = shown(
            &[],
            [
                (ValueKind::Url, "https://acme.campaign.adobe.com"),
                (ValueKind::Url, "ims-na1.adobelogin.com"),
                (ValueKind::Url, "https://crm.acme.example:8443/ann/nl/jsp"),
                (ValueKind::Url, "https://acme.campaign.adobe.com/"),
            ],
        );
        assert!(customer.starts_with("https://") && customer.ends_with(".campaign.adobe.com"), "{customer}");
        assert_eq!(slash, format!("{customer}/"));
        assert_eq!(ims, "ims-na1.adobelogin.com");
        assert!(own.ends_with("/nl/jsp") && !own.contains("acme") && !own.contains("ann"), "{own}");
        assert!(!own.contains("8443"), "{own}");
    }

    #[test]
    fn the_pseudonymous_mask_matches_the_pseudonymous_profiles_with_the_pseudonymous_group() {
        for (mask, profile, group) in [
            ("Campaign - acme - (.*)", "Campaign - acme - delivery", "delivery"),
            ("Campaign - acme - (.*)", "campaign - ACME - Team Nord", "team nord"),
            ("Campaign - (?:acme|emea) - (.*)", "Campaign - emea - Übersee", "Übersee"),
            ("CampaignAcme(.+)End", "CampaignAcmeSalesEnd", "Sales"),
            ("acme\\.campaign: ([\\w -]+)", "acme.campaign: a b", "a b"),
            ("Campaign - acme - ", "Campaign - acme - ann@acme.com", "ann@acme.com"),
        ] {
            let values = [(ValueKind::Mask, mask), (ValueKind::Profile, profile), (ValueKind::Name, group)];
            let [mask, profile, group] = shown(&[mask], values);
            for hidden in ["acme", "Acme", "ACME", "emea", "Nord", "Sales"] {
                assert!(!mask.contains(hidden) && !profile.contains(hidden), "{mask} {profile}");
            }
            let MaskMatch::Group(captured) = AssociationMask::parse(&mask).expect("a mask").matches(&profile) else {
                panic!("{mask} does not match {profile}")
            };
            assert_eq!(captured.folded(), crate::domain::FoldedName::new(&group), "{mask} {profile}");
        }
    }

    #[test]
    fn an_organization_keeps_its_form() {
        let id = "0123456789ABCDEF01234567@AdobeOrg";
        let [one, spaced] = shown(&[], [(ValueKind::Organization, id), (ValueKind::Organization, &format!(" {id}"))]);
        assert!(one.ends_with("@AdobeOrg") && one.len() == id.len() && one != id, "{one}");
        assert_eq!(spaced, format!(" {one}"));
    }
}
