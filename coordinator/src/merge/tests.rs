use super::*;
use crate::release::tests::plan;
use crate::testing;
use folkmoot_proto::query::Release;
use folkmoot_proto::wire::v1 as wire;

struct Merged(Table);

impl Merged {
    fn area(&self, name: &str) -> &Area {
        self.0.areas.iter().find(|area| area.name == name || area.ons_code == name).unwrap()
    }

    fn cell(&self, area: &str, group: &str, statistic: Statistic, component: &str) -> Cell {
        let place = self
            .0
            .rows
            .iter()
            .position(|row| row.group() == group && row.statistic == statistic && row.component == component)
            .unwrap();
        self.area(area).cells[place]
    }
}

fn numbers(cell: Cell) -> (Option<f64>, Option<f64>, Option<f64>, Option<f64>) {
    let get = |number: Option<Number>| number.map(Number::get);
    (get(cell.value), get(cell.lower), get(cell.upper), get(cell.margin))
}

fn merged(query: &Query, layout: &Layout, councils: &[&str], level: wire::Level, answers: Vec<Answer>) -> Merged {
    let plan = plan(query, councils, level);
    let answers = answers.into_iter().map(|answer| (answer.council(), answer)).collect();
    Merged(merge(Asked { query, layout, scope: plan.scope(), councils: plan.councils() }, &answers))
}

const MALE: &str = "age_band=18 to 64;gender=Male";

fn cells(layout: &Layout, yes: i64, no: i64) -> Vec<i64> {
    let mut cells = vec![0; layout.cells()];
    (cells[0], cells[1]) = (yes, no);
    cells
}

#[test]
fn hidden_cells_enter_a_region_by_the_middle_of_what_they_can_be() {
    let (query, layout) = testing::suppressed("2E");
    let answers = vec![
        testing::answer("104", &query, &layout, &cells(&layout, 103, 5)),
        testing::answer("106", &query, &layout, &cells(&layout, 48, 21)),
    ];
    let merged = merged(&query, &layout, &["104", "106"], wire::Level::Council, answers);
    // 103 -> 105 (103 to 107), 48 -> 50 (48 to 52).
    let yes = merged.cell("North East", MALE, Statistic::Count, "yes");
    assert_eq!((yes.status, numbers(yes)), (Status::Ok, (Some(155.0), Some(151.0), Some(159.0), Some(4.0))));
    // hidden 1 to 7 is 4 give or take 3; 21 -> 20 (18 to 22).
    let no = merged.cell("North East", MALE, Statistic::Count, "no");
    assert_eq!((no.status, numbers(no)), (Status::Estimated, (Some(24.0), Some(19.0), Some(29.0), Some(5.0))));
    // 155 / 179 = 86.59%; at least 151 / (151 + 29) = 83.88%, at most 159 / (159 + 19) = 89.33%.
    let share = merged.cell("North East", MALE, Statistic::Percentage, "");
    assert_eq!((share.status, numbers(share).0), (Status::Estimated, Some(86.6)));
    assert_eq!((numbers(share).1, numbers(share).2), (Some(83.8), Some(89.4)));
    // The council itself shows the rule's bounds and no percentage.
    let own = merged.cell("Northumberland", MALE, Statistic::Count, "no");
    assert_eq!((own.status, numbers(own)), (Status::Suppressed, (None, Some(1.0), Some(7.0), None)));
    assert_eq!(merged.cell("Northumberland", MALE, Statistic::Percentage, "").value, None);
    assert_eq!(merged.cell("Gateshead", MALE, Statistic::Percentage, "").value.map(Number::get), Some(71.4));
    // Nobody is female here: the official convention shows 0 for an empty denominator.
    let empty = merged.cell("England", "age_band=18 to 64;gender=Female", Statistic::Percentage, "");
    assert_eq!((empty.status, numbers(empty).0), (Status::NotApplicable, Some(0.0)));
}

#[test]
fn coverage_counts_councils_and_adults() {
    let (query, layout) = testing::suppressed("2E");
    let answers = vec![testing::answer("104", &query, &layout, &cells(&layout, 103, 50))];
    let merged = merged(&query, &layout, &["104", "106", "503"], wire::Level::Region, answers);
    let region = merged.area("North East");
    assert_eq!((region.councils, region.councils_asked), (1, 2));
    let geography = Geography::built_in();
    let adults = |region: bool| -> f64 {
        geography
            .councils()
            .filter(|council| !region || council.region_name == "North East")
            .map(|council| council.population.adults as f64)
            .sum()
    };
    let own = geography.council(testing::council("104")).unwrap().population.adults as f64;
    assert!((region.adult_share - own / adults(true)).abs() < 1e-4);
    assert!((merged.area("England").adult_share - own / adults(false)).abs() < 1e-4);
    // Lincolnshire was asked and did not answer: its region says so and shows nothing.
    let silent = merged.cell("East Midlands", MALE, Statistic::Count, "yes");
    assert_eq!((silent.status, silent.value), (Status::NotSubmitted, None));
    assert_eq!(merged.area("East Midlands").councils_asked, 1);
}

#[test]
fn a_council_belongs_to_other_boards_in_another_structure() {
    let (query, layout) = testing::suppressed("2E");
    let geography = Geography::built_in();
    // Somebody whose board changed between the two structures.
    let (old, new) = (geography.structure("icb-2022").unwrap(), geography.structure("icb-2026").unwrap());
    let moved = geography
        .councils()
        .find(|council| {
            old.board_of(council.code).map(|board| &board.code) != new.board_of(council.code).map(|board| &board.code)
        })
        .unwrap();
    let code = moved.code.to_string();
    let answer = || vec![testing::answer(&code, &query, &layout, &cells(&layout, 103, 50))];
    for structure in [old, new] {
        let request = wire::PlanRequest {
            query: Some((&query).into()),
            level: wire::Level::Board.into(),
            councils: vec![code.clone()],
            boards: structure.version.to_owned(),
            ..Default::default()
        };
        let who = folkmoot_proto::identity::Identity::parse("folkmoot://england/analyst/national/a").unwrap();
        let plan = crate::plan::Plan::check(request, &who, testing::as_of()).unwrap();
        let answers = answer().into_iter().map(|answer| (answer.council(), answer)).collect();
        let asked = Asked { query: &query, layout: &layout, scope: plan.scope(), councils: plan.councils() };
        let merged = Merged(merge(asked, &answers));
        let boards: Vec<_> = merged.0.areas.iter().filter(|area| area.level == Level::Board).collect();
        assert_eq!(boards.len(), 1);
        assert_eq!(boards[0].ons_code, structure.board_of(moved.code).unwrap().ons_code);
        assert_eq!(merged.cell(&boards[0].ons_code, MALE, Statistic::Count, "yes").value.map(Number::get), Some(105.0));
    }
}

#[test]
fn a_board_whose_boundary_cuts_a_council_says_so() {
    let (query, layout) = testing::suppressed("2E");
    let geography = Geography::built_in();
    let structure = geography.structure("icb-2022").unwrap();
    let split = geography.councils().find(|council| structure.shares(council.code)[0].share < 0.9).unwrap();
    let code = split.code.to_string();
    let answers = vec![testing::answer(&code, &query, &layout, &cells(&layout, 103, 50))];
    let merged = merged(&query, &layout, &[&code], wire::Level::Board, answers);
    let note = &merged.0.areas.iter().find(|area| area.level == Level::Board).unwrap().note;
    assert!(note.starts_with("estimated boundary") && note.contains(&split.name), "{note}");
}

#[test]
fn noise_adds_up_over_councils_and_cells() {
    let (query, layout) = testing::private("2E");
    let sigma = 10_000_000_000;
    let answers = vec![
        testing::noisy("104", &query, &layout, &cells(&layout, 300, 100), sigma),
        testing::noisy("106", &query, &layout, &cells(&layout, -7, 3), sigma),
    ];
    let merged = merged(&query, &layout, &["104", "106"], wire::Level::Council, answers);
    // 1.96 x 10 x sqrt(2) = 27.7 -> 28.
    let yes = merged.cell("England", MALE, Statistic::Count, "yes");
    assert_eq!(numbers(yes), (Some(293.0), Some(265.0), Some(321.0), Some(28.0)));
    // The total over three genders adds the noise of three cells: 1.96 x 10 x sqrt(6) = 48.01 -> 49.
    let total = merged.cell("England", "age_band=18 to 64", Statistic::Count, "yes");
    assert_eq!(numbers(total).3, Some(49.0));
    let one = merged.cell("Gateshead", MALE, Statistic::Count, "yes");
    assert_eq!((one.status, numbers(one).0, numbers(one).1), (Status::Low, Some(-7.0), Some(0.0)));
    // 300 / 400 with Fieller's interval 71.24 to 79.01, widened to the tenth.
    let share = merged.cell("Northumberland", MALE, Statistic::Percentage, "");
    assert_eq!((share.status, numbers(share)), (Status::Ok, (Some(75.0), Some(71.2), Some(79.1), Some(4.1))));
    let lost = merged.cell("Gateshead", MALE, Statistic::Percentage, "");
    assert_eq!((lost.status, lost.value), (Status::Low, None));
}

#[test]
fn a_council_that_understates_its_noise_gets_the_noise_that_the_price_pays_for() {
    let (query, layout) = testing::private("2E");
    let answers = vec![testing::noisy("104", &query, &layout, &cells(&layout, 300, 100), 1)];
    let merged = merged(&query, &layout, &["104"], wire::Level::England, answers);
    assert_eq!(numbers(merged.cell("England", MALE, Statistic::Count, "yes")).3, Some(20.0));
}

#[test]
fn areas_under_the_ascof_profile_are_rounded_and_percentages_are_not() {
    let (query, layout) = testing::question("2E", None, Release::CouncilSuppressed(Profile::Ascof));
    let answers = vec![
        testing::answer("104", &query, &layout, &cells(&layout, 101, 32)),
        testing::answer("106", &query, &layout, &cells(&layout, 50, 21)),
    ];
    let merged = merged(&query, &layout, &["104", "106"], wire::Level::Council, answers);
    let region = merged.cell("North East", MALE, Statistic::Count, "yes");
    assert_eq!((region.status, numbers(region)), (Status::Ok, (Some(150.0), Some(148.0), Some(152.0), Some(2.0))));
    assert_eq!(merged.cell("Gateshead", MALE, Statistic::Count, "yes").value.map(Number::get), Some(50.0));
    // 151 / 204 = 74.02%.
    assert_eq!(merged.cell("North East", MALE, Statistic::Percentage, "").value.map(Number::get), Some(74.0));
}

#[test]
fn the_truth_is_always_within_the_bounds() {
    let councils = ["104", "106", "503", "511"];
    for profile in Profile::ALL {
        let (query, layout) = testing::question("2E", None, Release::CouncilSuppressed(profile));
        for seed in 0..60_u64 {
            let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) + 1;
            let mut draw = |most: u64| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                ((state >> 33) % most) as i64
            };
            let truths: Vec<Vec<i64>> = councils
                .iter()
                .map(|_| (0..layout.cells()).map(|_| if draw(3) == 0 { draw(9) } else { draw(60) }).collect())
                .collect();
            let answers: BTreeMap<_, _> = councils
                .iter()
                .zip(&truths)
                .map(|(code, cells)| (testing::council(code), testing::answer(code, &query, &layout, cells)))
                .collect();
            let plan = plan(&query, &councils, wire::Level::England);
            let (table, _) = crate::release::tabulate(&plan, &crate::release::Gathered::Answers(answers));
            let mut truth = vec![0; layout.len()];
            for cells in &truths {
                for (total, figure) in truth.iter_mut().zip(layout.with_sums(cells)) {
                    *total += figure;
                }
            }
            let recipes = recipe::recipes(&query, &layout);
            for ((row, recipe), cell) in recipes.iter().zip(&table.areas[0].cells) {
                let exact = match recipe {
                    Recipe::Count(figure) => truth[*figure] as f64,
                    Recipe::Denominator(yes, no) => (truth[*yes] + truth[*no]) as f64,
                    Recipe::Percentage(yes, no) if truth[*yes] + truth[*no] > 0 => {
                        100.0 * truth[*yes] as f64 / (truth[*yes] + truth[*no]) as f64
                    }
                    _ => continue,
                };
                let (lower, upper) = (cell.lower.unwrap().get(), cell.upper.unwrap().get());
                assert!(lower <= exact && exact <= upper, "{profile:?} seed {seed} {row:?}: {exact} not in {cell:?}");
            }
        }
    }
}
