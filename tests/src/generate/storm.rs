//! Files of hard cases: few people, many rows, days that lie on edges, and every value that a list has or has not.
//!
//! Lives tell what usually happens, so rules about ties, edges and contradictions are seldom reached by them. Here every row is
//! drawn by itself from small pools: starts and ends on and beside the edges of periods, one person's rows within days of each
//! other, details that disagree, values spelt in all known ways. Nothing is known about what is true; it is for comparing two
//! readers of the same files.

use std::borrow::Cow;

use jiff::civil::{Date, date};

use super::File;
use super::calendar::{compact, plus, plus_months, spreadsheet_serial, written};
use super::dice::Dice;
use super::ids::check_digit;
use super::storm_words as words;
use super::vocabulary::{HEADERS, RELEASE_1, column};

/// What to make.
#[derive(Clone, Debug)]
pub struct Storm {
    /// Every choice follows from it.
    pub seed: u64,
    /// Three digits.
    pub code: String,
    /// How many people.
    pub people: usize,
    /// Values in other spellings, release 1 texts and values of no list.
    pub dirt: bool,
    /// Leave out the file before the last, so that a quarter is covered by no file.
    pub hole: bool,
}

/// One event of a person, with the details its rows carry.
#[derive(Clone)]
struct Event {
    cells: Vec<String>,
    start: Option<Date>,
    end: Option<Date>,
    service: bool,
}

type Cells = Vec<String>;

/// The last day of the last file.
const LAST: Date = date(2026, 3, 31);

impl Storm {
    /// The files, oldest first.
    pub fn files(&self) -> Vec<File> {
        let mut dice = Dice::new(self.seed, 3, 1);
        let people: Vec<Vec<Event>> = (0..self.people).map(|index| self.person(&mut dice, index)).collect();
        let mut files = Vec::new();
        for back in [3, 2, 1, 0] {
            if self.hole && back == 1 {
                continue;
            }
            let last = plus_months(LAST, -3 * back).last_of_month();
            // The oldest file covers two years, as a first submission may.
            let months = if back == 3 { 24 } else { 12 };
            let first = plus_months(last.first_of_month(), 1 - months);
            let received = plus(last, dice.between(5, 29));
            files.push(self.file(&mut dice, &people, (first, last), received));
            if dice.chance(0.3) {
                // The same quarter again, sent later.
                let later = plus(received, dice.between(1, 20));
                files.push(self.file(&mut dice, &people, (first, last), later));
            }
        }
        files
    }

    fn file(&self, dice: &mut Dice, people: &[Vec<Event>], (first, last): (Date, Date), received: Date) -> File {
        let mut rows: Vec<Cells> = Vec::new();
        for event in people.iter().flatten() {
            if dice.chance(0.06) {
                continue;
            }
            self.show(dice, event, (first, last), &mut rows);
        }
        // Enough of every type in every month for the file to be seen to cover its months.
        let sets = rows.len() * 4 / 100 / 4 + 1;
        let mut month = first;
        while month <= last {
            for set in 0..sets {
                for kind in ["Request", "Assessment", "Service", "Review"] {
                    rows.push(filler(&self.code, month, set, kind));
                }
            }
            month = plus_months(month, 1);
        }
        for row in &mut rows {
            row[column::LA_CODE].clone_from(&self.code);
            row[column::PERIOD_START] = written(first);
            row[column::PERIOD_END] = written(last);
            if self.dirt {
                spell(dice, row);
            }
        }
        let mut writer = csv::Writer::from_writer(Vec::new());
        let memory = "writing to memory does not fail";
        writer.write_record(HEADERS).expect(memory);
        for row in &rows {
            writer.write_record(row).expect(memory);
        }
        File {
            name: format!("cld_{}_{}_{}.csv", self.code, compact(last), compact(received)),
            period_start: first,
            period_end: last,
            received,
            bytes: writer.into_inner().expect(memory),
            marks: Vec::new(),
        }
    }

    /// What a file has of an event: open services before they end, an earlier outcome, the event twice.
    fn show(&self, dice: &mut Dice, event: &Event, (first, last): (Date, Date), rows: &mut Vec<Cells>) {
        let mut cells = event.cells.clone();
        let ended = event.end.filter(|end| *end <= last || dice.chance(0.1));
        if !event.service && ended.is_none() && dice.chance(0.8) {
            return;
        }
        if event.start.is_some_and(|start| start > last) && dice.chance(0.9) {
            return;
        }
        if event.end.is_some_and(|end| end < first) && dice.chance(0.9) {
            return;
        }
        cells[column::EVENT_END] = ended.map_or(String::new(), written);
        if dice.chance(0.1) {
            cells[column::OUTCOME] = outcome(dice);
        }
        if dice.chance(0.05) {
            cells[column::ACCOMMODATION] = dice.pick(words::ACCOMMODATION).to_owned();
            cells[column::EMPLOYMENT] = dice.pick(words::EMPLOYMENT).to_owned();
        }
        if dice.chance(0.08) {
            let mut again = cells.clone();
            match dice.between(1, 5) {
                1 => again[column::OUTCOME] = outcome(dice),
                2 => again[column::MECHANISM] = dice.pick(words::MECHANISM).to_owned(),
                3 => again[column::DESCRIPTION] = "A conversation".to_owned(),
                4 => again[column::UNIT_COST] = amount(dice),
                _ => again[column::EVENT_END] = event.end.map_or(String::new(), |end| written(plus(end, 1))),
            }
            rows.push(again);
        }
        rows.push(cells);
    }

    fn person(&self, dice: &mut Dice, index: usize) -> Vec<Event> {
        let nine = format!("9997{index:05}");
        let number = check_digit(&nine).filter(|_| dice.chance(0.8)).map(|digit| format!("{nine}{digit}"));
        let id = if number.is_some() && dice.chance(0.05) { String::new() } else { format!("S{index:04}") };
        // Birthdays that come of age, turn 25 and turn 65 on the edges, among others.
        let birth = match dice.between(1, 12) {
            1 => None,
            2..=5 => {
                let years = dice.pick(&[18, 25, 65, 26, 85]);
                Some(plus_months(plus(edge(dice), dice.between(-20, 20)), -12 * years))
            }
            6 => Some(date(2010, 6, 5)),
            7 => Some(date(1900, 1, 1)),
            8..=9 => Some(date(1985, 3, 17)),
            10 => Some(date(1998, 11, 30)),
            _ => Some(date(1940, 12, 1)),
        };
        let death = if dice.chance(0.25) { Some(plus(edge(dice), dice.between(-2, 12))) } else { None };
        let mut common: Cells = vec![String::new(); HEADERS.len()];
        common[column::NHS_NUMBER] = number.unwrap_or_default();
        common[column::PERSON_ID] = id;
        common[column::GENDER] = dice.pick(words::GENDER).to_owned();
        // By turns, so that every value comes up.
        common[column::ETHNICITY] = words::ETHNICITY[index % words::ETHNICITY.len()].to_owned();
        common[column::BIRTH] = birth.map_or(String::new(), written);
        common[column::DEATH] = death.map_or(String::new(), written);
        common[column::SUPPORT_REASON] = match index % 5 {
            0 | 1 => "Learning disability support",
            _ => words::SUPPORT_REASON[index / 2 % words::SUPPORT_REASON.len()],
        }
        .to_owned();
        common[column::ACCOMMODATION] = words::ACCOMMODATION[index / 5 % words::ACCOMMODATION.len()].to_owned();
        common[column::EMPLOYMENT] = words::EMPLOYMENT[index / 5 % words::EMPLOYMENT.len()].to_owned();
        common[column::HAS_CARER] = dice.pick(&["Yes", "No", "Unknown", "", "Perhaps"]).to_owned();
        common[column::FUNDING] = dice.pick(words::FUNDING).to_owned();
        let carer = dice.chance(0.15);
        let mut events = Vec::new();
        let mut near = edge(dice);
        for _ in 0..dice.between(1, 14) {
            let event = self.event(dice, &common, carer, near);
            near = match dice.between(1, 5) {
                1 => event.start.unwrap_or(near),
                2 => edge(dice),
                _ => event.end.or(event.start).unwrap_or(near),
            };
            if dice.chance(0.2) {
                events.push(self.twin(dice, &event));
            }
            events.push(event);
        }
        events
    }

    fn event(&self, dice: &mut Dice, common: &Cells, carer: bool, near: Date) -> Event {
        let mut cells = common.clone();
        self.contradict(dice, &mut cells);
        let start = plus(near, dice.pick(&[0, 0, 0, 1, 1, 2, 3, 4, 6, 7, 8, 9, -1, 28, 29, 30, 90, 91, 92, 365, 366]));
        let start = if dice.chance(0.06) { plus_months(start, -dice.between(3, 40)) } else { start };
        let kind = dice.weigh(&[("Service", 46), ("Request", 22), ("Assessment", 18), ("Review", 13), ("Visit", 1)]);
        let service = kind == "Service";
        let length = if service {
            dice.pick(&[0, 0, 5, 7, 14, 20, 30, 45, 90, 91, 180, 364, 365, 400, -1, -3])
        } else {
            dice.pick(&[0, 0, 0, 0, 1, 2, 3, 4, 7, 14, 28, 40, -1])
        };
        let end = match dice.between(1, 10) {
            1..=4 if service => None,
            1 if dice.chance(0.1) => None,
            2 => Some(edge(dice)),
            _ => Some(plus(start, length)),
        };
        let (start, end) = (Some(start).filter(|_| !dice.chance(0.01)), end.filter(|end| end.year() < 2030));
        cells[column::EVENT_TYPE] = kind.to_owned();
        cells[column::EVENT_START] = start.map_or(String::new(), written);
        let client = if carer {
            dice.weigh(&[("Unpaid carer", 70), ("Unpaid carer known by association", 20), ("Service user", 10)])
        } else {
            dice.weigh(&[("Service user", 90), ("Unpaid carer", 5), ("", 2), ("Somebody", 3)])
        };
        cells[column::CLIENT_TYPE] = client.to_owned();
        cells[column::OUTCOME] = outcome(dice);
        if client.contains("carer") && dice.chance(0.6) {
            cells[column::LINKED[0]] = format!("S{:04}", dice.index(self.people));
        }
        if dice.chance(0.15) {
            cells[column::DESCRIPTION] = dice.pick(&["First Conversation", "a note", "CONVERSATIONS held"]).to_owned();
        }
        let strange = dice.chance(0.03);
        if kind == "Request" || strange {
            cells[column::ROUTE] =
                if dice.chance(0.4) { "Discharge from hospital" } else { dice.pick(words::ROUTE) }.to_owned();
        }
        if kind == "Assessment" || strange {
            cells[column::ASSESSMENT_TYPE] = dice.pick(words::ASSESSMENT_TYPE).to_owned();
            cells[column::ELIGIBLE_NEEDS] = dice.pick(&["Yes", "No", "Unknown", "", "Some"]).to_owned();
            cells[column::ASSESSMENT_METHOD] = dice.pick(words::METHOD).to_owned();
        }
        if kind == "Review" || strange {
            cells[column::REVIEW_REASON] = dice.pick(words::REVIEW_REASON).to_owned();
            cells[column::OUTCOMES_ACHIEVED] =
                dice.pick(&["Fully met", "Partially met", "Not met", "", "Met"]).to_owned();
            cells[column::REVIEW_METHOD] = dice.pick(words::METHOD).to_owned();
        }
        if service || strange || (carer && dice.chance(0.1)) {
            self.fill_service(dice, &mut cells, client.contains("carer"));
        }
        Event { cells, start, end, service }
    }

    fn fill_service(&self, dice: &mut Dice, cells: &mut Cells, carer: bool) {
        let kind = match (carer, dice.between(1, 10)) {
            (true, 1..=6) => "Unpaid carer support: Direct to unpaid carer",
            (true, 7) => "Unpaid carer support: Support involving the person cared-for",
            _ => dice.weigh(words::SERVICE_TYPE),
        };
        cells[column::SERVICE_TYPE] = kind.to_owned();
        cells[column::COMPONENT] = dice.pick(words::COMPONENT).to_owned();
        cells[column::MECHANISM] = dice.pick(words::MECHANISM).to_owned();
        if dice.chance(0.8) {
            cells[column::UNIT_COST] = amount(dice);
            cells[column::COST_FREQUENCY] = dice.pick(words::FREQUENCY).to_owned();
            cells[column::PLANNED_UNITS] =
                dice.pick(&["", "0", "0.00", "1.00", "2.5", "7", "14.00", "-3.50", "0.33", "many"]).to_owned();
        }
    }

    /// An event beside another: the same days and the same kind, but a line of its own, about which somebody wrote other details.
    fn twin(&self, dice: &mut Dice, event: &Event) -> Event {
        let mut twin = event.clone();
        for _ in 0..2 {
            self.contradict(dice, &mut twin.cells);
        }
        if twin.service {
            twin.cells[column::COMPONENT] = dice.pick(words::COMPONENT).to_owned();
            if dice.chance(0.3) {
                twin.cells[column::MECHANISM] = dice.pick(words::MECHANISM).to_owned();
            }
        } else {
            twin.end = twin.end.map(|end| plus(end, dice.pick(&[0, 1, 5])));
        }
        twin
    }

    /// Sometimes a row says something else about the person, or does not say who it is.
    fn contradict(&self, dice: &mut Dice, cells: &mut Cells) {
        if dice.chance(0.03) && !cells[column::PERSON_ID].is_empty() {
            cells[column::NHS_NUMBER] = dice.pick(&["", "9999999999", "9990000019"]).to_owned();
        }
        if dice.chance(0.01) {
            cells[column::PERSON_ID] = String::new();
            cells[column::NHS_NUMBER] = String::new();
        }
        if dice.chance(0.08) {
            cells[column::GENDER] = dice.pick(words::GENDER).to_owned();
        }
        if dice.chance(0.1) {
            cells[column::ETHNICITY] = dice.pick(words::ETHNICITY).to_owned();
        }
        if dice.chance(0.06) {
            cells[column::BIRTH] = dice.pick(&["", "01/01/1900", "12/07/1959", "30/06/2007", "02/02/2001"]).to_owned();
        }
        if dice.chance(0.04) {
            cells[column::DEATH] = written(plus(edge(dice), dice.between(-1, 3)));
        }
        if dice.chance(0.3) {
            cells[column::SUPPORT_REASON] = dice.pick(words::SUPPORT_REASON).to_owned();
        }
        if dice.chance(0.3) {
            cells[column::HAS_CARER] = dice.pick(&["Yes", "No", "Unknown", "", "Perhaps"]).to_owned();
        }
        if dice.chance(0.2) {
            cells[column::ACCOMMODATION] = dice.pick(words::ACCOMMODATION).to_owned();
            cells[column::EMPLOYMENT] = dice.pick(words::EMPLOYMENT).to_owned();
        }
    }
}

/// A day on an edge: of the periods asked about, a year before one, or a few weeks into one.
fn edge(dice: &mut Dice) -> Date {
    let edges = [
        date(2024, 3, 31),
        date(2024, 12, 31),
        date(2025, 1, 1),
        date(2025, 2, 10),
        date(2025, 2, 28),
        date(2025, 3, 31),
        date(2025, 4, 1),
        date(2025, 6, 30),
        date(2025, 7, 1),
        date(2025, 8, 29),
        date(2025, 10, 1),
        date(2025, 12, 31),
        date(2026, 1, 1),
        date(2026, 3, 31),
    ];
    let day = dice.pick(&edges);
    if dice.chance(0.5) { day } else { plus(day, dice.pick(&[-1, 1, -7, 7, -28, 28, -91, 91, 40])) }
}

fn outcome(dice: &mut Dice) -> String {
    // Half of them lead on, since little follows from the others.
    if dice.chance(0.5) { dice.pick(words::LEADING_ON) } else { dice.pick(words::OUTCOME) }.to_owned()
}

/// Costs around the halves of a pound, and some that cannot be used.
fn amount(dice: &mut Dice) -> String {
    dice.pick(words::AMOUNT).to_owned()
}

fn filler(code: &str, month: Date, set: usize, kind: &str) -> Cells {
    let mut cells: Cells = vec![String::new(); HEADERS.len()];
    cells[column::PERSON_ID] = format!("F{code}{set}{kind}");
    cells[column::CLIENT_TYPE] = "Service user".to_owned();
    cells[column::BIRTH] = "14/02/1950".to_owned();
    cells[column::GENDER] = "Female".to_owned();
    cells[column::ETHNICITY] = "White: Irish".to_owned();
    cells[column::EVENT_TYPE] = kind.to_owned();
    cells[column::EVENT_START] = written(plus(month, 3));
    cells[column::EVENT_END] = written(plus(month, 9));
    if kind == "Service" {
        cells[column::SERVICE_TYPE] = "Short term support: Ongoing low level".to_owned();
    }
    cells[column::OUTCOME] = "NFA: Other".to_owned();
    cells
}

/// Writes some cells as other programs and other years wrote them.
fn spell(dice: &mut Dice, cells: &mut Cells) {
    for cell in &mut cells[column::GENDER..] {
        if cell.is_empty() || cell.chars().next().is_some_and(|c| c.is_ascii_digit()) || !dice.chance(0.12) {
            continue;
        }
        let old: Vec<&str> =
            RELEASE_1.iter().chain(words::RELEASE_1).filter(|(new, _)| new == cell).map(|(_, old)| *old).collect();
        let text: Cow<'_, str> = match dice.between(1, 10) {
            1 => cell.to_uppercase().into(),
            2 => cell.to_lowercase().into(),
            3 => format!("  {}\u{a0}", cell.replacen(' ', "  ", 1)).into(),
            4 => cell.replacen(": ", " – ", 1).into(),
            5 => cell.replace(" and ", " & ").replace(" or ", "/").into(),
            6 => cell.replace([',', '(', ')', '.'], "").into(),
            7 => cell.replace('-', "\u{2011}").into(),
            8..=9 if !old.is_empty() => dice.pick(&old).to_owned().into(),
            _ => cell.replace('-', " ").into(),
        };
        *cell = text.into_owned();
    }
    let start = cells[column::EVENT_START].clone();
    if dice.chance(0.05)
        && let Ok(day) = Date::strptime("%d/%m/%Y", &start)
    {
        cells[column::EVENT_START] = match dice.between(1, 3) {
            1 => day.to_string(),
            2 => spreadsheet_serial(day).to_string(),
            _ => format!("{}.{}.{} 00:00", day.day(), day.month(), day.year()),
        };
    }
}
