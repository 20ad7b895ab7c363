//! `data dump` and `data load`: one database as a file in its own tool's format.

use std::fs::File;
use std::io::{Read as _, Seek as _, Write};

use bytes::Bytes;
use serde::Serialize;

use super::data::Whose;
use super::databases::{self, Awake, Found};
use super::error::{AppError, Result};
use super::live::Live;
use super::volumes::holdings;
use crate::dump::error::DumpError;
use crate::dump::stream::{About, Database};

/// Bytes that are read at once.
const PIECE: usize = 1024 * 1024;
/// How a file begins that gzip has packed.
const GZIP: &[u8] = &[0x1f, 0x8b];

/// Which database is meant.
#[derive(Debug, Clone, Copy)]
pub struct Meant<'a> {
    /// Of this service; `None`: there is but one.
    pub service: Option<&'a str>,
    /// Its name; `None`: there is but one.
    pub database: Option<&'a str>,
}

/// A database that was written to a file or read from one.
#[derive(Debug, Clone, Serialize)]
pub struct Filed {
    /// The service.
    pub service: String,
    /// The kind of server.
    pub server: String,
    /// The database.
    pub database: String,
    /// The file's size.
    pub bytes: u64,
}

/// Writes a database. An error leaves a part of it behind `out`, which is to be thrown away then.
pub fn dump(live: &Live, whose: Whose<'_>, meant: Meant<'_>, out: &mut dyn Write) -> Result<Filed> {
    let holdings = holdings(live, whose.project, whose.environment)?;
    let found = databases::one(live, &holdings, whose.environment, meant.service)?;
    let awake = Awake::wake(live, &found, true)?;
    let dump = found.server.dump(&awake.inside)?.ok_or_else(|| no_file(&found))?;
    let database =
        existing(&found, dump.about(), meant.database)?.ok_or_else(|| unknown(&found, dump.about(), meant))?;
    let bytes = dump.write(&database, out)?;
    Ok(filed(&found, &database, bytes))
}

/// Which database a file would go to, and whether the file can be one: asked before anything is saved or loaded.
pub fn check(live: &Live, whose: Whose<'_>, meant: Meant<'_>, file: &mut File) -> Result<Filed> {
    let holdings = holdings(live, whose.project, whose.environment)?;
    let found = databases::one(live, &holdings, whose.environment, meant.service)?;
    let awake = Awake::wake(live, &found, true)?;
    let (database, _) = target(&found, &awake, meant)?;
    let bytes = begins(&found, file)?;
    Ok(filed(&found, &database, bytes))
}

/// Loads a database beside the one that is there, and puts it in its place when it is whole.
pub fn load(live: &Live, whose: Whose<'_>, meant: Meant<'_>, file: &mut File) -> Result<Filed> {
    let holdings = holdings(live, whose.project, whose.environment)?;
    let found = databases::one(live, &holdings, whose.environment, meant.service)?;
    let awake = Awake::wake(live, &found, true)?;
    let (database, mut about) = target(&found, &awake, meant)?;
    let bytes = begins(&found, file)?;
    let wanted = database.stream.clone();
    about.databases = vec![database.clone()];
    // who may log in is no part of the file
    about.users = Vec::new();
    let opened = &*file;
    found.server.load(&awake.inside, &about, &|stream, take| {
        if stream != wanted {
            return take(&mut std::iter::empty());
        }
        let failed = |error: std::io::Error| DumpError::failed("reading the file", error);
        let mut reader = opened;
        reader.rewind().map_err(failed)?;
        let mut ended = false;
        take(&mut std::iter::from_fn(|| {
            let mut piece = Vec::new();
            let read = (!ended).then(|| reader.take(PIECE as u64).read_to_end(&mut piece))?;
            ended = !matches!(read, Ok(1..));
            match read {
                Ok(0) => None,
                Ok(_) => Some(Ok(Bytes::from(piece))),
                Err(error) => Some(Err(error.to_string())),
            }
        }))
    })?;
    Ok(filed(&found, &database, bytes))
}

fn filed(found: &Found<'_>, database: &Database, bytes: u64) -> Filed {
    let (service, server) = (found.service.clone(), found.server.word().to_owned());
    Filed { service, server, database: database.name.clone(), bytes }
}

/// The database that a file is loaded into, and what its server says about itself; one that is not there is made as
/// another one of the server was.
fn target(found: &Found<'_>, awake: &Awake<'_>, meant: Meant<'_>) -> Result<(Database, About)> {
    let about = found.server.about(&awake.inside)?.ok_or_else(|| no_file(found))?;
    if let Some(database) = existing(found, &about, meant.database)? {
        return Ok((database, about));
    }
    let name = meant.database.filter(|_| found.server.makes()).ok_or_else(|| unknown(found, &about, meant))?;
    let own = about.databases.iter().find(|one| one.name == "postgres");
    let model = own.or(about.databases.first()).map(|one| one.made.clone()).unwrap_or_default();
    let stream = "loaded".to_owned();
    Ok((Database { name: name.to_owned(), stream, made: model, ..Database::default() }, about))
}

/// The one that is meant, if it is there. Of several without a word which one, none is.
fn existing(found: &Found<'_>, about: &About, name: Option<&str>) -> Result<Option<Database>> {
    match (name, about.databases.as_slice()) {
        (Some(name), all) => Ok(all.iter().find(|one| one.name == name).cloned()),
        (None, [one]) => Ok(Some(one.clone())),
        (None, []) => Err(AppError::failed(format!("service {} has no database", found.service))),
        (None, several) => {
            // the server's own first database is seldom the one that is meant
            let own: Vec<&Database> = several.iter().filter(|one| one.name != "postgres").collect();
            if let [one] = own[..] {
                return Ok(Some(one.clone()));
            }
            let message = format!("service {} has several databases: {}", found.service, names(several));
            Err(AppError::usage(message).help(format!("name one: `--database {}`", own[0].name)))
        }
    }
}

fn names(databases: &[Database]) -> String {
    databases.iter().map(|one| one.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn unknown(found: &Found<'_>, about: &About, meant: Meant<'_>) -> AppError {
    let wanted = meant.database.unwrap_or_default();
    AppError::failed(format!("service {} has no database {wanted}", found.service))
        .help(format!("there is {}", names(&about.databases)))
}

fn no_file(found: &Found<'_>) -> AppError {
    AppError::failed(format!("service {}: {} has no dump that is one file", found.service, found.server.word()))
        .help("`devup data save NAME` keeps its volume")
}

/// The file can be what this server's tool wrote; its size.
fn begins(found: &Found<'_>, file: &mut File) -> Result<u64> {
    let failed = |source| AppError::io("reading the file", source);
    let mut begin = Vec::new();
    file.rewind().map_err(failed)?;
    (&*file).take(64).read_to_end(&mut begin).map_err(failed)?;
    let wrong = |reason: &str, help: String| Err(AppError::failed(format!("the file {reason}")).help(help));
    if begin.is_empty() {
        return wrong("is empty", "name the file that a dump was written to".to_owned());
    }
    if begin.starts_with(GZIP) && found.server.word() != "command" {
        return wrong("is packed by gzip", "unpack it on the way: `gunzip -c FILE | devup data load -`".to_owned());
    }
    if !found.server.begins().iter().any(|magic| begin.starts_with(magic)) {
        let (server, service) = (found.server.word(), &found.service);
        let help = if server == "postgres" {
            format!("`pg_dump -Fc` writes such a file; SQL is run by `devup exec -T {service} psql … <FILE`")
        } else {
            "`devup data dump` writes such a file".to_owned()
        };
        return wrong(&format!("is no dump of {server} in its own format"), help);
    }
    file.metadata().map(|found| found.len()).map_err(failed)
}
