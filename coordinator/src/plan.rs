//! A request to a checked plan: what is asked, of which councils, for which areas, at what price and how exactly.
//!
//! Nothing is asked here, and nothing about people is known here: price and margins follow from the question alone.

use std::collections::BTreeSet;

use folkmoot_proto::disclosure::{self, Profile};
use folkmoot_proto::geography::{Geography, Structure};
use folkmoot_proto::identity::{Identity, Role};
use folkmoot_proto::ids::{BoardCode, CouncilCode};
use folkmoot_proto::layout::Layout;
use folkmoot_proto::period::Day;
use folkmoot_proto::privacy;
use folkmoot_proto::query::{self, Query, Release};
use folkmoot_proto::reason::{Reason, Refusal};
use folkmoot_proto::wire::v1 as wire;

use crate::scope::{Level, Scope};

/// The most figures of one release: a quarter of a gigabyte as JSON.
const MOST_FIGURES: usize = 3_000_000;

/// A checked plan.
#[derive(Clone, Debug)]
pub struct Plan {
    query: Query,
    layout: Layout,
    scope: Scope,
    councils: BTreeSet<CouncilCode>,
    notes: Vec<String>,
}

/// What a plan promises before anything is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Margin of error of one cell of one council.
    pub council_margin: u64,
    /// Margin of error of one cell of all councils together.
    pub all_margin: u64,
}

impl Plan {
    /// Checks a request of `caller` on the day `today`, where no registry says who is in the federation.
    ///
    /// # Errors
    /// The [`Refusal`] that says what cannot be asked and what can.
    pub fn check(request: wire::PlanRequest, caller: &Identity, today: Day) -> Result<Self, Refusal> {
        Self::check_among(request, caller, today, None)
    }

    /// Checks a request of `caller` on the day `today`. A request that names no councils is for those `members` of the
    /// federation that the caller may ask, or for every council when there is no registry.
    ///
    /// # Errors
    /// The [`Refusal`] that says what cannot be asked and what can.
    pub fn check_among(
        request: wire::PlanRequest,
        caller: &Identity,
        today: Day,
        members: Option<&BTreeSet<CouncilCode>>,
    ) -> Result<Self, Refusal> {
        let invalid = |sentence: String| Refusal::new(Reason::InvalidQuestion, sentence);
        let query = request.query.ok_or_else(|| invalid("the request holds no question".to_owned()))?;
        let query = Query::try_from(query).map_err(refuse_query)?;
        if query.data().as_of.is_some_and(|as_of| as_of > today) {
            return Err(invalid(format!("the as-of day lies after today, {today}")));
        }
        let query = if query.data().as_of.is_some() { query } else { query.with_as_of(today) };
        let layout = Layout::of(&query).map_err(refuse_query)?;
        // Every council refuses it, too: said here, before anybody is asked.
        disclosure::admissible(&query).map_err(|why| invalid(why.to_string()))?;
        let level = match wire::Level::try_from(request.level) {
            Ok(wire::Level::England) => Level::England,
            Ok(wire::Level::Region) => Level::Region,
            Ok(wire::Level::Board) => Level::Board,
            Ok(wire::Level::Council) => Level::Council,
            Ok(wire::Level::Unspecified) | Err(_) => {
                return Err(invalid("the level is missing: england, region, icb or council".to_owned()));
            }
        };
        let own_board = match caller.role() {
            Role::NationalAnalyst => None,
            Role::IcbAnalyst => caller.board().cloned(),
            other => return Err(Refusal::new(Reason::NotAllowed, format!("{other} does not ask questions"))),
        };
        let mut notes = Vec::new();
        let structure = structure(&request.boards, query.period().last(), own_board.as_ref(), &mut notes)?;
        let board = match (&own_board, request.board.trim()) {
            (own, "") => own.clone(),
            (None, text) => Some(
                BoardCode::parse(text)
                    .ok()
                    .filter(|code| structure.board(code).is_some())
                    .ok_or_else(|| unknown_board(text, structure))?,
            ),
            (Some(own), text) if text.eq_ignore_ascii_case(own.as_str()) => Some(own.clone()),
            (Some(own), _) => return Err(own_only(own, structure)),
        };
        if let (Some(own), Level::England | Level::Region) = (&own_board, level) {
            return Err(own_only(own, structure));
        }
        if board.is_some() && matches!(level, Level::England | Level::Region) {
            return Err(invalid("figures of one board are given at level icb or council".to_owned()));
        }
        let allowed: BTreeSet<CouncilCode> = match &board {
            Some(board) => structure.members(board),
            None => Geography::built_in().councils().map(|council| council.code).collect(),
        };
        let councils = match members {
            Some(members) if request.councils.is_empty() => joined(&allowed, members, board.as_ref())?,
            _ => chosen(&request.councils, &allowed, own_board.as_ref(), structure)?,
        };
        let by_registry = request.members || (request.councils.is_empty() && members.is_some());
        if by_registry && councils.len() < allowed.len() {
            notes.push(format!(
                "Asked of the {} members of the federation; {} has {} councils.",
                councils.len(),
                board.as_ref().map_or("England".to_owned(), |board| format!("board {board}")),
                allowed.len()
            ));
        }
        if level == Level::Council && query.release().is_joint() {
            return Err(invalid(format!(
                "{} figures can be read only as sums over several councils, so there are none at council level: ask for \
                 icb, region or england, or use council-suppressed or council-private",
                query.release().word()
            )));
        }
        let scope = Scope::new(level, structure, board);
        let areas = crate::merge::count_areas(&scope, &councils);
        // Ratios have a denominator and a percentage beside each pair of counts.
        let figures = areas * layout.len() * if layout.components().len() == 2 { 2 } else { 1 };
        if figures > MOST_FIGURES {
            return Err(invalid(format!(
                "the release would hold {figures} figures for {areas} areas, and the limit is {MOST_FIGURES}: ask for fewer \
                 dimensions or categories, or for wider areas"
            )));
        }
        Ok(Self { query, layout, scope, councils, notes })
    }

    /// The question, as-of day fixed.
    pub fn query(&self) -> &Query {
        &self.query
    }

    /// Where each figure stands.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Which areas figures are wanted for.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The councils to ask.
    pub fn councils(&self) -> &BTreeSet<CouncilCode> {
        &self.councils
    }

    /// What the caller should know.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Price per person, in billionths of rho.
    pub fn rho_nano(&self) -> u64 {
        self.query.release().rho().map_or(0, privacy::Rho::nano)
    }

    /// Margins of error to expect: from noise 19 times in 20, from suppression and rounding at most.
    pub fn expected(&self) -> Expected {
        let councils = self.councils.len() as u64;
        match self.query.release() {
            Release::CouncilPrivate(rho) => {
                let sigma = rho.sigma(self.query.bound().l2_squared());
                let all = privacy::margin(sigma * (councils as f64).sqrt());
                Expected { council_margin: privacy::margin(sigma), all_margin: all }
            }
            Release::JointPrivate(rho) => {
                let margin = privacy::margin(rho.sigma(self.query.bound().l2_squared()));
                Expected { council_margin: 0, all_margin: margin }
            }
            Release::CouncilSuppressed(profile) => {
                // 1 to 7 is 4 give or take 3; 0 to 4 is 2 give or take 2.
                let one = match profile {
                    Profile::Hospital => 3,
                    Profile::Ascof => 2,
                };
                Expected { council_margin: one, all_margin: one * councils }
            }
            Release::JointSuppressed(_) => Expected { council_margin: 0, all_margin: 3 },
        }
    }

    /// Share of England's adult residents, or of the board's, who live in these councils.
    pub fn adult_share(&self, councils: &BTreeSet<CouncilCode>) -> f64 {
        let geography = Geography::built_in();
        let adults = |codes: &mut dyn Iterator<Item = CouncilCode>| -> u64 {
            codes.filter_map(|code| geography.council(code)).map(|council| council.population.adults).sum()
        };
        let whole = match self.scope.board() {
            Some(board) => adults(&mut self.scope.structure().members(board).into_iter()),
            None => adults(&mut geography.councils().map(|council| council.code)),
        };
        adults(&mut councils.iter().copied()) as f64 / (whole.max(1)) as f64
    }
}

/// What a question's fault means for whoever asked.
pub fn refuse_query(error: query::Error) -> Refusal {
    let reason = match error {
        query::Error::Version { .. } | query::Error::CodeLists { .. } => Reason::VersionMismatch,
        _ => Reason::InvalidQuestion,
    };
    Refusal::new(reason, error.to_string())
}

fn structure(
    version: &str,
    day: Day,
    own: Option<&BoardCode>,
    notes: &mut Vec<String>,
) -> Result<&'static Structure, Refusal> {
    const VERSIONS: [&str; 2] = ["icb-2026", "icb-2022"];
    let geography = Geography::built_in();
    let has = |structure: &Structure| own.is_none_or(|code| structure.board(code).is_some());
    if !version.trim().is_empty() {
        let structure = geography.structure(version.trim()).ok_or_else(|| {
            let known = VERSIONS.join(" and ");
            Refusal::new(
                Reason::InvalidQuestion,
                format!("there is no structure of boards `{version}`: {known} are known"),
            )
        })?;
        if let (false, Some(own)) = (has(structure), own) {
            return Err(Refusal::new(
                Reason::NotAllowed,
                format!("your board {own} is not part of the structure {}: leave the structure out", structure.version),
            ));
        }
        return Ok(structure);
    }
    let usual = geography.boards_on(day);
    if has(usual) {
        return Ok(usual);
    }
    let other = VERSIONS.iter().filter_map(|version| geography.structure(version)).find(|structure| has(structure));
    match (other, own) {
        (Some(other), Some(own)) => {
            notes.push(format!(
                "Board {own} did not exist on {day}; its councils are those of the structure {}.",
                other.version
            ));
            Ok(other)
        }
        _ => Err(Refusal::new(Reason::NotAllowed, "your certificate names a board that is in no known structure")),
    }
}

fn unknown_board(text: &str, structure: &Structure) -> Refusal {
    let known: Vec<_> = structure.boards().map(|board| board.code.to_string()).collect();
    let text: String = text.chars().take(20).collect();
    let sentence = format!("there is no board `{text}` in {}: it has {}", structure.version, known.join(", "));
    Refusal::new(Reason::InvalidQuestion, sentence)
}

/// An ICB analyst asked for something else than their own board.
fn own_only(own: &BoardCode, structure: &Structure) -> Refusal {
    let members: Vec<_> = structure.members(own).into_iter().map(|code| code.to_string()).collect();
    let name = structure.board(own).map_or("your board", |board| board.name.as_str());
    Refusal::new(
        Reason::NotAllowed,
        format!(
            "an ICB analyst may ask for {name} ({own}) only: level icb for its total, level council for its councils {} \
             as well",
            members.join(", ")
        ),
    )
    .with("board", own)
}

/// The councils that may be asked and are in the federation.
fn joined(
    allowed: &BTreeSet<CouncilCode>,
    members: &BTreeSet<CouncilCode>,
    board: Option<&BoardCode>,
) -> Result<BTreeSet<CouncilCode>, Refusal> {
    let councils: BTreeSet<CouncilCode> = allowed.intersection(members).copied().collect();
    if councils.is_empty() {
        let whose = board.map_or("no council".to_owned(), |board| format!("no council of board {board}"));
        return Err(Refusal::new(
            Reason::InvalidQuestion,
            format!("{whose} is in the federation's registry, so there is nobody to ask: `councils` lists its members"),
        ));
    }
    Ok(councils)
}

fn chosen(
    asked: &[String],
    allowed: &BTreeSet<CouncilCode>,
    own: Option<&BoardCode>,
    structure: &Structure,
) -> Result<BTreeSet<CouncilCode>, Refusal> {
    if asked.is_empty() {
        return Ok(allowed.clone());
    }
    let mut councils = BTreeSet::new();
    for text in asked.iter().take(1000) {
        let code =
            CouncilCode::parse(text).map_err(|error| Refusal::new(Reason::InvalidQuestion, error.to_string()))?;
        if !allowed.contains(&code) {
            return Err(match own {
                Some(own) => own_only(own, structure),
                None => Refusal::new(
                    Reason::InvalidQuestion,
                    format!("council {code} is not among the councils that this question can be asked of"),
                ),
            });
        }
        councils.insert(code);
    }
    Ok(councils)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::testing;

    fn analyst(text: &str) -> Identity {
        Identity::parse(&format!("folkmoot://england/analyst/{text}")).unwrap()
    }

    fn request(level: wire::Level) -> wire::PlanRequest {
        let (query, _) = testing::suppressed("2E");
        wire::PlanRequest { query: Some((&query).into()), level: level.into(), ..Default::default() }
    }

    fn check(request: wire::PlanRequest, who: &str) -> Result<Plan, Refusal> {
        Plan::check(request, &analyst(who), "2025-07-01".parse().unwrap())
    }

    #[test]
    fn a_national_analyst_asks_everybody_and_the_day_is_fixed() {
        let mut open = request(wire::Level::Region);
        open.query.as_mut().unwrap().as_of = None;
        let plan = check(open, "national/a").unwrap();
        assert_eq!(plan.councils().len(), 153);
        assert_eq!(plan.query().data().as_of.unwrap().to_string(), "2025-07-01");
        assert_eq!(plan.scope().structure().version, "icb-2022");
        assert!((plan.adult_share(plan.councils()) - 1.0).abs() < 1e-9);
        let mut late = request(wire::Level::Region);
        late.query.as_mut().unwrap().as_of = Some("2025-07-02".parse::<Day>().unwrap().number());
        assert_eq!(check(late, "national/a").unwrap_err().reason(), Reason::InvalidQuestion);
        assert!(check(request(wire::Level::Unspecified), "national/a").is_err());
    }

    #[test]
    fn who_names_no_councils_asks_the_members_of_the_federation_and_is_told_so() {
        let day: Day = "2025-07-01".parse().unwrap();
        let members: BTreeSet<CouncilCode> = ["104", "417", "503"].into_iter().map(testing::council).collect();
        let among = |request, who| Plan::check_among(request, &analyst(who), day, Some(&members));
        let plan = among(request(wire::Level::Region), "national/a").unwrap();
        assert_eq!(plan.councils(), &members);
        assert!(plan.notes()[0].contains("3 members") && plan.notes()[0].contains("153"), "{:?}", plan.notes());
        // The share stays that of England, not of the members.
        assert!(plan.adult_share(plan.councils()) < 0.05);
        // Shropshire is in, Telford and Wrekin is not.
        let own = among(request(wire::Level::Board), "icb/QOC/b").unwrap();
        assert_eq!(own.councils(), &BTreeSet::from([testing::council("417")]));
        assert!(own.notes()[0].contains("QOC has 2 councils"), "{:?}", own.notes());
        let refusal = among(request(wire::Level::Board), "icb/QMM/b").unwrap_err();
        assert!(refusal.sentence().contains("no council of board QMM"), "{refusal}");
        // Who names councils gets those, and nothing is said about members.
        let named = wire::PlanRequest { councils: vec!["106".into()], ..request(wire::Level::Council) };
        let plan = among(named, "national/a").unwrap();
        assert_eq!((plan.councils().len(), plan.notes().len()), (1, 0));
        // What was stored says where its list came from, so that a later look tells the same.
        let councils = members.iter().map(ToString::to_string).collect();
        let stored = wire::PlanRequest { councils, members: true, ..request(wire::Level::Region) };
        assert!(check(stored, "national/a").unwrap().notes()[0].contains("3 members"));
    }

    #[test]
    fn an_icb_analyst_asks_their_own_board_and_nothing_else() {
        let plan = check(request(wire::Level::Council), "icb/QOC/b").unwrap();
        let members = Geography::built_in().structure("icb-2022").unwrap().members(&BoardCode::parse("QOC").unwrap());
        assert_eq!(plan.councils(), &members);
        assert_eq!(plan.scope().levels(), [Level::Board, Level::Council]);
        for level in [wire::Level::England, wire::Level::Region] {
            let refusal = check(request(level), "icb/QOC/b").unwrap_err();
            assert_eq!(refusal.reason(), Reason::NotAllowed);
            assert!(refusal.sentence().contains("QOC"), "{refusal}");
        }
        let outside = "104".to_owned();
        let refused = [
            wire::PlanRequest { councils: vec![outside], ..request(wire::Level::Council) },
            wire::PlanRequest { board: "QHM".into(), ..request(wire::Level::Board) },
            wire::PlanRequest { boards: "icb-2026".into(), ..request(wire::Level::Board) },
        ];
        for (request, who) in refused.into_iter().zip(["icb/QOC/b", "icb/QOC/b", "icb/QMM/b"]) {
            assert_eq!(check(request, who).unwrap_err().reason(), Reason::NotAllowed);
        }
    }

    #[test]
    fn a_board_newer_than_the_period_is_used_with_a_note() {
        let plan = check(request(wire::Level::Board), "icb/S1Y5D/b").unwrap();
        assert_eq!(plan.scope().structure().version, "icb-2026");
        assert!(plan.notes()[0].contains("S1Y5D"));
        assert_eq!(check(request(wire::Level::Board), "icb/ZZZ/b").unwrap_err().reason(), Reason::NotAllowed);
    }

    #[test]
    fn a_release_too_large_to_read_is_refused_before_anybody_is_asked() {
        let by = ["age_group", "ethnic_group", "primary_support_reason", "accommodation"];
        let release = Release::CouncilSuppressed(Profile::Hospital);
        let (query, _) = testing::question("people", Some(&by), release);
        let request = |level: wire::Level| wire::PlanRequest {
            query: Some((&query).into()),
            level: level.into(),
            ..Default::default()
        };
        let refusal = check(request(wire::Level::Council), "national/a").unwrap_err();
        assert!(refusal.sentence().contains("fewer dimensions"), "{refusal}");
        assert!(check(request(wire::Level::England), "national/a").is_ok());
    }

    #[test]
    fn others_do_not_ask() {
        for who in ["operator/ops", "auditor/a", "council/503"] {
            let caller = Identity::parse(&format!("folkmoot://england/{who}")).unwrap();
            let refusal = Plan::check(request(wire::Level::Region), &caller, testing::as_of()).unwrap_err();
            assert_eq!(refusal.reason(), Reason::NotAllowed);
        }
    }

    #[test]
    fn margins_follow_from_the_price() {
        let (query, _) = testing::private("2E");
        let request = wire::PlanRequest {
            query: Some((&query).into()),
            level: wire::Level::England.into(),
            ..Default::default()
        };
        let plan = check(request, "national/a").unwrap();
        // rho 0.005 at sensitivity 1: sigma 10; 1.96 x 10 -> 20, 1.96 x 10 x sqrt(153) = 242.4 -> 243.
        assert_eq!(plan.expected(), Expected { council_margin: 20, all_margin: 243 });
        assert_eq!(plan.rho_nano(), 5_000_000);
    }
}
