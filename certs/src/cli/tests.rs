//! Command lines as people type them, and what they are told.

#![allow(clippy::unwrap_used)]

use std::path::PathBuf;

use clap::{CommandFactory, Parser as _};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{Arguments, FAILURE, OK, USAGE, run};

const COUNCIL: &str = "folkmoot://england/council/503";

struct Desk {
    place: tempfile::TempDir,
    now: Timestamp,
}

struct Told {
    code: u8,
    out: String,
    err: String,
}

impl Desk {
    fn new() -> Self {
        Self { place: tempfile::tempdir().unwrap(), now: "2026-06-30T12:00:00Z".parse().unwrap() }
    }

    fn with_federation() -> Self {
        let desk = Self::new();
        assert_eq!(desk.run("init --federation england").code, OK);
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// Runs a command line in which `@name` stands for a file of this desk. The authority's folder is `@authority`.
    fn run(&self, line: &str) -> Told {
        let word = |word: &str| match word.strip_prefix('@') {
            Some(name) => self.path(name).display().to_string(),
            None => word.to_owned(),
        };
        let mut words = vec!["folkmoot-certs".to_owned(), "--dir".to_owned(), word("@authority")];
        words.extend(line.split_whitespace().map(word));
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = run(words, self.now, &mut out, &mut err);
        let place = self.place.path().display().to_string();
        let text = |bytes| String::from_utf8(bytes).unwrap().replace(&place, "@");
        Told { code, out: text(out), err: text(err) }
    }

    fn done(&self, line: &str) -> Told {
        let told = self.run(line);
        assert_eq!(told.code, OK, "{line}: {}", told.err);
        told
    }

    fn refused(&self, line: &str) -> String {
        let told = self.run(line);
        assert_eq!(told.code, FAILURE, "{line}: {}{}", told.out, told.err);
        assert!(told.err.contains("error: "), "{}", told.err);
        told.err
    }

    fn council(&self) {
        self.done(&format!("request --identity {COUNCIL} --out @503"));
        for kind in ["tls", "signing"] {
            self.done(&format!("issue @503/{kind}.csr --identity {COUNCIL} --out @503/{kind}.pem"));
        }
    }

    fn certificates(&self, flags: &str) -> Vec<Value> {
        let told = self.done(&format!("list --json {flags}"));
        let value: Value = serde_json::from_str(&told.out).unwrap();
        value["certificates"].as_array().unwrap().clone()
    }
}

#[test]
fn the_grammar_holds_together_and_every_command_has_help_with_an_example() {
    Arguments::command().debug_assert();
    let desk = Desk::new();
    for command in Arguments::command().get_subcommands() {
        let name = command.get_name();
        if name == "help" {
            continue;
        }
        let told = desk.run(&format!("{name} --help"));
        assert_eq!(told.code, OK);
        assert!(
            told.out.contains("Example") && told.out.contains(&format!("folkmoot-certs {name}")),
            "{name}: {}",
            told.out
        );
        assert!(told.err.is_empty());
        // Texts are wrapped to the terminal: a line broken by hand in a paragraph, or too long an example, comes out ragged.
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let is_prose = |line: &str| !line.is_empty() && !line.starts_with(' ') && !line.ends_with(':');
        for (line, next) in help.lines().zip(help.lines().skip(1).chain([""])) {
            assert!(!(is_prose(line) && is_prose(next)), "{name}: broken by hand: {line}");
            assert!(!line.starts_with(' ') || line.len() <= 98, "{name}: too long: {line}");
        }
    }
    let told = desk.run("--help");
    assert!(told.out.contains("Exit codes: 0 done, 1 not done"), "{}", told.out);
    let told = desk.run("frobnicate");
    assert_eq!((told.code, told.out.as_str()), (USAGE, ""));
    assert_eq!(desk.run("revoke --reason left").code, USAGE, "which one?");
    assert_eq!(desk.run("init --federation England").code, USAGE);
    assert!(desk.run("completions bash").out.contains("folkmoot-certs"));
}

/// A command line that a document or a help text shows and the program does not take costs its reader an hour.
#[test]
fn every_command_that_is_shown_is_one_that_is_taken() {
    let documents = [
        include_str!("../../../README.md"),
        include_str!("../../../docs/operating.md"),
        include_str!("../../../docs/certificates.md"),
        include_str!("../../../docs/governance.md"),
        include_str!("../../../docs/import.md"),
        include_str!("../../../docs/pathways.md"),
        include_str!("../../../docs/protocol.md"),
        include_str!("../../../docs/releases.md"),
    ];
    let mut shown: Vec<Vec<String>> =
        documents.iter().flat_map(|text| folkmoot_runtime::examples::commands(text, "folkmoot-certs")).collect();
    fn helps(command: &clap::Command, shown: &mut Vec<Vec<String>>) {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        shown.extend(folkmoot_runtime::examples::commands(&help, "folkmoot-certs"));
        command.get_subcommands().for_each(|command| helps(command, shown));
    }
    helps(&Arguments::command(), &mut shown);
    assert!(shown.len() > 12, "{} commands were found", shown.len());
    for words in shown {
        if let Err(error) = Arguments::try_parse_from(&words) {
            assert!(!error.use_stderr(), "{}\n{error}", words.join(" "));
        }
    }
}

#[test]
fn from_nothing_to_a_council_that_connects_and_signs() {
    let desk = Desk::new();
    let told = desk.done("init --federation england --root-dir @stick");
    assert!(told.out.starts_with("Federation england is made in @/authority.\n"), "{}", told.out);
    assert!(told.err.contains("next: move @/stick to a medium that you lock up"), "{}", told.err);

    let told = desk.done(&format!("request --identity {COUNCIL} --out @503"));
    assert_eq!(told.out, "@/503/tls.csr\n@/503/signing.csr\n");

    // A request is shown before anything is issued.
    let told = desk.refused("issue @503/tls.csr");
    assert!(told.contains(&format!("asks for a tls certificate for {COUNCIL}")), "{told}");
    assert!(told.contains(&format!("confirm with --identity {COUNCIL}")), "{told}");
    assert!(desk.certificates("").is_empty());
    assert_eq!(desk.done("list").out, "no live certificates yet\n");
    assert!(desk.refused("registry").contains("no council has a live signing certificate yet"));
    let told = desk.refused("issue @503/tls.csr --identity folkmoot://england/council/211");
    assert!(told.contains("--identity says folkmoot://england/council/211"), "{told}");

    let told = desk.done(&format!("issue @503/tls.csr --identity {COUNCIL}"));
    assert_eq!(told.out.matches("BEGIN CERTIFICATE").count(), 2, "leaf and issuing authority");
    assert!(told.err.contains("good until 30 June 2027"), "{}", told.err);
    let told = desk.done(&format!("issue @503/signing.csr --identity {COUNCIL} --out @503/signing.pem"));
    assert_eq!(told.out, "@/503/signing.pem\n");
    assert!(told.err.contains("next: sign a new registry"), "{}", told.err);

    let told = desk.done("registry --out @copy.json");
    assert_eq!(told.out, "@/authority/public/registry.json\n@/copy.json\n");
    assert!(told.err.contains("registry version 1 with 1 councils"), "{}", told.err);
    std::fs::write(desk.path("floor.toml"), "min_cohort = 10\n").unwrap();
    assert!(desk.done("floor @floor.toml").err.contains("floor version 1"));

    let told = desk.done("list");
    let lines: Vec<&str> = told.out.lines().collect();
    assert_eq!(lines.len(), 3);
    assert!(lines[1].contains(COUNCIL) && lines[1].contains("365 days left"), "{}", lines[1]);
    assert!(told.err.is_empty(), "{}", told.err);
}

#[test]
fn a_recovery_is_signed_for_one_council_with_its_reason() {
    let desk = Desk::with_federation();
    let held = format!("80:{}", "ab".repeat(32));
    let ask = |held: &str, spent: &str| {
        format!(
            "recovery --council 503 --held {held} --witnessed 100 --assume-spent {spent} --reason flood --out @r.json"
        )
    };
    assert!(desk.done(&ask(&held, "0.05")).err.contains("folkmoot-node recover"));
    let text = std::fs::read_to_string(desk.path("r.json")).unwrap();
    for part in ["folkmoot/recovery/1", "\"503\"", "50000000", "flood"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    desk.done(&ask(&held, "0"));
    desk.done(&format!("recovery --council 503 --held {held} --reset-clock --reason clock --out @c.json"));
    let text = std::fs::read_to_string(desk.path("c.json")).unwrap();
    assert!(text.contains("\"resets_clock\": true") && text.contains("\"witnessed_entries\": 80"), "{text}");
    assert!(desk.refused(&ask("80:ab", "0")).contains("64 hexadecimal"));
    assert!(desk.refused(&ask(&held, "much")).contains("--assume-spent"));
    assert!(desk.refused(&ask(&format!("101:{}", "ab".repeat(32)), "0")).contains("refused by the node"));
}

#[test]
fn nothing_is_overwritten() {
    let desk = Desk::with_federation();
    let told = desk.refused("init --federation other");
    assert!(told.contains("@/authority is there already"), "{told}");
    desk.council();
    let key = std::fs::read(desk.path("503/tls.key")).unwrap();
    let told = desk.refused(&format!("request --identity {COUNCIL} --out @503"));
    assert!(told.contains("is there already and is not overwritten"), "{told}");
    assert_eq!(std::fs::read(desk.path("503/tls.key")).unwrap(), key);
    let count = desk.certificates("--all").len();
    let told = desk.refused(&format!("renew --identity {COUNCIL} --kind tls --out @503/tls.pem"));
    assert!(told.contains("nothing was issued"), "{told}");
    assert_eq!(desk.certificates("--all").len(), count);

    // Half of a pair is not left in the way.
    std::fs::create_dir(desk.path("half")).unwrap();
    std::fs::write(desk.path("half/signing.key"), "mine").unwrap();
    desk.refused(&format!("request --identity {COUNCIL} --out @half"));
    assert_eq!(std::fs::read_dir(desk.path("half")).unwrap().count(), 1);
}

#[test]
fn what_runs_out_is_warned_about_and_renewed() {
    let mut desk = Desk::with_federation();
    desk.council();
    desk.now = desk.now.checked_add(SignedDuration::from_hours(24 * 340)).unwrap();
    let told = desk.done("list");
    assert!(told.out.contains("EXPIRES in 25 days"), "{}", told.out);
    assert!(told.err.contains("the revocation list has run out: nobody connects"), "{}", told.err);
    assert!(told.err.contains("2 of the live certificates expire within 30 days"), "{}", told.err);
    assert_eq!(desk.certificates("--expiring 25").len(), 2);
    assert_eq!(desk.certificates("--expiring 24").len(), 0);

    desk.done("crl --out @crl.pem");
    for kind in ["tls", "signing"] {
        desk.done(&format!("renew --identity {COUNCIL} --kind {kind} --out @503/{kind}-2.pem"));
    }
    let told = desk.done("list");
    assert!(told.err.is_empty(), "{}", told.err);
    assert!(told.out.contains("EXPIRES in 25 days"), "the earlier ones are still good");
    let told = desk.refused(&format!("renew --identity {COUNCIL}"));
    assert!(told.contains("--identity needs --kind"), "{told}");
}

#[test]
fn revoking_says_what_to_do_next_and_shows() {
    let desk = Desk::with_federation();
    desk.council();
    let serial = desk.certificates("")[0]["serial"].as_str().unwrap().to_owned();
    assert!(desk.refused("revoke abc --reason left").contains("at least 6 characters"));
    assert!(
        desk.refused("revoke ffffff --reason left")
            .contains("no certificate in the inventory answers to serial ffffff")
    );
    let told = desk.done(&format!("revoke {} --reason key-compromise", &serial[..8]));
    assert!(told.out.contains(&format!("certificate {serial} of {COUNCIL}")), "{}", told.out);
    assert!(told.err.contains("hand out @/authority/public/crl.pem at once"), "{}", told.err);
    assert!(desk.refused(&format!("revoke {serial} --reason left")).contains("was revoked on 2026-06-30T12:00:00Z"));
    let told = desk.done("inspect @authority/public/crl.pem");
    assert!(told.out.contains(&format!("{serial} on 2026-06-30T12:00:00Z")), "{}", told.out);

    let told = desk.done(&format!("revoke --identity {COUNCIL} --reason left"));
    assert_eq!(told.out.lines().count(), 1, "only the one still live");
    assert!(desk.refused(&format!("revoke --identity {COUNCIL} --reason left")).contains("holds no live certificate"));
    assert!(desk.certificates("").is_empty());
    let all = desk.certificates("--all");
    assert!(all.iter().all(|entry| entry["state"] == "revoked"));
}

#[test]
fn files_are_described_and_keys_are_not_shown() {
    let desk = Desk::with_federation();
    desk.council();
    desk.done("registry");
    for (file, expected) in [
        ("503/tls.csr", "request for a tls certificate"),
        ("503/signing.pem", "signing certificate"),
        ("authority/public/roots.pem", "certificate of an authority"),
        ("authority/public/crl.pem", "revocation list"),
        ("authority/public/registry.json", "membership registry"),
    ] {
        let told = desk.done(&format!("inspect @{file}"));
        assert!(told.out.starts_with(expected), "{file}: {}", told.out);
        let json: Vec<Value> = serde_json::from_str(&desk.done(&format!("inspect @{file} --json")).out).unwrap();
        assert!(json[0]["what"].as_str().unwrap().starts_with(expected));
    }
    for key in ["503/tls.key", "503/signing.key", "authority/root/root.key", "authority/governance/governance.key"] {
        let told = desk.run(&format!("inspect @{key}"));
        assert_eq!((told.code, told.out.as_str()), (FAILURE, ""), "{key}");
        assert!(told.err.contains("this is a private key; it is not shown"), "{}", told.err);
    }
    std::fs::write(desk.path("x"), "hello").unwrap();
    assert!(desk.refused("inspect @x").contains("this is none of"));
    std::fs::write(desk.path("x"), [0xff, 0xfe, 0]).unwrap();
    desk.refused("inspect @x");
    desk.refused("inspect @nowhere");
}

#[test]
fn a_damaged_or_missing_inventory_is_an_error_and_not_a_new_start() {
    let desk = Desk::new();
    assert!(desk.refused("list").contains("is not an authority's folder"));
    let desk = Desk::with_federation();
    desk.council();
    let path = desk.path("authority/inventory.json");
    let good = std::fs::read_to_string(&path).unwrap();
    for bad in [
        "",
        "{}",
        &good[..good.len() / 2],
        &good.replace("folkmoot-inventory/1", "folkmoot-inventory/9"),
        &good.replace("council/503", "council/5"),
    ] {
        std::fs::write(&path, bad).unwrap();
        for line in ["list", "crl", "registry"] {
            let told = desk.refused(line);
            assert!(told.contains("inventory"), "{told}");
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), *bad, "left as it was");
    }
}

#[test]
fn an_answer_holds_everything_its_reader_needs() {
    let desk = Desk::with_federation();
    desk.done(&format!("request --identity {COUNCIL} --out @503"));
    let files = || {
        let entries = std::fs::read_dir(desk.path("answer")).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names.join(" ")
    };
    desk.done(&format!("issue @503/signing.csr --identity {COUNCIL} --answer @answer"));
    assert_eq!(files(), "crl.pem governance.pub roots.pem signing.pem");
    desk.done("registry");
    desk.done(&format!("issue @503/tls.csr --identity {COUNCIL} --answer @answer"));
    assert_eq!(files(), "crl.pem governance.pub registry.json roots.pem signing.pem tls.pem");

    let place = |name: &str| desk.path("answer").join(name);
    let files = |kind: &str| folkmoot_runtime::tls::Files {
        chain: place(&format!("{kind}.pem")),
        key: desk.path(&format!("503/{kind}.key")),
        roots: place("roots.pem"),
        crl: place("crl.pem"),
    };
    let clock = std::sync::Arc::new(folkmoot_runtime::clock::MockClock::at(desk.now));
    folkmoot_runtime::tls::Settings::load(&files("tls"), clock).unwrap().check_own().unwrap();
    folkmoot_runtime::tls::OwnSigner::load(&files("signing"), desk.now).unwrap();

    let told = desk.refused(&format!("renew --identity {COUNCIL} --kind tls --answer @answer"));
    assert!(told.contains("nothing was issued"), "{told}");
    assert_eq!(desk.run(&format!("issue @503/tls.csr --identity {COUNCIL} --answer @a --out @b")).code, USAGE);
}
