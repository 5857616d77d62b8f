//! Keys and API bases: which are taken, and that a key is never printed.

use orderflow_stripe::{SecretString, StripeGateway};

fn refused(key: &str, api_base: &str) -> Option<String> {
    StripeGateway::new(&SecretString::from(key), Some(api_base)).err().map(|error| error.to_string())
}

#[test]
fn a_key_that_cannot_charge_is_refused_with_what_to_use() {
    for key in ["", "pk_live_secret", "whsec_secret", "sk_live_sec\nret"] {
        let why = refused(key, "https://api.stripe.com").unwrap();
        assert!(why.contains("sk_ or rk_") && !why.contains("secret_"), "{why}");
        assert!(!why.contains("live_"), "{why}");
    }
    for key in ["sk_live_secret", "rk_live_secret", " sk_live_secret\n"] {
        assert_eq!(refused(key, "https://api.stripe.com"), None, "{key}");
    }
}

#[test]
fn a_key_is_sent_encrypted_or_no_further_than_this_machine() {
    for base in ["https://api.stripe.com/", "http://127.0.0.1:8420", "http://localhost:1", "http://[::1]:1"] {
        assert_eq!(refused("sk_test_1", base), None, "{base}");
    }
    for base in ["http://api.stripe.com", "http://127.0.0.1.example.com", "ftp://localhost", "api.stripe.com", ""] {
        assert!(refused("sk_test_1", base).unwrap().contains("https://host"), "{base}");
    }
}

#[test]
fn a_key_is_never_printed() {
    let key = SecretString::from("sk_live_secret");
    let gateway = StripeGateway::new(&key, None).unwrap();
    let printed = format!("{key:?} {gateway:?}");
    assert!(printed.contains("api.stripe.com") && !printed.contains("sk_live_secret"), "{printed}");
}
