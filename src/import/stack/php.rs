//! PHP: composer.json; Laravel, Symfony, or a folder with an index.php.

use super::told;
use crate::import::app::{App, Process, Step, Task};
use crate::import::blocks::{Blocks, Ground};
use crate::import::finding::{Because, Finding, Place};
use crate::import::read::tree::Tree;
use crate::import::read::{Dependency, json, named, version};
use crate::import::snapshot::Folder;

/// PHP where composer.json names no version.
const USUAL: &str = "8.3";
/// Extensions that the image lacks, what they are compiled with, and the dependencies that want them.
const EXTENSIONS: [(&str, &str, &[&str]); 6] = [
    ("pdo_pgsql", "libpq-dev", &["ext-pgsql", "ext-pdo-pgsql"]),
    ("pdo_mysql", "", &["ext-mysqli", "ext-pdo-mysql"]),
    ("zip", "libzip-dev", &["ext-zip"]),
    ("intl", "libicu-dev", &["ext-intl"]),
    ("gd", "libpng-dev", &["ext-gd"]),
    ("bcmath", "", &["ext-bcmath"]),
];

/// Reads a folder.
pub fn read(folder: &Folder, _: &Blocks) -> Option<App> {
    let text = folder.text("composer.json")?;
    let seen = folder.place("composer.json", 1);
    let mut open = Vec::new();
    let manifest = told(json::parse(text), folder, "composer.json", &mut open).unwrap_or_else(|| Tree::other(1));
    let dependencies = dependencies(&manifest, folder, &mut open);
    let ground = ground(&manifest, folder, &dependencies, &seen, &mut open);
    let mut app = App::new("PHP", folder, seen.clone(), ground);
    app.open = open;
    app.dependencies = dependencies;
    let inputs: Vec<&str> = ["composer.json", "composer.lock"].into_iter().filter(|name| folder.has(name)).collect();
    app.step(Step::new("composer install --no-interaction", &inputs).writes("vendor"), &seen, "the packages");
    let name = app.main_name();
    if let (Some(place), true) =
        (named(&app.dependencies, &["laravel/framework"]).map(|one| one.place.clone()), folder.has("artisan"))
    {
        "Laravel".clone_into(&mut app.kind);
        let run = "php artisan serve --host 0.0.0.0 --port 8000";
        app.processes.push(Process::new(&name, run, &place, "Laravel's own server").on(
            8000,
            &place,
            "Laravel's usual port",
        ));
        app.tasks.push(
            Task::new("migrate", "php artisan migrate --force", &place, "brings Laravel's tables up to date").at_up(),
        );
        app.tasks.push(Task::new("test", "php artisan test", &place, "Laravel's tests"));
        if !folder.has(".env") {
            app.open.push(Finding::at(&place, "Laravel reads .env, which is not here: cp .env.example .env, then `devup exec web php artisan key:generate`"));
        }
    } else if let Some(index) = folder.first_of(&["public/index.php", "index.php"]) {
        let place = folder.place(index, 1);
        let root = if index == "index.php" { "." } else { "public" };
        let run = format!("php -S 0.0.0.0:8000 -t {root}");
        app.processes.push(Process::new(&name, run, &place, "PHP's own server").on(
            8000,
            &place,
            "a port of our choice",
        ));
    } else {
        app.processes.push(Process::unknown(&name));
    }
    Some(app)
}

fn dependencies(manifest: &Tree, folder: &Folder, open: &mut Vec<Finding>) -> Vec<Dependency> {
    let require = manifest.at(&["require"]).map(Tree::entries).unwrap_or_default();
    let place = |line: usize| folder.place("composer.json", line);
    let mut found: Vec<Dependency> = require
        .iter()
        .map(|(name, line, version)| Dependency::new(name, version.text().unwrap_or_default(), place(*line)))
        .collect();
    // Laravel's driver is named by its variables only
    let list = [".env.example", ".env"].into_iter().find_map(|name| Some((name, folder.text(name)?)));
    if let (Some((file, text)), Some(_)) = (list, named(&found, &["laravel/framework"])) {
        let line = text
            .lines()
            .enumerate()
            .find_map(|(number, line)| Some((number, line.trim().strip_prefix("DB_CONNECTION=")?)));
        match line {
            Some((number, "pgsql")) => found.push(Dependency::new("ext-pdo_pgsql", "", folder.place(file, number + 1))),
            Some((number, "mysql" | "mariadb")) => {
                found.push(Dependency::new("ext-pdo_mysql", "", folder.place(file, number + 1)));
            }
            Some((_, "sqlite")) | None => {}
            Some((number, _)) => {
                open.push(Finding::at(&folder.place(file, number + 1), "a database that devup does not know"));
            }
        }
    }
    found
}

/// The official image with Composer and the extensions that are asked for.
fn ground(
    manifest: &Tree,
    folder: &Folder,
    dependencies: &[Dependency],
    seen: &Place,
    open: &mut Vec<Finding>,
) -> Because<Ground> {
    let wanted = manifest.at(&["require", "php"]);
    let place = wanted.map_or_else(|| seen.clone(), |php| folder.place("composer.json", php.line));
    let named_version = wanted.and_then(Tree::text).and_then(version::first).filter(|version| version.contains('.'));
    if named_version.is_none() {
        open.push(Finding::at(&place, format!("which PHP? No file names a version: php:{USUAL}-cli was taken")));
    }
    let php = named_version.unwrap_or_else(|| USUAL.to_owned());
    let asked = EXTENSIONS.iter().filter(|(name, _, by)| *name == "zip" || named(dependencies, by).is_some());
    let (names, libraries): (Vec<&str>, Vec<&str>) = asked.map(|(name, library, _)| (*name, *library)).unzip();
    let libraries: Vec<&str> = libraries.into_iter().filter(|library| !library.is_empty()).collect();
    let text = format!(
        "FROM php:{php}-cli\nCOPY --from=composer:2 /usr/bin/composer /usr/local/bin/composer\n\
         RUN apt-get update && apt-get install -y --no-install-recommends git unzip {} \\\n  && docker-php-ext-install {}\n",
        libraries.join(" "),
        names.join(" "),
    );
    let context = if folder.path.is_empty() { ".".to_owned() } else { format!("./{}", folder.path) };
    Because::of(
        Ground::Build { context, dockerfile: None, inline: Some(text) },
        &place,
        format!("PHP {php} with Composer"),
    )
}
