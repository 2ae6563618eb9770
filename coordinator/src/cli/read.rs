//! Reading: councils, measures, jobs, releases.
#![allow(clippy::print_stderr)]

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use folkmoot_proto::catalogue::{self, Categories, Measure};
use folkmoot_proto::wire::v1 as wire;
use serde_json::Value;
use tonic::Streaming;

use super::client::{Connected, connect, failed};
use super::table::format;
use super::{Caller, OK, Outcome};
use crate::answer::tidy;
use crate::scope::Level;

fn moment(seconds: i64) -> String {
    match jiff::Timestamp::from_second(seconds) {
        Ok(moment) if seconds > 0 => moment.strftime("%Y-%m-%d %H:%M").to_string(),
        _ => String::new(),
    }
}

pub(crate) async fn councils(caller: &Caller) -> Outcome {
    let mut connected = connect(caller).await?;
    let reply = connected.client.list_councils(wire::ListCouncilsRequest {}).await.map_err(failed)?.into_inner();
    if caller.json {
        let list: Vec<Value> = reply
            .councils
            .iter()
            .map(|council| {
                serde_json::json!({ "code": council.code, "name": council.name, "region": council.region,
                    "icb": council.board, "member": council.member, "linked": council.linked, "since": council.since,
                    "software": council.software,
                    "data_until": council.data_until.map(day_text) })
            })
            .collect();
        say!("{}", serde_json::to_string_pretty(&list)?);
        return Ok(OK);
    }
    let rows: Vec<Vec<String>> = reply
        .councils
        .iter()
        .map(|council| {
            vec![
                tidy(&council.code),
                tidy(&council.name),
                tidy(&council.region),
                tidy(&council.board),
                if council.member { "yes" } else { "-" }.to_owned(),
                if council.linked { "linked" } else { "-" }.to_owned(),
                moment(council.since),
                council.data_until.map_or(String::new(), day_text),
                tidy(&council.software),
            ]
        })
        .collect();
    put!(
        "{}",
        format(
            &["code", "name", "region", "icb", "member", "link", "since (UTC)", "data until", "software"],
            &[],
            &rows
        )
    );
    let linked = reply.councils.iter().filter(|council| council.linked).count();
    let members = reply.councils.iter().filter(|council| council.member).count();
    match members {
        0 => say!("{linked} of {} councils linked; the coordinator has no registry of members", rows.len()),
        _ => {
            let absent: Vec<String> = reply
                .councils
                .iter()
                .filter(|council| council.member && !council.linked)
                .map(|council| tidy(&council.code))
                .collect();
            say!("{linked} councils linked; {members} of {} are members of the federation", rows.len());
            if !absent.is_empty() {
                say!("members that are not linked: {}", absent.join(", "));
            }
        }
    }
    Ok(OK)
}

fn day_text(day: i32) -> String {
    folkmoot_proto::period::Day::from_number(day).to_string()
}

pub(crate) fn measures(name: Option<&str>, json: bool) -> Outcome {
    let found: Vec<&Measure> = match name {
        None => catalogue::all().collect(),
        Some(name) => vec![catalogue::find(name).with_context(|| format!("there is no measure `{name}`"))?],
    };
    if json {
        let list: Vec<Value> = found.iter().map(|measure| measure_json(measure)).collect();
        say!("{}", serde_json::to_string_pretty(&list)?);
        return Ok(OK);
    }
    if name.is_none() {
        let rows: Vec<Vec<String>> = found
            .iter()
            .map(|measure| {
                let dimensions: Vec<_> = measure.dimensions.iter().map(|dimension| dimension.name).collect();
                vec![measure.id.to_owned(), measure.title.to_owned(), dimensions.join(", ")]
            })
            .collect();
        put!("{}", format(&["measure", "what it counts", "dimensions"], &[], &rows));
        return Ok(OK);
    }
    for measure in found {
        say!("{} (version {})\n{}\n\n{}\n", measure.id, measure.version, measure.title, measure.text);
        say!("One person's effect: {}\nSource: {}\n", measure.bound_reason, measure.source);
        for dimension in measure.dimensions {
            say!("{} ({}): {}", dimension.name, dimension.title, categories(dimension.categories));
        }
        for setting in measure.options {
            say!("setting {} ({}), default {}", setting.name, setting.title, setting.values.default_text());
        }
    }
    Ok(OK)
}

fn categories(categories: Categories) -> String {
    match categories {
        Categories::List(list) => list.join("; "),
        Categories::ListAnd(list, more) => list.iter().chain(more).copied().collect::<Vec<_>>().join("; "),
        Categories::Days(last) => format!("whole days 0 to {last}, and over"),
        Categories::Quarters => "calendar quarters of the period".to_owned(),
        Categories::Months => "calendar months of the period".to_owned(),
    }
}

fn measure_json(measure: &Measure) -> Value {
    let dimensions: Vec<Value> = measure
        .dimensions
        .iter()
        .map(|dimension| {
            serde_json::json!({ "name": dimension.name, "title": dimension.title,
                "categories": categories(dimension.categories) })
        })
        .collect();
    serde_json::json!({ "id": measure.id, "version": measure.version, "title": measure.title, "text": measure.text,
        "unit": measure.unit.word(), "components": measure.kind.components(), "dimensions": dimensions,
        "default_by": measure.default_by, "max_by": measure.max_by, "source": measure.source })
}

pub(crate) async fn jobs(caller: &Caller) -> Outcome {
    let mut connected = connect(caller).await?;
    let reply = connected.client.list_jobs(wire::ListJobsRequest {}).await.map_err(failed)?.into_inner();
    if caller.json {
        let list: Vec<Value> = reply
            .jobs
            .iter()
            .map(|job| {
                serde_json::json!({ "id": job.id, "state": job.state, "question": job.sentence,
                    "analyst": job.analyst, "created": job.created, "release": job.release, "message": job.message })
            })
            .collect();
        say!("{}", serde_json::to_string_pretty(&list)?);
        return Ok(OK);
    }
    let rows: Vec<Vec<String>> = reply
        .jobs
        .iter()
        .map(|job| vec![tidy(&job.id), tidy(&job.state), moment(job.created), tidy(&job.sentence), tidy(&job.message)])
        .collect();
    put!("{}", format(&["job", "state", "asked (UTC)", "question", "message"], &[], &rows));
    Ok(OK)
}

pub(crate) async fn releases(caller: &Caller, measure: String) -> Outcome {
    let mut connected = connect(caller).await?;
    let request = wire::ListReleasesRequest { measure };
    let reply = connected.client.list_releases(request).await.map_err(failed)?.into_inner();
    if caller.json {
        let list: Vec<Value> = reply
            .releases
            .iter()
            .map(|release| {
                serde_json::json!({ "id": release.id, "number": release.number, "revision": release.revision,
                    "measure": release.measure, "question": release.sentence, "kind": release.kind,
                    "created": release.created, "withdrawn": release.withdrawn, "councils": release.councils,
                    "level": release.level })
            })
            .collect();
        say!("{}", serde_json::to_string_pretty(&list)?);
        return Ok(OK);
    }
    let rows: Vec<Vec<String>> = reply
        .releases
        .iter()
        .map(|release| {
            vec![
                format!("{}.{}", release.number, release.revision),
                moment(release.created),
                tidy(&release.level),
                release.councils.to_string(),
                tidy(&release.kind),
                if release.withdrawn { "withdrawn" } else { "" }.to_owned(),
                tidy(&release.sentence),
            ]
        })
        .collect();
    let header = ["release", "made (UTC)", "level", "councils", "protection", "", "question"];
    put!("{}", format(&header, &[false, false, false, true], &rows));
    Ok(OK)
}

async fn gather(mut stream: Streaming<wire::Piece>) -> anyhow::Result<(String, Vec<u8>)> {
    let (mut name, mut bytes) = (String::new(), Vec::new());
    while let Some(piece) = stream.message().await.map_err(failed)? {
        if name.is_empty() {
            name = piece.file_name;
        }
        bytes.extend(piece.data);
    }
    Ok((name, bytes))
}

/// A release as the caller may see it.
pub(crate) async fn fetch(connected: &mut Connected, release: String) -> anyhow::Result<Value> {
    let stream = connected.client.show(wire::ShowRequest { release }).await.map_err(failed)?.into_inner();
    let (_, bytes) = gather(stream).await?;
    serde_json::from_slice(&bytes).context("reading the release that the coordinator sent")
}

pub(crate) async fn show(caller: &Caller, release: String, level: Option<Level>) -> Outcome {
    let mut connected = connect(caller).await?;
    let release = fetch(&mut connected, release).await?;
    if caller.json {
        say!("{}", serde_json::to_string_pretty(&release)?);
    } else {
        print(&release, level)?;
    }
    Ok(OK)
}

/// Prints a release for people: what it is, one table of figures for each row, and what a reader must know.
pub(crate) fn print(release: &Value, level: Option<Level>) -> anyhow::Result<()> {
    let manifest = &release["manifest"];
    let text = |key: &str| match &manifest[key] {
        Value::String(text) => tidy(text),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    say!("Release {}.{}: {}", text("number"), text("revision"), text("question"));
    if let Value::Object(withdrawn) = &release["withdrawn"] {
        say!("WITHDRAWN: {}", withdrawn.get("reason").and_then(Value::as_str).map(tidy).unwrap_or_default());
    }
    say!("{} ({}), data as of {}, boards {}", text("kind"), text("protection"), text("as_of"), text("geography"));
    let table: crate::merge::Table =
        serde_json::from_value(release["table"].clone()).context("reading the release's table")?;
    // The widest area comes first.
    let covered = table.areas.first().map_or(String::new(), |area| {
        let of = match area.councils_in_area {
            0 => String::new(),
            all => format!("{} of {all} councils, ", area.councils),
        };
        format!("; {}: {of}{:.1}% of adult residents", tidy(&area.name), area.adult_share * 100.0)
    });
    say!("{} of the {} councils asked answered{covered}\n", text("councils_answered"), text("councils_asked"));
    let mut rows = Vec::new();
    let mut empty = Vec::new();
    for area in table.areas.iter().filter(|area| level.is_none_or(|level| area.level == level)) {
        // A page of lines that say nothing would hide those that do.
        if area.councils == 0 {
            empty.push(format!("{} (0 of {} asked)", tidy(&area.name), area.councils_asked));
            continue;
        }
        for (row, cell) in table.rows.iter().zip(&area.cells) {
            let number = |number: Option<crate::merge::Number>| number.map_or(String::new(), |n| n.to_string());
            // Raw values may be negative; people are shown none below zero.
            let value = cell.value.map(|value| crate::merge::Number::from(value.get().max(0.0)));
            let what = if row.component.is_empty() { row.statistic.word() } else { &row.component };
            rows.push(vec![
                area.level.word().to_owned(),
                tidy(&area.name),
                tidy(&row.group()),
                what.to_owned(),
                number(value),
                cell.status.mark().to_owned(),
                number(cell.lower),
                number(cell.upper),
                format!("{}/{}", area.councils, area.councils_in_area.max(area.councils_asked)),
                format!("{:.1}%", area.adult_share * 100.0),
            ]);
        }
    }
    let header = ["level", "area", "group", "figure", "value", "", "lower", "upper", "councils", "adults"];
    let right = [false, false, false, false, true, false, true, true, true, true];
    put!("{}", format(&header, &right, &rows));
    if !empty.is_empty() {
        say!("[x] no figures, no council answered: {}", empty.join("; "));
    }
    say!("");
    say!("{}", text("protection_text"));
    for note in manifest["notes"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        say!("{}", tidy(note));
    }
    let mut missing: std::collections::BTreeMap<(String, String), Vec<String>> = Default::default();
    for council in manifest["councils"].as_array().into_iter().flatten() {
        let word = |key: &str| council[key].as_str().map(tidy).unwrap_or_default();
        if !matches!(word("state").as_str(), "answered" | "stored") {
            missing.entry((word("state"), word("reason"))).or_default().push(word("code"));
        }
    }
    for ((state, reason), codes) in missing {
        say!("not in the figures, {state} ({reason}): {}", codes.join(", "));
    }
    Ok(())
}

pub(crate) async fn export(caller: &Caller, release: String, format: String, output: Option<PathBuf>) -> Outcome {
    let mut connected = connect(caller).await?;
    let request = wire::ExportRequest { release, format };
    let is_record = request.format == "round";
    let mut stream = connected.client.export(request).await.map_err(failed)?.into_inner();
    if is_record {
        return record(&mut stream, output).await;
    }
    let (name, bytes) = gather(stream).await?;
    if output.as_ref().is_some_and(|path| path.as_os_str() == "-") {
        super::write(&bytes)?;
        return Ok(OK);
    }
    let path = place(output, &name)?;
    std::fs::write(&path, &bytes).with_context(|| format!("writing {}", path.display()))?;
    eprintln!("wrote {}, {} bytes", path.display(), bytes.len());
    Ok(OK)
}

/// Where a file goes: the coordinator names the file, never the folder.
fn place(output: Option<PathBuf>, name: &str) -> anyhow::Result<PathBuf> {
    match (output, std::path::Path::new(name).file_name()) {
        (Some(path), _) => Ok(path),
        (None, Some(name)) => Ok(PathBuf::from(name)),
        (None, None) => bail!("the coordinator gave the file no name: use --output"),
    }
}

/// The record of a round, piece by piece onto the disk; under its name only when it is whole.
async fn record(stream: &mut Streaming<wire::Piece>, output: Option<PathBuf>) -> Outcome {
    use std::io::Write as _;
    let first = stream.message().await.map_err(failed)?.context("the coordinator sent an empty file")?;
    let to_terminal = output.as_ref().is_some_and(|path| path.as_os_str() == "-");
    let path = place(output, &first.file_name)?;
    let part = PathBuf::from(format!("{}.part", path.display()));
    let writing = || format!("writing {}", part.display());
    let mut file = match to_terminal {
        true => None,
        false => Some(std::fs::File::create(&part).with_context(writing)?),
    };
    let (mut piece, mut written) = (Some(first), 0);
    while let Some(next) = piece {
        written += next.data.len();
        match &mut file {
            Some(file) => file.write_all(&next.data).with_context(writing)?,
            None => super::write(&next.data)?,
        }
        piece = stream.message().await.map_err(failed)?;
    }
    if let Some(file) = file {
        file.sync_all().with_context(writing)?;
        std::fs::rename(&part, &path).with_context(|| format!("writing {}", path.display()))?;
        eprintln!("wrote {}, {written} bytes; check it with `folkmoot-node audit verify-round`", path.display());
    }
    Ok(OK)
}

pub(crate) async fn withdraw(caller: &Caller, release: String, reason: String) -> Outcome {
    let mut connected = connect(caller).await?;
    connected.client.withdraw(wire::WithdrawRequest { release: release.clone(), reason }).await.map_err(failed)?;
    say!("release {release} is withdrawn");
    Ok(OK)
}

/// The newest head of each record of each council, in the order given.
fn newest(heads: Vec<wire::WitnessedHead>) -> Vec<wire::WitnessedHead> {
    let entries = |head: &wire::WitnessedHead| head.head.as_ref().map_or(0, |head| head.entries);
    let mut kept: Vec<wire::WitnessedHead> = Vec::new();
    for head in heads {
        match kept.iter_mut().find(|other| (&other.council, &other.record) == (&head.council, &head.record)) {
            Some(other) if entries(other) <= entries(&head) => *other = head,
            Some(_) => {}
            None => kept.push(head),
        }
    }
    kept
}

pub(crate) async fn heads(caller: &Caller, all: bool) -> Outcome {
    let mut connected = connect(caller).await?;
    let reply = connected.client.list_heads(wire::ListHeadsRequest {}).await.map_err(failed)?.into_inner();
    let heads = if all { reply.heads } else { newest(reply.heads) };
    let digest = |head: &wire::WitnessedHead| hex::encode(head.head.clone().unwrap_or_default().digest);
    let entries = |head: &wire::WitnessedHead| head.head.as_ref().map_or(0, |head| head.entries);
    if caller.json {
        let list: Vec<Value> = heads
            .iter()
            .map(|head| {
                serde_json::json!({ "council": head.council, "record": head.record, "entries": entries(head),
                    "digest": digest(head), "seen": head.seen })
            })
            .collect();
        say!("{}", serde_json::to_string_pretty(&list)?);
        return Ok(OK);
    }
    let rows: Vec<Vec<String>> = heads
        .iter()
        .map(|head| {
            vec![tidy(&head.council), tidy(&head.record), entries(head).to_string(), moment(head.seen), digest(head)]
        })
        .collect();
    put!("{}", format(&["council", "record", "entries", "seen (UTC)", "digest"], &[false, false, true], &rows));
    Ok(OK)
}
