//! Which areas a scope has, and which councils each is made of.

use std::collections::{BTreeMap, BTreeSet};

use folkmoot_proto::geography::{ENGLAND, Geography, Residents, Structure};
use folkmoot_proto::ids::CouncilCode;
use serde::{Deserialize, Serialize};

use super::Cell;
use crate::scope::{Level, Scope};

/// One area's figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Area {
    /// What kind of area.
    pub level: Level,
    /// Office for National Statistics code.
    pub ons_code: String,
    /// Name.
    pub name: String,
    /// Council code, for a council.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub council: Option<CouncilCode>,
    /// ODS code of the board: of the area itself, or the one that a council belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub board: Option<String>,
    /// Councils whose answers are in the figures.
    pub councils: usize,
    /// Councils of the area that were asked.
    pub councils_asked: usize,
    /// Councils that the area has, asked or not; 0 in releases made before this was counted.
    #[serde(default)]
    pub councils_in_area: usize,
    /// Share of the area's adult residents who live in the councils that answered, 0 to 1, four decimals.
    pub adult_share: f64,
    /// What a reader must know about the area's boundary; often empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// Figures, one a row of the table.
    pub cells: Vec<Cell>,
}

pub(super) struct Outline {
    pub(super) level: Level,
    ons_code: String,
    name: String,
    council: Option<CouncilCode>,
    board: Option<String>,
    note: String,
    /// Councils whose answers enter.
    pub(super) members: BTreeSet<CouncilCode>,
    /// Councils that make the area.
    pub(super) whole: BTreeSet<CouncilCode>,
}

impl Outline {
    pub(super) fn ons_code(&self) -> &str {
        &self.ons_code
    }

    pub(super) fn into_area(self, councils: usize, councils_asked: usize, share: f64, cells: Vec<Cell>) -> Area {
        Area {
            councils_in_area: self.whole.len(),
            level: self.level,
            ons_code: self.ons_code,
            name: self.name,
            council: self.council,
            board: self.board,
            councils,
            councils_asked,
            adult_share: (share * 1e4).round() / 1e4,
            note: self.note,
            cells,
        }
    }
}

pub(super) fn residents(geography: &Geography, codes: &BTreeSet<CouncilCode>) -> Residents {
    codes.iter().filter_map(|code| geography.council(*code)).fold(Residents::default(), |sum, council| Residents {
        year: council.population.year,
        working_age: sum.working_age + council.population.working_age,
        older: sum.older + council.population.older,
        adults: sum.adults + council.population.adults,
    })
}

/// How many areas a release of this scope and these councils has.
pub(crate) fn count_areas(scope: &Scope, asked: &BTreeSet<CouncilCode>) -> usize {
    areas(Geography::built_in(), scope, asked).len()
}

/// The areas of a plan that hold at least one council asked.
pub(super) fn areas(geography: &Geography, scope: &Scope, asked: &BTreeSet<CouncilCode>) -> Vec<Outline> {
    let mut areas = Vec::new();
    let all: BTreeSet<CouncilCode> = geography.councils().map(|council| council.code).collect();
    let wants = |level| scope.levels().contains(&level);
    if wants(Level::England) {
        areas.push(outline(Level::England, ENGLAND.to_owned(), "England".to_owned(), None, all));
    }
    if wants(Level::Region) {
        let mut regions: BTreeMap<(String, String), BTreeSet<CouncilCode>> = BTreeMap::new();
        for council in geography.councils() {
            let key = (council.region_code.clone(), council.region_name.clone());
            regions.entry(key).or_default().insert(council.code);
        }
        areas.extend(
            regions.into_iter().map(|((code, name), members)| outline(Level::Region, code, name, None, members)),
        );
    }
    let structure = scope.structure();
    if wants(Level::Board) {
        for board in structure.boards() {
            if scope.board().is_some_and(|only| *only != board.code) {
                continue;
            }
            let members = structure.members(&board.code);
            let note = shared_note(structure, &board.code, &members);
            let mut area = outline(
                Level::Board,
                board.ons_code.clone(),
                board.name.clone(),
                Some(board.code.to_string()),
                members,
            );
            area.note = note;
            areas.push(area);
        }
    }
    if wants(Level::Council) {
        for council in geography.councils() {
            let board = structure.board_of(council.code).map(|board| board.code.to_string());
            let mut area = outline(
                Level::Council,
                council.ons_code.clone(),
                council.name.clone(),
                board,
                BTreeSet::from([council.code]),
            );
            area.council = Some(council.code);
            areas.push(area);
        }
    }
    areas.retain(|area| !area.members.is_disjoint(asked));
    for area in &mut areas {
        area.members.retain(|code| asked.contains(code));
    }
    areas
}

fn outline(
    level: Level,
    ons_code: String,
    name: String,
    board: Option<String>,
    whole: BTreeSet<CouncilCode>,
) -> Outline {
    Outline { level, ons_code, name, council: None, board, note: String::new(), members: whole.clone(), whole }
}

/// Councils are counted wholly in one board, so a board's figure is an estimate of what its boundary holds where a
/// council lies across it.
fn shared_note(
    structure: &Structure,
    board: &folkmoot_proto::ids::BoardCode,
    members: &BTreeSet<CouncilCode>,
) -> String {
    let geography = Geography::built_in();
    let name = |code: CouncilCode| geography.council(code).map_or(code.to_string(), |council| council.name.clone());
    let share = |code: CouncilCode| structure.shares(code).iter().find(|share| share.board == *board);
    let mut sentences = Vec::new();
    let partly: Vec<String> = members
        .iter()
        .filter_map(|&code| {
            let share = share(code)?.share;
            (share < 0.9995).then(|| format!("{} ({:.1}% of whose residents it holds)", name(code), share * 100.0))
        })
        .collect();
    if !partly.is_empty() {
        sentences.push(format!("counted wholly here: {}", partly.join(", ")));
    }
    let elsewhere: Vec<String> = geography
        .councils()
        .filter(|council| !members.contains(&council.code))
        .filter_map(|council| {
            let share = share(council.code)?.share;
            Some(format!("{} ({:.1}% of whose residents it holds)", council.name, share * 100.0))
        })
        .collect();
    if !elsewhere.is_empty() {
        sentences.push(format!("counted wholly elsewhere: {}", elsewhere.join(", ")));
    }
    if sentences.is_empty() {
        return String::new();
    }
    format!("estimated boundary; {}", sentences.join("; "))
}
