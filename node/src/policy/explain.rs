//! The effective rules in plain sentences.

use folkmoot_proto::catalogue;

use super::text::{ApprovalMode, LeastStrict, Nano, OptOut};
use super::{Policy, defaults};

pub(super) fn sentences(policy: &Policy) -> Vec<String> {
    let mut out = Vec::new();
    if !policy.is_on() {
        out.push("The policy is off: this council answers no questions.".to_owned());
        out.push(floor(policy));
        return out;
    }
    let text = &policy.text;
    out.push(
        "The policy is on: questions are answered by the rules below. What they do not name is refused.".to_owned(),
    );
    let kinds = text.release.kinds.as_deref().unwrap_or_default();
    if kinds.is_empty() {
        out.push("No release kind is allowed, so in effect nothing is answered.".to_owned());
    }
    for kind in kinds {
        out.push(format!("Allowed: {kind}. {}", kind.sentence()));
    }
    if kinds.iter().any(|kind| !kind.is_private()) {
        out.push(match text.release.suppression.unwrap_or_default() {
            LeastStrict::Hospital => {
                "Suppressed figures use the profile hospital: 1 to 7 hidden, everything else rounded to 5.".to_owned()
            }
            LeastStrict::Ascof => "Suppressed figures may use the profile hospital, or ascof, which hides below 5 and \
                                   leaves other council counts exact."
                .to_owned(),
        });
    }
    let questions = &text.questions;
    let allowed = |id: &str| questions.measures.iter().flatten().any(|pattern| pattern.matches(id));
    let all: Vec<&str> = catalogue::all().map(|measure| measure.id).collect();
    let count = all.iter().filter(|id| allowed(id)).count();
    out.push(match count {
        0 => "Measures: none, so nothing is answered.".to_owned(),
        count => {
            let others: Vec<&str> = all.iter().copied().filter(|id| !allowed(id)).collect();
            let refused = if others.is_empty() { String::new() } else { format!("; refused: {}", others.join(", ")) };
            let list = or_none(questions.measures.as_deref(), "none");
            format!("Measures: {list} ({count} of the {} there are){refused}.", all.len())
        }
    });
    out.push(format!("Who may ask: {}.", or_none(questions.roles.as_deref(), "nobody")));
    let forbidden = questions.forbidden_dimensions.as_deref().unwrap_or_default();
    if !forbidden.is_empty() {
        out.push(format!("Never broken down or filtered by: {}.", forbidden.join(", ")));
    }
    let purposes = policy.purposes();
    if purposes.is_empty() {
        out.push("No purpose is agreed, so nothing is answered.".to_owned());
    }
    for purpose in &purposes {
        let name = if purpose.name == "*" { "any purpose".to_owned() } else { format!("'{}'", purpose.name) };
        let bases = if purpose.lawful_bases.iter().any(|basis| basis == "*") {
            "any stated lawful basis".to_owned()
        } else {
            purpose.lawful_bases.join(", or ")
        };
        let opt_out = match purpose.opt_out {
            OptOut::Applied => {
                "people with a national data opt-out are left out, and where the node cannot leave them out it \
                                refuses"
                    .to_owned()
            }
            OptOut::NotApplied => format!(
                "people with a national data opt-out are counted ({})",
                purpose.opt_out_reason.as_deref().unwrap_or_default()
            ),
        };
        let cap = purpose.rho_per_year.map(|cap| format!("; at most rho {cap} a year")).unwrap_or_default();
        out.push(format!("Purpose {name}, under {bases}: {opt_out}{cap}."));
    }
    if kinds.iter().any(|kind| kind.is_private()) {
        budget(policy, &mut out);
        bounds(policy, &mut out);
    }
    if let Some(slot) = policy.slot() {
        out.push(format!(
            "Answers leave {} s after they were asked for, or a multiple of that: how long the work took does not show.",
            slot.as_secs()
        ));
    }
    if kinds.iter().any(|kind| kind.word().starts_with("joint")) {
        cohort(policy, &mut out);
    }
    approval(policy, &mut out);
    out.push(floor(policy));
    out
}

fn budget(policy: &Policy, out: &mut Vec<String>) {
    let budget = &policy.text.budget;
    out.push(format!(
        "Privacy budget: no person loses more than {} in a budget year (1 April to 31 March).",
        policy.priced(policy.year_cap())
    ));
    out.push(
        "The unit of privacy is a person, with everything recorded about them here in all years: losses of all answers \
         with noise add up, also of answers about different periods. From one budget year to the next they add up, too."
            .to_owned(),
    );
    out.push(format!(
        "One question costs at most {}; it may be tried {} times, and an attempt that fails after this council's masked \
         figures left is charged.",
        policy.priced(budget.rho_per_query.unwrap_or(defaults::RHO_PER_QUERY)),
        policy.attempts_max()
    ));
    if let Some(cap) = policy.analyst_cap() {
        out.push(format!("All questions of one analyst together: at most rho {cap} a year."));
    }
    for (role, cap) in policy.role_caps() {
        out.push(format!("All questions of the role {role} together: at most rho {cap} a year."));
    }
    for (measure, cap) in policy.measure_caps() {
        out.push(format!("All questions about {measure} together: at most rho {cap} a year."));
    }
    out.push(format!(
        "Should every other council collude with the coordinator, a joint figure may still lose a person at most {}.",
        policy.priced(budget.rho_local_max.unwrap_or(defaults::RHO_LOCAL_MAX))
    ));
}

/// What one person may weigh in an answer with noise; nothing for what is unset.
fn bounds(policy: &Policy, out: &mut Vec<String>) {
    let bounds = &policy.text.bounds;
    let before = out.len();
    if let Some(most) = bounds.max_cells_per_person {
        out.push(format!("In an answer with noise one person may change at most {most} cells."));
    }
    if let Some(most) = bounds.max_events_per_person {
        out.push(format!("In an answer with noise at most {most} events, waits or stays of one person may count."));
    }
    for (measure, pounds) in &bounds.max_pounds_per_person {
        out.push(format!(
            "In an answer with noise at most {pounds} pounds of one person may count in questions about {measure}."
        ));
    }
    if out.len() > before {
        out.push(
            "Questions that let more count are refused, with what to ask instead; they are never quietly cut down to \
             these limits, since sums over councils would then add up unlike things."
                .to_owned(),
        );
    }
}

fn cohort(policy: &Policy, out: &mut Vec<String>) {
    let cohort = &policy.text.cohort;
    out.push(format!(
        "Joint figures need at least {} councils, of which {} must remain to the end; up to {} of them are assumed to \
         collude with the coordinator.",
        cohort.min_cohort.unwrap_or(defaults::MIN_COHORT),
        cohort.min_survivors.unwrap_or(defaults::MIN_SURVIVORS),
        cohort.max_colluding.unwrap_or(defaults::MAX_COLLUDING)
    ));
    out.push(format!(
        "Two suppressed sums of the same statistic must be over councils that are nested or apart, and nested ones must \
         differ by at least {} councils.",
        policy.min_cohort_difference()
    ));
    if policy.overlapping_periods() {
        out.push(
            "Suppressed sums may be about overlapping periods and be given again from newer data: the differences between \
             them are not guarded."
                .to_owned(),
        );
    } else {
        out.push(
            "Suppressed sums of one measure must be about equal periods or periods that do not overlap, and are not \
             given again from other data."
                .to_owned(),
        );
    }
}

fn approval(policy: &Policy, out: &mut Vec<String>) {
    let approval = &policy.text.approval;
    out.push(match approval.mode.unwrap_or_default() {
        ApprovalMode::Hold => "Every question waits until a person here approves it.".to_owned(),
        ApprovalMode::Auto => match approval.auto_up_to_rho.unwrap_or_default() {
            Nano(0) => "Suppressed figures are answered without a person; private ones wait for one.".to_owned(),
            most => format!("Questions that cost at most rho {most} are answered without a person; dearer ones wait."),
        },
    });
    for (i, rule) in approval.rules.iter().enumerate() {
        let about = [
            (!rule.roles.is_empty()).then(|| format!("role {}", join(&rule.roles))),
            (!rule.measures.is_empty()).then(|| format!("measures {}", join(&rule.measures))),
            (!rule.kinds.is_empty()).then(|| format!("release kinds {}", join(&rule.kinds))),
        ];
        let about: Vec<_> = about.into_iter().flatten().collect();
        let about = if about.is_empty() { "every question".to_owned() } else { about.join(", ") };
        let what = match rule.mode {
            ApprovalMode::Hold => "waits for a person".to_owned(),
            ApprovalMode::Auto => {
                format!("waits for a person when dearer than rho {}", rule.auto_up_to_rho.unwrap_or_default())
            }
        };
        out.push(format!("Rule {}: {about}: {what}.", i + 1));
    }
    if policy.second_person() {
        out.push("An approval needs two different people.".to_owned());
    }
    let (all, each) = policy.max_waiting();
    out.push(format!(
        "At most {all} questions wait for a person at one time, and at most {each} of one analyst; more are refused, with \
         that as the reason."
    ));
    out.push(format!(
        "A held question, and an approval that was not used, is void after {} days.",
        policy.expires_after_days()
    ));
}

fn floor(policy: &Policy) -> String {
    if policy.floored {
        "A national floor is in force; no key here is looser than it.".to_owned()
    } else {
        "No national floor is in force.".to_owned()
    }
}

/// A small number as people write it: `1e-6`, or as a decimal where that is no power of ten.
pub(super) fn power(delta: f64) -> String {
    format!("{delta:e}")
}

fn or_none<T: ToString>(items: Option<&[T]>, none: &str) -> String {
    match items {
        Some(items) if !items.is_empty() => join(items),
        _ => none.to_owned(),
    }
}

fn join<T: ToString>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
