//! Fields that a caller does not see.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// Keys of hidden fields, as in `email` or `custom.budget`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(value_type = Vec<String>))]
pub struct FieldMask(BTreeSet<Cow<'static, str>>);

impl FieldMask {
    /// Nothing is hidden.
    pub const NONE: FieldMask = FieldMask(BTreeSet::new());

    /// These fields are hidden.
    pub fn of<K: Into<Cow<'static, str>>>(keys: impl IntoIterator<Item = K>) -> Self {
        Self(keys.into_iter().map(Into::into).collect())
    }

    /// Whether nothing is hidden.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a field is hidden.
    pub fn hides(&self, key: &str) -> bool {
        self.0.contains(key)
    }

    /// The hidden fields, in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(AsRef::as_ref)
    }

    /// Removes the hidden fields from a record's JSON image, custom fields included.
    pub fn redact(&self, image: &mut serde_json::Map<String, serde_json::Value>) {
        for key in &self.0 {
            match key.strip_prefix("custom.") {
                None => drop(image.remove(key.as_ref())),
                Some(custom) => {
                    if let Some(values) = image.get_mut("custom").and_then(|values| values.as_object_mut()) {
                        values.remove(custom);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_hides_its_fields_and_nothing_else() {
        let mask = FieldMask::of(["email", "custom.budget"]);
        assert!(FieldMask::NONE.is_empty() && !mask.is_empty());
        assert!(mask.hides("email") && !mask.hides("phone") && !FieldMask::NONE.hides("email"));
        let image = serde_json::json!({"email": 1, "phone": 2, "custom": {"budget": 3, "email": 4}});
        let mut image = image.as_object().unwrap().clone();
        mask.redact(&mut image);
        assert_eq!(serde_json::Value::from(image), serde_json::json!({"phone": 2, "custom": {"email": 4}}));
    }
}
