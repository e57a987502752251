//! What password hashers keep.

use secrecy::SecretString;

use crate::integration::PasswordHasher;

const PASSWORD: &str = "correct horse battery";
/// More at once than a machine has cores.
const AT_ONCE: usize = 32;

fn secret(text: &str) -> SecretString {
    text.to_owned().into()
}

async fn hash(hasher: &dyn PasswordHasher, password: &str) -> String {
    hasher.hash(&secret(password)).await.unwrap()
}

async fn matches(hasher: &dyn PasswordHasher, password: &str, hash: &str) -> bool {
    hasher.verify(&secret(password), hash).await.unwrap()
}

pub async fn the_right_password_matches(hasher: &dyn PasswordHasher) {
    let hash = hash(hasher, PASSWORD).await;
    assert!(matches(hasher, PASSWORD, &hash).await);
    // Verifying uses nothing up.
    assert!(matches(hasher, PASSWORD, &hash).await);
}

pub async fn another_password_does_not_match(hasher: &dyn PasswordHasher) {
    let hash = hash(hasher, PASSWORD).await;
    for other in
        ["", "correct horse batterz", "correct horse batter", "correct horse battery ", "Correct horse battery"]
    {
        assert!(!matches(hasher, other, &hash).await, "{other:?}");
    }
}

/// Empty, long, of any script, with bytes that end a text in C, and alike up to where some hashers
/// stop reading.
pub async fn odd_passwords_match_themselves_alone(hasher: &dyn PasswordHasher) {
    let long = "x".repeat(72);
    let odd = [
        String::new(),
        " ".to_owned(),
        "\0".to_owned(),
        "a\0b".to_owned(),
        "пароль密码🔑".to_owned(),
        "$argon2id$v=19$".to_owned(),
        format!("{long}a"),
        format!("{long}b"),
        "long".repeat(1_000),
    ];
    let mut hashes = Vec::new();
    for password in &odd {
        hashes.push(hash(hasher, password).await);
    }
    for (at, hash) in hashes.iter().enumerate() {
        for (other, password) in odd.iter().enumerate() {
            // Each beside itself and its neighbours: all pairs would take long with a slow hasher.
            if at.abs_diff(other) <= 1 {
                assert_eq!(matches(hasher, password, hash).await, at == other, "{password:?} and number {at}");
            }
        }
    }
}

pub async fn equal_passwords_have_different_hashes(hasher: &dyn PasswordHasher) {
    assert_ne!(hash(hasher, PASSWORD).await, hash(hasher, PASSWORD).await);
}

pub async fn a_hash_is_a_phc_string_that_hides_the_password(hasher: &dyn PasswordHasher) {
    let hash = hash(hasher, PASSWORD).await;
    let named = hash.strip_prefix('$').and_then(|rest| rest.split_once('$'));
    assert!(named.is_some_and(|(name, rest)| !name.is_empty() && !rest.is_empty()), "{hash}");
    assert!(hash.bytes().all(|byte| byte.is_ascii_graphic()) && hash.len() <= 512, "{hash}");
    assert!(!hash.contains(PASSWORD) && !hash.contains("horse"), "{hash}");
}

pub async fn a_changed_hash_does_not_match(hasher: &dyn PasswordHasher) {
    let hash = hash(hasher, PASSWORD).await;
    let (settings, digest) = hash.rsplit_once('$').unwrap();
    let turned: String = digest.chars().rev().collect();
    let shorter = &digest[..digest.len() / 2];
    for changed in [format!("{settings}${turned}"), format!("{settings}${shorter}"), format!("{settings}$")] {
        if changed != hash {
            let answer = hasher.verify(&secret(PASSWORD), &changed).await;
            assert!(!matches!(answer, Ok(true)), "{changed}");
        }
    }
}

/// Garbage and what other hashers make: false or an error, and never a panic.
pub async fn what_is_no_hash_matches_nothing_and_is_outdated(hasher: &dyn PasswordHasher) {
    let long = "$".repeat(100_000);
    for text in [
        "",
        " ",
        "$",
        "$$$$",
        PASSWORD,
        "пароль",
        "$\0$",
        "$argon2id$v=19$m=1,t=0,p=0$c2FsdA$aGFzaA",
        "$scrypt$ln=63,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E",
        "$pbkdf2-sha256$i=4294967295$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo",
        "$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy",
        "5f4dcc3b5aa765d61d8327deb882cf99",
        &long,
    ] {
        let shown = text.get(..60.min(text.len())).unwrap_or(text);
        assert!(!matches!(hasher.verify(&secret(PASSWORD), text).await, Ok(true)), "{shown}");
        assert!(hasher.is_outdated(text), "{shown}");
    }
}

pub async fn a_fresh_hash_is_not_outdated(hasher: &dyn PasswordHasher) {
    for password in [PASSWORD, ""] {
        assert!(!hasher.is_outdated(&hash(hasher, password).await));
    }
}

/// Whoever limits how many run at once still serves all of them.
pub async fn many_at_once_all_come_to_an_end(hasher: &dyn PasswordHasher) {
    let one = hash(hasher, PASSWORD).await;
    let each = (0..AT_ONCE).map(|number| {
        let (one, right) = (&one, number % 2 == 0);
        async move { matches(hasher, if right { PASSWORD } else { "wrong" }, one).await == right }
    });
    assert!(futures::future::join_all(each).await.into_iter().all(|held| held));
}
