//! One life in care: a contact, perhaps reablement, an assessment, services, reviews, changes, an end.

use jiff::civil::Date;

use super::calendar::plus;
use super::dice::Dice;
use super::person::{Event, Kind, Person};
use super::vocabulary as words;
use super::vocabulary::outcome;

/// What sort of life it is; decides age, reason, settings and pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Path {
    OlderAtHome,
    OlderFromHospital,
    OlderCareHome,
    OlderNursing,
    LearningDisability,
    LearningDisabilityCareHome,
    MentalHealth,
    YoungerPhysical,
    Prison,
    Transition,
    ShortTermOnly,
}

/// How many of each in a thousand adults with care.
pub(super) const PATHS: [(Path, u32); 11] = [
    (Path::OlderAtHome, 290),
    (Path::OlderFromHospital, 190),
    (Path::OlderCareHome, 130),
    (Path::OlderNursing, 60),
    (Path::LearningDisability, 115),
    (Path::LearningDisabilityCareHome, 20),
    (Path::MentalHealth, 60),
    (Path::YoungerPhysical, 55),
    (Path::Prison, 4),
    (Path::Transition, 16),
    (Path::ShortTermOnly, 60),
];

impl Path {
    /// An age at which such a life is met.
    pub(super) fn age(self, dice: &mut Dice) -> i32 {
        match self {
            Self::OlderAtHome | Self::OlderFromHospital => 65 + dice.wait(15).min(38),
            Self::OlderCareHome | Self::OlderNursing => 68 + dice.wait(16).min(36),
            Self::LearningDisability | Self::LearningDisabilityCareHome => dice.between(18, 70),
            Self::MentalHealth | Self::Prison => dice.between(19, 66),
            Self::YoungerPhysical => dice.between(25, 64),
            Self::Transition => 16,
            Self::ShortTermOnly => dice.between(45, 92),
        }
    }

    fn reason(self, dice: &mut Dice, age: i32) -> &'static str {
        match self {
            Self::LearningDisability | Self::LearningDisabilityCareHome => words::LEARNING_DISABILITY,
            Self::Transition => {
                dice.weigh(&[(words::LEARNING_DISABILITY, 70), (words::PERSONAL_CARE, 20), (words::MENTAL_HEALTH, 10)])
            }
            Self::MentalHealth | Self::Prison => words::MENTAL_HEALTH,
            _ if dice.chance(0.01) => words::UNKNOWN,
            _ if age >= 65 => dice.weigh(&words::REASONS_OLDER),
            _ => dice.weigh(&words::REASONS_YOUNGER),
        }
    }

    /// Chance of dying within a year.
    fn mortality(self) -> f64 {
        match self {
            Self::OlderAtHome | Self::OlderFromHospital => 0.13,
            Self::OlderCareHome => 0.27,
            Self::OlderNursing => 0.36,
            Self::ShortTermOnly => 0.08,
            _ => 0.02,
        }
    }
}

/// A life being told: the person, the day reached, and the services that run on that day.
pub(super) struct Story<'a> {
    dice: &'a mut Dice,
    person: &'a mut Person,
    path: Path,
    now: Date,
    /// The last day anything can happen.
    until: Date,
    running: Vec<usize>,
}

impl<'a> Story<'a> {
    /// A story that starts on `from`; nothing starts after `until`.
    pub(super) fn new(dice: &'a mut Dice, person: &'a mut Person, path: Path, from: Date, until: Date) -> Self {
        let age = person.birth.map_or(70, |birth| i32::from(from.year() - birth.year()));
        person.reason = path.reason(dice, age);
        if person.reason == words::LEARNING_DISABILITY {
            person.autism = dice.weigh(&[("Yes", 30), ("No", 60), (words::UNKNOWN, 10)]);
            person.homes[0].1 = dice.weigh(&words::AT_HOME_LEARNING_DISABILITY);
        }
        if person.reason == words::MEMORY {
            person.dementia = "Yes";
        }
        Self { dice, person, path, now: from, until, running: Vec::new() }
    }

    /// Tells the whole life from its first contact. `route` is how the person came to the council, drawn when `None`.
    pub(super) fn tell(mut self, route: Option<&'static str>) {
        let begun = self.now;
        let reablement = match self.path {
            Path::OlderFromHospital | Path::ShortTermOnly => true,
            Path::OlderAtHome | Path::YoungerPhysical => self.dice.chance(0.25),
            _ => false,
        };
        let route = route.unwrap_or_else(|| match self.path {
            Path::OlderFromHospital => words::FROM_HOSPITAL,
            Path::Transition => words::BY_TRANSITION,
            _ => self.dice.weigh(&words::ROUTES),
        });
        self.contact(route, if reablement { outcome::TO_REABLEMENT } else { outcome::TO_ASSESSMENT });
        let goes_on = !reablement || self.reablement();
        if goes_on && self.assessment() {
            self.begin_support();
            self.live_with_support();
        }
        self.mistakes();
        self.mortality(begun);
    }

    /// Whole years are too coarse for death: one draw a year, uniform within the year.
    fn mortality(&mut self, begun: Date) {
        let mut year = begun;
        while year < self.until {
            if self.dice.chance(self.path.mortality()) {
                let day = plus(year, self.dice.between(2, 365));
                if day <= self.until {
                    self.person.die(self.dice, day);
                }
                return;
            }
            year = plus(year, 365);
        }
    }

    /// Moves to a later day.
    fn later(&mut self, days: i32) {
        self.now = plus(self.now, days);
    }

    fn over(&self) -> bool {
        self.now > self.until
    }

    fn push(&mut self, event: Event) -> usize {
        if event.start <= self.until {
            self.person.events.push(event);
        }
        self.person.events.len().saturating_sub(1)
    }

    fn contact(&mut self, route: &'static str, outcome: &'static str) {
        let taken = if self.dice.chance(0.6) { 0 } else { self.dice.between(1, 6) };
        let mut event = Event::new(Kind::Request, self.now, Some(plus(self.now, taken)));
        event.route = route;
        event.outcome = outcome;
        event.description = self.dice.weigh(&[
            ("", 50),
            ("Initial conversation by telephone", 20),
            ("First Conversation held", 10),
            ("Contact, referral form received", 20),
        ]);
        if self.dice.chance(0.02) {
            event.outcome_corrected = Some((plus(self.now, 120), outcome::ADVICE));
        }
        self.push(event);
        self.later(taken);
    }

    /// ST-Max, sometimes in two legs; true when more support follows.
    fn reablement(&mut self) -> bool {
        let wait = self.dice.between(0, 6);
        self.later(wait);
        for leg in 0..if self.dice.chance(0.12) { 2 } else { 1 } {
            if leg == 1 {
                let gap = self.dice.between(0, 9);
                self.later(gap);
            }
            let length = self.dice.between(8, 44);
            let end = plus(self.now, length);
            let mut event = Event::new(Kind::Service, self.now, Some(end));
            event.service_type = words::ST_MAX;
            event.component = words::REABLEMENT;
            event.outcome = if self.path == Path::ShortTermOnly {
                self.dice.weigh(&[
                    (outcome::AS_PLANNED, 50),
                    (outcome::ADVICE, 15),
                    (outcome::NO_SERVICES, 8),
                    (outcome::ENDED_OTHER, 6),
                    (outcome::HOSPITAL, 8),
                    (outcome::DECLINED, 4),
                    (outcome::NHS, 3),
                    (outcome::SELF_FUNDED, 3),
                    (outcome::OTHER_SERVICE, 3),
                ])
            } else {
                self.dice.weigh(&[(outcome::TO_ASSESSMENT, 60), (outcome::TO_SERVICES, 40)])
            };
            self.push(event);
            self.later(length);
        }
        if self.dice.chance(0.4) {
            self.review(words::REVIEW_SHORT_TERM, outcome::AS_PLANNED);
        }
        if self.path == Path::ShortTermOnly && self.dice.chance(0.3) {
            let mut event = Event::new(Kind::Service, self.now, Some(plus(self.now, self.dice.between(1, 400))));
            event.service_type = words::LOW_LEVEL;
            event.component = "Equipment";
            event.outcome = outcome::AS_PLANNED;
            if self.dice.chance(0.4) {
                event.end = None;
                event.outcome = outcome::CONTINUES;
            }
            self.push(event);
        }
        self.path != Path::ShortTermOnly
    }

    /// A long-term assessment after a wait; true when it finds eligible needs.
    fn assessment(&mut self) -> bool {
        let wait = self.dice.wait(16);
        self.later(wait);
        if self.over() {
            return false;
        }
        let taken = self.dice.wait(9);
        let mut event = Event::new(Kind::Assessment, self.now, Some(plus(self.now, taken)));
        let eligible = self.dice.chance(0.93);
        event.assessment_type = words::LONG_ASSESSMENT;
        event.eligible_needs = if eligible { "Yes" } else { "No" };
        event.method = self.dice.weigh(&words::METHODS);
        event.outcome = if eligible {
            outcome::TO_SERVICES
        } else {
            self.dice.weigh(&[
                (outcome::ADVICE, 40),
                (outcome::SELF_FUNDED, 25),
                (outcome::DECLINED, 20),
                (outcome::NO_SERVICES, 15),
            ])
        };
        self.push(event);
        self.later(taken);
        eligible
    }

    fn begin_support(&mut self) {
        let wait = self.dice.wait(12);
        self.later(wait);
        if self.path == Path::Transition
            && let Some(birth) = self.person.birth
            && self.dice.chance(0.7)
        {
            // Adult services usually begin on the eighteenth birthday, sometimes before it.
            let adult = super::calendar::plus_months(birth, 18 * 12);
            self.now = self.now.max(adult);
        }
        match self.path {
            Path::OlderCareHome | Path::LearningDisabilityCareHome => self.care_home(false),
            Path::OlderNursing => self.care_home(true),
            Path::Prison => self.prison(),
            _ => self.community(),
        }
    }

    fn open(&mut self, event: Event) {
        if event.start > self.until {
            return;
        }
        let index = self.push(event);
        self.running.push(index);
    }

    fn close(&mut self, outcome: &'static str) {
        for index in self.running.drain(..) {
            let event = &mut self.person.events[index];
            event.end = Some(self.now.max(event.start));
            event.outcome = outcome;
        }
    }

    fn long_term(&mut self, kind: &'static str, component: &'static str) -> Event {
        let mut event = Event::new(Kind::Service, self.now, None);
        event.service_type = kind;
        event.component = component;
        event.outcome = outcome::CONTINUES;
        event.provider = Some(self.dice.between(1, 60) as u16);
        if self.dice.chance(0.01) {
            let old = plus(self.now, -self.dice.between(1, 40));
            event.start_corrected = Some((plus(self.now, self.dice.between(60, 700)), old));
        }
        event
    }

    /// Community support of one to three lines.
    fn community(&mut self) {
        let learning = self.person.reason == words::LEARNING_DISABILITY;
        let lines = self.dice.weigh(&[(1, 68), (2, 26), (3, 6)]);
        let mechanism = self.dice.weigh(&[
            (words::MANAGED_BUDGET, 62),
            (words::DIRECT_PAYMENT, 24),
            (words::COMMISSIONED, 11),
            ("", 3),
        ]);
        let mut lines_so_far: Vec<(&str, &str)> = Vec::new();
        for line in 0..lines {
            let component = if mechanism == words::DIRECT_PAYMENT && line == 0 {
                words::DIRECT_PAYMENT
            } else if learning {
                self.dice.weigh(&[
                    (words::SUPPORTED_LIVING, 45),
                    (words::DAY_SUPPORT, 25),
                    (words::SHARED_LIVES, 8),
                    (words::HOME_SUPPORT, 15),
                    ("Transport", 7),
                ])
            } else {
                self.dice.weigh(&[
                    (words::HOME_SUPPORT, 72),
                    (words::DAY_SUPPORT, 8),
                    (words::EXTRA_CARE, 7),
                    ("Meals", 4),
                    ("Professional support: Other", 4),
                    ("Other long term support", 4),
                    ("", 1),
                ])
            };
            let mut event = self.long_term(words::COMMUNITY, component);
            // Two lines of one component are one event to the published method, which then keeps either; they agree here.
            let before = lines_so_far.iter().find(|(known, _)| *known == component).map(|(_, mechanism)| *mechanism);
            event.mechanism = match before {
                Some(agreed) => agreed,
                None if line > 0 && self.dice.chance(0.15) => words::MANAGED_BUDGET,
                None => mechanism,
            };
            lines_so_far.push((component, event.mechanism));
            self.price(&mut event);
            match component {
                words::SUPPORTED_LIVING => self.move_home(words::SUPPORTED_HOME),
                words::SHARED_LIVES => self.move_home(words::SHARED_LIVES_HOME),
                words::EXTRA_CARE => self.move_home(words::EXTRA_CARE_HOME),
                _ => {}
            }
            self.open(event);
        }
    }

    fn care_home(&mut self, nursing: bool) {
        if self.dice.chance(0.3) {
            let length = self.dice.between(10, 35);
            let mut event = Event::new(Kind::Service, self.now, Some(plus(self.now, length)));
            event.service_type = words::OTHER_SHORT;
            event.component = if nursing { "Short term nursing care" } else { "Short term residential care" };
            event.outcome = outcome::TO_SERVICES;
            event.cost_pence = Some(self.dice.between(60_000, 140_000) as u32);
            event.frequency = "Weekly";
            self.push(event);
            self.later(length);
        }
        let (kind, component, home) = if nursing {
            (words::NURSING, "Long term nursing care", words::NURSING_HOME)
        } else {
            (words::RESIDENTIAL, "Long term residential care", words::CARE_HOME)
        };
        let component = if self.dice.chance(0.01) { "" } else { component };
        let mut event = self.long_term(kind, component);
        event.cost_pence = Some(self.dice.between(55_000, 210_000) as u32);
        event.frequency = "Weekly";
        self.move_home(home);
        self.open(event);
    }

    fn prison(&mut self) {
        let mut event = self.long_term(words::PRISON, words::HOME_SUPPORT);
        event.mechanism = self.dice.weigh(&[(words::MANAGED_BUDGET, 40), (words::COMMISSIONED, 50), ("", 10)]);
        event.cost_pence = Some(18_500);
        event.frequency = "Weekly";
        self.move_home(words::PRISON_HOME);
        self.open(event);
    }

    fn price(&mut self, event: &mut Event) {
        if event.mechanism == words::COMMISSIONED && self.dice.chance(0.8) {
            return;
        }
        let (frequency, low, high) = self.dice.weigh(&[
            (("Hourly", 1_850, 2_750), 60),
            (("Weekly", 4_500, 120_000), 25),
            (("4-weekly", 20_000, 300_000), 10),
            (("Daily", 4_000, 9_500), 4),
            (("One-off", 5_000, 90_000), 1),
        ]);
        event.frequency = frequency;
        event.cost_pence = Some(self.dice.between(low, high) as u32);
        if frequency == "Hourly" || frequency == "Daily" {
            event.units = Some(25 * self.dice.between(4, 112) as u32);
        }
    }

    fn move_home(&mut self, home: &'static str) {
        if self.now <= self.until {
            self.person.homes.push((self.now, home));
        }
    }

    fn review(&mut self, reason: &'static str, outcome: &'static str) {
        let taken = self.dice.between(0, 12);
        let mut event = Event::new(Kind::Review, self.now, Some(plus(self.now, taken)));
        event.review_reason = reason;
        event.outcome = outcome;
        event.method = self.dice.weigh(&words::METHODS);
        event.outcomes_achieved = self.dice.weigh(&[("Fully met", 50), ("Partially met", 40), ("Not met", 5), ("", 5)]);
        self.push(event);
    }

    /// Reviews, changes of package, hospital, care homes, until the story's last day.
    fn live_with_support(&mut self) {
        let in_care_home = |story: &Self| {
            story.running.first().is_some_and(|&index| {
                [words::NURSING, words::RESIDENTIAL].contains(&story.person.events[index].service_type)
            })
        };
        while !self.over() && !self.running.is_empty() {
            let wait = 20 + self.dice.wait(170);
            self.later(wait);
            if self.over() {
                return;
            }
            let settled_home = in_care_home(self);
            match self.dice.between(1, 100) {
                1..=58 => {
                    let led_to = self.dice.weigh(&[(outcome::CONTINUES, 80), (outcome::TO_SERVICES, 20)]);
                    self.review(words::REVIEW_PLANNED, led_to);
                }
                59..=70 => {
                    let reason = self.dice.weigh(&words::REVIEW_UNPLANNED);
                    self.review(reason, outcome::TO_SERVICES);
                }
                71..=82 if !settled_home && self.path != Path::Prison => {
                    self.close(outcome::TO_SERVICES);
                    self.later(1);
                    self.community();
                }
                83..=92 if !settled_home && self.path != Path::Prison => self.hospital(),
                93..=96 if !settled_home && self.path != Path::Prison => {
                    self.review(words::REVIEW_PLANNED, outcome::TO_SERVICES);
                    self.close(outcome::TO_SERVICES);
                    let nursing = self.dice.chance(0.25);
                    self.care_home(nursing);
                }
                93..=95 if settled_home => {
                    self.close(outcome::TO_SERVICES);
                    self.later(1);
                    self.care_home(true);
                }
                99..=100 => {
                    let why = self.dice.weigh(&[
                        (outcome::ENDED_OTHER, 40),
                        (outcome::SELF_FUNDED, 20),
                        (outcome::NHS, 20),
                        (outcome::DECLINED, 10),
                        (outcome::OTHER, 10),
                    ]);
                    self.close(why);
                }
                _ => {}
            }
        }
    }

    /// In hospital: support ends; then home again by way of reablement, or into a care home, or neither.
    fn hospital(&mut self) {
        self.close(outcome::HOSPITAL);
        let stay = self.dice.between(5, 40);
        self.later(stay);
        if self.over() {
            return;
        }
        match self.dice.between(1, 10) {
            1..=6 => {
                self.contact(words::FROM_HOSPITAL, outcome::TO_REABLEMENT);
                if self.reablement() && !self.over() {
                    self.community();
                }
            }
            7..=9 => {
                self.contact(words::FROM_HOSPITAL, outcome::TO_ASSESSMENT);
                self.review(words::REVIEW_HOSPITAL, outcome::TO_SERVICES);
                self.later(2);
                let nursing = self.dice.chance(0.4);
                self.care_home(nursing);
            }
            _ => {}
        }
    }

    /// Small truths of record keeping: details learnt late, events typed in late.
    fn mistakes(&mut self) {
        if self.dice.chance(0.08) {
            let first = self.person.events.first().map_or(self.now, |e| e.start);
            self.person.details_known_from = Some(plus(first, self.dice.between(30, 500)));
        }
        for event in &mut self.person.events {
            if self.dice.chance(0.03) {
                event.recorded = plus(event.recorded, self.dice.between(10, 90));
            }
        }
    }
}
