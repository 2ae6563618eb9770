//! Settings of a measure beside its breakdown, and those of one query, checked.

use super::Measure;

/// One setting that a query may give a measure.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Machine name.
    pub name: &'static str,
    /// What it changes, for people.
    pub title: &'static str,
    /// What it may be.
    pub values: Values,
}

/// What a setting may be.
#[derive(Debug, Clone, Copy)]
pub enum Values {
    /// One of these words; the first is the default.
    Choice(&'static [&'static str]),
    /// A whole number.
    Integer {
        /// Least.
        least: i64,
        /// Most.
        most: i64,
        /// When the query says nothing.
        default: i64,
    },
}

/// The setting of measures whose published code and documentation disagree.
pub(crate) const OFFICIAL_OR_DOCUMENTED: Setting = Setting {
    name: "variant",
    title: "The method as the official code runs it, or as its documentation describes it",
    values: Values::Choice(&["official", "documented"]),
};

impl Values {
    /// The default, as text.
    pub fn default_text(self) -> String {
        match self {
            Self::Choice(words) => words.first().map_or(String::new(), |word| (*word).to_owned()),
            Self::Integer { default, .. } => default.to_string(),
        }
    }
}

/// The settings of one query, checked against the measure's entry: every setting has a value.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings(Vec<(&'static str, String)>);

impl Settings {
    /// Checks named values against a measure's settings and fills the defaults.
    ///
    /// # Errors
    /// A sentence that names the setting and what it may be.
    pub fn check(measure: &Measure, given: &[(String, String)]) -> Result<Self, String> {
        for (name, _) in given {
            if !measure.options.iter().any(|setting| setting.name == name) {
                let known: Vec<_> = measure.options.iter().map(|setting| setting.name).collect();
                return Err(if known.is_empty() {
                    format!("{} has no settings, so `{name}` means nothing to it", measure.id)
                } else {
                    format!("{} has no setting `{name}`; it has {}", measure.id, known.join(", "))
                });
            }
        }
        let mut settings = Vec::new();
        for setting in measure.options {
            let mut values = given.iter().filter(|(name, _)| name == setting.name).map(|(_, value)| value);
            let text = values.next().cloned().unwrap_or_else(|| setting.values.default_text());
            if values.next().is_some() {
                return Err(format!("the setting `{}` is given twice", setting.name));
            }
            let valid = match setting.values {
                Values::Choice(words) => words.contains(&text.as_str()),
                Values::Integer { least, most, .. } => {
                    text.parse::<i64>().is_ok_and(|n| (least..=most).contains(&n) && n.to_string() == text)
                }
            };
            if !valid {
                let allowed = match setting.values {
                    Values::Choice(words) => words.join(", "),
                    Values::Integer { least, most, .. } => format!("a whole number from {least} to {most}"),
                };
                return Err(format!("the setting `{}` cannot be `{text}`: it may be {allowed}", setting.name));
            }
            settings.push((setting.name, text));
        }
        Ok(Self(settings))
    }

    /// The text of a setting; empty when the measure has no such setting.
    pub fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value)
    }

    /// The number of a setting; 0 when the measure has no such setting.
    pub fn number(&self, name: &str) -> i64 {
        self.text(name).parse().unwrap_or(0)
    }

    /// All settings, in the entry's order.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(name, value)| (*name, value.as_str()))
    }
}
