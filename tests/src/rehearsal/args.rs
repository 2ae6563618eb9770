//! What the rehearsal can be told on the command line.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Parser;
use folkmoot_proto::ids::CouncilCode;

use super::drops::Drop;

/// The whole network on one machine: certificates, councils' files, a coordinator and a real node process for each council,
/// national questions about single councils' and about joint figures, and the answers beside the truth.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "rehearsal",
    version,
    after_help = "Examples:
  rehearsal                                   all 153 councils, generated files
  rehearsal --councils 12 --people 400        twelve councils, 400 adults with care in each
  rehearsal --councils 716,717 --keep         two councils by code; keep their stores and files
  rehearsal --data ~/cld --out ~/played       files of your own, one folder for each council code
  rehearsal --councils 9 --offline 2          two councils are never there
  rehearsal --drop mask:5 --drop unmask:3     eight nodes are killed in the middle of a round; the rest must recover it
  rehearsal --councils 12 --liar              a coordinator that shows councils different things; nothing may come out

Exit codes: 0 played to the end and every figure agrees with the truth within its bounds (with --liar: every round failed
closed); 1 something failed or disagrees, or a lie gave a figure; 2 the command line makes no sense; 130 stopped by Ctrl-C."
)]
pub struct Args {
    /// How many councils, in the order of their codes, or which, as codes with commas; all by default
    #[arg(long, value_name = "N|CODES", default_value = "all")]
    pub councils: Councils,

    /// Adults with a history of care in each council
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub people: u32,

    /// Read files from DIR instead of generating them: one folder for each council code; files are imported in the order of their
    /// names, and a trailing _YYYYMMDD in a name is the day it was received
    #[arg(long, value_name = "DIR", conflicts_with_all = ["people", "dirt", "councils"])]
    pub data: Option<PathBuf>,

    /// Never start this many of the nodes
    #[arg(long, value_name = "K", default_value_t = 0)]
    pub offline: usize,

    /// Kill K nodes at exactly this step of a joint round: advertise, share, mask, consent (the survivors are signed) or unmask.
    /// Half of them die before they see the step's message, half once they have answered and before the answer is passed on.
    /// May be given several times; all happen in the same round. They are started again afterwards
    #[arg(long, value_name = "STEP:K")]
    pub drop: Vec<Drop>,

    /// Councils that the coordinator lets drop out of a joint round before it gives an attempt up, in percent; fewer councils
    /// whose noise is counted on means more noise [the coordinator's own: 5]
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(1..=45))]
    pub dropouts: Option<u8>,

    /// Play a coordinator that shows different councils different cohorts, keys, peers and survivors instead: every round must
    /// fail closed, and the councils' reasons are shown
    #[arg(long, conflicts_with = "drop")]
    pub liar: bool,

    /// Make the generated files as dirty as real ones are
    #[arg(long)]
    pub dirt: bool,

    /// Every choice of the generator follows from it
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,

    /// Keep generated files and the nodes' stores too (the report, exports and logs always stay)
    #[arg(long)]
    pub keep: bool,

    /// Where everything goes; a new folder below the system's temporary folder by default
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// Which councils take part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Councils {
    /// Every council of England.
    All,
    /// The first so many, by code.
    First(usize),
    /// These.
    These(Vec<CouncilCode>),
}

impl FromStr for Councils {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.eq_ignore_ascii_case("all") {
            return Ok(Self::All);
        }
        let text = text.trim();
        // Codes have three digits and begin with 1 or more; no federation has 100 councils and one more by count alone except 153.
        if let Ok(number) = text.parse::<usize>()
            && (number < 100 || (number <= 153 && CouncilCode::parse(text).ok().and_then(known).is_none()))
        {
            return if number == 0 {
                Err("at least one council is needed".to_owned())
            } else {
                Ok(Self::First(number))
            };
        }
        let mut codes = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let code = CouncilCode::parse(part).map_err(|error| error.to_string())?;
            let code = known(code).ok_or_else(|| format!("{part} is not the code of a council in England"))?;
            if codes.contains(&code) {
                return Err(format!("{part} is named twice"));
            }
            codes.push(code);
        }
        if codes.is_empty() { Err("no council is named".to_owned()) } else { Ok(Self::These(codes)) }
    }
}

fn known(code: CouncilCode) -> Option<CouncilCode> {
    folkmoot_proto::geography::Geography::built_in().council(code).map(|council| council.code)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn councils_are_a_number_or_codes() {
        assert_eq!("all".parse(), Ok(Councils::All));
        assert_eq!("12".parse(), Ok(Councils::First(12)));
        assert_eq!("153".parse(), Ok(Councils::First(153)));
        let Councils::These(codes) = "716, 717".parse().unwrap() else { panic!("codes") };
        assert_eq!(codes.len(), 2);
        for wrong in ["", "0", "716,716", "716,000", "many", "-3", "154"] {
            assert!(wrong.parse::<Councils>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_command_line_holds_together() {
        use clap::CommandFactory;
        Args::command().debug_assert();
        assert!(Args::try_parse_from(["rehearsal", "--data", "x", "--dirt"]).is_err());
    }
}
