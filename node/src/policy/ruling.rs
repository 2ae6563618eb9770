//! What the policy says to one question, and to the terms of one round.

use folkmoot_proto::disclosure;
use folkmoot_proto::query::Query;
use folkmoot_proto::reason::{Reason, Refusal};

use super::text::{ApprovalMode, Nano, OptOut};
use super::{Policy, Purpose, Question, defaults};

/// What a cap is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Scope {
    /// Everything in one budget year.
    Year,
    /// All attempts of one question.
    Query,
    /// All questions of a role.
    Role,
    /// All questions for a purpose.
    Purpose,
    /// All questions about a measure or a family.
    Measure,
    /// All questions of one analyst.
    Analyst,
}

impl Scope {
    /// Every scope, in the order people read them.
    pub const ALL: [Self; 6] = [Self::Year, Self::Role, Self::Analyst, Self::Purpose, Self::Measure, Self::Query];

    /// The word in the ledger.
    pub fn word(self) -> &'static str {
        match self {
            Self::Year => "year",
            Self::Query => "query",
            Self::Role => "role",
            Self::Purpose => "purpose",
            Self::Measure => "measure",
            Self::Analyst => "analyst",
        }
    }

    /// The scope with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.word() == word)
    }
}

/// One cap that a question's price counts against.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Limit {
    /// What it is about.
    pub scope: Scope,
    /// Which role, analyst, purpose, measure or query; empty for the year.
    pub name: String,
    /// The most that may be used and reserved under it in a budget year.
    pub cap: Nano,
}

/// Whether a person must decide.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Gate {
    /// Answered without a person.
    Auto,
    /// A person decides; the sentence says by which rule.
    Hold(String),
}

/// What the policy says to a question that it allows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ruling {
    /// All caps that its price counts against.
    pub limits: Vec<Limit>,
    /// Whether a person must decide.
    pub gate: Gate,
    /// The policy's name of its purpose.
    pub purpose: String,
    /// Whether people with a national data opt-out must be left out of the figures.
    pub opt_out_applied: bool,
}

/// The terms of one round, as its envelope states them and the node checked them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Terms {
    /// Councils in the cohort.
    pub councils: u32,
    /// Councils assumed to collude with the coordinator.
    pub colluding: u32,
    /// Signatures needed to unmask.
    pub threshold: u32,
    /// Fewest councils that must remain.
    pub min_survivors: u32,
    /// This node's own loss should everybody else collude, from its noise share; 0 for suppressed kinds.
    pub local_rho: Nano,
    /// Which attempt of the question, from 1.
    pub attempt: u32,
}

/// Settings of measures that say how many events, waits or stays of one person count in a private answer.
const PER_PERSON: &[&str] = &["max_events", "max_waits", "max_clusters"];

/// Texts that people type are compared without case and with single blanks.
pub(crate) fn fold(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

impl Policy {
    /// What this policy says to a question: a ruling, or why not.
    ///
    /// # Errors
    /// A [`Refusal`] with [`Reason::PolicyOff`], [`Reason::PolicyForbids`] or [`Reason::BudgetSpent`] whose sentence
    /// names the rule. It tells the asker nothing about any person.
    pub fn rule(&self, question: &Question) -> Result<Ruling, Refusal> {
        if !self.is_on() {
            return Err(Refusal::new(
                Reason::PolicyOff,
                "this council answers no questions: its policy is off. Nobody else's figures depend on this one.",
            ));
        }
        let forbid = |what: String| Err(Refusal::new(Reason::PolicyForbids, format!("this council's policy {what}")));
        let (text, query) = (&self.text, question.query());
        let (asker, kind, measure) = (question.asker(), question.kind(), query.measure());
        if !text.questions.roles.iter().flatten().any(|role| *role == asker) {
            return forbid(format!("does not answer the role '{asker}'"));
        }
        if !text.release.kinds.iter().flatten().any(|allowed| *allowed == kind) {
            return forbid(format!("does not release {kind} figures"));
        }
        if let Some(profile) = query.release().profile()
            && !text.release.suppression.unwrap_or_default().allows(profile)
        {
            return forbid(format!("does not allow the suppression profile '{}'", profile.word()));
        }
        if let Err(why) = disclosure::admissible(query) {
            return Err(Refusal::new(Reason::PolicyForbids, why.to_string()));
        }
        if !text.questions.measures.iter().flatten().any(|pattern| pattern.matches(measure.id)) {
            return forbid(format!("does not allow the measure {}", measure.id));
        }
        // A filter tells as much about a dimension as a breakdown does.
        let used = query.by().iter().copied().chain(query.filters().iter().map(|(place, _)| *place));
        for place in used {
            let name = measure.dimensions[place].name;
            if text.questions.forbidden_dimensions.iter().flatten().any(|forbidden| forbidden == name) {
                return forbid(format!("does not allow the dimension '{name}'"));
            }
        }
        let Some(purpose) = self.purpose_of(question.purpose()) else {
            let names = self.purposes().into_iter().map(|purpose| purpose.name).collect();
            return forbid(format!(
                "does not know the stated purpose; it must be one of these, alone or followed by a colon and details: {}",
                listed(names)
            ));
        };
        let stated = fold(question.lawful_basis());
        if !purpose.lawful_bases.iter().any(|basis| basis == "*" || fold(basis) == stated) {
            return forbid(format!(
                "does not accept the stated lawful basis for the purpose '{}'; it accepts: {}",
                purpose.name,
                listed(purpose.lawful_bases)
            ));
        }
        let price = question.price();
        let most = text.budget.rho_per_query.unwrap_or(defaults::RHO_PER_QUERY);
        if price > most {
            let sentence = format!("this council's policy allows at most rho {most} for one question, not {price}");
            return Err(Refusal::new(Reason::PolicyForbids, sentence).with("cap", most));
        }
        if kind.is_private()
            && let Some(what) = self.outside_bounds(query)
        {
            return forbid(what);
        }
        Ok(Ruling {
            limits: self.limits(question, &purpose),
            gate: self.gate(question),
            opt_out_applied: purpose.opt_out == OptOut::Applied,
            purpose: purpose.name,
        })
    }

    /// Which of the council's bounds a private answer to a question would pass, with what to ask instead.
    ///
    /// The question is refused, and not clipped tighter here than it says: noise is made for the bound that the question
    /// declares, the same at every council, and a sum over councils that clip differently is a figure of nothing.
    fn outside_bounds(&self, query: &Query) -> Option<String> {
        let (bounds, measure) = (&self.text.bounds, query.measure());
        let setting = |names: &[&str]| {
            let found = measure.options.iter().find(|setting| names.contains(&setting.name))?;
            Some((found.name, u64::try_from(query.settings().number(found.name)).unwrap_or(0)))
        };
        if let (Some(most), Some((name, asked))) = (bounds.max_events_per_person, setting(PER_PERSON))
            && asked > u64::from(most)
        {
            return Some(format!(
                "lets at most {most} events of one person count in a private answer, and this question lets {asked} \
                 count: ask with {name} of at most {most}"
            ));
        }
        let clips = bounds.max_pounds_per_person.iter().filter(|(pattern, _)| pattern.matches(measure.id));
        if let (Some(most), Some((name, asked))) = (clips.map(|(_, &pounds)| pounds).min(), setting(&["max_pounds"]))
            && asked > most
        {
            return Some(format!(
                "lets at most {most} pounds of one person count in a private answer about {}, and this question lets \
                 {asked} count: ask with {name} of at most {most}",
                measure.id
            ));
        }
        let cells = query.bound().contributions;
        bounds.max_cells_per_person.filter(|&most| cells > most).map(|most| {
            let fix = match setting(PER_PERSON) {
                Some((name, _)) => format!("ask with a lower {name}, or for fewer of its parts"),
                None => "ask for fewer of its parts".to_owned(),
            };
            format!("lets one person change at most {most} cells of a private answer, and this question up to {cells}: {fix}")
        })
    }

    fn purpose_of(&self, stated: &str) -> Option<Purpose> {
        let (head, whole) = (fold(stated.split(':').next().unwrap_or_default()), fold(stated));
        let purposes = self.purposes();
        let named = purposes.iter().find(|purpose| [&head, &whole].contains(&&fold(&purpose.name)));
        named.or_else(|| purposes.iter().find(|purpose| purpose.name.trim() == "*")).cloned()
    }

    fn limits(&self, question: &Question, purpose: &Purpose) -> Vec<Limit> {
        let budget = &self.text.budget;
        let limit = |scope, name: String, cap| Limit { scope, name, cap };
        let each = budget.rho_per_query.unwrap_or(defaults::RHO_PER_QUERY);
        let mut limits = vec![
            limit(Scope::Year, String::new(), self.year_cap()),
            // A failed attempt past masking is charged, so a question may cost its price once for each attempt.
            limit(Scope::Query, question.id().to_string(), Nano(each.0.saturating_mul(u64::from(self.attempts_max())))),
        ];
        // Without a cap of its own, a role, an analyst and a purpose still have an account, so that people can see what they used.
        let role = question.asker();
        let cap = budget.per_role.get(&role).copied().unwrap_or(self.year_cap());
        limits.push(limit(Scope::Role, role.word().to_owned(), cap));
        let cap = budget.rho_per_analyst_per_year.unwrap_or(self.year_cap());
        limits.push(limit(Scope::Analyst, question.analyst().to_string(), cap));
        let cap = purpose.rho_per_year.unwrap_or(self.year_cap());
        limits.push(limit(Scope::Purpose, purpose.name.clone(), cap));
        let id = question.query().measure().id;
        limits.push(limit(
            Scope::Measure,
            id.to_owned(),
            budget
                .per_measure
                .iter()
                .find(|(pattern, _)| pattern.as_str() == id)
                .map_or(self.year_cap(), |(_, &cap)| cap),
        ));
        for (pattern, &cap) in &budget.per_measure {
            if pattern.matches(id) && pattern.as_str() != id {
                limits.push(limit(Scope::Measure, pattern.as_str().to_owned(), cap));
            }
        }
        limits
    }

    fn gate(&self, question: &Question) -> Gate {
        let (approval, price) = (&self.text.approval, question.price());
        let (kind, asker, id) = (question.kind(), question.asker(), question.query().measure().id);
        let judge = |mode: ApprovalMode, most: Option<Nano>, whose: &str| match mode {
            ApprovalMode::Hold => Some(format!("{whose} holds every such question for a person")),
            ApprovalMode::Auto if price > most.unwrap_or_default() => {
                Some(format!("{whose} holds questions dearer than rho {}", most.unwrap_or_default()))
            }
            ApprovalMode::Auto => None,
        };
        if let Some(why) = judge(approval.mode.unwrap_or_default(), approval.auto_up_to_rho, "the general rule") {
            return Gate::Hold(why);
        }
        for (i, rule) in approval.rules.iter().enumerate() {
            let about = (rule.roles.is_empty() || rule.roles.contains(&asker))
                && (rule.kinds.is_empty() || rule.kinds.contains(&kind))
                && (rule.measures.is_empty() || rule.measures.iter().any(|pattern| pattern.matches(id)));
            if about && let Some(why) = judge(rule.mode, rule.auto_up_to_rho, &format!("rule {}", i + 1)) {
                return Gate::Hold(why);
            }
        }
        Gate::Auto
    }

    /// Whether this policy accepts the terms of a round.
    ///
    /// # Guarantee
    /// Accepted terms satisfy `threshold >= floor((councils + colluding) / 2) + 1` (two different survivor sets cannot
    /// both be signed), `min_survivors >= threshold`, `min_survivors > colluding` (some honest noise remains), and the
    /// policy's own bounds.
    ///
    /// # Errors
    /// A [`Refusal`] that names the term and both values.
    pub fn rule_round(&self, terms: &Terms) -> Result<(), Refusal> {
        let cohort = &self.text.cohort;
        let refuse = |reason, what: String| Err(Refusal::new(reason, format!("this council's policy {what}")));
        let least = cohort.min_cohort.unwrap_or(defaults::MIN_COHORT);
        if terms.councils < least || !(3..=255).contains(&terms.councils) {
            return refuse(
                Reason::TooFewCouncils,
                format!("needs a cohort of {least} to 255 councils, not {}", terms.councils),
            );
        }
        let colluding = cohort.max_colluding.unwrap_or(defaults::MAX_COLLUDING);
        if terms.colluding < colluding {
            let what =
                format!("assumes up to {colluding} colluding councils; the round assumes only {}", terms.colluding);
            return refuse(Reason::PolicyForbids, what);
        }
        let threshold = (terms.councils + terms.colluding) / 2 + 1;
        if terms.threshold < threshold || terms.threshold > terms.councils {
            let what = format!("needs {threshold} signatures to unmask; the round says {}", terms.threshold);
            return refuse(Reason::RoundRefused, what);
        }
        let survivors = cohort.min_survivors.unwrap_or(defaults::MIN_SURVIVORS).max(terms.threshold);
        if terms.min_survivors < survivors || terms.min_survivors <= terms.colluding {
            let what = format!("needs at least {survivors} remaining councils; the round says {}", terms.min_survivors);
            return refuse(Reason::TooFewCouncils, what);
        }
        let most = self.text.budget.rho_local_max.unwrap_or(defaults::RHO_LOCAL_MAX);
        if terms.local_rho > most {
            let what = format!(
                "allows a loss of at most rho {most} should all others collude; this round's noise share gives {}",
                terms.local_rho
            );
            return refuse(Reason::PolicyForbids, what);
        }
        if terms.attempt == 0 || terms.attempt > self.attempts_max() {
            let what =
                format!("allows {} attempts of a question; this is number {}", self.attempts_max(), terms.attempt);
            return refuse(Reason::RoundRefused, what);
        }
        Ok(())
    }
}

/// Names for a refusal, which must stay short: an analyst corrects a question by them.
fn listed(names: Vec<String>) -> String {
    const NAMED: usize = 5;
    const LETTERS: usize = 80;
    let more = names.len().saturating_sub(NAMED);
    let mut words: Vec<String> = names
        .into_iter()
        .take(NAMED)
        .map(|name| format!("'{}'", name.chars().take(LETTERS).collect::<String>()))
        .collect();
    if words.is_empty() {
        return "none is agreed".to_owned();
    }
    if more > 0 {
        words.push(format!("and {more} more"));
    }
    words.join(", ")
}
