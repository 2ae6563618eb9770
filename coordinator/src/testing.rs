//! Small makers of questions and answers for this crate's tests.
#![allow(clippy::unwrap_used)]

use folkmoot_proto::disclosure::Profile;
use folkmoot_proto::ids::{CouncilCode, QueryId};
use folkmoot_proto::layout::Layout;
use folkmoot_proto::period::{Day, ReferencePeriod};
use folkmoot_proto::privacy::Rho;
use folkmoot_proto::query::{DataRule, Query, Release};
use folkmoot_proto::wire::v1 as wire;

use crate::answer::{Answer, Facts};
use crate::plan::Plan;
use crate::round::areas_of;
use crate::total::{self, Sums, Total};

pub(crate) fn council(text: &str) -> CouncilCode {
    CouncilCode::parse(text).unwrap()
}

pub(crate) fn as_of() -> Day {
    "2025-06-30".parse().unwrap()
}

pub(crate) fn question(measure: &str, by: Option<&[&str]>, release: Release) -> (Query, Layout) {
    let period = ReferencePeriod::inclusive("2024-04-01".parse().unwrap(), "2025-03-31".parse().unwrap()).unwrap();
    let by: Option<Vec<String>> = by.map(|names| names.iter().map(|&name| name.to_owned()).collect());
    let data = DataRule { as_of: Some(as_of()), ..DataRule::default() };
    let query = Query::new(measure, period, by.as_deref(), &[], &[], data, release).unwrap();
    let layout = Layout::of(&query).unwrap();
    (query, layout)
}

pub(crate) fn suppressed(measure: &str) -> (Query, Layout) {
    question(measure, None, Release::CouncilSuppressed(Profile::Hospital))
}

pub(crate) fn private(measure: &str) -> (Query, Layout) {
    question(measure, None, Release::CouncilPrivate(Rho::parse("0.005").unwrap()))
}

/// What a council's node does with exact cells under a suppression profile.
pub(crate) fn protect(query: &Query, layout: &Layout, cells: &[i64]) -> (Vec<i64>, Vec<u8>) {
    let profile = query.release().profile().unwrap();
    let exact = layout.with_sums(cells);
    let figures: Vec<_> = (0..layout.len())
        .map(|figure| {
            if layout.components().len() == 2 {
                let (yes, no) = (exact[layout.with_component(figure, 0)], exact[layout.with_component(figure, 1)]);
                let pair = profile.ratio(yes, no);
                if layout.component_place(figure) == 0 { pair.0 } else { pair.1 }
            } else {
                profile.council(exact[figure])
            }
        })
        .collect();
    figures.iter().map(|figure| (figure.shown().unwrap_or(0), u8::from(figure.shown().is_none()))).unzip()
}

pub(crate) fn facts(sigma_nano: u64) -> Facts {
    Facts { snapshot: vec![7; 32], as_of: as_of(), sigma_nano, charged_nano: 0, stored: false, notes: vec![] }
}

/// A council's answer under the question's profile, from exact cells.
pub(crate) fn answer(code: &str, query: &Query, layout: &Layout, cells: &[i64]) -> Answer {
    let (values, hidden) = protect(query, layout, cells);
    Answer::new(council(code), query, layout, values, &hidden, facts(0)).unwrap()
}

/// What a round over all councils of a plan gave, by area; `sigma_nano` is the noise that its price asks for.
pub(crate) fn total(plan: &Plan, blocks: &[&[Option<i64>]], sigma_nano: u64) -> Total {
    let areas = areas_of(plan);
    let survivors = plan.councils().clone();
    // Areas that hold nobody who was asked have nothing, and are left out of `blocks`.
    let held = areas.blocks().into_iter().filter(|block| !block.members.is_disjoint(&survivors));
    let blocks: Vec<Sums> = held
        .zip(blocks)
        .map(|(block, figures)| Sums {
            ons_code: block.ons_code,
            councils: block.members.intersection(&survivors).copied().collect(),
            figures: figures.to_vec(),
        })
        .collect();
    let facts = total::Facts {
        attempt: 1,
        areas: areas.to_string(),
        registry_version: 1,
        registry: "00".repeat(32),
        cohort: survivors.clone(),
        survivors,
        colluding: 0,
        threshold: 2,
        min_survivors: plan.councils().len() as u16,
        grid: if sigma_nano == 0 { 1 } else { 2 },
        sigma_nano,
        transcript_sha256: "00".repeat(32),
        recorded: false,
    };
    Total { blocks, facts }
}

/// A council's noisy answer with these cells.
pub(crate) fn noisy(code: &str, query: &Query, layout: &Layout, cells: &[i64], sigma_nano: u64) -> Answer {
    let values = layout.with_sums(cells);
    Answer::new(council(code), query, layout, values, &vec![0; layout.len()], facts(sigma_nano)).unwrap()
}

pub(crate) fn chunks(
    query: &Query,
    layout: &Layout,
    id: QueryId,
    values: &[i64],
    hidden: &[u8],
    sigma_nano: u64,
    size: usize,
) -> Vec<wire::AnswerChunk> {
    let facts = wire::AnswerFacts {
        query_id: id.as_bytes().to_vec(),
        query_digest: query.digest().to_vec(),
        layout_digest: layout.digest().to_vec(),
        snapshot: vec![7; 32],
        as_of: query.data().as_of.unwrap().number(),
        figures: layout.len() as u64,
        sigma_nano,
        charged_nano: 0,
        stored: false,
        notes: vec![],
        head: None,
    };
    values
        .chunks(size)
        .zip(hidden.chunks(size))
        .enumerate()
        .map(|(place, (values, hidden))| wire::AnswerChunk {
            facts: (place == 0).then(|| facts.clone()),
            offset: (place * size) as u64,
            values: values.to_vec(),
            hidden: hidden.to_vec(),
        })
        .collect()
}
