//! Ruby: Gemfile; Rails, Sinatra, Rack, Sidekiq.

use super::version_file;
use crate::import::app::{App, Process, Step, Task};
use crate::import::blocks::{Blocks, Language};
use crate::import::read::{lines, named};
use crate::import::snapshot::Folder;

const RUBY: Language = Language { name: "Ruby", family: "ruby", image: "ruby", suffix: "", usual: "3.4" };

/// Reads a folder.
pub fn read(folder: &Folder, blocks: &Blocks) -> Option<App> {
    let text = folder.text("Gemfile")?;
    let seen = folder.place("Gemfile", 1);
    let mut open = Vec::new();
    let wanted = lines::ruby(text)
        .map(|(version, line)| (version, folder.place("Gemfile", line)))
        .or_else(|| version_file(folder, ".ruby-version"));
    let ground = blocks.ground(RUBY, wanted.as_ref(), &seen, &mut open);
    let mut app = App::new("Ruby", folder, seen.clone(), ground);
    app.open = open;
    app.dependencies = lines::gems(text, &folder.path_of("Gemfile"));
    let inputs: Vec<&str> = ["Gemfile", "Gemfile.lock"].into_iter().filter(|name| folder.has(name)).collect();
    app.step(Step::new("bundle install", &inputs), &seen, "the gems");
    let name = app.main_name();
    if let Some(place) = named(&app.dependencies, &["rails"]).map(|gem| gem.place.clone()) {
        "Rails".clone_into(&mut app.kind);
        // a server that was killed leaves its number behind, and the next would not start
        let run = "sh -c \"rm -f tmp/pids/server.pid && exec bin/rails server -b 0.0.0.0 -p 3000\"";
        app.processes.push(Process::new(&name, run, &place, "Rails' own server").on(3000, &place, "Rails' usual port"));
        app.tasks.push(Task::new("migrate", "bin/rails db:prepare", &place, "brings Rails' tables up to date").at_up());
        app.tasks.push(Task::new("test", "bin/rails test", &place, "Rails' tests"));
    } else if folder.has("config.ru") {
        let place = folder.place("config.ru", 1);
        let run = "bundle exec rackup --host 0.0.0.0 --port 9292";
        app.processes.push(Process::new(&name, run, &place, "a Rack application").on(
            9292,
            &place,
            "rackup's usual port",
        ));
    } else if let (Some(gem), true) = (named(&app.dependencies, &["sinatra"]), folder.has("app.rb")) {
        let place = gem.place.clone();
        "Sinatra".clone_into(&mut app.kind);
        let run = "bundle exec ruby app.rb -o 0.0.0.0 -p 4567";
        let at = folder.place("app.rb", 1);
        app.processes.push(Process::new(&name, run, &at, "the Sinatra application").on(
            4567,
            &place,
            "Sinatra's usual port",
        ));
    } else {
        app.processes.push(Process::unknown(&name));
    }
    if let Some(place) = named(&app.dependencies, &["sidekiq"]).map(|gem| gem.place.clone()) {
        let worker = if app.folder.is_empty() { "worker".to_owned() } else { format!("{name}-worker") };
        app.processes.push(Process::new(&worker, "bundle exec sidekiq", &place, "Sidekiq's worker"));
    }
    Some(app)
}
