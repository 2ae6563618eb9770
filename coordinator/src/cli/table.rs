//! Plain tables for terminals: columns as wide as their widest entry, numbers to the right.

/// Formats rows under a header. A column is set to the right when `right` says so.
pub(crate) fn format(header: &[&str], right: &[bool], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = header.iter().map(|text| text.chars().count()).collect();
    for row in rows {
        for (width, text) in widths.iter_mut().zip(row) {
            *width = (*width).max(text.chars().count());
        }
    }
    let line = |texts: &mut dyn Iterator<Item = &str>| {
        let mut line = String::new();
        for (place, (text, width)) in texts.zip(&widths).enumerate() {
            if place > 0 {
                line.push_str("  ");
            }
            let blanks = " ".repeat(width - text.chars().count());
            if right.get(place).copied().unwrap_or(false) {
                line.push_str(&blanks);
                line.push_str(text);
            } else {
                line.push_str(text);
                line.push_str(&blanks);
            }
        }
        format!("{}\n", line.trim_end())
    };
    let mut text = line(&mut header.iter().copied());
    text.push_str(&line(
        &mut widths.iter().map(|width| "-".repeat(*width)).collect::<Vec<_>>().iter().map(String::as_str),
    ));
    for row in rows {
        text.push_str(&line(&mut row.iter().map(String::as_str)));
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn columns_line_up() {
        let rows = [vec!["é".to_owned(), "5".to_owned()], vec!["long".to_owned(), "123".to_owned()]];
        let text = super::format(&["a", "n"], &[false, true], &rows);
        assert_eq!(text, "a       n\n----  ---\né       5\nlong  123\n");
    }
}
