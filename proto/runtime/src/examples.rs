//! The command lines that documents and help texts show, so that tests can hold them against what a program takes.

/// The words of each command line of `program` in a text: of a document's shell blocks, or of a help text's examples.
///
/// # Shape
/// One list of words for each command, the program's name first, quotes taken off. What follows a comment, a pipe, another
/// command, a redirection or a remark in brackets is left out; so are whole lines with `[`, which are synopses, and with `...`, where a value is shortened.
pub fn commands(text: &str, program: &str) -> Vec<Vec<String>> {
    let is_document = text.contains("```");
    let mut in_block = !is_document;
    let mut lines: Vec<String> = Vec::new();
    let mut goes_on = false;
    for line in text.lines() {
        let line = line.trim();
        if line.starts_with("```") {
            in_block = !in_block;
            continue;
        }
        if !in_block {
            continue;
        }
        let (part, more) = match line.strip_suffix('\\') {
            Some(part) => (part, true),
            None => (line, false),
        };
        match lines.last_mut() {
            Some(last) if goes_on => last.push_str(part),
            _ => lines.push(part.to_owned()),
        }
        goes_on = more;
    }
    let start = format!("{program} ");
    lines
        .iter()
        .filter(|line| !line.contains('[') && !line.contains("..."))
        .filter_map(|line| {
            // As an argument of another command the name is a file.
            let runs = |before: &str| {
                before.is_empty() || before.starts_with("sudo ") || before.ends_with("&& ") || before.ends_with("; ")
            };
            let place = line.match_indices(&start).map(|(place, _)| place).find(|place| runs(&line[..*place]))?;
            Some(words(&line[place..]))
        })
        .collect()
}

/// The words of a line up to where its command ends.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for letter in line.chars() {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (Some(_), _) => word.get_or_insert_default().push(letter),
            (None, '"' | '\'') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, ' ') => words.extend(word.take()),
            (None, '#' | '|' | '>' | '&' | ';' | '(') if word.is_none() => return words,
            (None, ';') => break,
            (None, _) => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::commands;

    #[test]
    fn commands_are_found_with_their_words_and_nothing_else() {
        let document = "prog not this\n```sh\nprog a --b \"c d\" \\\n    -e 'f'   # why\nx=1; prog g | head\nsudo -u me prog k\nprog l 9f2c...\nprog [h]\ninstall prog /bin/\nother prog-i\n```\n";
        assert_eq!(
            commands(document, "prog"),
            [vec!["prog", "a", "--b", "c d", "-e", "f"], vec!["prog", "g"], vec!["prog", "k"]]
        );
        let help = "Examples:\n  prog a b (shows)\n  prog c > d\n\nText about prog.";
        let found = commands(help, "prog");
        assert_eq!(found[..2], [vec!["prog", "a", "b"], vec!["prog", "c"]]);
    }
}
