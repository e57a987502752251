//! What senders of webhooks keep. The sender under test reaches public addresses alone, and takes `http` too.

use crate::error::ErrorKind;
use crate::integration::{WebhookRequest, WebhookSender};

/// Spellings of addresses inside a network, as strangers write them.
const INSIDE: [&str; 34] = [
    "http://127.0.0.1/",
    "http://localhost/",
    "http://localhost./",
    "http://LOCALHOST./",
    "http://crm.localhost/",
    "http://0.0.0.0/",
    "http://0/",
    "http://127.1/",
    "http://127.0.1/",
    "http://0177.0.0.1/",
    "http://0x7f.0.0.1/",
    "http://0x7f000001/",
    "http://2130706433/",
    "http://017700000001/",
    "http://127.000.000.001/",
    "http://[::1]/",
    "http://[::]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[2002:7f00:1::]/",
    "http://[2001::1]/",
    "http://[fe80::1]/",
    "http://[fd00::1]/",
    "http://169.254.169.254/latest/meta-data/",
    "http://[fd00:ec2::254]/",
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://192.168.1.1/",
    "http://100.64.0.1/",
    "http://127.0.0.1#@example.com/",
    "http://①②⑦.⓪.⓪.①/",
    "http:\\\\127.0.0.1\\",
    "http://%31%32%37.0.0.1/",
];
/// Addresses that name a user.
const OF_SOMEBODY: [&str; 5] = [
    "http://user@93.184.216.34/",
    "https://user:secret@example.com/",
    "https://:secret@example.com/",
    "http://user@127.0.0.1/",
    "http://example.com@127.0.0.1/",
];
/// Addresses of other protocols, and what is none.
const NO_ADDRESS: [&str; 8] = [
    "",
    "example.com/hook",
    "https://",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_FLUSHALL",
    "ftp://127.0.0.1/",
    "javascript:alert(1)",
    "https://exa mple.com/",
];

async fn is_refused(sender: &dyn WebhookSender, url: &str) {
    let error = sender.check(url).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{url}");
    assert!(error.fields().iter().all(|fault| fault.field == "url"), "{url}");
    // Whoever does not ask first gains nothing.
    let request = WebhookRequest::new(url.to_owned(), Vec::new(), b"{}".to_vec());
    assert_eq!(sender.send(request).await.unwrap_err().kind(), ErrorKind::Invalid, "{url}");
}

pub async fn no_spelling_of_an_address_inside_is_sent_to(sender: &dyn WebhookSender) {
    for url in INSIDE {
        is_refused(sender, url).await;
    }
}

pub async fn an_address_names_no_user(sender: &dyn WebhookSender) {
    for url in OF_SOMEBODY {
        is_refused(sender, url).await;
    }
}

pub async fn what_is_no_web_address_is_refused(sender: &dyn WebhookSender) {
    for url in NO_ADDRESS {
        is_refused(sender, url).await;
    }
}

pub async fn public_addresses_are_taken_with_any_port_and_query(sender: &dyn WebhookSender) {
    for url in ["https://example.com/hook?key=1", "https://1.1.1.1:8443/", "https://[2606:4700::1111]/"] {
        sender.check(url).unwrap();
    }
}
