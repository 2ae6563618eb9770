//! Which areas figures are wanted for.

use folkmoot_proto::geography::Structure;
use folkmoot_proto::ids::BoardCode;
use serde::{Deserialize, Serialize};

/// Kinds of area, widest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// All England, as far as councils answered.
    England,
    /// The nine regions.
    Region,
    /// Integrated care boards, in the release's structure.
    Board,
    /// Councils with adult social services responsibilities.
    Council,
}

impl Level {
    /// The word in files and on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::England => "england",
            Self::Region => "region",
            Self::Board => "icb",
            Self::Council => "council",
        }
    }

    /// The level with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::England, Self::Region, Self::Board, Self::Council].into_iter().find(|level| level.word() == word)
    }
}

/// Which areas figures are wanted for.
#[derive(Clone, Debug)]
pub struct Scope {
    level: Level,
    structure: &'static Structure,
    board: Option<BoardCode>,
}

impl PartialEq for Scope {
    fn eq(&self, other: &Self) -> bool {
        (self.level, self.structure.version, &self.board) == (other.level, other.structure.version, &other.board)
    }
}

impl Scope {
    /// Figures for areas of this level and those above it, in `structure`; of one board and its councils if `board` is given.
    pub fn new(level: Level, structure: &'static Structure, board: Option<BoardCode>) -> Self {
        Self { level, structure, board }
    }

    /// The finest level asked for.
    pub fn level(&self) -> Level {
        self.level
    }

    /// The structure of boards used.
    pub fn structure(&self) -> &'static Structure {
        self.structure
    }

    /// The one board that everything is about, if it is about one.
    pub fn board(&self) -> Option<&BoardCode> {
        self.board.as_ref()
    }

    /// The levels that the release holds: the one asked for and those above it.
    pub fn levels(&self) -> &'static [Level] {
        match (&self.board, self.level) {
            (Some(_), Level::Council) => &[Level::Board, Level::Council],
            (Some(_), _) => &[Level::Board],
            (None, Level::England) => &[Level::England],
            (None, Level::Region) => &[Level::England, Level::Region],
            (None, Level::Board) => &[Level::England, Level::Board],
            (None, Level::Council) => &[Level::England, Level::Region, Level::Board, Level::Council],
        }
    }
}
