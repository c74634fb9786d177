//! The response of the token endpoint: the first byte chooses the status. No error shows anything of it.

use campaign_group_sync::transport::fuzzing::token;
use serde_json::Value;

use crate::{assert_unmarked, cuts, divided, json::Pairs, marked};

const STATUSES: [u16; 12] = [200, 200, 200, 200, 201, 302, 400, 401, 403, 429, 500, 503];

pub(crate) fn check(data: &[u8]) {
    let (choice, body) = divided(data);
    let (status, body) = (STATUSES[choice % STATUSES.len()], marked(body));
    match token(status, &body) {
        Ok((secret, life)) => {
            assert_eq!(status, 200, "a token with another status");
            // What the product ignores may be text that no strict parser accepts.
            let Some(pairs) = Pairs::of(&body) else {
                assert!(serde_json::from_slice::<Value>(&body).is_err(), "a token comes from what is no object");
                return;
            };
            let read = pairs.only("access_token").expect("one token").and_then(Value::as_str);
            assert_eq!(Some(secret.as_str()), read, "the token");
            assert!(!secret.trim().is_empty());
            let announced = pairs.only("expires_in").expect("one lifetime").and_then(Value::as_f64);
            if let Some(announced) = announced.filter(|announced| (0.0..=864_000.0).contains(announced)) {
                assert!((life.as_secs_f64() - announced).abs() < 1.0, "{life:?} for {announced}");
            }
            let whole = body.trim_ascii_end();
            for end in cuts(whole.len()) {
                assert!(token(status, &whole[..end]).is_err(), "a cut response is accepted");
            }
        }
        Err(error) => {
            assert_unmarked(&format!("{error} {error:?}"), "an error of the token endpoint");
        }
    }
}
