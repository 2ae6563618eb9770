use serde::Deserialize;

use super::*;

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Settings {
    council: String,
    link: Link,
    #[serde(default)]
    mode: Mode,
    #[serde(default)]
    measures: Vec<String>,
    #[serde(default)]
    limits: Option<Limits>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Link {
    coordinator: String,
    #[serde(default)]
    keep_alive_s: u16,
    #[serde(default)]
    enabled: bool,
}

#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Mode {
    #[default]
    Hold,
    Auto,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Limits {
    rho: f64,
}

const FILE: &str = "council = \"716\"\n\n[link]\ncoordinator = \"a.example.org:7443\"\nkeep_alive_s = 20\n";

fn read(text: &str, environment: &[(&str, &str)]) -> Result<Settings, Error> {
    parse(text, Path::new("node.toml"), "FOLKMOOT_NODE", environment.iter().map(|(k, v)| (k.into(), v.into())))
}

fn refused(text: &str, environment: &[(&str, &str)]) -> String {
    read(text, environment).unwrap_err().to_string()
}

#[test]
fn a_file_becomes_the_typed_value() {
    let settings = read(FILE, &[]).unwrap();
    assert_eq!(settings.council, "716");
    assert_eq!(settings.link.keep_alive_s, 20);
    assert_eq!(settings.mode, Mode::Hold);
    assert_eq!(settings.limits, None);
}

#[test]
fn the_environment_overrides_and_the_field_decides_what_its_text_is() {
    let settings = read(
        FILE,
        &[
            ("FOLKMOOT_NODE__COUNCIL", "007"),
            ("FOLKMOOT_NODE__LINK__COORDINATOR", "b.example.org:1"),
            ("FOLKMOOT_NODE__LINK__KEEP_ALIVE_S", "30"),
            ("FOLKMOOT_NODE__LINK__ENABLED", "true"),
            ("FOLKMOOT_NODE__MODE", "auto"),
            ("FOLKMOOT_NODE__MEASURES", "2A, 2E,3D"),
            ("FOLKMOOT_NODE__LIMITS__RHO", "0.5"),
            ("FOLKMOOT_LOG", "debug"),
            ("FOLKMOOT_NODE_ROOT", "not ours: one underscore"),
        ],
    )
    .unwrap();
    assert_eq!(settings.council, "007", "a code that looks like a number stays text");
    assert_eq!(settings.link, Link { coordinator: "b.example.org:1".into(), keep_alive_s: 30, enabled: true });
    assert_eq!(settings.mode, Mode::Auto);
    assert_eq!(settings.measures, ["2A", "2E", "3D"]);
    assert_eq!(settings.limits, Some(Limits { rho: 0.5 }));
}

#[test]
fn an_unknown_key_is_refused_with_its_path_its_line_and_the_nearest_known_one() {
    assert_eq!(
        refused("council = \"716\"\n[link]\ncoordinater = \"x\"\n", &[]),
        "node.toml, line 3: unknown key 'link.coordinater'; did you mean 'link.coordinator'?"
    );
    assert_eq!(
        refused("zzzzzz = 1\n", &[]),
        "node.toml, line 1: unknown key 'zzzzzz'; known here: council, link, mode, measures, limits"
    );
    assert_eq!(
        refused(FILE, &[("FOLKMOOT_NODE__LINK__COORDINATR", "x")]),
        "environment variable FOLKMOOT_NODE__LINK__COORDINATR: unknown key 'link.coordinatr'; did you mean 'link.coordinator'?"
    );
}

#[test]
fn a_missing_key_is_named_in_full() {
    assert_eq!(refused("council = \"716\"\n[link]\n", &[]), "node.toml, line 2: the key 'link.coordinator' is missing");
    assert_eq!(refused("[link]\ncoordinator = \"x\"\n", &[]), "node.toml: the key 'council' is missing");
}

#[test]
fn a_value_of_the_wrong_kind_is_named_with_its_key_and_place() {
    let link = "council = \"716\"\n[link]\ncoordinator = \"x\"\n";
    assert_eq!(
        refused(&format!("{link}keep_alive_s = \"soon\"\n"), &[]),
        "node.toml, line 4: the value of 'link.keep_alive_s' does not fit: it is the text 'soon', expected a whole number"
    );
    assert_eq!(
        refused(&format!("{link}keep_alive_s = 70000\n"), &[]),
        "node.toml, line 4: the value of 'link.keep_alive_s' does not fit: it is the whole number 70000, expected u16"
    );
    assert_eq!(
        refused(&format!("{link}keep_alive_s = 1.5\n"), &[]),
        "node.toml, line 4: the value of 'link.keep_alive_s' does not fit: it is the number 1.5, expected a whole number"
    );
    assert_eq!(
        refused(FILE, &[("FOLKMOOT_NODE__LINK__ENABLED", "yes")]),
        "environment variable FOLKMOOT_NODE__LINK__ENABLED: the value of 'link.enabled' does not fit: it is the text 'yes', expected true or false"
    );
    assert_eq!(
        refused(FILE, &[("FOLKMOOT_NODE__MODE", "manual")]),
        "environment variable FOLKMOOT_NODE__MODE: the value of 'mode' does not fit: 'manual' is not one of 'hold', 'auto'"
    );
    assert_eq!(
        refused(&format!("measures = [\"2A\", 3]\n{FILE}"), &[]),
        "node.toml, line 1: the value of 'measures[1]' does not fit: it is the whole number 3, expected a string"
    );
    assert_eq!(
        refused("council = 716\n[link]\ncoordinator = \"x\"\n", &[]),
        "node.toml, line 1: the value of 'council' does not fit: it is the whole number 716, expected a string"
    );
}

#[test]
fn a_variable_that_cannot_be_placed_is_refused() {
    assert_eq!(
        refused(FILE, &[("FOLKMOOT_NODE__COUNCIL__CODE", "1")]),
        "environment variable FOLKMOOT_NODE__COUNCIL__CODE: 'council' is not a table, so nothing can be below it"
    );
    assert!(refused(FILE, &[("FOLKMOOT_NODE__LINK____X", "1")]).contains("exactly two underscores"));
    assert!(refused(FILE, &[("FOLKMOOT_NODE__LINK", "1")]).contains("'link' is a table: set one of its keys"));
}

#[test]
fn text_that_is_not_toml_is_refused_with_its_line() {
    let message = refused("council = \"716\"\nlink = {\n", &[]);
    assert!(
        message.starts_with("node.toml, line 2: this is not TOML")
            || message.starts_with("node.toml, line 3: this is not TOML"),
        "{message}"
    );
    assert!(refused("a = 1\na = 2\n", &[]).starts_with("node.toml, line 2: this is not TOML: duplicate key"));
}

#[test]
fn a_missing_file_is_named() {
    let error = load::<Settings>(Path::new("/nonexistent/node.toml"), "X").unwrap_err();
    assert_eq!(error.to_string(), "reading the settings file /nonexistent/node.toml");
}

#[test]
fn relative_paths_are_meant_from_the_settings_file() {
    assert_eq!(
        beside(Path::new("/etc/folkmoot/node.toml"), Path::new("keys/tls.key")),
        Path::new("/etc/folkmoot/keys/tls.key")
    );
    assert_eq!(beside(Path::new("/etc/folkmoot/node.toml"), Path::new("/var/x")), Path::new("/var/x"));
    assert_eq!(beside(Path::new("node.toml"), Path::new("keys/x")), Path::new("keys/x"));
}
