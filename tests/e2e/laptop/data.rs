//! What the laptop's services keep: rows of three databases, and files of all kinds in volumes. Asked of the databases
//! themselves in SQL, and read on the engine's own disk.

use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use rustix::fs::XattrFlags;

use super::facts::Facts;
use super::world::World;
use crate::data::{manifest, odd_things};
use crate::engine::Engine;

/// How much: as much as a test may take, or what the variables say.
pub struct Size {
    /// Of rows, in MB.
    pub rows: u32,
    /// Files in volumes.
    pub files: u32,
}

impl Size {
    /// `DEVUP_LAPTOP_MB`, `DEVUP_LAPTOP_FILES`.
    pub fn wanted() -> Self {
        let number = |name: &str, usual| {
            std::env::var(name).ok().map_or(usual, |text| text.parse().unwrap_or_else(|_| panic!("{name}: {text:?}")))
        };
        Self { rows: number("DEVUP_LAPTOP_MB", 4), files: number("DEVUP_LAPTOP_FILES", 600) }
    }
}

/// The projects with data.
pub struct Data<'a> {
    pub engine: &'a Engine,
    pub shop: String,
    pub blog: String,
}

impl<'a> Data<'a> {
    /// Of these two.
    pub fn of(world: &'a World) -> Self {
        let named = |what: &str| world.names.iter().find(|name| name.ends_with(what)).cloned().unwrap();
        Self { engine: &world.engine, shop: named("-shop"), blog: named("-blog") }
    }

    fn psql(&self, query: &str) -> String {
        self.engine.exec(&format!("{}-db-1", self.shop), &["psql", "-XAtq", "-U", "ada", "-d", "shop", "-c", query])
    }

    fn mariadb(&self, query: &str) -> String {
        self.engine.exec(&format!("{}-db-1", self.blog), &["mariadb", "-uroot", "-NB", "-e", query])
    }

    fn redis(&self, words: &[&str]) -> String {
        self.engine.exec(&format!("{}-cache-1", self.shop), &[&["redis-cli"], words].concat())
    }

    /// Fills everything.
    pub fn fill(&self, size: &Size) {
        let (postgres, mariadb) = (size.rows * 3 / 4, size.rows - size.rows * 3 / 4);
        for said in [
            self.psql("create role clerk login password 'x'"),
            self.psql("create table goods(id int primary key, name text not null, made timestamptz default now())"),
            self.psql("create view cheap as select * from goods where id < 10; alter table goods owner to clerk"),
            self.psql("select lo_from_bytea(4711, decode(repeat('00ff', 1000), 'hex'))"),
        ] {
            assert!(!said.contains("ERROR"), "{said}");
        }
        // a row is a kilobyte that does not compress to nothing
        for part in 0..postgres {
            let said = self.psql(&format!(
                "insert into goods select n, (select string_agg(md5(n::text || k), '') from generate_series(1, 31) k) from \
                 generate_series({} , {}) n",
                part * 1000 + 1,
                (part + 1) * 1000
            ));
            assert_eq!(said, "");
        }
        let said = self.mariadb(
            "create database blog character set utf8mb4; use blog; create table posts(id int primary key, body text); \
             create table log(id int); create trigger t after delete on posts for each row insert into log values (old.id)",
        );
        assert_eq!(said, "");
        for part in 0..mariadb {
            let said = self.mariadb(&format!(
                "use blog; insert into posts select {} + seq, concat_ws('', sha2(seq, 512), sha2(seq + {part}, 512), \
                 repeat(sha2(seq * 7 + {part}, 512), 6)) from seq_1_to_1000",
                part * 1000
            ));
            assert_eq!(said, "");
        }
        let script = "for i = 1, 2000 do redis.call('set', 'key:' .. i, redis.sha1hex(i)) end \
                      redis.call('rpush', 'list', 'b', 'a', 'c') redis.call('hset', 'hash', 'odd \\n field', 'value') return 'done'";
        assert_eq!(self.redis(&["eval", script, "0"]).trim(), "done");
        odd_things(&self.disk(&self.shop, "/data"));
        fs::write(self.disk(&self.shop, "/scratch").join("three"), "three\n").unwrap();
        many(&self.disk(&self.blog, "/data"), size.files);
    }

    fn disk(&self, project: &str, target: &str) -> std::path::PathBuf {
        self.engine.disk(&format!("{project}-web-1"), target)
    }

    /// Everything that has to be the same.
    pub fn facts(&self) -> Facts {
        let goods = "select count(*), md5(string_agg(id || name || made, ',' order by id)) from goods";
        let everything = "local all = {} local names = redis.call('keys', '*') table.sort(names) \
                          for _, name in ipairs(names) do local kind = redis.call('type', name).ok local value \
                          if kind == 'string' then value = redis.call('get', name) elseif kind == 'list' then value = \
                          table.concat(redis.call('lrange', name, 0, -1), ',') else value = \
                          table.concat(redis.call('hgetall', name), ',') end all[#all + 1] = name .. '=' .. value end \
                          return #names .. ' ' .. redis.sha1hex(table.concat(all, ';'))";
        let facts = [
            ("postgres rows", self.psql(goods)),
            ("postgres view", self.psql("select count(*) from cheap")),
            ("postgres owner", self.psql("select tableowner from pg_tables where tablename = 'goods'")),
            (
                "postgres roles",
                self.psql("select rolname, rolpassword from pg_authid where rolname !~ '^pg_' order by 1"),
            ),
            ("postgres object", self.psql("select md5(lo_get(4711))")),
            ("mariadb rows", self.mariadb("select count(*) from blog.posts; checksum table blog.posts, blog.log")),
            ("mariadb trigger", self.mariadb("select trigger_name, action_statement from information_schema.triggers")),
            ("redis", self.redis(&["eval", everything, "0"])),
            ("volume data", manifest(&self.disk(&self.shop, "/data")).join("\n")),
            ("volume without a name", manifest(&self.disk(&self.shop, "/scratch")).join("\n")),
            ("volume pictures", manifest(&self.disk(&self.blog, "/data")).join("\n")),
        ];
        facts.into_iter().map(|(name, fact)| (name.to_owned(), fact)).collect()
    }

    /// How much there is, for whoever reads the figures.
    pub fn amount(&self) -> String {
        let rows = self.psql("select pg_size_pretty(pg_database_size('shop'))");
        let blog = self.mariadb(
            "select round(sum(data_length) / 1048576) from information_schema.tables where table_schema = 'blog'",
        );
        let files = self.facts()["volume pictures"].lines().count();
        format!("PostgreSQL {}, MariaDB {} MB, {files} files in one volume", rows.trim(), blog.trim())
    }
}

/// Files by the thousand: odd names, modes, owners, links and attributes among them.
fn many(root: &Path, count: u32) {
    for number in 0..count {
        let folder = root.join(format!("{}", number / 500));
        if number % 500 == 0 {
            fs::create_dir_all(&folder).unwrap();
        }
        let file = folder.join(match number % 50 {
            1 => std::ffi::OsString::from_vec(
                format!("odd \u{fe}\n\"{number}").into_bytes().into_iter().chain([0xff]).collect(),
            ),
            _ => number.to_string().into(),
        });
        if number % 50 == 2 {
            symlink(format!("../{number}"), &file).unwrap();
            continue;
        }
        if number % 50 == 3 {
            fs::hard_link(folder.join((number - 3).to_string()), &file).unwrap();
            continue;
        }
        fs::write(&file, format!("{number} ").repeat((number % 400) as usize + 1)).unwrap();
        match number % 50 {
            4 => fs::set_permissions(&file, fs::Permissions::from_mode(0o4750)).unwrap(),
            5 => std::os::unix::fs::chown(&file, Some(number), Some(number + 1)).unwrap(),
            6 => {
                let file = fs::File::open(&file).unwrap();
                // file systems without such attributes keep none
                let _ = rustix::fs::fsetxattr(&file, "user.number", number.to_string().as_bytes(), XattrFlags::empty());
            }
            _ => {}
        }
    }
}
