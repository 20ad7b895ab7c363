//! Users of `MariaDB` and `MySQL` with their passwords' digests and rights: what no dump of a database holds.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::error::Result;
use super::mariadb::{LOGIN, ask};
use super::program::{Inside, shell};

/// One user, or one role.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// As statements name it: `'ada'@'%'`.
    pub name: String,
    /// How it was created; absent: it is a role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create: Option<String>,
    /// What it may do.
    pub grants: Vec<String>,
}

/// The server's own users, and the one that the container's variables give a password to.
const OWN: &str = "('', 'root', 'mysql', 'mariadb.sys', 'mysql.sys', 'mysql.session', 'mysql.infoschema', 'healthcheck', \
    'debian-sys-maint', 'PUBLIC')";

/// Everybody but the server's own.
pub(super) fn read(inside: &Inside, version: &str) -> Result<Vec<User>> {
    let attempt = format!("listing the users of {}", inside.service);
    let is_mariadb = version.contains("MariaDB");
    let role = if is_mariadb { "is_role = 'Y'" } else { "false" };
    let query = format!(
        "select if({role}, concat('`', replace(user, '`', '``'), '`'), concat(quote(user), '@', quote(host))), \
         if({role}, 1, 0) from mysql.user where user not in {OWN} order by 2 desc, 1"
    );
    // of MySQL the digests may hold any byte
    let prepare = if is_mariadb { "" } else { "set session print_identified_with_as_hex = 1; " };
    let lines = |query: &str| -> Result<Vec<String>> {
        let text = inside.output(&attempt, &shell(LOGIN, &["", "-NBr", "-e", query]))?;
        Ok(text.lines().map(str::to_owned).collect())
    };
    let mut users = Vec::new();
    for line in lines(&query)? {
        let Some((name, is_role)) = line.rsplit_once('\t') else { continue };
        let create = match is_role {
            "1" => None,
            _ => lines(&format!("{prepare}show create user {name}"))?.into_iter().next(),
        };
        users.push(User { name: name.to_owned(), create, grants: lines(&format!("show grants for {name}"))? });
    }
    Ok(users)
}

/// Makes them again, with what they may do, and nothing else. Whoever came since stays.
pub(super) fn write(inside: &Inside, users: &[User]) -> Result<()> {
    if users.is_empty() {
        return Ok(());
    }
    let attempt = format!("loading the users of {}", inside.service);
    // through its input: a command line has no digests of passwords
    let statements = Bytes::from(statements(users));
    inside.feed(&attempt, &shell(LOGIN, &[""]), &mut std::iter::once(Ok(statements)))?;
    ask(inside, &attempt, "flush privileges").map(drop)
}

fn statements(users: &[User]) -> String {
    let mut out = String::new();
    for user in users {
        match user.create.as_deref().and_then(|create| create.strip_prefix("CREATE USER ")) {
            Some(how) => out.push_str(&format!("CREATE USER IF NOT EXISTS {how};\nALTER USER {how};\n")),
            None => out.push_str(&format!("CREATE ROLE IF NOT EXISTS {};\n", user.name)),
        }
    }
    for user in users {
        out.push_str(&format!("REVOKE ALL PRIVILEGES, GRANT OPTION FROM {};\n", user.name));
        user.grants.iter().for_each(|grant| out.push_str(&format!("{grant};\n")));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_is_there_before_anybody_gets_a_right() {
        let role = User { name: "`readers`".to_owned(), grants: vec!["GRANT a".to_owned()], create: None };
        let how = "`ada`@`%` IDENTIFIED BY PASSWORD '*AB'";
        let user = User {
            name: "'ada'@'%'".to_owned(),
            create: Some(format!("CREATE USER {how}")),
            grants: vec!["GRANT `readers` TO `ada`@`%`".to_owned()],
        };
        assert_eq!(
            statements(&[role, user]),
            format!(
                "CREATE ROLE IF NOT EXISTS `readers`;\nCREATE USER IF NOT EXISTS {how};\nALTER USER {how};\n\
                 REVOKE ALL PRIVILEGES, GRANT OPTION FROM `readers`;\nGRANT a;\n\
                 REVOKE ALL PRIVILEGES, GRANT OPTION FROM 'ada'@'%';\nGRANT `readers` TO `ada`@`%`;\n"
            )
        );
    }
}
