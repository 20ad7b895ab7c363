//! What a database of `PostgreSQL` has besides its content: `alter database … set` and `grant … on database`. A dump of one
//! database does not put it back into a database of another name.

use serde::{Deserialize, Serialize};

use super::postgres::{quoted, text};
use super::stream::Database;

/// One `set`, of a database, or of a role in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// The role; absent: whoever connects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// `name=value`, as the server keeps it.
    pub pair: String,
}

/// One `grant`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The role; absent: everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Such as `CONNECT`.
    pub privilege: String,
    /// The role may hand it on.
    #[serde(default)]
    pub grantable: bool,
}

/// Settings of every database: its name, the role or nothing, the pair. Hexadecimal, since a value may hold anything.
pub(super) const SETTINGS: &str = "select encode(convert_to(d.datname, 'UTF8'), 'hex'), \
    encode(convert_to(coalesce(r.rolname, ''), 'UTF8'), 'hex'), encode(convert_to(pair, 'UTF8'), 'hex') \
    from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase left join pg_roles r on r.oid = s.setrole, \
    unnest(s.setconfig) with ordinality as each(pair, place) order by 1, 2, place";
/// Grants on every database that has other ones than a new database; one without any has a row without a privilege.
pub(super) const GRANTS: &str = "select encode(convert_to(d.datname, 'UTF8'), 'hex'), \
    encode(convert_to(coalesce(r.rolname, ''), 'UTF8'), 'hex'), coalesce(a.privilege_type, ''), \
    coalesce(a.is_grantable, false) from pg_database d left join lateral aclexplode(d.datacl) a on true \
    left join pg_roles r on r.oid = a.grantee where d.datacl is not null order by 1, 2, 3";
/// Their values are lists, whose items stand in quotes of their own.
const LISTS: [&str; 6] = [
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
];

fn plain(field: &str) -> Option<String> {
    String::from_utf8(hex::decode(field).ok()?).ok()
}

/// Nothing stands for everybody.
fn named(role: String) -> Option<String> {
    Some(role).filter(|role| !role.is_empty())
}

/// Notes what belongs to this database.
pub(super) fn note(database: &mut Database, settings: &[Vec<String>], grants: &[Vec<String>]) {
    let own = |row: &&Vec<String>| plain(&row[0]).as_deref() == Some(&*database.name);
    let setting = |row: &Vec<String>| Some(Setting { role: named(plain(row.get(1)?)?), pair: plain(row.get(2)?)? });
    let settings: Vec<Setting> = settings.iter().filter(own).filter_map(setting).collect();
    let own: Vec<&Vec<String>> = grants.iter().filter(own).collect();
    let grant = |row: &&Vec<String>| {
        let (privilege, grantable) = (row.get(2)?.clone(), row.get(3)? == "t");
        Some(Grant { role: named(plain(row.get(1)?)?), privilege, grantable })
            .filter(|grant| !grant.privilege.is_empty())
    };
    database.grants = (!own.is_empty()).then(|| own.iter().filter_map(grant).collect());
    database.settings = settings;
}

/// The statements that give it back to a database of this name and owner.
pub(super) fn statements(database: &Database, name: &str, owner: &str) -> String {
    let name = quoted(name);
    let mut out = String::new();
    if let Some(grants) = &database.grants {
        out.push_str(&format!("revoke all on database {name} from public, {};\n", quoted(owner)));
        for grant in grants {
            let whom = grant.role.as_deref().map_or_else(|| "public".to_owned(), quoted);
            // a privilege is a word of the server's own
            let privilege: String = grant.privilege.chars().filter(char::is_ascii_alphabetic).collect();
            let option = if grant.grantable { " with grant option" } else { "" };
            out.push_str(&format!("grant {privilege} on database {name} to {whom}{option};\n"));
        }
    }
    for setting in &database.settings {
        let Some((parameter, value)) = setting.pair.split_once('=') else { continue };
        let whose = match &setting.role {
            Some(role) => format!("role {} in database {name}", quoted(role)),
            None => format!("database {name}"),
        };
        let value = if LISTS.contains(&parameter) { list(value) } else { text(value) };
        let parameter: Vec<String> = parameter.split('.').map(quoted).collect();
        out.push_str(&format!("alter {whose} set {} to {value};\n", parameter.join(".")));
    }
    out
}

/// `"$user", public` as literals.
fn list(value: &str) -> String {
    let (mut items, mut item, mut inside) = (Vec::new(), String::new(), false);
    let mut rest = value.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' if inside && rest.peek() == Some(&'"') => {
                item.push('"');
                rest.next();
            }
            '"' => inside = !inside,
            ',' if !inside => items.push(std::mem::take(&mut item)),
            ' ' if !inside => {}
            c => item.push(c),
        }
    }
    items.push(item);
    items.iter().map(|item| text(item)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hexed(fields: &[&str]) -> Vec<String> {
        fields.iter().map(hex::encode).collect()
    }

    #[test]
    fn what_a_database_has_becomes_statements_again() {
        let mut database = Database { name: "shop".to_owned(), ..Database::default() };
        let settings = [
            hexed(&["shop", "", "search_path=\"$user\", \"a\"\"b\""]),
            hexed(&["shop", "o'dd", "app.secret=it's\nlong"]),
            hexed(&["other", "", "work_mem=1MB"]),
        ];
        let mut grants = vec![hexed(&["shop", "ada"]), hexed(&["shop", ""])];
        grants[0].extend(["CREATE".to_owned(), "t".to_owned()]);
        grants[1].extend(["CONNECT".to_owned(), "f".to_owned()]);
        note(&mut database, &settings, &grants);
        assert_eq!(
            statements(&database, "devup_new_0", "boss"),
            "revoke all on database \"devup_new_0\" from public, \"boss\";\n\
             grant CREATE on database \"devup_new_0\" to \"ada\" with grant option;\n\
             grant CONNECT on database \"devup_new_0\" to public;\n\
             alter database \"devup_new_0\" set \"search_path\" to '$user', 'a\"b';\n\
             alter role \"o'dd\" in database \"devup_new_0\" set \"app\".\"secret\" to 'it''s\nlong';\n"
        );
    }

    #[test]
    fn a_database_without_any_grant_stays_one() {
        let mut database = Database { name: "shop".to_owned(), ..Database::default() };
        note(&mut database, &[], &[]);
        assert_eq!((database.grants.clone(), statements(&database, "n", "o")), (None, String::new()));
        let mut none = hexed(&["shop", ""]);
        none.extend([String::new(), "f".to_owned()]);
        note(&mut database, &[], &[none]);
        assert_eq!(statements(&database, "n", "o"), "revoke all on database \"n\" from public, \"o\";\n");
    }
}
