//! How many rows each table of a server has: asked beside a dump, and again of what was loaded from it.

use std::collections::BTreeMap;

use super::error::{DumpError, Result};
use super::program::Inside;
use super::server::Server;
use super::{mariadb, postgres};

/// By table, as in `shop: public.goods`.
pub type Rows = BTreeMap<String, u64>;

/// Tables of more bytes are not counted: it would take too long.
pub(super) const LARGEST: u64 = 2 << 30;
/// So many seconds a count waits for a table that somebody else has locked. Who locks one may do so for hours, and a backup
/// goes without counts then.
pub(super) const LOCKED: u32 = 3;
/// So many tables are counted by one question.
const AT_ONCE: usize = 200;

/// A table, as its server wants it written.
pub(super) struct Table {
    /// For people.
    pub(super) name: String,
    /// In a query.
    pub(super) quoted: String,
}

/// Counts; `None`: the server is of a kind that has no tables.
pub fn count(server: &Server, inside: &Inside) -> Result<Option<Rows>> {
    match server {
        Server::Postgres => postgres::rows(inside).map(Some),
        Server::MariaDb => mariadb::rows(inside).map(Some),
        Server::Redis | Server::Mongo | Server::Sqlite(_) | Server::Command(_) => Ok(None),
    }
}

/// Whether its kind has tables that are counted.
pub fn has_tables(server: &Server) -> bool {
    matches!(server, Server::Postgres | Server::MariaDb)
}

/// Counts these tables by as few questions as may be. `ask` returns rows of a number and a count.
pub(super) fn of_tables(
    tables: &[Table],
    ask: &dyn Fn(&str) -> Result<Vec<Vec<String>>>,
    rows: &mut Rows,
) -> Result<()> {
    for some in tables.chunks(AT_ONCE) {
        let questions: Vec<String> =
            some.iter().enumerate().map(|(at, table)| format!("select {at}, count(*) from {}", table.quoted)).collect();
        for answer in ask(&questions.join(" union all "))? {
            let parsed = match &answer[..] {
                [at, count] => at.parse::<usize>().ok().zip(count.parse().ok()),
                _ => None,
            };
            let counted = parsed.and_then(|(at, count)| some.get(at).map(|table| (table.name.clone(), count)));
            let (name, count) = counted.ok_or_else(|| DumpError::failed("counting rows", "the answer is none"))?;
            rows.insert(name, count);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_gets_its_own_count_whatever_the_order_of_the_answers() {
        let table = |name: &str| Table { name: name.to_owned(), quoted: format!("\"{name}\"") };
        let tables: Vec<Table> = (0..450).map(|number| table(&format!("t{number}"))).collect();
        let asked = std::cell::Cell::new(0);
        let ask = |question: &str| {
            asked.set(asked.get() + 1);
            let one = |part: &str| {
                let at = part.split([' ', ',']).nth(1).unwrap_or_default().to_owned();
                let count = part.rsplit("\"t").next().unwrap_or_default().trim_end_matches('"').to_owned();
                vec![at, count]
            };
            let mut answers: Vec<Vec<String>> = question.split(" union all ").map(one).collect();
            answers.reverse();
            Ok(answers)
        };
        let mut rows = Rows::new();
        of_tables(&tables, &ask, &mut rows).unwrap();
        assert_eq!((asked.get(), rows.len()), (3, 450));
        assert_eq!((rows["t0"], rows["t203"], rows["t449"]), (0, 203, 449));
        assert!(of_tables(&tables, &|_| Ok(vec![vec!["x".to_owned()]]), &mut rows).is_err());
    }
}
