// SPDX-License-Identifier: Apache-2.0
//! Text laid out for a terminal of eighty columns.

/// How wide a report is. Wider terminals are not filled: short lines read better, and a report looks the same anywhere.
pub(crate) const WIDTH: usize = 80;

/// Text in lines of at most [`WIDTH`] characters, broken at spaces; a longer word has a line of its own.
pub(crate) fn wrap(text: &str) -> String {
    fill(text.split(' '), " ")
}

/// Pieces in lines of at most [`WIDTH`] characters, with `separator` between them where they share a line.
pub(crate) fn fill<'a>(pieces: impl Iterator<Item = &'a str>, separator: &str) -> String {
    let separator_chars = separator.chars().count();
    let mut filled = String::new();
    let mut column = 0;
    for piece in pieces {
        let length = piece.chars().count();
        if column > 0 && column + separator_chars + length > WIDTH {
            filled.push('\n');
            column = 0;
        } else if column > 0 {
            filled.push_str(separator);
            column += separator_chars;
        }
        filled.push_str(piece);
        column += length;
    }
    filled
}

/// Rows of cells, the last column to the left and the others to the right, each as wide as its widest cell, indented by
/// two. The last is cut to fit.
pub(crate) fn table<const COLUMNS: usize>(rows: &[[String; COLUMNS]]) -> String {
    let mut widths = [0; COLUMNS];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let Some(last) = COLUMNS.checked_sub(1) else { return String::new() };
    let used: usize = widths[..last].iter().map(|width| width + 2).sum::<usize>() + 2;
    let room = WIDTH.saturating_sub(used).max(WIDTH / 4);
    let mut text = String::new();
    for row in rows {
        for (i, cell) in row.iter().enumerate() {
            if i < last {
                text.push_str("  ");
                text.push_str(&" ".repeat(widths[i].saturating_sub(cell.chars().count())));
                text.push_str(cell);
            } else {
                text.push_str("  ");
                text.push_str(&crate::escape::shorten(cell, room));
            }
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_spaces() {
        let text = format!("{} {} {}", "a".repeat(40), "b".repeat(39), "c".repeat(100));
        let wrapped = wrap(&text);
        let lines: Vec<usize> = wrapped.lines().map(|line| line.chars().count()).collect();
        assert_eq!(lines, [80, 100]);
        assert_eq!(wrapped.replace('\n', " "), text);
    }

    #[test]
    fn pieces_stay_whole() {
        let (a, b) = ("a b".repeat(13), "c d".repeat(14));
        assert_eq!(fill([a.as_str(), b.as_str()].into_iter(), " · "), format!("{a}\n{b}"));
        assert_eq!(fill(["a b", "c"].into_iter(), " · "), "a b · c");
    }

    #[test]
    fn columns_line_up_and_the_last_is_cut() {
        let row = |size: &str, name: &str| [size.to_owned(), name.to_owned()];
        let text = table(&[row("9 B", "short"), row("1,023 B", &"x".repeat(200))]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "      9 B  short");
        assert!(lines[1].starts_with("  1,023 B  xxx"), "{}", lines[1]);
        assert_eq!(lines[1].chars().count(), WIDTH);
        assert_eq!(table::<0>(&[]), "");
    }
}
