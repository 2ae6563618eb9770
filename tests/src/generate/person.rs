//! The people of a generated council, and what happened to each of them, before any of it is written into files.

use jiff::civil::Date;

use super::calendar::{days, plus};
use super::dice::Dice;
use super::vocabulary as words;

/// What kind of event a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Request,
    Assessment,
    Service,
    Review,
}

impl Kind {
    /// The text of the Event Type column.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Request => "Request",
            Self::Assessment => "Assessment",
            Self::Service => "Service",
            Self::Review => "Review",
        }
    }
}

/// One event as it really happened; what a file shows of it depends on the file's date.
#[derive(Clone)]
pub(super) struct Event {
    pub(super) kind: Kind,
    /// The person acts as an unpaid carer in this event, not as somebody who draws on care.
    pub(super) as_carer: bool,
    pub(super) start: Date,
    /// Last day; `None` while it runs.
    pub(super) end: Option<Date>,
    /// First day on which the council's system knows of the event.
    pub(super) recorded: Date,
    /// Until this day the system held another start date: (day of the correction, start shown before it).
    pub(super) start_corrected: Option<(Date, Date)>,
    /// Until this day the system held another outcome.
    pub(super) outcome_corrected: Option<(Date, &'static str)>,
    pub(super) outcome: &'static str,
    pub(super) description: &'static str,
    /// Route of access of a request.
    pub(super) route: &'static str,
    pub(super) assessment_type: &'static str,
    pub(super) eligible_needs: &'static str,
    /// Method of an assessment or a review.
    pub(super) method: &'static str,
    pub(super) service_type: &'static str,
    pub(super) component: &'static str,
    pub(super) mechanism: &'static str,
    /// Which of the council's providers, for services that have one.
    pub(super) provider: Option<u16>,
    pub(super) review_reason: &'static str,
    pub(super) outcomes_achieved: &'static str,
    /// Unit cost in pence; `None` where the specification asks for no cost.
    pub(super) cost_pence: Option<u32>,
    pub(super) frequency: &'static str,
    /// Planned units a week, in hundredths.
    pub(super) units: Option<u32>,
}

impl Event {
    /// An event of `kind` with everything else empty, known to the system a day after it ended or started.
    pub(super) fn new(kind: Kind, start: Date, end: Option<Date>) -> Self {
        Self {
            kind,
            as_carer: false,
            start,
            end,
            recorded: plus(end.unwrap_or(start).min(plus(start, 10)), 1),
            start_corrected: None,
            outcome_corrected: None,
            outcome: "",
            description: "",
            route: "",
            assessment_type: "",
            eligible_needs: "",
            method: "",
            service_type: "",
            component: "",
            mechanism: "",
            provider: None,
            review_reason: "",
            outcomes_achieved: "",
            cost_pence: None,
            frequency: "",
            units: None,
        }
    }

    /// True for the four long-term service types.
    pub(super) fn is_long_term(&self) -> bool {
        [words::NURSING, words::RESIDENTIAL, words::COMMUNITY, words::PRISON].contains(&self.service_type)
    }
}

/// What a carer's rows say about caring.
#[derive(Clone)]
pub(super) struct Caring {
    pub(super) hours: &'static str,
    pub(super) adults: u8,
    /// Council person ids of those cared for; empty where there are fewer than three.
    pub(super) linked: [String; 3],
    /// Known only through the person cared for: one row without an event, in every file from this day on.
    pub(super) by_association_from: Option<Date>,
}

/// One person as one council knows them.
#[derive(Clone)]
pub(super) struct Person {
    pub(super) id: String,
    pub(super) nhs_number: Option<String>,
    pub(super) first_name: &'static str,
    pub(super) last_name: &'static str,
    pub(super) gp: Option<u16>,
    pub(super) gender: &'static str,
    pub(super) ethnicity: &'static str,
    pub(super) birth: Option<Date>,
    pub(super) death: Option<Date>,
    pub(super) reason: &'static str,
    pub(super) postcode: u16,
    /// Where the person lived from when, earliest first; the first entry holds from the beginning.
    pub(super) homes: Vec<(Date, &'static str)>,
    /// `None`: the council never learnt where the person lives, and writes this text instead.
    pub(super) home_unknown: Option<&'static str>,
    /// Files of periods that end before this day hold no ethnicity, accommodation or employment yet.
    pub(super) details_known_from: Option<Date>,
    pub(super) employment: &'static str,
    pub(super) has_carer: &'static str,
    pub(super) autism: &'static str,
    pub(super) visual: &'static str,
    pub(super) hearing: &'static str,
    pub(super) dementia: &'static str,
    pub(super) funding: &'static str,
    pub(super) caring: Option<Caring>,
    pub(super) events: Vec<Event>,
}

impl Person {
    /// A person of about `age` years on `on`, with details drawn at the rates of real files.
    ///
    /// About one in forty has no NHS number, one in a hundred no date of birth, one in fifteen no known accommodation.
    pub(super) fn draw(dice: &mut Dice, id: String, nhs_number: Option<String>, age: i32, on: Date) -> Self {
        let birth = plus(on, -(age * 1461 / 4) - dice.between(0, 364));
        let older = age >= 65;
        let gender = dice.weigh(&[
            ("Female", if older { 620 } else { 480 }),
            ("Male", if older { 370 } else { 510 }),
            ("Other", 3),
            (words::UNKNOWN, 7),
        ]);
        let known = !dice.chance(0.065);
        Self {
            id,
            nhs_number: nhs_number.filter(|_| !dice.chance(0.025)),
            first_name: dice.pick(&words::FIRST_NAMES),
            last_name: dice.pick(&words::LAST_NAMES),
            gp: Some(dice.between(1, 40) as u16).filter(|_| !dice.chance(0.1)),
            gender,
            ethnicity: dice.weigh(&words::ETHNICITIES),
            birth: Some(birth).filter(|_| !dice.chance(0.01)),
            death: None,
            reason: words::UNKNOWN,
            postcode: dice.between(0, 999) as u16,
            homes: vec![(birth, dice.weigh(&words::AT_HOME))],
            home_unknown: if known { None } else { Some(dice.weigh(&[(words::UNKNOWN, 3), ("", 1)])) },
            details_known_from: None,
            employment: if older {
                dice.weigh(&[
                    ("Not in paid employment: Not actively seeking work or retired", 70),
                    (words::UNKNOWN, 10),
                    ("", 20),
                ])
            } else {
                dice.weigh(&[
                    ("Not in paid employment: Not actively seeking work or retired", 640),
                    ("Not in paid employment: Seeking work", 80),
                    ("Not in paid employment: Voluntary work only", 40),
                    ("Paid: Less than 16 hours a week", 50),
                    ("Paid: 16 or more hours a week", 40),
                    ("Paid: Hours per week unknown", 10),
                    (words::UNKNOWN, 140),
                ])
            },
            has_carer: dice.weigh(&[("No", 45), ("Yes", 25), (words::UNKNOWN, 25), ("", 5)]),
            autism: dice.weigh(&[("No", 60), ("Yes", 2), (words::UNKNOWN, 28), ("", 10)]),
            visual: dice.weigh(&[
                ("No visual impairment", 70),
                ("Partial sight or sight impaired", 6),
                ("Blind or severely sight impaired", 3),
                (words::UNKNOWN, 11),
                ("", 10),
            ]),
            hearing: dice.weigh(&[
                ("No hearing impairment", 70),
                ("Hard of hearing", 9),
                ("Deaf with speech", 1),
                (words::UNKNOWN, 10),
                ("", 10),
            ]),
            dementia: if older {
                dice.weigh(&[("No", 50), ("Yes", 22), (words::UNKNOWN, 20), ("", 8)])
            } else {
                dice.weigh(&[("No", 70), (words::UNKNOWN, 20), ("", 10)])
            },
            funding: dice.weigh(&[
                ("Fully social care funded", 40),
                ("Joint client and social care funded", 45),
                ("Fully client funded", 5),
                (words::UNKNOWN, 10),
            ]),
            caring: None,
            events: Vec::new(),
        }
    }

    /// Where the person lived on `on`.
    pub(super) fn home_on(&self, on: Date) -> &'static str {
        self.homes
            .iter()
            .rev()
            .find(|(from, _)| *from <= on)
            .or(self.homes.first())
            .map_or(words::UNKNOWN, |(_, home)| home)
    }

    /// Ends this life on `on`: nothing starts from then on, and what still ran ends that day.
    pub(super) fn die(&mut self, dice: &mut Dice, on: Date) {
        self.stop(on, words::outcome::DECEASED);
        self.death = Some(on);
        // A few services are never closed by hand after a death; the date of death then has to do it.
        for event in &mut self.events {
            if event.kind == Kind::Service && event.end == Some(on) && days(event.start, on) > 1 && dice.chance(0.05) {
                event.end = None;
                event.outcome = words::outcome::CONTINUES;
            }
        }
    }

    /// Ends the person's dealings with this council on `on`, with `outcome` on whatever still ran.
    pub(super) fn stop(&mut self, on: Date, outcome: &'static str) {
        self.events.retain(|event| event.start < on);
        for event in &mut self.events {
            if event.end.is_none_or(|end| end > on) {
                event.end = Some(on);
                event.outcome = outcome;
                event.recorded = event.recorded.min(plus(on, 1));
            }
        }
        self.homes.retain(|(from, _)| *from < on);
    }
}
