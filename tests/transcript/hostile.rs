//! A thousand hostile names and secrets go through real clients over HTTP into a transcript, and none is found in it.

use std::{
    collections::{BTreeSet, HashMap},
    fmt::Write as _,
    sync::{Arc, Mutex},
};

use campaign_group_sync::{
    campaign::Campaign,
    domain::{AssociationMask, CallPurpose, LoginSet, ReadKind, Watcher},
    experience_cloud::SharedAccess,
    sandbox::{
        Effect, Fault, Organization, Scenario, Times, UmapiGroup, User,
        campaign::{InstanceAuthentication, InstanceWorld, Operator, OperatorGroup},
    },
    transcript::{RecordedConfiguration, RecordedInstance, RecordedSignIn, TranscriptRecorder},
    transport::{Exchange, ExchangeRecorder},
};

use crate::support::{options, sandbox};

const NAMES: usize = 1000;

/// Sixteen consonants and vowels: a number in four syllables of two letters is no word of any language.
fn unusual_word(number: usize) -> String {
    let (consonants, vowels) = (b"bdfgklmnprstvwxz", b"aeiouyae");
    let mut word = String::new();
    for at in 0..4 {
        let digit = (number * 7919 + 12_345) >> (at * 5);
        word.push(char::from(consonants[digit % 16]));
        word.push(char::from(vowels[(digit / 3) % 8]));
    }
    format!("{word}q{}z", number * 31 + 1000)
}

/// The letters of the word in another script.
fn in_cyrillic(word: &str) -> String {
    let letters = "абвгдежзиклмнопрстуфхцчшщэюя";
    word.bytes().filter_map(|byte| letters.chars().nth(usize::from(byte) % 28)).collect()
}

fn base64(bytes: &[u8]) -> String {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for at in 0..=chunk.len() {
            text.push(char::from(alphabet[(bits >> (18 - 6 * at) & 63) as usize]));
        }
    }
    text
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A hostile name, and the part of it that must not be found.
fn hostile(number: usize) -> (String, String) {
    let word = unusual_word(number);
    match number % 16 {
        0 => (format!("Ann {word}"), word),
        1 => (format!("O'{word} \"Bob\" `x`"), word),
        2 => (format!("<b>{word}</b> &amp; ]]> & <!-- x"), word),
        3 => (format!("{word}%20100% %s ${{x}}"), word),
        4 => {
            let encoded = base64(word.as_bytes());
            (encoded.clone(), encoded)
        }
        5 => {
            let word = in_cyrillic(&word) + &in_cyrillic(&word);
            (format!("Анна {word}"), word)
        }
        6 => (format!("漢字{word}😀 🎉"), word),
        7 => (format!("XSV-350012 ZIP-350008 {word} Session has expired"), word),
        8 => (format!("eyJhbGciOi.{word}.sig-{word}"), word),
        9 => (format!("{word}.smith@{word}corp.de"), word),
        10 => {
            let encoded = hexadecimal(word.as_bytes());
            (encoded.clone(), encoded)
        }
        11 => (format!("..\\..\\{word}/../etc"), word),
        12 => (format!("مرحبا {word}\u{202e}"), word),
        13 => (format!("+49 30 47{:09}", number * 7), format!("47{:09}", number * 7)),
        14 => (word.to_uppercase(), word.to_uppercase()),
        _ => (format!("___{word}=={word}"), word),
    }
}

/// The names, and what must not be found of them: names that XML cannot carry are none.
fn names() -> Vec<(String, String)> {
    (0..NAMES).map(hostile).collect()
}

const TENANT: &str = "qtenantq";

fn world(names: &[(String, String)]) -> Scenario {
    let mut organization = Organization { client_secret: "qclientsecretq-77".to_owned(), ..Organization::default() };
    let mut instance = InstanceWorld {
        login: "qserviceq.login".to_owned(),
        password: "qpasswordq <&'\"> é".to_owned(),
        authentication: InstanceAuthentication::Native,
        ..Scenario::named("first_day").expect("built in").campaign["production"].clone()
    };
    (instance.tenant, instance.association_mask) = (TENANT.to_owned(), format!("Campaign - {TENANT} - (.*)"));
    (instance.operators, instance.groups, instance.memberships) = (Vec::new(), Vec::new(), Vec::new());
    for (at, (name, _)) in names.iter().enumerate() {
        match at % 8 {
            0 => instance.operators.push(Operator { name: name.clone(), ..Operator::default() }),
            1 => instance.operators.push(Operator {
                name: format!("operator{at}"),
                label: name.clone(),
                email: name.clone(),
                authentication: "ims".to_owned(),
                ..Operator::default()
            }),
            2 => instance.groups.push(OperatorGroup { name: name.clone(), label: String::new(), id: None }),
            3 => instance.groups.push(OperatorGroup { name: format!("g{at}"), label: name.clone(), id: None }),
            4 => {
                let profile = format!("Campaign - {TENANT} - {name}");
                organization.groups.push(UmapiGroup::profile(900_000 + at as u64, &profile));
            }
            5 => organization.groups.push(UmapiGroup {
                product_name: Some(name.clone()),
                ..UmapiGroup::profile(900_000 + at as u64, name)
            }),
            6 => organization.users.push(User {
                firstname: Some(name.clone()),
                lastname: Some(name.clone()),
                ..User::federated(&format!("user{at}@example.test"), &[])
            }),
            _ => organization.users.push(User {
                id: Some(name.clone()),
                username: Some(name.clone()),
                ..User::federated(&format!("user{at}@example.test"), &[])
            }),
        }
    }
    Scenario { organization, campaign: [("production".to_owned(), instance)].into(), ..Scenario::default() }
}

/// Faults and pages that quote names.
fn faults(names: &[(String, String)]) -> Vec<Fault> {
    let quoted = |from: usize| -> String {
        let some = names.iter().skip(from).step_by(10);
        some.fold(String::new(), |mut text, (name, _)| {
            let _ = writeln!(text, "Unable to save '{name}', {name}: Key (sname)=({name}) already exists.");
            text
        })
    };
    vec![
        Fault::new("GetOption", Effect::soap_fault(&format!("SOP-330011 {}", quoted(0)), &quoted(1))),
        Fault {
            skip: 1,
            ..Fault::new("GetOption", Effect::plain_text(500, &format!("XSV-350000 {}", &quoted(2)[..800])))
        },
        Fault {
            skip: 2,
            times: Times::Count(1),
            ..Fault::new("query", Effect::plain_text(500, &format!("<html>{}</html>", quoted(3)))).schema("xtk:group")
        },
    ]
}

/// The transcript of everything that the clients ask, and the tokens that were on the wire.
async fn recorded(names: &[(String, String)]) -> (String, Vec<String>) {
    let sandbox = sandbox::start(world(names)).await;
    for fault in faults(names) {
        sandbox.inject(fault);
    }
    let connection = sandbox.connection();
    let (recorder, tokens) = (TranscriptRecorder::new(), Arc::new(Mutex::new(Vec::new())));
    let both = {
        let (tokens, transcript) = (Arc::clone(&tokens), recorder.receiver());
        ExchangeRecorder::new(move |exchange: Exchange| {
            tokens.lock().expect("no panic elsewhere").extend(secrets(&exchange));
            transcript(exchange);
        })
    };
    let mut umapi = options::experience_cloud(&connection);
    umapi.http.recorder = both.clone();
    let access = SharedAccess::new(&umapi).expect("a client");
    let client = access.client(umapi.clone(), None, CallPurpose::Run, Watcher::none());
    let mask = AssociationMask::parse(&format!("Campaign - {TENANT} - (.*)")).expect("a mask");
    for kind in [ReadKind::Organization, ReadKind::Profiles] {
        let listing = client.fetch_listing().await.expect("a listing");
        let matched = listing.matched_by(vec![mask.clone()]).expect("matches");
        // What the clients make of such names is tested elsewhere.
        drop(client.fetch_memberships(matched, LoginSet::default(), kind).await);
    }
    let instance = connection.instances.first().expect("one");
    let mut campaign = options::campaign(&connection, instance);
    campaign.http.recorder = both;
    let campaign = Campaign::new(campaign).expect("a client");
    campaign.own_operator().await.expect("signed in");
    drop(campaign.fetch_external_accounts().await);
    drop(campaign.fetch_snapshot().await);
    campaign.survey().await;
    campaign.sign_out().await;
    let configuration = RecordedConfiguration {
        organization_id: Some(connection.organization_id.clone()),
        ims_url: Some(connection.ims_url.clone()),
        umapi_url: Some(connection.umapi_url.clone()),
        client_id: Some(connection.client_id.clone()),
        instances: vec![RecordedInstance {
            name: "production".to_owned(),
            url: Some(instance.url.clone()),
            tenant: Some(TENANT.to_owned()),
            association_mask: Some(mask.as_str().to_owned()),
            mode: "observe",
            choices: Vec::new(),
            sign_in: RecordedSignIn::Native { login: "qserviceq.login".to_owned() },
        }],
    };
    let text = recorder.transcript(&configuration).expect("random numbers").text().to_owned();
    sandbox.stop().await;
    let tokens = tokens.lock().expect("no panic elsewhere").clone();
    (text, tokens)
}

/// Tokens of an exchange: in headers, in the bodies of sign-ins and of IMS.
fn secrets(exchange: &Exchange) -> Vec<String> {
    let mut found = Vec::new();
    for name in ["authorization", "x-security-token", "cookie"] {
        let value = exchange.request_header(name).unwrap_or_default();
        found.extend(value.split([' ', '=']).map(str::to_owned).filter(|part| part.len() > 15));
    }
    if let Ok(response) = &exchange.outcome {
        let body = String::from_utf8_lossy(&response.body).into_owned();
        for tag in ["pstrSessionToken", "pstrSecurityToken"] {
            let inner = body.split(&format!("<{tag}")).nth(1).and_then(|rest| rest.split(['>', '<']).nth(1));
            found.extend(inner.map(str::to_owned));
        }
        let token = body.split("\"access_token\":\"").nth(1).and_then(|rest| rest.split('"').next());
        found.extend(token.map(str::to_owned));
    }
    found
}

/// The forms in which a text may stand in a file.
fn forms(text: &str) -> Vec<Vec<u8>> {
    let mut forms: Vec<Vec<u8>> = vec![text.into(), text.to_lowercase().into(), text.to_uppercase().into()];
    let xml = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    forms.push(xml.replace('\'', "&apos;").into_bytes());
    let (mut references, mut escapes) = (String::new(), String::new());
    for character in text.chars() {
        let _ = write!(references, "&#{};", u32::from(character));
    }
    for unit in text.encode_utf16() {
        let _ = write!(escapes, "\\u{unit:04x}");
    }
    forms.extend([references.into_bytes(), escapes.into_bytes()]);
    let json = serde_json::to_string(text).expect("JSON");
    forms.push(json.trim_matches('"').as_bytes().to_vec());
    let percent = |every: bool| -> String {
        let plain = |byte: u8| !every && byte.is_ascii_alphanumeric();
        text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
    };
    forms.extend([percent(true).into_bytes(), percent(false).into_bytes(), percent(true).to_lowercase().into_bytes()]);
    forms.extend([hexadecimal(text.as_bytes()).into_bytes(), hexadecimal(text.as_bytes()).to_uppercase().into_bytes()]);
    for shift in 0..3 {
        // The text at each place of a longer one: without the characters that its neighbours decide.
        let encoded = base64(&[&vec![b'x'; shift], text.as_bytes()].concat());
        let (start, end) = (if shift == 0 { 0 } else { 4 }, encoded.len() - 4);
        if end > start + 8 {
            forms.push(encoded.as_bytes()[start..end].to_vec());
        }
    }
    forms.push(text.encode_utf16().flat_map(u16::to_le_bytes).collect());
    forms.push(text.encode_utf16().flat_map(u16::to_be_bytes).collect());
    forms
}

/// Which of the texts are in the file, in any form: one pass over the file, which looks at the beginnings of all forms.
fn found_in<'a>(file: &[u8], needles: impl Iterator<Item = &'a str>) -> BTreeSet<&'a str> {
    const BEGINNING: usize = 6;
    let mut beginnings: HashMap<Vec<u8>, Vec<(Vec<u8>, &str)>> = HashMap::new();
    for needle in needles {
        for form in forms(needle) {
            assert!(form.len() >= BEGINNING, "{needle}");
            beginnings.entry(form[..BEGINNING].to_vec()).or_default().push((form, needle));
        }
    }
    let mut found = BTreeSet::new();
    for at in 0..file.len().saturating_sub(BEGINNING) {
        let there = beginnings.get(&file[at..at + BEGINNING]).into_iter().flatten();
        found.extend(there.filter(|(form, _)| file[at..].starts_with(form)).map(|(_, needle)| *needle));
    }
    found
}

#[tokio::test]
async fn none_of_a_thousand_hostile_names_and_secrets_is_in_the_transcript_in_any_encoding() {
    let names = names();
    let (text, tokens) = recorded(&names).await;
    assert!(text.lines().count() > 40, "{}", text.lines().count());
    assert!(tokens.len() > 3, "{tokens:?}");
    let secrets =
        ["qclientsecretq-77", "qpasswordq", "qserviceq", TENANT, "0123456789ABCDEF01234567", "sandbox-client"];
    let needles = names
        .iter()
        .flat_map(|(name, part)| [name.as_str(), part.as_str()])
        .chain(secrets)
        .chain(tokens.iter().map(String::as_str));
    let needles: Vec<&str> = needles.collect();
    let lower = text.to_lowercase();
    let mut found = found_in(text.as_bytes(), needles.iter().copied());
    found.extend(found_in(lower.as_bytes(), needles.iter().copied()));
    let found: Vec<&str> = found.into_iter().collect();
    assert!(found.is_empty(), "{} found: {:?}", found.len(), &found[..found.len().min(20)]);
}

#[tokio::test]
async fn names_of_the_test_reach_the_clients() {
    // Otherwise a transcript without them would prove nothing.
    let names = names();
    let sandbox = sandbox::start(world(&names)).await;
    let connection = sandbox.connection();
    let raw = Arc::new(Mutex::new(String::new()));
    let seen = Arc::clone(&raw);
    let mut campaign = options::campaign(&connection, connection.instances.first().expect("one"));
    campaign.http.recorder = ExchangeRecorder::new(move |exchange: Exchange| {
        if let Ok(response) = exchange.outcome {
            seen.lock().expect("no panic elsewhere").push_str(&String::from_utf8_lossy(&response.body));
        }
    });
    let campaign = Campaign::new(campaign).expect("a client");
    drop(campaign.fetch_snapshot().await);
    let raw = raw.lock().expect("no panic elsewhere").clone();
    let there = names.iter().step_by(8).filter(|(_, part)| raw.contains(part.as_str())).count();
    assert!(there > 100, "{there}");
    sandbox.stop().await;
}
