//! Who does something at this node, for the audit log.

use folkmoot_proto::text::is_unseen;

/// The name of whoever does something, as it goes into the audit log.
#[derive(Clone, Debug)]
pub(super) struct Name(String);

impl std::str::FromStr for Name {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > 100 || text.chars().any(is_unseen) {
            return Err("a name has 1 to 100 characters");
        }
        Ok(Self(text.to_owned()))
    }
}

impl Name {
    /// As it was given.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// As the log has it.
    pub(super) fn as_local(&self) -> String {
        format!("local: {}", self.0)
    }
}
