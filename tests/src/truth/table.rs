//! Units in the cells of a measure's own dimensions, and the figures that a question makes of them.

use std::collections::BTreeMap;

use jiff::ToSpan;
use jiff::civil::Date;

use super::lists::{self, INVALID};
use super::{Error, Figure, Question};

/// What a measure counted, before anything is known about the breakdown that was asked for.
pub(crate) struct Table {
    /// Every dimension of the measure with its categories.
    pub(crate) dimensions: Vec<(&'static str, Vec<String>)>,
    /// Each unit (a person, an event, the pounds of a row): its category in each dimension, and how much it counts.
    pub(crate) units: Vec<(Vec<String>, i64)>,
    /// The dimensions of a question that names none.
    pub(crate) own: &'static [&'static str],
    /// Sums to show: which dimensions are added up in each.
    pub(crate) totals: &'static [&'static [&'static str]],
}

impl Table {
    /// All cells of the breakdown asked for, zeros too, then each published total once. Only units that have one of the named
    /// categories in each dimension of `filters` count, and a filtered dimension has those categories alone.
    pub(crate) fn figures(
        &self,
        council: &str,
        question: &Question,
        filters: &[(&str, &[&str])],
    ) -> Result<Vec<Figure>, Error> {
        let by: Vec<String> = if question.by.is_empty() {
            self.own.iter().map(|name| (*name).to_owned()).collect()
        } else {
            question.by.clone()
        };
        let place = |name: &str| {
            let found = self.dimensions.iter().position(|(known, _)| *known == name);
            found.ok_or_else(|| Error::UnknownDimension(name.to_owned()))
        };
        let mut kept_units = Vec::new();
        for (categories, amount) in &self.units {
            let mut kept = true;
            for (name, wanted) in filters {
                kept = kept && wanted.contains(&categories[place(name)?].as_str());
            }
            if kept {
                kept_units.push((categories, amount));
            }
        }
        let mut shown: Vec<Vec<String>> = vec![by.clone()];
        for total in self.totals {
            let kept: Vec<String> = by.iter().filter(|name| !total.contains(&name.as_str())).cloned().collect();
            if !shown.contains(&kept) {
                shown.push(kept);
            }
        }
        let mut figures = Vec::new();
        for names in shown {
            let mut names = names;
            names.sort();
            let mut places = Vec::new();
            for name in &names {
                places.push(place(name)?);
            }
            let group = |categories: &[&String]| {
                let pairs: Vec<String> =
                    names.iter().zip(categories).map(|(name, category)| format!("{name}={category}")).collect();
                pairs.join(";")
            };
            let mut counted: BTreeMap<String, i64> = BTreeMap::new();
            let mut groups: Vec<Vec<&String>> = vec![Vec::new()];
            for &at in &places {
                let mut longer = Vec::new();
                for known in &groups {
                    let (name, all) = &self.dimensions[at];
                    let only = filters.iter().find(|(filtered, _)| filtered == name).map(|(_, wanted)| *wanted);
                    for category in
                        all.iter().filter(|category| only.is_none_or(|only| only.contains(&category.as_str())))
                    {
                        let mut categories = known.clone();
                        categories.push(category);
                        longer.push(categories);
                    }
                }
                groups = longer;
            }
            for categories in &groups {
                counted.insert(group(categories), 0);
            }
            for (categories, amount) in &kept_units {
                let categories: Vec<&String> = places.iter().map(|&at| &categories[at]).collect();
                let group = group(&categories);
                // Only what does not depend on the data has a place: quarters and months outside the period have none.
                if let Some(value) = counted.get_mut(&group) {
                    *value += **amount;
                }
            }
            for (group, value) in counted {
                figures.push(Figure {
                    council: council.to_owned(),
                    measure: question.measure.clone(),
                    from: question.from,
                    to: question.to,
                    group,
                    component: "count".to_owned(),
                    value,
                });
            }
        }
        Ok(figures)
    }
}

pub(crate) fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

pub(crate) fn list(values: &[lists::Value], more: &[&str]) -> Vec<String> {
    let mut all: Vec<String> = values.iter().map(|(text, _)| (*text).to_owned()).collect();
    all.extend(words(more));
    all
}

/// The four settings of long-term support, highest first.
pub(crate) const SETTINGS: [&str; 4] = [
    "Long term support: Nursing care",
    "Long term support: Residential care",
    "Long term support: Community",
    "Long term support: Prison",
];

/// The text before the colon.
pub(crate) fn ethnic_group(ethnicity: &str) -> &str {
    ethnicity.split(':').next().unwrap_or_default()
}

/// The six groups of ethnic backgrounds.
pub(crate) const ETHNIC_GROUPS: [&str; 6] = [
    "White",
    "Mixed or multiple ethnic groups",
    "Asian or Asian British",
    "Black, Black British, Caribbean or African",
    "Other ethnic group",
    "No data",
];

/// Where a table has no place for invalid text or none, it is unknown.
pub(crate) fn or_unknown(text: &str) -> String {
    if text == INVALID || text.is_empty() { "Unknown".to_owned() } else { text.to_owned() }
}

pub(crate) fn month(day: Date) -> String {
    format!("{:04}-{:02}", day.year(), day.month())
}

/// The months that a period touches.
pub(crate) fn months(from: Date, to: Date) -> Vec<String> {
    let mut all = Vec::new();
    let mut first = from.first_of_month();
    while first <= to {
        all.push(month(first));
        first = plus_months(first, 1);
    }
    all
}

/// The calendar quarter of a day, as it is written.
pub(crate) fn quarter(day: Date) -> String {
    let mut first = day.first_of_month();
    while first.month() % 3 != 1 {
        first = plus_months(first, -1);
    }
    format!("{first} to {}", plus_days(plus_months(first, 3), -1))
}

/// The quarters that a period touches.
pub(crate) fn quarters(from: Date, to: Date) -> Vec<String> {
    let mut all = Vec::new();
    let mut day = from.first_of_month();
    while day <= to {
        if !all.contains(&quarter(day)) {
            all.push(quarter(day));
        }
        day = plus_months(day, 1);
    }
    all
}

/// The same day of another month, or its last day where it has no such day.
pub(crate) fn plus_months(day: Date, months: i32) -> Date {
    day.checked_add(months.months()).expect("periods lie within a few centuries of today")
}

pub(crate) fn plus_days(day: Date, days: i32) -> Date {
    day.checked_add(days.days()).expect("periods lie within a few centuries of today")
}
