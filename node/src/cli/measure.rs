//! `measures` and `measure`: what can be measured, and exact figures for the council's own eyes.

use folkmoot_proto::catalogue::{self, Categories, Measure, Values};
use folkmoot_proto::period::ReferencePeriod;

use super::ask::Question;
use super::{Session, print_table};
use crate::home::Home;
use crate::local;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  folkmoot-node measures\n  folkmoot-node measures 2E\n  folkmoot-node measures --json"
)]
pub(super) struct ListArgs {
    /// Explain this measure
    #[arg(value_name = "ID")]
    measure: Option<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn list(args: &ListArgs) -> anyhow::Result<()> {
    let chosen: Vec<&'static Measure> = match &args.measure {
        None => catalogue::all().collect(),
        Some(id) => vec![
            catalogue::find(id)
                .ok_or_else(|| anyhow::anyhow!("there is no measure `{id}`; `measures` without an id lists them"))?,
        ],
    };
    if args.json {
        let all: Vec<_> = chosen.iter().map(|measure| describe(measure)).collect();
        println!("{}", serde_json::to_string_pretty(&all)?);
    } else if args.measure.is_some() {
        explain(chosen[0]);
    } else {
        let mut rows = vec![vec!["id".to_owned(), "counts".into(), "of".into(), "broken down by".into()]];
        rows.extend(chosen.iter().map(|measure| {
            let names: Vec<_> = measure.dimensions.iter().map(|dimension| dimension.name).collect();
            vec![measure.id.into(), measure.unit.word().into(), measure.title.into(), names.join(", ")]
        }));
        print_table(&rows);
    }
    Ok(())
}

fn labels(categories: Categories) -> Vec<String> {
    let any = ReferencePeriod::inclusive(
        folkmoot_proto::period::Day::from_number(20_179),
        folkmoot_proto::period::Day::from_number(20_543),
    )
    .expect("the example period runs forwards");
    categories.labels(any)
}

fn describe(measure: &'static Measure) -> serde_json::Value {
    let bound = measure.bound_with(&catalogue::Settings::check(measure, &[]).unwrap_or_default());
    serde_json::json!({
        "id": measure.id,
        "version": measure.version,
        "title": measure.title,
        "text": measure.text,
        "unit": measure.unit.word(),
        "components": measure.kind.components(),
        "dimensions": measure.dimensions.iter().map(|dimension| serde_json::json!({
            "name": dimension.name,
            "title": dimension.title,
            "categories": labels(dimension.categories),
        })).collect::<Vec<_>>(),
        "default_by": measure.default_by,
        "most_dimensions": measure.max_by,
        "settings": measure.options.iter().map(|setting| setting.name).collect::<Vec<_>>(),
        "bound": { "contributions": bound.contributions, "l1": bound.l1(), "reason": measure.bound_reason },
        "source": measure.source,
    })
}

fn explain(measure: &Measure) {
    println!("{} version {}: {}\n\n{}\n", measure.id, measure.version, measure.title, measure.text);
    println!("Counts {}, as {}.", measure.unit.word(), measure.kind.components().join(" and "));
    for dimension in measure.dimensions {
        let labels = labels(dimension.categories);
        let shown = labels.iter().take(30).map(String::as_str).collect::<Vec<_>>().join("; ");
        let more = if labels.len() > 30 { format!("; and {} more", labels.len() - 30) } else { String::new() };
        println!("  {}: {shown}{more}", dimension.name);
    }
    for setting in measure.options {
        let values = match setting.values {
            Values::Choice(words) => words.join(", "),
            Values::Integer { least, most, default } => format!("{least} to {most}, {default} unless set"),
        };
        println!("  --set {}=...: {} ({values})", setting.name, setting.title);
    }
    println!("\nWhat one person can change: {}", measure.bound_reason);
    println!("Source: {}", measure.source);
}

/// How figures are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Table,
    Csv,
    Json,
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exact figures, for the council's own checking: not for publication. Each use is written to the audit log.\n\nExamples:\n  folkmoot-node measure 2E --from 2024-04-01 --to 2025-03-31\n  folkmoot-node measure people --from 2025-03-31 --to 2025-03-31 --by setting,gender --format csv"
)]
pub(super) struct Args {
    #[command(flatten)]
    question: Question,
    /// How to write the figures
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

pub(super) fn run(home: &Home, args: &Args) -> anyhow::Result<()> {
    let query = args.question.query()?;
    let session = Session::open(home)?;
    session.agreed()?;
    let figures = local::measure(session.records(), &query, session.today())?;
    session.audit_local_use(&query)?;
    match args.format {
        Format::Csv => figures.csv(session.config().council, std::io::stdout().lock())?,
        Format::Json => println!("{}", serde_json::to_string_pretty(&figures.json(session.config().council))?),
        Format::Table => {
            println!("{}\n", query.sentence());
            print_table(&figures.table());
            println!();
        }
    }
    if args.format != Format::Csv {
        println!("Exact figures for the council's own eyes; not for publication.");
    }
    for note in figures.notes() {
        eprintln!("note: {note}");
    }
    Ok(())
}
