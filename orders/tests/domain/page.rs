//! docs/TRANSITIONS.md: its tables are made here, and compared. `UPDATE=1 cargo test -p orders` writes them, to be reviewed.

use std::path::Path;
use std::sync::Mutex;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/TRANSITIONS.md");

/// Tests run at the same time, and each writes its tables.
static WRITING: Mutex<()> = Mutex::new(());

/// The page has this table between `<!-- NAME -->` and `<!-- end -->`.
///
/// # Panics
/// If it has another, or no place for it.
pub fn holds(name: &str, table: &str) {
    let _alone = WRITING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let page = std::fs::read_to_string(Path::new(PAGE)).unwrap();
    let begin = format!("<!-- {name} -->\n");
    let start = page.find(&begin).unwrap_or_else(|| panic!("docs/TRANSITIONS.md has no `{begin}`")) + begin.len();
    let length = page[start..].find("<!-- end -->").unwrap_or_else(|| panic!("`{begin}` has no `<!-- end -->`"));
    let written = &page[start..start + length];
    if written == table {
        return;
    }
    assert!(
        std::env::var_os("UPDATE").is_some(),
        "docs/TRANSITIONS.md says of `{name}`:\n{written}\nbut the code does:\n{table}\n\
         If the code is right: UPDATE=1 cargo test -p orders, and review the page"
    );
    std::fs::write(PAGE, [&page[..start], table, &page[start + length..]].concat()).unwrap();
}

/// A table in Markdown, its columns aligned.
pub fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let head: Vec<String> = head.iter().map(|&title| title.to_owned()).collect();
    let width = |column: usize| {
        let cells = rows.iter().chain([&head]).map(|row| row[column].chars().count());
        cells.max().unwrap_or(0).max(3)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    let body: String = rows.iter().map(line).collect();
    format!("\n{}{}{body}\n", line(&head), line(&rule))
}
