//! Small scenes around the edges of one measure, where rows drawn freely would seldom meet.

use jiff::civil::Date;

use super::super::calendar::{days, plus};
use super::super::dice::Dice;
use super::super::vocabulary::{self as words, column};
use super::lists::COMPONENTS;
use super::{Strand, cells};

fn service(
    dice: &mut Dice,
    service_type: &'static str,
    component: &'static str,
    start: Date,
    end: Option<Date>,
) -> Strand {
    Strand { cells: cells(dice, "Service", words::SERVICE_USER, service_type, component), start, end, service: true }
}

fn other(dice: &mut Dice, kind: &'static str, start: Date, end: Date) -> Strand {
    Strand { cells: cells(dice, kind, words::SERVICE_USER, "", ""), start, end: Some(end), service: false }
}

fn with_outcome(mut strand: Strand, outcome: &'static str) -> Strand {
    for (position, text) in &mut strand.cells {
        if *position == column::OUTCOME {
            *text = outcome;
        }
    }
    strand
}

/// Outcomes that tell how support ended.
const USABLE: [&str; 12] = [
    words::outcome::HOSPITAL,
    words::outcome::MOVED,
    words::outcome::NHS,
    words::outcome::SELF_FUNDED,
    words::outcome::ADVICE,
    words::outcome::OTHER_SERVICE,
    words::outcome::DECLINED,
    words::outcome::DECEASED,
    words::outcome::AS_PLANNED,
    words::outcome::ENDED_OTHER,
    words::outcome::NO_SERVICES,
    words::outcome::OTHER,
];

/// One or two ST-Max services, perhaps a request before them, and what may decide how they are read.
pub(super) fn reablement(dice: &mut Dice, tied: &[Date]) -> Vec<Strand> {
    let mut strands = Vec::new();
    let mut end = dice.pick(tied);
    let start = plus(end, -dice.between(1, 40));
    strands.push(service(dice, words::ST_MAX, words::REABLEMENT, start, Some(end)));
    if dice.chance(0.3) {
        // A second service that overlaps, adjoins, or just does not.
        let next = plus(end, dice.pick(&[-5, -1, 0, 1, 2, 6, 7, 8, 9]));
        let next_end = dice.pick(&[end, end, plus(next, 3), plus(next, 20)]).max(next);
        let component = dice.pick(&[words::REABLEMENT, "Equipment", ""]);
        strands.push(service(dice, words::ST_MAX, component, next, Some(next_end)));
        if days(end, next) <= 7 {
            end = end.max(next_end);
        }
    }
    if dice.chance(0.5) {
        let asked = plus(start, -dice.pick(&[0, 1, 2, 3, 10, 27, 28, 29]));
        let answered = plus(asked, dice.pick(&[0, 0, 0, 1, 2])).min(start);
        strands.push(other(dice, "Request", asked, answered));
    }
    if dice.chance(0.15) {
        let before = plus(start, -dice.pick(&[0, 1, 30, 89, 90, 91, 92, 364, 365]));
        let kind = dice.pick(&[words::COMMUNITY, words::RESIDENTIAL, words::NURSING, words::PRISON]);
        let begun = plus(before, -dice.between(0, 90));
        strands.push(service(dice, kind, words::HOME_SUPPORT, begun, Some(before)));
    }
    for _ in 0..dice.pick(&[0, 1, 1, 1, 2, 3]) {
        let companion = match dice.between(1, 12) {
            1..=4 => {
                let kind = dice.pick(&["Assessment", "Review"]);
                let ends = plus(end, -dice.pick(&[0, 0, 1, 5, 12, 13, 14, 15]));
                let starts = plus(ends, -dice.pick(&[0, 1, 4, 20]));
                let looked_at = other(dice, kind, starts, ends);
                if dice.chance(0.5) { with_outcome(looked_at, dice.pick(&USABLE)) } else { looked_at }
            }
            5..=6 => {
                let kind = dice.pick(&["Request", "Assessment", "Review"]);
                let starts = plus(end, dice.pick(&[-3, 0, 1, 2, 3, 4, 6, 7, 8]));
                let ends = plus(starts.max(end), dice.pick(&[1, 2, 5, 20]));
                other(dice, kind, starts, ends)
            }
            7..=8 => {
                let starts = plus(end, dice.pick(&[-3, 0, 1, 2, 3, 4, 6, 7, 8]));
                let ends = dice.pick(&[None, Some(plus(starts, 1)), Some(plus(starts, 30))]);
                let kind = dice.pick(&[
                    words::NURSING,
                    words::RESIDENTIAL,
                    words::COMMUNITY,
                    words::PRISON,
                    words::LOW_LEVEL,
                    words::OTHER_SHORT,
                    words::OTHER_SHORT,
                    words::DIRECT_TO_CARER,
                ]);
                let component = dice.weigh(&COMPONENTS);
                service(dice, kind, component, starts, ends)
            }
            9..=10 => {
                // What hides the cluster's own outcome without taking its place.
                let starts = plus(end, dice.between(0, 7));
                if dice.chance(0.5) {
                    service(dice, words::INVOLVING_CARED_FOR, "Unpaid carer respite", starts, None)
                } else {
                    let review = other(dice, "Review", starts, plus(starts.max(end), 2));
                    with_outcome(review, words::outcome::AS_PLANNED)
                }
            }
            _ => {
                let ends = plus(end, -dice.pick(&[0, 0, 1, 10, 30]));
                let kind = dice.pick(&[words::LOW_LEVEL, words::OTHER_SHORT, words::DIRECT_TO_CARER]);
                let starts = plus(ends, -dice.pick(&[0, 1, 5, 30]));
                service(dice, kind, "Equipment", starts, Some(ends))
            }
        };
        strands.push(companion);
    }
    strands
}

/// Stays in care homes a year apart, more or less a day.
pub(super) fn admissions(dice: &mut Dice, tied: &[Date]) -> Vec<Strand> {
    let homes = [
        (words::RESIDENTIAL, "Long term residential care"),
        (words::NURSING, "Long Term Nursing Care"),
        (words::NURSING, "Long term nursing care"),
        (words::RESIDENTIAL, "Short term residential care"),
        (words::RESIDENTIAL, ""),
        (words::NURSING, words::HOME_SUPPORT),
    ];
    let mut strands = Vec::new();
    let mut start = plus(dice.pick(tied), dice.pick(&[0, 0, 0, -1, 1]));
    for _ in 0..dice.pick(&[1, 1, 2, 2, 3]) {
        let common = if dice.chance(0.7) { 3 } else { homes.len() };
        let (kind, component) = homes[dice.index(common)];
        let length = dice.pick(&[0, 1, 20, 100]);
        let end = if dice.chance(0.3) { None } else { Some(plus(start, length)) };
        let mut stay = service(dice, kind, component, start, end);
        if dice.chance(0.25) {
            stay = with_outcome(stay, words::outcome::SELF_FUNDED);
        }
        strands.push(stay);
        // The stay before it, or one beside it.
        start = plus(start, -dice.pick(&[0, 1, 363 + length, 364 + length, 365 + length, 366 + length]));
    }
    strands
}

/// One or two requests and a chain of events after them, each a little sooner or later than the chain bears.
pub(super) fn requests(dice: &mut Dice, tied: &[Date]) -> Vec<Strand> {
    let mut strands = Vec::new();
    let start = dice.pick(tied);
    let mut end = plus(start, dice.pick(&[0, 1, 3]));
    strands.push(other(dice, "Request", start, end));
    if dice.chance(0.3) {
        let again = plus(end, dice.pick(&[0, 1, 4, 5]));
        end = dice.pick(&[end, again, plus(again, 1)]).max(again);
        strands.push(other(dice, "Request", again, end));
    }
    let mut next = plus(end, dice.pick(&[0, 1, 10, 27, 28, 29]));
    for _ in 0..dice.pick(&[1, 2, 2, 3]) {
        let until = plus(next, dice.pick(&[0, 0, 1, 5, 20]));
        if dice.chance(0.5) {
            let kind = dice.pick(&[
                words::ST_MAX,
                words::NURSING,
                words::RESIDENTIAL,
                words::COMMUNITY,
                words::PRISON,
                words::LOW_LEVEL,
                words::OTHER_SHORT,
            ]);
            let runs = if dice.chance(0.3) { None } else { Some(until) };
            let component = dice.weigh(&COMPONENTS);
            strands.push(service(dice, kind, component, next, runs));
        } else {
            let kind = dice.pick(&["Assessment", "Assessment", "Review", "Request"]);
            strands.push(other(dice, kind, next, until));
        }
        next = plus(until, dice.pick(&[0, 0, 1, 3, 4]));
    }
    strands
}
