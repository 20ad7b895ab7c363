//! The page for users, `docs/trust.md`, and the table must not drift apart.

use super::table;

/// The tables of the page, by their headings.
const PAGE: &[(&str, &[table::Row])] = &[
    ("A service", table::SERVICE),
    ("`backup` of a service", table::BACKUP),
    ("`backup.command`", table::BACKUP_COMMAND),
    ("`build`", table::BUILD),
    ("`deploy`", table::DEPLOY),
    ("`deploy.resources.limits` and `.reservations`", table::RESOURCE),
    ("`logging`", table::LOGGING),
    ("`ports`", table::PORT),
    ("`post_start`, `pre_stop`", table::HOOK),
    ("`pre_start`", table::PRE_START),
    ("`provision`", table::PROVISION),
    ("`volumes` of a service", table::MOUNT),
    ("`volumes[].bind`", table::BIND),
    ("`volumes[].volume`", table::MOUNTED_VOLUME),
    ("`networks` of a service", table::JOIN),
    ("Top-level `networks`", table::NETWORK),
    ("Top-level `volumes`", table::VOLUME),
    ("Top-level `secrets` and `configs`", table::SOURCE),
    ("Top-level `models`", table::MODEL),
];

/// What the page has to say of a key: `key | free`, or the key alone where it is free; `None` where it has its own table.
fn row_of_the_page(row: &table::Row) -> Option<String> {
    match row.rule {
        table::Rule::Free(_) => Some(row.key.to_owned()),
        table::Rule::Host(_, action) => Some(format!("{} | nothing | {action}", row.key)),
        table::Rule::Checked(words, _) => {
            let free = words.strip_prefix("free: ").unwrap_or(words);
            Some(format!("{} | {}", row.key, if words.starts_with("never free") { "nothing" } else { free }))
        }
        table::Rule::Inner(_) | table::Rule::Each(_) => None,
    }
}

#[test]
fn the_page_has_each_row_of_the_table_and_no_other() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/trust.md")).unwrap();
    let sections: Vec<(&str, &str)> = page.split("\n### ").skip(1).filter_map(|text| text.split_once('\n')).collect();
    let headings: Vec<&str> = sections.iter().map(|(heading, _)| *heading).collect();
    assert_eq!(headings, PAGE.iter().map(|(heading, _)| *heading).collect::<Vec<_>>());
    for ((heading, text), (_, rows)) in sections.into_iter().zip(PAGE) {
        let known: Vec<String> = rows.iter().filter_map(row_of_the_page).collect();
        let capabilities = text.lines().filter_map(|line| line.strip_prefix("| `")?.strip_suffix(" |"));
        let capabilities = capabilities.map(|line| line.replacen('`', "", 1));
        let free = text.split_once("Free whatever the value:").map_or("", |(_, rest)| rest);
        let free = free.split("\n\n").next().unwrap_or_default().split('`').skip(1).step_by(2).map(str::to_owned);
        let told: Vec<String> = capabilities.chain(free).collect();
        for row in &known {
            // of a rule in words the page adds what else it is
            let told = told.iter().any(|told| told == row || told.starts_with(&format!("{row} | ")));
            assert!(told, "docs/trust.md, {heading}: there is no `{row}`");
        }
        for row in &told {
            let key = row.split(" | ").next();
            assert!(
                rows.iter().any(|known| Some(known.key) == key),
                "docs/trust.md, {heading}: nothing is called `{row}`"
            );
        }
        assert_eq!(told.len(), known.len(), "docs/trust.md, {heading}: a row is there twice");
    }
}
