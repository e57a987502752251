//! A secret that a caller must know.

use secrecy::{ExposeSecret as _, SecretString};

/// A secret that a caller must know.
pub(crate) struct Token(SecretString);

impl Token {
    pub(crate) fn new(secret: SecretString) -> Self {
        Self(secret)
    }

    /// Whether this is it; how long the answer takes does not tell where it begins to differ.
    pub(crate) fn is(&self, offered: &str) -> bool {
        let (own, offered) = (self.0.expose_secret().as_bytes(), offered.as_bytes());
        let difference = own.iter().zip(offered).fold(0, |difference, (one, other)| difference | (one ^ other));
        own.len() == offered.len() && std::hint::black_box(difference) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_is_the_token() {
        let token = Token::new("correct horse".into());
        assert!(token.is("correct horse"));
        for other in ["", "correct", "correct hors!", "!orrect horse", "correct horse battery"] {
            assert!(!token.is(other), "{other}");
        }
        assert!(!Token::new("x".into()).is(""));
    }
}
