//! A question as a message, there and back: what comes in is checked as a person's question is.

use super::{DataRule, Error, Filter, KeyReading, Profile, Query, Release};
use crate::codelist;
use crate::period::{Day, ReferencePeriod};
use crate::privacy::Rho;
use crate::wire::v1 as wire;

impl From<&Query> for wire::Query {
    fn from(query: &Query) -> Self {
        let release = match query.release {
            Release::CouncilSuppressed(_) => wire::ReleaseKind::CouncilSuppressed,
            Release::CouncilPrivate(_) => wire::ReleaseKind::CouncilPrivate,
            Release::JointPrivate(_) => wire::ReleaseKind::JointPrivate,
            Release::JointSuppressed(_) => wire::ReleaseKind::JointSuppressed,
        };
        let labels = |place: usize| query.measure.dimensions[place].categories.labels(query.period);
        Self {
            measure: query.measure.id.to_owned(),
            measure_version: u32::from(query.measure.version),
            code_lists: codelist::VERSION.to_owned(),
            first_day: query.period.first().number(),
            last_day: query.period.last().number(),
            by: Some(wire::Breakdown {
                dimensions: query.by.iter().map(|&place| query.measure.dimensions[place].name.to_owned()).collect(),
            }),
            filters: query
                .filters
                .iter()
                .map(|(place, kept)| {
                    let labels = labels(*place);
                    wire::Filter {
                        dimension: query.measure.dimensions[*place].name.to_owned(),
                        categories: kept.iter().map(|&category| labels[category].clone()).collect(),
                    }
                })
                .collect(),
            settings: query
                .settings
                .iter()
                .map(|(name, value)| wire::Setting { name: name.to_owned(), value: value.to_owned() })
                .collect(),
            as_of: query.data.as_of.map(|day| day.number()),
            joined: query
                .data
                .joined
                .map(|window| wire::Days { first: window.first().number(), last: window.last().number() }),
            cleaned_key: query.data.key == KeyReading::Cleaned,
            release: release.into(),
            rho_nano: query.release.rho().map_or(0, Rho::nano),
            profile: query.release.profile().map_or(String::new(), |profile| profile.word().to_owned()),
        }
    }
}

impl TryFrom<wire::Query> for Query {
    type Error = Error;

    fn try_from(message: wire::Query) -> Result<Self, Error> {
        let days = |first: i32, last: i32| {
            let sane = |day: i32| (-800_000..=2_932_532).contains(&day).then(|| Day::from_number(day));
            let (Some(first), Some(last)) = (sane(first), sane(last)) else { return Err(Error::Field("days")) };
            Ok(ReferencePeriod::inclusive(first, last)?)
        };
        if message.code_lists != codelist::VERSION {
            return Err(Error::CodeLists {
                asked: message.code_lists.chars().take(40).collect(),
                known: codelist::VERSION,
            });
        }
        let profile = || Profile::from_word(&message.profile).ok_or(Error::Field("profile"));
        let rho = || Rho::from_nano(message.rho_nano).ok_or(Error::Field("rho_nano"));
        let release = match wire::ReleaseKind::try_from(message.release) {
            Ok(wire::ReleaseKind::CouncilSuppressed) => Release::CouncilSuppressed(profile()?),
            Ok(wire::ReleaseKind::CouncilPrivate) => Release::CouncilPrivate(rho()?),
            Ok(wire::ReleaseKind::JointPrivate) => Release::JointPrivate(rho()?),
            Ok(wire::ReleaseKind::JointSuppressed) => Release::JointSuppressed(profile()?),
            Ok(wire::ReleaseKind::Unspecified) | Err(_) => return Err(Error::Field("release")),
        };
        let as_of = message.as_of.map(|day| days(day, day).map(ReferencePeriod::first)).transpose()?;
        let joined = message.joined.map(|window| days(window.first, window.last)).transpose()?;
        let key = if message.cleaned_key { KeyReading::Cleaned } else { KeyReading::Raw };
        let filters: Vec<_> = message
            .filters
            .into_iter()
            .map(|filter| Filter { dimension: filter.dimension, categories: filter.categories })
            .collect();
        let settings: Vec<_> = message.settings.into_iter().map(|setting| (setting.name, setting.value)).collect();
        let by = message.by.ok_or(Error::Field("by"))?.dimensions;
        let query = Self::new(
            &message.measure,
            days(message.first_day, message.last_day)?,
            Some(&by),
            &filters,
            &settings,
            DataRule { as_of, joined, key },
            release,
        )?;
        if message.measure_version != u32::from(query.measure.version) {
            return Err(Error::Version {
                id: query.measure.id,
                asked: message.measure_version,
                known: query.measure.version,
            });
        }
        Ok(query)
    }
}
