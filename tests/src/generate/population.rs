//! Everybody one council knows: adults with care, people who moved in or out, carers, and those who only made contact.

use jiff::civil::Date;

use super::calendar::{days, plus, plus_months};
use super::dice::Dice;
use super::ids::{NhsNumbers, council_id};
use super::life::{PATHS, Path, Story};
use super::person::{Caring, Event, Kind, Person};
use super::vocabulary as words;
use super::vocabulary::outcome;
use super::{Place, Settings};

/// Streams of chance, far enough apart that no council's people reach the next.
mod stream {
    pub(super) const MOVER: u64 = 1;
    pub(super) const ARRIVAL: u64 = 1_000_000;
    pub(super) const RESIDENT: u64 = 2_000_000;
    pub(super) const CARER: u64 = 4_000_000;
    pub(super) const CONTACT: u64 = 6_000_000;
}

/// Bands of caring hours. The specification's own list could not be read, so these stay in one place to be replaced.
const CARING_HOURS: [(&str, u32); 6] = [
    ("0-9 hours", 20),
    ("10-19 hours", 20),
    ("20-34 hours", 15),
    ("35-49 hours", 10),
    ("50+ hours", 25),
    (words::UNKNOWN, 10),
];

/// All persons of `place`, in the order of their council ids.
pub(super) fn people(settings: &Settings, place: &Place) -> Vec<Person> {
    let mut making = Making {
        seed: settings.seed,
        slot: place.slot,
        first: settings.first_day(),
        last: settings.last_period_end,
        numbers: NhsNumbers::new(place.slot, place.slots),
        people: Vec::new(),
    };
    let movers = settings.movers();
    for index in 0..movers {
        let (mut person, moved) = making.mover(place.slot, index, None);
        person.stop(moved, outcome::MOVED);
        making.people.push(person);
    }
    // Those who came from the neighbour keep the number they have there.
    let neighbour = (place.slot + place.slots - 1) % place.slots;
    let theirs: Vec<String> = NhsNumbers::new(neighbour, place.slots).take(movers).collect();
    if neighbour != place.slot {
        for (index, number) in theirs.into_iter().enumerate() {
            let (before, moved) = making.mover(neighbour, index, Some(number));
            making.arrival(before, moved, index);
        }
    }
    for index in 0..settings.people.saturating_sub(movers) {
        making.resident(index);
    }
    let service_users = making.people.len();
    making.carers(service_users);
    making.contacts(settings.people);
    making.quiet_months();
    for person in &mut making.people {
        person.events.sort_by_key(|event| (event.start, event.kind, event.end));
    }
    making.people
}

struct Making {
    seed: u64,
    slot: u32,
    /// First and last day that any file covers.
    first: Date,
    last: Date,
    numbers: NhsNumbers,
    people: Vec<Person>,
}

impl Making {
    fn next_id(&self) -> String {
        council_id(self.people.len())
    }

    /// A day on which a life may begin: most began before the first file.
    fn beginning(&self, dice: &mut Dice) -> Date {
        if dice.chance(0.55) {
            plus(self.first, -dice.wait(500))
        } else {
            plus(self.first, dice.between(0, days(self.first, self.last) - 5))
        }
    }

    fn resident(&mut self, index: usize) {
        let mut dice = Dice::new(self.seed, self.slot, stream::RESIDENT + index as u64);
        let path = dice.weigh(&PATHS);
        let from = self.beginning(&mut dice);
        let age = path.age(&mut dice);
        let mut person = Person::draw(&mut dice, self.next_id(), self.numbers.next(), age, from);
        Story::new(&mut dice, &mut person, path, from, self.last).tell(None);
        self.people.push(person);
    }

    /// Somebody of the council in `slot` who moves to its neighbour, and the day of the move.
    ///
    /// The neighbour makes the same person from the same stream, so that both councils agree without asking each other.
    fn mover(&mut self, slot: u32, index: usize, number: Option<String>) -> (Person, Date) {
        let mut dice = Dice::new(self.seed, slot, stream::MOVER + index as u64);
        let from = plus(self.first, -dice.between(200, 900));
        let age = dice.between(30, 88);
        let number = number.or_else(|| self.numbers.next());
        let mut person = Person::draw(&mut dice, self.next_id(), None, age, from);
        // A mover is only of use with the one id that both councils hold.
        person.nhs_number = number;
        let moved = plus(self.first, dice.between(60, days(self.first, self.last) - 60));
        let path = if age >= 65 { Path::OlderAtHome } else { Path::LearningDisability };
        Story::new(&mut dice, &mut person, path, from, self.last).tell(None);
        // Whoever died before moving did not move.
        let moved = person.death.map_or(moved, |death| moved.min(plus(death, -20)));
        person.death = None;
        (person, moved)
    }

    /// The second half of a mover's life, in this council.
    fn arrival(&mut self, before: Person, moved: Date, index: usize) {
        let mut dice = Dice::new(self.seed, self.slot, stream::ARRIVAL + index as u64);
        let path =
            if before.reason == words::LEARNING_DISABILITY { Path::LearningDisability } else { Path::OlderAtHome };
        let mut person = Person {
            id: self.next_id(),
            homes: vec![(moved, dice.weigh(&words::AT_HOME))],
            postcode: dice.between(0, 999) as u16,
            details_known_from: None,
            events: Vec::new(),
            ..before
        };
        Story::new(&mut dice, &mut person, path, moved, self.last).tell(Some("Transfer from other local authority"));
        self.people.push(person);
    }

    /// Carers with events of their own, service users who also care, and carers known by association.
    fn carers(&mut self, service_users: usize) {
        if service_users == 0 {
            return;
        }
        let own = (service_users * 15 / 100).max(2);
        let associated = (service_users * 4 / 100).max(1);
        for index in 0..own + associated {
            let mut dice = Dice::new(self.seed, self.slot, stream::CARER + index as u64);
            let cared_for = dice.index(service_users);
            let from = self.beginning(&mut dice);
            let caring = self.caring(&mut dice, cared_for, service_users);
            if index < own && dice.chance(0.03) {
                // Somebody who draws on care and cares for somebody else: one person, rows of both client types.
                let also = dice.index(service_users);
                let mut events = carer_events(&mut dice, from, self.last);
                let person = &mut self.people[also];
                if person.death.is_none() && person.caring.is_none() {
                    person.events.append(&mut events);
                    person.caring = Some(caring);
                }
                continue;
            }
            let age = if dice.chance(0.04) { dice.between(11, 17) } else { dice.between(22, 88) };
            let number = self.numbers.next();
            let mut person = Person::draw(&mut dice, self.next_id(), number, age, from);
            person.reason = words::SUPPORT_TO_CARER;
            person.caring = Some(caring);
            if index < own {
                person.events = carer_events(&mut dice, from, self.last);
            } else if let Some(caring) = &mut person.caring {
                caring.by_association_from = Some(from);
            }
            self.people.push(person);
        }
    }

    fn caring(&mut self, dice: &mut Dice, cared_for: usize, service_users: usize) -> Caring {
        let mut linked: [String; 3] = Default::default();
        linked[0] = if dice.chance(0.02) {
            "P9999999".to_owned() // points nowhere, as some do
        } else {
            self.people[cared_for].has_carer = "Yes";
            self.people[cared_for].id.clone()
        };
        let adults = dice.weigh(&[(1, 90), (2, 10)]);
        if adults == 2 {
            linked[1].clone_from(&self.people[dice.index(service_users)].id);
        }
        Caring { hours: dice.weigh(&CARING_HOURS), adults, linked, by_association_from: None }
    }

    /// People whose dealings with the council are one contact, or a contact and an assessment that finds nothing to do.
    ///
    /// Every month of the files gets at least one request and one assessment, whatever the size of the council.
    fn contacts(&mut self, people: usize) {
        let months = super::calendar::months(self.first, self.last) + 1;
        let wanted = (people * 6 / 10).max(2 * months as usize);
        for index in 0..wanted {
            let mut dice = Dice::new(self.seed, self.slot, stream::CONTACT + index as u64);
            let month = plus_months(self.first, index as i32 % months);
            let day = plus(month, dice.between(0, 20));
            let age = dice.between(19, 95);
            let number = self.numbers.next();
            let mut person = Person::draw(&mut dice, self.next_id(), number, age, day);
            person.reason = if dice.chance(0.3) { "" } else { dice.weigh(&words::REASONS_OLDER) };
            // Some call as carers, most of whom leave with advice.
            let as_carer = dice.chance(0.08);
            let assessed = (index as i32 / months) % 2 == 1;
            let mut request =
                Event::new(Kind::Request, day, Some(plus(day, dice.weigh(&[(0, 70), (1, 10), (3, 10), (6, 10)]))));
            request.as_carer = as_carer;
            request.route = dice.weigh(&words::ROUTES);
            request.description = dice.weigh(&[("", 60), ("Telephone conversation", 40)]);
            request.outcome = if assessed {
                outcome::TO_ASSESSMENT
            } else {
                dice.weigh(&[
                    (outcome::ADVICE, 52),
                    (outcome::OTHER_SERVICE, 12),
                    (outcome::NO_SERVICES, 10),
                    (outcome::SELF_FUNDED, 8),
                    (outcome::DECLINED, 7),
                    (outcome::NHS, 5),
                    (outcome::OTHER, 5),
                    (outcome::HOSPITAL, 1),
                ])
            };
            person.events.push(request);
            if assessed {
                let mut assessment = Event::new(Kind::Assessment, plus(day, 2), Some(plus(month, 26)));
                assessment.start = assessment.start.min(plus(month, 26));
                assessment.as_carer = as_carer;
                assessment.assessment_type = dice.pick(&[words::SHORT_ASSESSMENT, words::LONG_ASSESSMENT]);
                assessment.eligible_needs = "No";
                assessment.method = dice.weigh(&words::METHODS);
                assessment.outcome = dice.weigh(&[
                    (outcome::ADVICE, 50),
                    (outcome::NO_SERVICES, 25),
                    (outcome::OTHER_SERVICE, 15),
                    (outcome::DECLINED, 10),
                ]);
                person.events.push(assessment);
            }
            self.people.push(person);
        }
    }

    /// Gives a review to months that have none, so that each month of a file shows the kinds of work a council does.
    fn quiet_months(&mut self) {
        let months = super::calendar::months(self.first, self.last) + 1;
        for month in 0..months {
            let day = plus_months(self.first, month);
            let held = self.people.iter().any(|person| {
                person.events.iter().any(|event| {
                    event.kind == Kind::Review
                        && event.end.is_some_and(|end| {
                            super::calendar::months(self.first, end) == month && event.recorded <= plus(end, 5)
                        })
                })
            });
            if held {
                continue;
            }
            let supported = self.people.iter_mut().find(|person| {
                person.death.is_none()
                    && person.events.iter().any(|event| {
                        event.is_long_term() && event.start < day && event.end.is_none_or(|end| end > plus(day, 25))
                    })
            });
            if let Some(person) = supported {
                let mut review = Event::new(Kind::Review, plus(day, 4), Some(plus(day, 9)));
                review.review_reason = words::REVIEW_PLANNED;
                review.method = "Service user only";
                review.outcome = outcome::CONTINUES;
                review.outcomes_achieved = "Fully met";
                person.events.push(review);
            }
        }
    }
}

/// What carers have: a request or assessment, then a direct payment, other support, respite for the person cared for, or advice.
fn carer_events(dice: &mut Dice, from: Date, until: Date) -> Vec<Event> {
    let mut events = Vec::new();
    let mut request = Event::new(Kind::Request, from, Some(plus(from, dice.between(0, 4))));
    request.route = "Community or other route";
    request.outcome = outcome::TO_ASSESSMENT;
    let assessed = plus(from, 4 + dice.wait(20));
    let mut assessment = Event::new(Kind::Assessment, assessed, Some(plus(assessed, dice.between(0, 14))));
    assessment.assessment_type = words::LONG_ASSESSMENT;
    assessment.eligible_needs = "Yes";
    assessment.method = "Unpaid carer only";
    assessment.outcome = dice.weigh(&[(outcome::TO_SERVICES, 55), (outcome::ADVICE, 45)]);
    let supported = assessment.outcome == outcome::TO_SERVICES;
    let begins = plus(assessed, 14 + dice.wait(14));
    events.push(request);
    events.push(assessment);
    if supported {
        let mut service = Event::new(Kind::Service, begins, None);
        service.outcome = outcome::CONTINUES;
        (service.service_type, service.component, service.mechanism) = dice.weigh(&[
            ((words::DIRECT_TO_CARER, words::DIRECT_PAYMENT, words::DIRECT_PAYMENT), 45),
            ((words::DIRECT_TO_CARER, "Other unpaid carer support", words::MANAGED_BUDGET), 15),
            ((words::DIRECT_TO_CARER, "Unpaid carer universal services", words::COMMISSIONED), 15),
            ((words::DIRECT_TO_CARER, "Other unpaid carer support", ""), 4),
            ((words::DIRECT_TO_CARER, "", words::COMMISSIONED), 2),
            ((words::INVOLVING_CARED_FOR, "Unpaid carer respite", words::COMMISSIONED), 19),
        ]);
        service.cost_pence = Some(dice.between(2_500, 60_000) as u32);
        service.frequency = dice.pick(&["One-off", "Annually", "Weekly"]);
        if dice.chance(0.6) {
            service.end = Some(plus(begins, dice.between(1, 700)));
            service.outcome = outcome::AS_PLANNED;
        }
        events.push(service);
        if dice.chance(0.5) {
            let day = plus(begins, dice.between(150, 400));
            let mut review = Event::new(Kind::Review, day, Some(plus(day, 3)));
            review.review_reason = words::REVIEW_PLANNED;
            review.method = "Unpaid carer only";
            review.outcome = outcome::CONTINUES;
            events.push(review);
        }
    }
    for event in &mut events {
        event.as_carer = true;
    }
    events.retain(|event| event.start <= until);
    events
}
