//! Planning, asking and following.
#![allow(clippy::print_stderr)]

use anyhow::{Context as _, bail};
use clap::Args;
use folkmoot_proto::disclosure::Profile as DisclosureProfile;
use folkmoot_proto::ids::QueryId;
use folkmoot_proto::period::{Day, ReferencePeriod};
use folkmoot_proto::privacy::{self, Rho};
use folkmoot_proto::query::{DataRule, Filter, KeyReading, Query, Release};
use folkmoot_proto::question::{Question, Signed, SignedQuestion};
use folkmoot_proto::wire::v1 as wire;
use tonic::Streaming;

use super::client::{Connected, connect, failed};
use super::{Caller, INCOMPLETE, LevelWord, OK, Outcome, REFUSED, day, read};
use crate::answer::tidy;
use crate::service::wire_level;

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    /// Each council's own figures, small numbers hidden
    CouncilSuppressed,
    /// Each council's own figures with noise
    CouncilPrivate,
    /// Sums over councils that nobody can take apart, with noise
    JointPrivate,
    /// Sums over councils that nobody can take apart, small numbers hidden
    JointSuppressed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Rule {
    /// 1 to 7 hidden, everything else rounded to the nearest 5
    Hospital,
    /// 0 to 4 hidden, council counts otherwise exact
    Ascof,
}

/// A question on the command line.
#[derive(Debug, Args)]
pub(crate) struct QuestionArgs {
    /// The measure; `measures` lists them
    measure: String,
    /// First day of the period, such as 2024-04-01
    #[arg(long, value_parser = day, value_name = "DATE")]
    from: Day,
    /// Last day of the period, included
    #[arg(long, value_parser = day, value_name = "DATE")]
    to: Day,
    /// Dimensions to break down by, separated by commas; the measure's own when left out, `none` for the total alone
    #[arg(long, value_name = "D1,D2")]
    by: Option<String>,
    /// Keep only these categories of a dimension; may be given several times
    #[arg(long = "filter", value_name = "DIMENSION=VALUE|VALUE")]
    filters: Vec<String>,
    /// A setting of the measure; may be given several times
    #[arg(long = "set", value_name = "NAME=VALUE")]
    settings: Vec<String>,
    /// Use submissions received up to this day; today when left out
    #[arg(long, value_parser = day, value_name = "DATE")]
    as_of: Option<Day>,
    /// First day of the window that submissions are joined over, a quarter's first
    #[arg(long, value_parser = day, value_name = "DATE", requires = "joined_to")]
    joined_from: Option<Day>,
    /// Last day of that window, a quarter's last
    #[arg(long, value_parser = day, value_name = "DATE", requires = "joined_from")]
    joined_to: Option<Day>,
    /// Tell events apart by cleaned values (the method of July 2026)
    #[arg(long, alias = "cleaned-keys")]
    cleaned_key: bool,
    /// How figures are protected before they leave a council
    #[arg(long, value_enum, default_value = "council-suppressed")]
    kind: Kind,
    /// Price per person as zCDP rho, for the private kinds: more noise the lower it is. 0.005 is epsilon 0.43 at delta 1e-6
    #[arg(long, value_name = "RHO", default_value = "0.005")]
    rho: String,
    /// Disclosure rules, for the suppressed kinds
    #[arg(
        long = "suppression",
        alias = "profile-rule",
        value_enum,
        default_value = "hospital",
        value_name = "PROFILE"
    )]
    profile_rule: Rule,
    /// Areas wanted; wider ones are given too
    #[arg(long, value_enum, default_value = "region")]
    level: LevelWord,
    /// Structure of boards, icb-2022 or icb-2026; that of the period's last day when left out
    #[arg(long, value_name = "VERSION")]
    boards: Option<String>,
    /// Only this board's councils (ODS code)
    #[arg(long, value_name = "CODE")]
    board: Option<String>,
    /// Only these councils, as codes separated by commas; the members of the federation when left out
    #[arg(long, value_delimiter = ',', value_name = "CODES")]
    councils: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    question: QuestionArgs,
    /// Ask each linked council what it would cost and whether it would answer; needs purpose and basis
    #[arg(long, requires = "purpose", requires = "basis")]
    prices: bool,
    /// What the figures are for
    #[arg(long)]
    purpose: Option<String>,
    /// Lawful basis
    #[arg(long)]
    basis: Option<String>,
    #[command(flatten)]
    caller: Caller,
}

#[derive(Debug, Args)]
pub(crate) struct AskArgs {
    #[command(flatten)]
    pub(crate) question: QuestionArgs,
    /// What the figures are for; every council sees and keeps it
    #[arg(long)]
    purpose: String,
    /// Lawful basis, such as "UK GDPR 6(1)(e)"; every council sees and keeps it
    #[arg(long)]
    basis: String,
    /// Seconds to wait for councils that are down or where a person must decide; the coordinator's own when left out
    #[arg(long, value_name = "SECONDS")]
    wait: Option<u32>,
    /// Joint suppressed figures: open the sum although people at some councils have not decided. Those that answered refuse
    /// the same sum with them added later
    #[arg(long)]
    without_held: bool,
    /// Ask the councils even if an equal question was answered before; one whose data changed since charges again
    #[arg(long)]
    fresh: bool,
    /// Do not wait: print the job's id and leave; `watch` follows it
    #[arg(long)]
    detach: bool,
    #[command(flatten)]
    caller: Caller,
}

impl QuestionArgs {
    /// The checked request. `today` stands where no as-of day was given, so that what is signed is complete.
    pub(crate) fn request(&self, today: Day) -> anyhow::Result<wire::PlanRequest> {
        let query = self.query(today)?;
        Ok(wire::PlanRequest {
            query: Some((&query).into()),
            level: wire_level(self.level.level()).into(),
            councils: self.councils.clone(),
            boards: self.boards.clone().unwrap_or_default(),
            board: self.board.clone().unwrap_or_default(),
            signed: None,
            members: false,
        })
    }

    fn query(&self, today: Day) -> anyhow::Result<Query> {
        let by: Option<Vec<String>> = self.by.as_deref().map(|text| match text.trim() {
            "" | "none" => Vec::new(),
            names => names.split(',').map(|name| name.trim().to_owned()).collect(),
        });
        let filters = self
            .filters
            .iter()
            .map(|text| {
                let (dimension, values) = pair(text, "--filter", "dimension=value or dimension=value|value")?;
                Ok(Filter { dimension, categories: values.split('|').map(|value| value.trim().to_owned()).collect() })
            })
            .collect::<anyhow::Result<Vec<_>>>()?;
        let settings =
            self.settings.iter().map(|text| pair(text, "--set", "name=value")).collect::<anyhow::Result<Vec<_>>>()?;
        let joined = match (self.joined_from, self.joined_to) {
            (Some(first), Some(last)) => Some(ReferencePeriod::inclusive(first, last)?),
            _ => None,
        };
        let key = if self.cleaned_key { KeyReading::Cleaned } else { KeyReading::Raw };
        let data = DataRule { as_of: Some(self.as_of.unwrap_or(today)), joined, key };
        let rho = || {
            let wrong = || format!("--rho {} is not a positive decimal such as 0.005, at most 1000", self.rho);
            Rho::parse(&self.rho).with_context(wrong)
        };
        let profile = match self.profile_rule {
            Rule::Hospital => DisclosureProfile::Hospital,
            Rule::Ascof => DisclosureProfile::Ascof,
        };
        let release = match self.kind {
            Kind::CouncilSuppressed => Release::CouncilSuppressed(profile),
            Kind::CouncilPrivate => Release::CouncilPrivate(rho()?),
            Kind::JointPrivate => Release::JointPrivate(rho()?),
            Kind::JointSuppressed => Release::JointSuppressed(profile),
        };
        let period = ReferencePeriod::inclusive(self.from, self.to)?;
        Ok(Query::new(&self.measure, period, by.as_deref(), &filters, &settings, data, release)?)
    }
}

fn pair(text: &str, option: &str, expected: &str) -> anyhow::Result<(String, String)> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().to_owned(), value.trim().to_owned())),
        _ => bail!("{option} {text}: {expected} is expected"),
    }
}

fn now() -> jiff::Timestamp {
    use folkmoot_runtime::clock::{Clock as _, SystemClock};
    SystemClock::new().now()
}

fn today() -> anyhow::Result<Day> {
    Ok(Day::from_number(i32::try_from(now().as_second().div_euclid(86_400))?))
}

/// Seconds that a question stays valid beyond the wait: for slow councils and a coordinator's restart.
const VALID_BEYOND_WAIT: i64 = 2 * 3600;

fn sign(
    connected: &Connected,
    query: wire::Query,
    purpose: &str,
    basis: &str,
    wait: u32,
) -> anyhow::Result<(wire::SignedQuery, Vec<u8>)> {
    let Some(files) = &connected.profile.signing else {
        bail!("the profile has no [signing] certificate, and questions must be signed");
    };
    let signer = crate::run::countersigner(files)?;
    let mut bytes = [0; 16];
    rand::Rng::fill_bytes(&mut rand::rng(), &mut bytes);
    let expires = now().as_second() + i64::from(wait) + VALID_BEYOND_WAIT;
    let query = Query::try_from(query)?;
    let question =
        Question::new(query, QueryId::from_bytes(bytes), connected.identity.clone(), purpose, basis, expires)?;
    let signature = question.sign(&signer.key);
    let analyst = Signed { signature, chain: signer.chain };
    // Joint figures: the same statement once more, in the form in which every council binds its round to it.
    let mandate = match question.query().release().is_joint() {
        true => folkmoot_proto::joint::sign_mandate(&question, &signer.key).to_vec(),
        false => Vec::new(),
    };
    Ok(((&SignedQuestion { question, analyst, coordinator: Signed::default() }).into(), mandate))
}

pub(crate) async fn plan(arguments: &PlanArgs) -> Outcome {
    let mut request = arguments.question.request(today()?)?;
    let mut connected = connect(&arguments.caller).await?;
    if arguments.prices {
        let (purpose, basis) = (arguments.purpose.as_deref(), arguments.basis.as_deref());
        let query = request.query.clone().unwrap_or_default();
        request.signed = Some(sign(&connected, query, purpose.unwrap_or(""), basis.unwrap_or(""), 0)?.0);
    }
    let reply = connected.client.plan(request).await.map_err(failed)?.into_inner();
    if arguments.caller.json {
        let prices: Vec<_> = reply
            .prices
            .iter()
            .map(|price| {
                serde_json::json!({ "council": price.council, "decision": price.decision, "reason": price.reason,
                    "year_left_nano": price.year_left_nano, "least_left_nano": price.least_left_nano,
                    "least_left_under": price.least_left_under })
            })
            .collect();
        let value = serde_json::json!({
            "sentence": reply.sentence, "cells": reply.cells, "rho_nano": reply.rho_nano,
            "council_margin": reply.council_margin, "all_margin": reply.england_margin,
            "councils": reply.councils, "linked": reply.linked, "adult_share": reply.adult_share,
            "release": reply.release, "notes": reply.notes, "prices": prices,
        });
        say!("{}", serde_json::to_string_pretty(&value)?);
        return Ok(OK);
    }
    say!("{}", tidy(&reply.sentence));
    say!("  cells               {}", reply.cells);
    match Rho::from_nano(reply.rho_nano) {
        Some(rho) => {
            say!("  price per person    rho {rho} (epsilon {:.2} at delta 1e-6)", rho.epsilon(privacy::SHOWN_DELTA))
        }
        None => say!("  price per person    none: small numbers are hidden, no noise is added"),
    }
    say!("  margin of a cell    one council +/- {}, all councils +/- {}", reply.council_margin, reply.england_margin);
    say!(
        "  councils            {} asked, {} linked now, with {:.1}% of adults",
        reply.councils,
        reply.linked,
        reply.adult_share * 100.0
    );
    for note in &reply.notes {
        say!("  note                {}", tidy(note));
    }
    if !reply.prices.is_empty() {
        let rows: Vec<Vec<String>> = reply
            .prices
            .iter()
            .map(|price| {
                let left = |nano: Option<u64>| nano.map_or("-".to_owned(), shown);
                let year = left(price.year_left_nano);
                let least = match price.least_left_nano {
                    Some(least) => format!("{} ({})", shown(least), tidy(&price.least_left_under)),
                    None => "-".to_owned(),
                };
                vec![tidy(&price.council), tidy(&price.decision), year, least, tidy(&price.reason)]
            })
            .collect();
        put!(
            "\n{}",
            super::table::format(
                &["council", "decision", "rho left this year", "least left under a cap", "reason"],
                &[false, false, true],
                &rows
            )
        );
    }
    Ok(OK)
}

/// An amount of rho; nothing left is a number like others.
fn shown(nano: u64) -> String {
    Rho::from_nano(nano).map_or("0".to_owned(), |rho| rho.to_string())
}

pub(crate) async fn ask(arguments: &AskArgs) -> Outcome {
    let plan = arguments.question.request(today()?)?;
    let mut connected = connect(&arguments.caller).await?;
    let wait = arguments.wait.unwrap_or(0);
    let query = plan.query.clone().unwrap_or_default();
    let (signed, mandate_signature) = sign(&connected, query, &arguments.purpose, &arguments.basis, wait)?;
    let request = wire::AskRequest {
        plan: Some(plan),
        purpose: arguments.purpose.clone(),
        lawful_basis: arguments.basis.clone(),
        wait_s: wait,
        signed: Some(signed),
        fresh: arguments.fresh,
        mandate_signature,
        without_held: arguments.without_held,
    };
    let stream = connected.client.ask(request).await.map_err(failed)?.into_inner();
    finish(&mut connected, &arguments.caller, stream, arguments.detach).await
}

pub(crate) async fn watch(caller: &Caller, job: String) -> Outcome {
    let mut connected = connect(caller).await?;
    let stream = connected.client.watch(wire::WatchRequest { job }).await.map_err(failed)?.into_inner();
    finish(&mut connected, caller, stream, false).await
}

/// Follows a job on standard error; shows its release on standard output.
async fn finish(
    connected: &mut Connected,
    caller: &Caller,
    mut stream: Streaming<wire::Progress>,
    detach: bool,
) -> Outcome {
    let mut last = None;
    let mut absent: Vec<String> = Vec::new();
    while let Some(progress) = stream.message().await.map_err(failed)? {
        if detach {
            say!("{}", tidy(&progress.job));
            return Ok(OK);
        }
        if last.is_none() {
            eprintln!("job {}", tidy(&progress.job));
        }
        // A hundred lines about councils that are simply not there would hide the others: they are told together.
        if progress.message.starts_with("unreachable") {
            let code = tidy(&progress.council);
            if !absent.contains(&code) {
                absent.push(code);
            }
        } else {
            tell_absent(&mut absent);
            eprintln!("{}", line(&progress));
        }
        last = Some(progress);
    }
    tell_absent(&mut absent);
    let Some(last) = last else { bail!("the coordinator told nothing about the job") };
    match last.state.as_str() {
        "released" => {
            let release = read::fetch(connected, last.release.clone()).await?;
            if caller.json {
                say!("{}", serde_json::to_string_pretty(&release)?);
            } else {
                read::print(&release, None)?;
            }
            let manifest = &release["manifest"];
            let complete = manifest["councils_answered"] == manifest["councils_asked"];
            Ok(if complete { OK } else { INCOMPLETE })
        }
        // Every council said no, or not yet: rules and people at work, not a fault.
        "failed" if last.asked > 0 && last.answered == 0 && last.refused + last.held == last.asked => {
            let word = if last.held > 0 { "waiting for people" } else { "refused" };
            eprintln!("{word}: the job failed: {}", tidy(&last.message));
            Ok(REFUSED)
        }
        "failed" => bail!("the job failed: {}", tidy(&last.message)),
        state => bail!("the job is {state}; the connection ended: `watch {}` follows it", last.job),
    }
}

fn tell_absent(absent: &mut Vec<String>) {
    const NAMED: usize = 12;
    absent.sort_unstable();
    let more = absent.len().saturating_sub(NAMED);
    match absent.as_slice() {
        [] => {}
        [one] => eprintln!("          council {one}  unreachable"),
        many if more == 0 => eprintln!("          councils {}  unreachable", many.join(", ")),
        many => eprintln!("          councils {} and {more} more  unreachable", many[..NAMED].join(", ")),
    }
    absent.clear();
}

fn line(progress: &wire::Progress) -> String {
    let mut text = format!("{:<9}", tidy(&progress.state));
    if progress.asked > 0 {
        text.push_str(&format!(" {:>3}/{} answered", progress.answered, progress.asked));
        if progress.refused > 0 {
            text.push_str(&format!(", {} refused", progress.refused));
        }
        if progress.held > 0 {
            text.push_str(&format!(", {} waiting for approval", progress.held));
        }
    }
    if !progress.council.is_empty() {
        text.push_str(&format!("  council {}", tidy(&progress.council)));
    }
    if !progress.message.is_empty() {
        text.push_str(&format!("  {}", tidy(&progress.message)));
    }
    text
}
