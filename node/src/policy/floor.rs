//! The national floor: a policy text that a council's own may tighten and never loosen.

use std::collections::BTreeMap;
use std::fmt;

use super::defaults;
use super::ruling::fold;
use super::text::{ApprovalMode, Asker, LeastStrict, Mode, Nano, OptOut, Pattern, PurposeText, Text};

/// One key of the council's policy that is looser than the floor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The key's path.
    pub key: String,
    /// What the floor says.
    pub floor: String,
    /// What the council's policy says.
    pub local: String,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' is {}, and the floor is {}", self.key, self.local, self.floor)
    }
}

/// Fills every unset key with its default, so that equal rules have equal bytes.
pub(super) fn with_defaults(mut text: Text) -> Text {
    text.mode.get_or_insert(Mode::Off);
    text.release.kinds.get_or_insert_default();
    text.release.suppression.get_or_insert_default();
    text.questions.measures.get_or_insert_default();
    text.questions.forbidden_dimensions.get_or_insert_default();
    text.questions.roles.get_or_insert_default();
    let budget = &mut text.budget;
    budget.rho_per_person_per_year.get_or_insert_default();
    budget.rho_per_query.get_or_insert(defaults::RHO_PER_QUERY);
    budget.rho_local_max.get_or_insert(defaults::RHO_LOCAL_MAX);
    budget.attempts_max.get_or_insert(defaults::ATTEMPTS_MAX);
    budget.unit_of_privacy.get_or_insert_default();
    budget.delta.get_or_insert(folkmoot_proto::privacy::SHOWN_DELTA);
    let cohort = &mut text.cohort;
    cohort.min_cohort.get_or_insert(defaults::MIN_COHORT);
    cohort.max_colluding.get_or_insert(defaults::MAX_COLLUDING);
    cohort.min_survivors.get_or_insert(defaults::MIN_SURVIVORS);
    cohort.min_cohort_difference.get_or_insert(defaults::MIN_COHORT_DIFFERENCE);
    cohort.overlapping_periods.get_or_insert(false);
    let approval = &mut text.approval;
    approval.mode.get_or_insert_default();
    approval.auto_up_to_rho.get_or_insert_default();
    approval.second_person.get_or_insert(false);
    approval.expires_after_days.get_or_insert(defaults::EXPIRES_AFTER_DAYS);
    approval.max_waiting.get_or_insert(defaults::MAX_WAITING);
    approval.max_waiting_per_analyst.get_or_insert(defaults::MAX_WAITING_PER_ANALYST);
    text.purposes.get_or_insert_default();
    text.release.slot_seconds = text.release.slot_seconds.filter(|&slot| slot > 0);
    // Lists are sets: their order means nothing.
    if let Some(list) = &mut text.release.kinds {
        list.sort();
        list.dedup();
    }
    if let Some(list) = &mut text.questions.measures {
        list.sort();
        list.dedup();
    }
    if let Some(list) = &mut text.questions.forbidden_dimensions {
        list.sort();
        list.dedup();
    }
    if let Some(list) = &mut text.questions.roles {
        list.sort();
        list.dedup();
    }
    if let Some(list) = &mut text.purposes {
        list.sort_by_key(|purpose| fold(&purpose.name));
    }
    text
}

/// The council's policy with every key at least as strict as the floor's.
///
/// A key that the council leaves out takes the stricter of its default and the floor; one that it sets must not be
/// looser.
pub(super) fn tighten(local: Text, floor: &Text) -> Result<Text, Vec<Conflict>> {
    let mut found = Conflicts::default();
    let set = local.clone();
    let mut out = with_defaults(local);

    found.key(
        "mode",
        &mut out.mode,
        set.mode,
        floor.mode,
        |a, b| *a == Mode::On && *b == Mode::Off,
        |mode| format!("{mode:?}").to_lowercase(),
    );
    found.subset("release.kinds", out.release.kinds.as_deref(), floor.release.kinds.as_deref(), |a, b| a == b);
    found.key(
        "release.suppression",
        &mut out.release.suppression,
        set.release.suppression,
        floor.release.suppression,
        |a: &LeastStrict, b| a > b,
        |profile| profile.word().to_owned(),
    );
    found.subset(
        "questions.measures",
        out.questions.measures.as_deref(),
        floor.questions.measures.as_deref(),
        Pattern::covers,
    );
    found.subset("questions.roles", out.questions.roles.as_deref(), floor.questions.roles.as_deref(), |a, b| a == b);
    if let Some(forbidden) = &floor.questions.forbidden_dimensions {
        let ours = out.questions.forbidden_dimensions.get_or_insert_default();
        let missing: Vec<_> = forbidden.iter().filter(|name| !ours.contains(name)).cloned().collect();
        if set.questions.forbidden_dimensions.is_none() {
            ours.extend(missing);
        } else if !missing.is_empty() {
            found.add("questions.forbidden_dimensions", list(forbidden), list(ours));
        }
    }

    let more = |a: &Nano, b: &Nano| a > b;
    let (ours, theirs) = (&mut out.budget, &floor.budget);
    let show = |nano: &Nano| nano.to_string();
    // An unset yearly budget is zero, which is stricter than any floor.
    found.key(
        "budget.rho_per_person_per_year",
        &mut ours.rho_per_person_per_year,
        set.budget.rho_per_person_per_year,
        theirs.rho_per_person_per_year,
        more,
        show,
    );
    found.key(
        "budget.rho_per_query",
        &mut ours.rho_per_query,
        set.budget.rho_per_query,
        theirs.rho_per_query,
        more,
        show,
    );
    found.key(
        "budget.rho_local_max",
        &mut ours.rho_local_max,
        set.budget.rho_local_max,
        theirs.rho_local_max,
        more,
        show,
    );
    // Unset, one analyst may use the whole year's budget: any floor is stricter.
    found.at_most(
        "budget.rho_per_analyst_per_year",
        &mut ours.rho_per_analyst_per_year,
        theirs.rho_per_analyst_per_year,
    );
    found.key(
        "budget.attempts_max",
        &mut ours.attempts_max,
        set.budget.attempts_max,
        theirs.attempts_max,
        |a, b| a > b,
        u32::to_string,
    );
    found.caps("budget.per_role", &mut ours.per_role, &theirs.per_role, |role: &Asker| role.to_string());
    found.caps("budget.per_measure", &mut ours.per_measure, &theirs.per_measure, |id: &Pattern| format!("\"{id}\""));

    // Unset, nothing is looser than a slot or a bound of the floor.
    found.at_least("release.slot_seconds", &mut out.release.slot_seconds, floor.release.slot_seconds);
    let (ours, theirs) = (&mut out.bounds, &floor.bounds);
    found.at_most("bounds.max_cells_per_person", &mut ours.max_cells_per_person, theirs.max_cells_per_person);
    found.at_most("bounds.max_events_per_person", &mut ours.max_events_per_person, theirs.max_events_per_person);
    found.caps(
        "bounds.max_pounds_per_person",
        &mut ours.max_pounds_per_person,
        &theirs.max_pounds_per_person,
        |id: &Pattern| format!("\"{id}\""),
    );

    let (ours, theirs) = (&mut out.cohort, &floor.cohort);
    let fewer = |a: &u32, b: &u32| a < b;
    for (key, ours, set, floor) in [
        ("cohort.min_cohort", &mut ours.min_cohort, set.cohort.min_cohort, theirs.min_cohort),
        ("cohort.max_colluding", &mut ours.max_colluding, set.cohort.max_colluding, theirs.max_colluding),
        ("cohort.min_survivors", &mut ours.min_survivors, set.cohort.min_survivors, theirs.min_survivors),
        (
            "cohort.min_cohort_difference",
            &mut ours.min_cohort_difference,
            set.cohort.min_cohort_difference,
            theirs.min_cohort_difference,
        ),
    ] {
        found.key(key, ours, set, floor, fewer, u32::to_string);
    }
    found.key(
        "cohort.overlapping_periods",
        &mut ours.overlapping_periods,
        set.cohort.overlapping_periods,
        theirs.overlapping_periods,
        |a, b| *a && !*b,
        bool::to_string,
    );

    let (ours, theirs) = (&mut out.approval, &floor.approval);
    found.key(
        "approval.mode",
        &mut ours.mode,
        set.approval.mode,
        theirs.mode,
        |a, b| *a == ApprovalMode::Auto && *b == ApprovalMode::Hold,
        |mode| mode.word().to_owned(),
    );
    found.key(
        "approval.auto_up_to_rho",
        &mut ours.auto_up_to_rho,
        set.approval.auto_up_to_rho,
        theirs.auto_up_to_rho,
        more,
        show,
    );
    found.key(
        "approval.second_person",
        &mut ours.second_person,
        set.approval.second_person,
        theirs.second_person,
        |a, b| !*a && *b,
        bool::to_string,
    );
    found.key(
        "approval.expires_after_days",
        &mut ours.expires_after_days,
        set.approval.expires_after_days,
        theirs.expires_after_days,
        |a, b| a > b,
        u32::to_string,
    );
    let waiting = [
        ("approval.max_waiting", &mut ours.max_waiting, set.approval.max_waiting, theirs.max_waiting),
        (
            "approval.max_waiting_per_analyst",
            &mut ours.max_waiting_per_analyst,
            set.approval.max_waiting_per_analyst,
            theirs.max_waiting_per_analyst,
        ),
    ];
    for (key, ours, set, floor) in waiting {
        found.key(key, ours, set, floor, |a, b| a > b, u32::to_string);
    }
    // The strictest matching rule counts, so the floor's rules beside the council's can only tighten.
    ours.rules.extend(theirs.rules.iter().cloned());

    if let Some(allowed) = &floor.purposes {
        for (i, purpose) in out.purposes.iter_mut().flatten().enumerate() {
            found.purpose(i, purpose, allowed);
        }
    }
    if found.0.is_empty() { Ok(with_defaults(out)) } else { Err(found.0) }
}

#[derive(Default)]
struct Conflicts(Vec<Conflict>);

impl Conflicts {
    fn add(&mut self, key: impl Into<String>, floor: String, local: String) {
        self.0.push(Conflict { key: key.into(), floor, local });
    }

    /// A key with one value. `set` is what the council wrote, `ours` the same with the default filled in.
    fn key<T: Clone>(
        &mut self,
        key: &str,
        ours: &mut Option<T>,
        set: Option<T>,
        floor: Option<T>,
        looser: impl Fn(&T, &T) -> bool,
        show: impl Fn(&T) -> String,
    ) {
        let (Some(current), Some(floor)) = (ours.as_ref(), floor) else { return };
        if !looser(current, &floor) {
            return;
        }
        match set {
            Some(local) => self.add(key, show(&floor), show(&local)),
            None => *ours = Some(floor),
        }
    }

    /// A key that has no limit while it is unset, and is stricter the lower it is.
    fn at_most<T: PartialOrd + fmt::Display>(&mut self, key: &str, ours: &mut Option<T>, floor: Option<T>) {
        match (ours.as_ref(), floor) {
            (None, floor) => *ours = floor,
            (Some(local), Some(floor)) if *local > floor => self.add(key, floor.to_string(), local.to_string()),
            _ => {}
        }
    }

    /// A key that asks for nothing while it is unset, and is stricter the higher it is.
    fn at_least<T: PartialOrd + fmt::Display>(&mut self, key: &str, ours: &mut Option<T>, floor: Option<T>) {
        match (ours.as_ref(), floor) {
            (None, floor) => *ours = floor,
            (Some(local), Some(floor)) if *local < floor => self.add(key, floor.to_string(), local.to_string()),
            _ => {}
        }
    }

    fn subset<T: fmt::Display>(
        &mut self,
        key: &str,
        ours: Option<&[T]>,
        floor: Option<&[T]>,
        covers: impl Fn(&T, &T) -> bool,
    ) {
        let (Some(ours), Some(floor)) = (ours, floor) else { return };
        let outside: Vec<_> = ours.iter().filter(|&item| !floor.iter().any(|wide| covers(wide, item))).collect();
        if !outside.is_empty() {
            self.add(key, list(floor), list(ours));
        }
    }

    fn caps<K: Ord + Clone, V: PartialOrd + Copy + fmt::Display>(
        &mut self,
        key: &str,
        ours: &mut BTreeMap<K, V>,
        floor: &BTreeMap<K, V>,
        show: impl Fn(&K) -> String,
    ) {
        for (name, &cap) in floor {
            match ours.get(name) {
                None => {
                    ours.insert(name.clone(), cap);
                }
                Some(&local) if local > cap => {
                    self.add(format!("{key}.{}", show(name)), cap.to_string(), local.to_string());
                }
                Some(_) => {}
            }
        }
    }

    fn purpose(&mut self, i: usize, local: &mut PurposeText, allowed: &[PurposeText]) {
        let at = |key: &str| format!("purposes[{i}].{key}");
        let same = |wide: &&PurposeText| fold(&wide.name) == fold(&local.name);
        let Some(floor) = allowed.iter().find(same).or_else(|| allowed.iter().find(|wide| wide.name == "*")) else {
            let names: Vec<_> = allowed.iter().map(|purpose| purpose.name.as_str()).collect();
            self.add(at("name"), format!("one of {}", list(&names)), format!("\"{}\"", local.name));
            return;
        };
        let any = floor.lawful_bases.iter().any(|basis| basis == "*");
        let known = |basis: &String| floor.lawful_bases.iter().any(|wide| fold(wide) == fold(basis));
        if !any && !local.lawful_bases.iter().all(known) {
            self.add(at("lawful_bases"), list(&floor.lawful_bases), list(&local.lawful_bases));
        }
        if floor.national_data_opt_out == OptOut::Applied && local.national_data_opt_out == OptOut::NotApplied {
            self.add(
                at("national_data_opt_out"),
                OptOut::Applied.word().to_owned(),
                OptOut::NotApplied.word().to_owned(),
            );
        }
        match (local.rho_per_year, floor.rho_per_year) {
            (None, cap) => local.rho_per_year = cap,
            (Some(ours), Some(cap)) if ours > cap => self.add(at("rho_per_year"), cap.to_string(), ours.to_string()),
            _ => {}
        }
    }
}

fn list<T: fmt::Display>(items: &[T]) -> String {
    format!("[{}]", items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
}
