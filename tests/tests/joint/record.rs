//! What the coordinator keeps of a round: a record that everybody can check, and no exact sum.

use folkmoot_node::audit::{Book, Own};

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_record_of_a_round_is_checked_offline_and_every_council_finds_its_own_part_in_it() {
    let codes = six();
    let fed = Scene::new(&codes, true, &|_| policy("")).await;
    // One council is gone after dealing its shares, another one after its vector.
    fed.nodes[&codes[4]].answers.store(2, Ordering::SeqCst);
    let release = fed.released(&private(), wire::Level::England, "").await;
    let record = fed.record(1);
    let checked = fed.check(&record).unwrap();
    let report = &checked.report;
    assert!(report.followed);
    assert_eq!((report.councils.len(), report.dropped.as_slice()), (5, &[codes[4].to_string()][..]));
    let facts = release.manifest().round.as_ref().unwrap();
    assert!(facts.recorded);
    assert_eq!(hex(&checked.transcript), facts.transcript_sha256);
    for code in &codes {
        let book = Book::of(&fed.nodes[code].answerer.ledger);
        let own = book.compare(code.as_str(), report).unwrap();
        let part = matches!(own, Own::Agrees { survivors: Some(_), .. });
        assert_eq!(part, *code != codes[4], "{code}: {own:?}");
        assert!(own.agrees());
        // By another council's log it never was in the round.
        let other = codes.iter().find(|other| *other != code && **other != codes[4]).unwrap();
        if *code != codes[4] {
            let book = Book::of(&fed.nodes[other].answerer.ledger);
            assert_eq!(book.compare(code.as_str(), report).unwrap(), Own::NeverLeft);
        }
    }
    let stranger = Book::of(&fed.nodes[&codes[0]].answerer.ledger);
    let left_out = folkmoot_proto::round::audit::Report { councils: Vec::new(), ..report.clone() };
    assert!(matches!(stranger.compare(codes[0].as_str(), &left_out).unwrap(), Own::LeftOut { .. }));
    let unsigned = folkmoot_proto::round::audit::Report { t3: [0; 32], ..left_out };
    assert_eq!(stranger.compare(codes[0].as_str(), &unsigned).unwrap(), Own::Outside);
    assert_eq!(stranger.compare("999", &unsigned).unwrap(), Own::NotAsked);
    // Registry, certificates, transcript, sum, vectors, signature: a changed byte anywhere is found.
    let mut changed = record.clone();
    for place in (0..record.len()).step_by(41).chain(record.len() - 70..record.len()) {
        changed[place] ^= 1 << (place % 8);
        assert!(fed.check(&changed).is_err(), "byte {place} of {}", record.len());
        changed[place] = record[place];
    }
    assert!(fed.check(&changed).is_ok());
    // The command, as an auditor without a node would give it: the answer is in its exit code.
    let place = |name: &str| fed.folder.path().join(name).into_os_string();
    let command = |bytes: &[u8], crl: &str| {
        std::fs::write(place("checked.round"), bytes).unwrap();
        let mut line: Vec<std::ffi::OsString> = ["folkmoot-node", "audit", "verify-round"].map(Into::into).to_vec();
        line.extend([place("checked.round"), "--federation".into(), "england".into(), "--json".into()]);
        for (option, file) in [("--roots", "roots.pem"), ("--crl", crl), ("--governance", "governance.pub")] {
            line.extend([option.into(), fed.public.join(file).into_os_string()]);
        }
        format!("{:?}", folkmoot_node::cli::run(line))
    };
    let code = |number: u8| format!("{:?}", std::process::ExitCode::from(number));
    assert_eq!(command(&record, "crl.pem"), code(0));
    assert_eq!(command(&record, "no-such.pem"), code(1), "could not be checked");
    changed[record.len() / 2] ^= 1;
    assert_eq!(command(&changed, "crl.pem"), code(4), "does not stand");
    assert_eq!(command(b"not a record", "crl.pem"), code(4));
    // Nobody of another authority is believed.
    let other = Scene::new(&codes[..3], true, &|_| policy("")).await;
    assert!(matches!(other.check(&record), Err(Failed::Members(_))));
}

/// Every number in a database, with where it stands: integers, numbers in JSON texts, and runs of eight little-endian
/// bytes in blobs.
fn numbers_in(database: &Path) -> BTreeMap<i64, String> {
    use rusqlite::types::ValueRef;
    fn walk(value: &serde_json::Value, path: &str, found: &mut BTreeMap<i64, String>) {
        match value {
            serde_json::Value::Number(number) => {
                let whole = number.as_f64().filter(|value| value.fract() == 0.0).map(|value| value as i64);
                if let Some(number) = number.as_i64().or(whole) {
                    found.insert(number, path.to_owned());
                }
            }
            serde_json::Value::Array(list) => list.iter().for_each(|value| walk(value, path, found)),
            serde_json::Value::Object(map) => {
                map.iter().for_each(|(key, value)| walk(value, &format!("{path}.{key}"), found));
            }
            _ => {}
        }
    }
    let connection = rusqlite::Connection::open(database).unwrap();
    let mut found = BTreeMap::new();
    let mut tables = connection.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").unwrap();
    let tables: Vec<String> = tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert!(tables.contains(&"rounds".to_owned()) && !tables.contains(&"sums".to_owned()));
    for table in tables {
        let mut statement = connection.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let names: Vec<String> = statement.column_names().map(|name| format!("{table}.{name}")).collect();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            for (column, name) in names.iter().enumerate() {
                match row.get_ref(column).unwrap() {
                    ValueRef::Integer(value) => drop(found.insert(value, name.clone())),
                    ValueRef::Real(value) => drop(found.insert(value as i64, name.clone())),
                    ValueRef::Text(text) => {
                        if let Ok(value) = serde_json::from_slice(text) {
                            walk(&value, name, &mut found);
                        }
                    }
                    ValueRef::Blob(bytes) => {
                        let number = |w: &[u8]| i64::from_le_bytes(w.try_into().unwrap());
                        found.extend(bytes.windows(8).map(|w| (number(w), name.clone())));
                    }
                    ValueRef::Null => {}
                }
            }
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_the_coordinator_keeps_of_a_suppressed_round_holds_an_exact_sum() {
    let codes = six();
    let fed = Scene::new(&codes, false, &|_| policy("")).await;
    let all: BTreeSet<_> = codes.iter().copied().collect();
    let query = query(Release::JointSuppressed(Profile::Hospital));
    fed.released(&query, wire::Level::England, "").await;
    // What would give itself away: sums that are neither rounded nor two beside a rounded one (which are printed as
    // bounds), and too large to be a count of councils or the like.
    let exact = fed.truth(&query, &all, false);
    let rounded = folkmoot_proto::disclosure::round5;
    let canaries: BTreeSet<i64> =
        exact.iter().copied().filter(|sum| *sum > 20 && (sum - rounded(*sum)).abs() == 1).collect();
    assert!(canaries.iter().any(|sum| *sum > 256), "{canaries:?}");
    let database = fed.folder.path().join("coordinator.db");
    let found = numbers_in(&database);
    assert!(
        exact.iter().any(|sum| found.contains_key(&folkmoot_proto::disclosure::round5(*sum))),
        "it finds what is there"
    );
    let leaked: Vec<(&i64, &String)> = found.iter().filter(|(number, _)| canaries.contains(number)).collect();
    assert!(leaked.is_empty(), "{leaked:?}");
    // The files: the database with its log, and the record. No cell of the sum beside another, in any form.
    let cells = &exact[..Layout::of(&query).unwrap().cells()];
    let pairs: Vec<Vec<u8>> = cells
        .windows(2)
        .filter(|pair| pair.iter().any(|sum| *sum > 8 && sum % 5 != 0))
        .flat_map(|pair| {
            let bytes = [pair[0].to_le_bytes(), pair[1].to_le_bytes()].concat();
            [bytes, format!("{},{}", pair[0], pair[1]).into_bytes()]
        })
        .collect();
    assert!(!pairs.is_empty());
    let mut files = 0;
    for folder in [fed.folder.path().to_owned(), fed.folder.path().join("rounds")] {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap).filter(|e| e.path().is_file()) {
            let name = entry.file_name().into_string().unwrap();
            if !name.starts_with("coordinator.db") && !name.ends_with(".round") {
                continue;
            }
            files += 1;
            let bytes = std::fs::read(entry.path()).unwrap();
            for pair in &pairs {
                assert!(!bytes.windows(pair.len()).any(|window| window == pair.as_slice()), "{name}");
            }
        }
    }
    assert!(files >= 2, "database and record");
    let checked = fed.check(&fed.record(1)).unwrap();
    assert!(!checked.report.followed);
    assert_eq!(checked.report.councils.len(), 6);
    // The same look finds a sum where there is one.
    drop(fed.store.clone());
    let copy = fed.folder.path().join("planted.db");
    rusqlite::Connection::open(&database).unwrap().execute("VACUUM INTO ?1", [copy.to_str().unwrap()]).unwrap();
    let planted = serde_json::json!({ "blocks": [{ "figures": exact }] }).to_string();
    rusqlite::Connection::open(&copy).unwrap().execute("UPDATE rounds SET body = ?1", [planted]).unwrap();
    let found = numbers_in(&copy);
    assert!(canaries.iter().all(|sum| found.contains_key(sum)));
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
