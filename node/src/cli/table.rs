//! Tables for people.

/// Prints rows in columns; the first row is the header. Columns of numbers are set to the right.
pub fn print(rows: &[Vec<String>]) {
    print_under(rows, "");
}

/// As [`print`], each line begun with `indent`.
pub(super) fn print_under(rows: &[Vec<String>], indent: &str) {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let number = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || "-.,%".contains(c));
    let right: Vec<bool> = (0..columns)
        .map(|column| rows.iter().skip(1).filter_map(|row| row.get(column)).all(|cell| number(cell)))
        .collect();
    for (place, row) in rows.iter().enumerate() {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let blanks = " ".repeat(widths[column].saturating_sub(cell.chars().count()));
            if right[column] {
                line.push_str(&blanks);
                line.push_str(cell);
            } else {
                line.push_str(cell);
                line.push_str(&blanks);
            }
            line.push_str("  ");
        }
        println!("{indent}{}", line.trim_end());
        if place == 0 && rows.len() > 1 {
            println!("{indent}{}", widths.iter().map(|&width| "-".repeat(width)).collect::<Vec<_>>().join("  "));
        }
    }
}
