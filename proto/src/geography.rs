//! Councils, regions, integrated care boards and populations, with the days from which they hold.
//!
//! Codes are text. Boards changed on 1 April 2026 from 42 to 36; a council can lie in several boards and belongs
//! wholly to the one with its largest share of residents unless a figure is apportioned. The tables are data files of
//! this crate (`proto/data`), with their sources and licence in the README beside them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use crate::ids::{BoardCode, CouncilCode};
use crate::period::Day;

/// A council and the area facts about it.
#[derive(Debug, Clone)]
pub struct Council {
    /// Code in client level data.
    pub code: CouncilCode,
    /// Office for National Statistics code.
    pub ons_code: String,
    /// Name.
    pub name: String,
    /// ONS code of its region.
    pub region_code: String,
    /// Name of its region.
    pub region_name: String,
    /// S, U, M, I or O as in the ASCOF tables.
    pub type_code: String,
    /// Residents (mid-year estimate).
    pub population: Residents,
    /// Place on the hexagon map (odd-r grid, r grows northwards).
    pub hex: Option<(i32, i32)>,
}

/// Residents of a council, by age.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Residents {
    /// Year of the mid-year estimate.
    pub year: u16,
    /// Aged 18 to 64.
    pub working_age: u64,
    /// Aged 65 and over.
    pub older: u64,
    /// Aged 18 and over.
    pub adults: u64,
}

/// A board and a council's share of residents in it.
#[derive(Debug, Clone)]
pub struct Share {
    /// The board.
    pub board: BoardCode,
    /// Share of the council's residents, 0 to 1.
    pub share: f64,
}

/// An integrated care board.
#[derive(Debug, Clone)]
pub struct Board {
    /// ODS code.
    pub code: BoardCode,
    /// ONS code.
    pub ons_code: String,
    /// Name.
    pub name: String,
}

/// A region.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Region {
    /// ONS code.
    pub code: String,
    /// Name.
    pub name: String,
}

/// One structure of boards, with the days on which it holds.
#[derive(Debug)]
pub struct Structure {
    /// Printed with every figure: `icb-2022` or `icb-2026`.
    pub version: &'static str,
    /// First day on which it holds.
    pub from: Day,
    boards: BTreeMap<BoardCode, Board>,
    shares: BTreeMap<CouncilCode, Vec<Share>>,
}

impl Structure {
    /// The boards, by code.
    pub fn boards(&self) -> impl Iterator<Item = &Board> {
        self.boards.values()
    }

    /// The board with this code.
    pub fn board(&self, code: &BoardCode) -> Option<&Board> {
        self.boards.get(code)
    }

    /// Every board that a council lies in, largest share first.
    pub fn shares(&self, council: CouncilCode) -> &[Share] {
        self.shares.get(&council).map_or(&[], Vec::as_slice)
    }

    /// The board that a council belongs to: the one with its largest share.
    pub fn board_of(&self, council: CouncilCode) -> Option<&Board> {
        self.shares(council).first().and_then(|share| self.boards.get(&share.board))
    }

    /// The councils that belong to a board.
    pub fn members(&self, board: &BoardCode) -> BTreeSet<CouncilCode> {
        let first = |shares: &Vec<Share>| shares.first().map(|share| share.board.clone());
        self.shares.iter().filter(|(_, shares)| first(shares).as_ref() == Some(board)).map(|(code, _)| *code).collect()
    }
}

/// All tables.
#[derive(Debug)]
pub struct Geography {
    councils: BTreeMap<CouncilCode, Council>,
    ons: BTreeMap<String, CouncilCode>,
    structures: Vec<Structure>,
}

/// England's ONS code.
pub const ENGLAND: &str = "E92000001";

impl Geography {
    /// The tables that this software was built with.
    pub fn built_in() -> &'static Self {
        static TABLES: OnceLock<Geography> = OnceLock::new();
        TABLES.get_or_init(|| Self::read().expect("the built-in geography tables are checked by this module's tests"))
    }

    fn read() -> Option<Self> {
        let mut councils = BTreeMap::new();
        let mut ons = BTreeMap::new();
        let mut structures = Vec::new();
        let sources = [
            ("icb-2022", (2022, 7, 1), include_str!("../data/councils.csv")),
            ("icb-2026", (2026, 4, 1), include_str!("../data/councils_icb2026.csv")),
        ];
        for (version, (year, month, day), text) in sources {
            let mut structure = Structure {
                version,
                from: Day::from_ymd(year, month, day)?,
                boards: BTreeMap::new(),
                shares: BTreeMap::new(),
            };
            for row in rows(text) {
                let code = CouncilCode::parse(row.get("cassr_code")?).ok()?;
                let board = BoardCode::parse(row.get("icb_ods_code")?).ok()?;
                structure.boards.entry(board.clone()).or_insert(Board {
                    code: board.clone(),
                    ons_code: row.get("icb_ons_code")?.clone(),
                    name: row.get("icb_name")?.clone(),
                });
                let share = row.get("icb_share")?.parse().ok()?;
                structure.shares.entry(code).or_default().push(Share { board, share });
                ons.insert(row.get("ons_code")?.clone(), code);
                councils.entry(code).or_insert(Council {
                    code,
                    ons_code: row.get("ons_code")?.clone(),
                    name: row.get("name")?.clone(),
                    region_code: row.get("region_code")?.clone(),
                    region_name: row.get("region_name")?.clone(),
                    type_code: String::new(),
                    population: Residents::default(),
                    hex: None,
                });
            }
            for shares in structure.shares.values_mut() {
                shares.sort_by(|a, b| b.share.total_cmp(&a.share).then_with(|| a.board.cmp(&b.board)));
            }
            structures.push(structure);
        }
        for row in rows(include_str!("../data/population.csv")) {
            let council = councils.get_mut(&CouncilCode::parse(row.get("cassr_code")?).ok()?)?;
            let number = |name: &str| row.get(name).and_then(|text| text.parse::<u64>().ok());
            council.population = Residents {
                year: number("year")? as u16,
                working_age: number("pop_18_64")?,
                older: number("pop_65_plus")?,
                adults: number("pop_18_plus")?,
            };
        }
        for row in rows(include_str!("../data/council_types.csv")) {
            let council = councils.get_mut(&CouncilCode::parse(row.get("cassr_code")?).ok()?)?;
            council.type_code = row.get("type_code")?.clone();
        }
        for row in rows(include_str!("../data/councils_hex.csv")) {
            let council = councils.get_mut(&CouncilCode::parse(row.get("cassr_code")?).ok()?)?;
            council.hex = Some((row.get("q")?.parse().ok()?, row.get("r")?.parse().ok()?));
        }
        for row in rows(include_str!("../data/council_aliases.csv")) {
            if row.get("kind")?.starts_with("ons_code") {
                ons.insert(row.get("value")?.clone(), CouncilCode::parse(row.get("cassr_code")?).ok()?);
            }
        }
        Some(Self { councils, ons, structures })
    }

    /// Every council, by code.
    pub fn councils(&self) -> impl Iterator<Item = &Council> {
        self.councils.values()
    }

    /// The council with this code.
    pub fn council(&self, code: CouncilCode) -> Option<&Council> {
        self.councils.get(&code)
    }

    /// The council with this ONS code, old or new.
    pub fn by_ons(&self, ons_code: &str) -> Option<&Council> {
        self.ons.get(ons_code).and_then(|code| self.councils.get(code))
    }

    /// The regions, by code.
    pub fn regions(&self) -> BTreeSet<Region> {
        self.councils
            .values()
            .map(|council| Region { code: council.region_code.clone(), name: council.region_name.clone() })
            .collect()
    }

    /// The structure of boards on a day.
    pub fn boards_on(&self, day: Day) -> &Structure {
        self.structures.iter().rev().find(|structure| structure.from <= day).unwrap_or(&self.structures[0])
    }

    /// Every structure, oldest first.
    pub fn structures(&self) -> impl Iterator<Item = &Structure> {
        self.structures.iter()
    }

    /// The structure with this version word.
    pub fn structure(&self, version: &str) -> Option<&Structure> {
        self.structures.iter().find(|structure| structure.version == version)
    }
}

fn rows(text: &str) -> impl Iterator<Item = BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let headers = reader.headers().cloned().unwrap_or_default();
    reader
        .into_records()
        .map_while(Result::ok)
        .map(move |record| headers.iter().map(str::to_owned).zip(record.iter().map(str::to_owned)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn council(text: &str) -> CouncilCode {
        CouncilCode::parse(text).expect("the test's own code")
    }

    #[test]
    fn the_built_in_tables_are_whole() {
        let tables = Geography::built_in();
        assert_eq!(tables.councils().count(), 153);
        assert_eq!(tables.regions().len(), 9);
        for (version, boards) in [("icb-2022", 42), ("icb-2026", 36)] {
            let structure = tables.structure(version).expect("known");
            assert_eq!(structure.boards().count(), boards);
            let members: usize = structure.boards().map(|board| structure.members(&board.code).len()).sum();
            assert_eq!(members, 153, "every council belongs to one board of {version}");
            for council in tables.councils() {
                let total: f64 = structure.shares(council.code).iter().map(|share| share.share).sum();
                assert!((total - 1.0).abs() < 0.002, "{} {total}", council.code);
            }
        }
        let adults: u64 = tables.councils().map(|council| council.population.adults).sum();
        assert_eq!(adults, 35_455_993 + 10_981_092);
        for council in tables.councils() {
            assert!(council.hex.is_some() && !council.type_code.is_empty(), "{}", council.code);
        }
    }

    #[test]
    fn boards_change_in_april_2026() {
        let tables = Geography::built_in();
        assert_eq!(tables.boards_on("2026-03-31".parse().expect("a day")).version, "icb-2022");
        assert_eq!(tables.boards_on("2026-04-01".parse().expect("a day")).version, "icb-2026");
    }

    #[test]
    fn both_codes_of_a_recoded_council_are_known() {
        let tables = Geography::built_in();
        let old = tables.by_ons("E08000016").map(|council| council.name.clone());
        assert_eq!(old, Some("Barnsley".into()));
        assert_eq!(tables.by_ons("E08000038").map(|council| council.name.clone()), old);
        assert!(tables.council(council("503")).is_some());
    }
}
