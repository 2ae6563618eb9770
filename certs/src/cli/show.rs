//! Tables for people, JSON for machines.

use std::error::Error as StdError;
use std::io::Write;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::args::List;
use crate::folder::{self, Layout};
use crate::inspect::describe;
use crate::inventory::{Entry, Inventory, State, days_between};
use crate::profile::WARN_DAYS;

type Outcome = Result<(), Box<dyn StdError>>;

pub(super) fn day(moment: Timestamp) -> String {
    moment.to_zoned(TimeZone::UTC).strftime("%-d %B %Y").to_string()
}

pub(super) fn list(
    layout: &Layout,
    inventory: &Inventory,
    list: &List,
    now: Timestamp,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Outcome {
    let mut shown: Vec<&Entry> = inventory
        .certificates
        .iter()
        .filter(|entry| list.all || entry.is_live(now))
        .filter(|entry| list.expiring.is_none_or(|days| entry.days_left(now) <= days))
        .collect();
    shown.sort_by_key(|entry| entry.not_after);
    let list_days = list_days_left(layout, now)?;
    let office = inventory.authority();
    let authority_days = office.map(|office| days_between(now, office.not_after));
    if list.json {
        let certificates: Vec<Value> = shown.iter().map(|entry| as_json(entry, now)).collect();
        let value = json!({
            "federation": inventory.federation.to_string(),
            "revocation_list_days_left": list_days,
            "issuing_authority_days_left": authority_days,
            "certificates": certificates,
        });
        writeln!(out, "{}", serde_json::to_string_pretty(&value)?)?;
    } else if shown.is_empty() {
        let which = if list.all { "" } else { "live " };
        writeln!(out, "no {which}certificates{}", if list.expiring.is_some() { " expire so soon" } else { " yet" })?;
    } else {
        let mut rows = vec![["identity", "kind", "serial", "good until", "state"].map(str::to_owned)];
        rows.extend(shown.iter().map(|entry| {
            let serial = entry.serial.chars().take(12).collect();
            let days = entry.days_left(now);
            let state = match (entry.state(now), &entry.revoked) {
                (_, Some(revoked)) => format!("revoked on {}", day(revoked.at)),
                (State::Expired, _) => "expired".to_owned(),
                (State::Expiring, _) => format!("EXPIRES in {days} days"),
                _ => format!("{days} days left"),
            };
            [entry.identity.to_string(), entry.kind.to_string(), serial, day(entry.not_after), state]
        }));
        table(&rows, out)?;
    }
    if list_days <= 7 {
        let told = if list_days < 0 {
            "has run out: nobody connects".to_owned()
        } else {
            format!("runs out in {list_days} days")
        };
        writeln!(err, "warning: the revocation list {told}; write and hand out a fresh one with `folkmoot-certs crl`")?;
    }
    match authority_days {
        None => writeln!(err, "warning: no issuing authority is in office; run `folkmoot-certs replace-issuing`")?,
        Some(days) if days <= 365 => {
            writeln!(
                err,
                "warning: the issuing authority expires in {days} days; run `folkmoot-certs replace-issuing` in good time"
            )?;
        }
        Some(_) => {}
    }
    let soon = inventory
        .certificates
        .iter()
        .filter(|entry| entry.state(now) == State::Expiring && !renewed(inventory, entry, now))
        .count();
    if soon > 0 {
        writeln!(
            err,
            "warning: {soon} of the live certificates expire within {WARN_DAYS} days; renew them with `folkmoot-certs renew`"
        )?;
    }
    Ok(())
}

/// Whether the same party holds a later one of the same kind.
fn renewed(inventory: &Inventory, entry: &Entry, now: Timestamp) -> bool {
    let live = inventory.live(&entry.identity, Some(entry.kind), now);
    live.into_iter().any(|place| inventory.certificates[place].not_after > entry.not_after)
}

fn list_days_left(layout: &Layout, now: Timestamp) -> Result<i64, Box<dyn StdError>> {
    let lists = describe(&folder::read(&layout.public("crl.pem"))?, now)?;
    Ok(lists.iter().filter_map(|list| list["days_left"].as_i64()).min().unwrap_or(-1))
}

fn as_json(entry: &Entry, now: Timestamp) -> Value {
    let mut value = json!(entry);
    value["state"] = json!(entry.state(now));
    value["days_left"] = json!(entry.days_left(now));
    value
}

fn table<const N: usize>(rows: &[[String; N]], out: &mut dyn Write) -> Outcome {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..N).map(width).collect();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line += &format!("{cell:width$}  ");
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

pub(super) fn objects(found: &[Value], as_json: bool, out: &mut dyn Write) -> Outcome {
    if as_json {
        writeln!(out, "{}", serde_json::to_string_pretty(found)?)?;
        return Ok(());
    }
    for (place, object) in found.iter().enumerate() {
        if place > 0 {
            writeln!(out)?;
        }
        if let Some(what) = object["what"].as_str() {
            writeln!(out, "{what}")?;
        }
        // The map is sorted by name; these come first, in this order, since people look for them.
        const FIRST: [&str; 6] = ["identity", "subject", "issuer", "serial", "not_before", "not_after"];
        let Some(fields) = object.as_object() else { continue };
        let first = FIRST.iter().filter_map(|name| fields.get_key_value(*name));
        let rest = fields.iter().filter(|(name, _)| *name != "what" && !FIRST.contains(&name.as_str()));
        for (name, value) in first.chain(rest) {
            let name = name.replace('_', " ");
            match value {
                Value::String(text) if text.contains('\n') => {
                    writeln!(out, "  {name}")?;
                    for line in text.lines() {
                        writeln!(out, "    {line}")?;
                    }
                }
                Value::String(text) => writeln!(out, "  {name:<14} {text}")?,
                Value::Array(items) if items.is_empty() => writeln!(out, "  {name:<14} none")?,
                Value::Array(items) => {
                    for item in items {
                        writeln!(
                            out,
                            "  {name:<14} {}",
                            item.as_str().map_or_else(|| item.to_string(), str::to_owned)
                        )?;
                    }
                }
                Value::Null => {}
                other => writeln!(out, "  {name:<14} {other}")?,
            }
        }
    }
    Ok(())
}
