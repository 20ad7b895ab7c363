//! Every stack's proposal is written, loaded by devup's own loader and planned by its planner.

use super::*;
use crate::model::layout::Layout;
use crate::model::observed::Observed;
use crate::plan::{self, ImageChain, ImageMaker, Inputs, Operation, Options};

/// A folder with these files, a request from within it, and the wish for a spec of it.
fn project(files: &[(&str, &str)]) -> (tempfile::TempDir, Request, Wish) {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("shop");
    fs::create_dir(&folder).unwrap();
    for (path, text) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let request = Request {
        spec: discover::Request { current_dir: folder.clone(), ..discover::Request::default() },
        instance: None,
        layout: Layout::from_variables(root.path(), |_| None),
        home: root.path().to_owned(),
        yes: false,
        trust: false,
        can_ask: false,
        dry_run: false,
        parallel: None,
    };
    (root, request, Wish { folder, from: From::Auto, force: false })
}

/// Writes the proposal and plans what it says; the services that containers are created for.
fn planned(files: &[(&str, &str)], from: From) -> (Proposal, Vec<String>) {
    let (_root, request, wish) = project(files);
    let wish = Wish { from, ..wish };
    let proposal = look(&request, &wish).unwrap();
    assert!(!proposal.open.iter().any(|finding| finding.what.contains("does not load")), "{}", proposal.text);
    write(&wish, &proposal).unwrap();
    let found = discover::discover(&request.spec, &Disk).unwrap();
    let options = LoadOptions::new(request.spec.current_dir.clone(), Some(request.home.clone()));
    let loaded = load::load(&found, &Disk, &options).unwrap_or_else(|error| panic!("{error}\n{}", proposal.text));
    assert!(loaded.warnings.is_empty(), "{:?}\n{}", loaded.warnings, proposal.text);
    let environment = resolve::environment(&loaded).unwrap();
    let blocks = Catalogue::builtin();
    let mut inputs = Inputs::default();
    for (name, service) in &environment.services {
        if let Some(env) = &service.env {
            blocks.find(env).unwrap();
            let maker = ImageMaker::Env { env: env.clone(), reference: format!("localhost/{env}:1") };
            inputs.images.insert(name.clone(), ImageChain { makers: vec![maker] });
        }
    }
    let plan = plan::reconcile(&environment, &Observed::default(), &Options::default(), &inputs).unwrap();
    let created = plan.steps.iter().filter(|step| matches!(step.operation, Operation::CreateContainer { .. }));
    let mut services: Vec<String> = created.filter_map(|step| step.service.clone()).collect();
    services.sort();
    for step in environment.services.values().flat_map(|service| &service.provision) {
        for input in &step.inputs {
            assert!(request.spec.current_dir.join(input).exists(), "{input}\n{}", proposal.text);
        }
    }
    (proposal, services)
}

fn has(proposal: &Proposal, parts: &[&str]) {
    for part in parts {
        assert!(proposal.text.contains(part), "no {part:?} in\n{}", proposal.text);
    }
}

/// Files of a stack, the services that come of it, and what the spec says.
type Case = (&'static [(&'static str, &'static str)], &'static [&'static str], &'static [&'static str]);

const CASES: &[Case] = &[
    (
        &[
            ("manage.py", ""),
            ("requirements.txt", "django\npsycopg2\ncelery[redis]\n"),
            ("shop/celery.py", "app = Celery('shop')\n"),
            ("shop/settings.py", "x = env('DATABASE_URL')\n"),
        ],
        &["db", "redis", "web", "worker"],
        &[
            "env: python-3.11",
            "env: postgres-15",
            "runserver 0.0.0.0:8000",
            "libpq-dev",
            "8000:8000",
            "# shop/settings.py:1: reads DATABASE_URL",
        ],
    ),
    (
        &[
            ("pyproject.toml", "[project]\nname = 'x'\nrequires-python = '>=3.13'\ndependencies = [\n 'flask',\n]\n"),
            ("app.py", "app = Flask(__name__)\n"),
        ],
        &["web"],
        &["image: python:3.13", "flask --app app run", "tomllib"],
    ),
    (
        &[
            ("pyproject.toml", "[tool.poetry.dependencies]\npython = '^3.11'\nfastapi = '*'\nuvicorn = '*'\n"),
            ("poetry.lock", ""),
            ("app/main.py", "api = FastAPI()\n"),
        ],
        &["web"],
        &["env: python-3.11", "uvicorn app.main:api", "poetry install --no-root"],
    ),
    (
        &[("Pipfile", "[packages]\nflask = '*'\n"), ("Pipfile.lock", "{}"), ("wsgi.py", "app = Flask('a')\n")],
        &["web"],
        &["pipenv sync --system"],
    ),
    (
        &[
            (
                "package.json",
                "{\"scripts\": {\"start\": \"node server.js\", \"test\": \"jest\"}, \"engines\": {\"node\": \">=20\"}, \"dependencies\": {\"express\": \"4\", \"pg\": \"8\"}}",
            ),
            ("package-lock.json", "{}"),
            ("server.js", "const u = process.env.DATABASE_URL\napp.listen(process.env.PORT || 3001)\n"),
        ],
        &["db", "web"],
        &["image: node:20", "npm ci", "npm run start", "3001:3001", "server.js:2"],
    ),
    (
        &[
            ("package.json", "{\"scripts\": {\"dev\": \"next dev -p 4000\"}, \"dependencies\": {\"next\": \"15\"}}"),
            ("yarn.lock", ""),
        ],
        &["web"],
        &["yarn install --frozen-lockfile", "yarn run dev", "4000:4000"],
    ),
    (
        &[
            ("package.json", "{\"scripts\": {\"dev\": \"vite\"}, \"devDependencies\": {\"vite\": \"5\"}}"),
            ("bun.lock", ""),
        ],
        &["web"],
        &["image: oven/bun:1", "bun run dev --host 0.0.0.0", "5173:5173"],
    ),
    (
        &[("Gemfile", "ruby '3.3.0'\ngem 'rails'\ngem 'pg'\ngem 'sidekiq'\n"), ("Gemfile.lock", "")],
        &["db", "redis", "web", "worker"],
        &["image: ruby:3.3", "bin/rails server", "db:prepare", "bundle exec sidekiq"],
    ),
    (&[("Gemfile", "gem 'sinatra'\n"), ("app.rb", "")], &["web"], &["4567:4567"]),
    (
        &[
            ("go.mod", "module x\ngo 1.22\nrequire github.com/lib/pq v1.10.9\n"),
            ("main.go", "package main\nfunc main() { http.ListenAndServe(\":9000\", nil) }\n"),
        ],
        &["db", "web"],
        &["image: golang:1.22", "go run .", "9000:9000"],
    ),
    (
        &[
            (
                "Cargo.toml",
                "[package]\nname='x'\n[dependencies]\nsqlx = { version = '0.8', features = ['postgres'] }\n",
            ),
            ("src/main.rs", "TcpListener::bind(\"0.0.0.0:3000\")\n"),
        ],
        &["db", "web"],
        &["cargo run", "3000:3000"],
    ),
    (
        &[(
            "pom.xml",
            "<project><properties><java.version>17</java.version></properties><dependencies><dependency><artifactId>postgresql</artifactId></dependency></dependencies><build><plugins><plugin><artifactId>spring-boot-maven-plugin</artifactId></plugin></plugins></build></project>",
        )],
        &["db", "web"],
        &[
            "maven:3-eclipse-temurin-17",
            "mvn spring-boot:run",
            "8080:8080",
            "SPRING_DATASOURCE_URL: jdbc:postgresql://db:5432/app",
        ],
    ),
    (
        &[("build.gradle.kts", "plugins { id(\"org.springframework.boot\") version \"3\" }\n"), ("gradlew", "")],
        &["web"],
        &["eclipse-temurin:21-jdk", "sh ./gradlew bootRun"],
    ),
    (
        &[
            ("composer.json", "{\"require\": {\"php\": \"^8.2\", \"laravel/framework\": \"^11\"}}"),
            ("artisan", ""),
            (".env.example", "DB_CONNECTION=mysql\nDB_HOST=127.0.0.1\n"),
        ],
        &["mysql", "web"],
        &["FROM php:8.2-cli", "docker-php-ext-install", "DB_HOST: mysql", "artisan serve"],
    ),
    (
        &[("Dockerfile", "FROM python\nEXPOSE 8000\nCMD x\n"), ("requirements.txt", "redis\n")],
        &["redis", "web"],
        &["build: .", "8000:8000"],
    ),
    (
        &[("Procfile", "web: gunicorn a:b --bind :$PORT\nclock: python c.py\n"), ("requirements.txt", "gunicorn\n")],
        &["clock", "web"],
        &["$$PORT", "8000:8000"],
    ),
    (
        &[
            ("Backend/go.mod", "module x\n"),
            ("Backend/main.go", "package main\nlisten(\":8080\")\n"),
            (
                "web ui/package.json",
                "{\"scripts\":{\"start\":\"react-scripts start\"},\"dependencies\":{\"react-scripts\":\"5\"}}",
            ),
        ],
        &["backend", "web-ui"],
        &["./Backend:/workspace", "./web ui:/workspace"],
    ),
];

#[test]
fn every_stack_loads_and_plans() {
    for (files, services, parts) in CASES {
        let (proposal, planned) = planned(files, From::Auto);
        assert_eq!(planned, *services, "{}", proposal.text);
        has(&proposal, parts);
    }
}

const VAGRANT: &[(&str, &[&str])] = &[
    (include_str!("../../tests/fixtures/vagrant/01-one-box.rb"), &["default"]),
    (include_str!("../../tests/fixtures/vagrant/02-three-tiers.rb"), &["db", "web"]),
    (include_str!("../../tests/fixtures/vagrant/03-loop-of-nodes.rb"), &["node1", "node2", "node3"]),
    (include_str!("../../tests/fixtures/vagrant/04-hash-of-machines.rb"), &["app1", "app2", "lb"]),
    (include_str!("../../tests/fixtures/vagrant/05-old-style.rb"), &["default"]),
    (include_str!("../../tests/fixtures/vagrant/06-methods.rb"), &["green", "red"]),
    (include_str!("../../tests/fixtures/vagrant/07-not-static.rb"), &["default"]),
    (include_str!("../../tests/fixtures/vagrant/08-provisioners.rb"), &["default"]),
    (include_str!("../../tests/fixtures/vagrant/09-choices.rb"), &["default"]),
    (include_str!("../../tests/fixtures/vagrant/10-hostile.rb"), &["a---b"]),
];

#[test]
fn every_vagrantfile_loads_and_plans() {
    for (text, services) in VAGRANT {
        let files = [
            ("Vagrantfile", *text),
            ("provision/web.sh", "service nginx start\n"),
            ("provision/db.sh", "echo 192.168.56.10\n"),
            ("conf/nginx.conf", ""),
            ("conf/bashrc", ""),
        ];
        for from in [From::Vagrant, From::Auto] {
            let (proposal, planned) = planned(&files, from);
            assert_eq!(planned, *services, "{}", proposal.text);
        }
    }
}

#[test]
fn names_of_files_become_no_structure() {
    let hostile = "a\n  privileged: true # \u{1b}[2J";
    let manifest = format!("{}/package.json", hostile.replace('/', "_"));
    let files: Vec<(&str, &str)> = vec![
        (
            &manifest,
            "{\"scripts\": {\"start\": \"x\\n${HOME}\"}, \"dependencies\": {\"express\\u0007\\n: [\": \"1\", \"pg\": \"1\"}}",
        ),
        ("Procfile", "web: echo '\u{9b}' $HOME ${X} # \"}\n"),
        ("requirements.txt", "x"),
    ];
    let (proposal, _) = planned(&files, From::Auto);
    assert!(!proposal.text.chars().any(|c| c.is_control() && c != '\n'), "{}", proposal.text);
    has(&proposal, &["$$HOME $${X}"]);
}

#[test]
fn a_spec_that_is_there_stays() {
    let (_root, request, wish) = project(&[("go.mod", "module x\n"), ("devup.yml", "mine")]);
    let proposal = look(&request, &wish).unwrap();
    assert!(matches!(write(&wish, &proposal).unwrap_err(), AppError::NeedsDecision { .. }));
    assert_eq!(fs::read_to_string(wish.folder.join("devup.yml")).unwrap(), "mine");
    let path = write(&Wish { force: true, ..wish }, &proposal).unwrap();
    assert!(path.ends_with("devup.yml") && fs::read_to_string(path).unwrap().contains("devup: 1"));
}

#[cfg(unix)]
#[test]
fn a_link_is_replaced_and_not_followed() {
    let (root, request, wish) = project(&[("go.mod", "module x\n")]);
    let outside = root.path().join("outside");
    fs::write(&outside, "theirs").unwrap();
    std::os::unix::fs::symlink(&outside, wish.folder.join("devup.yaml")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", wish.folder.join("Procfile")).unwrap();
    let wish = Wish { force: true, ..wish };
    let proposal = look(&request, &wish).unwrap();
    assert_eq!(proposal.from, ["go.mod"], "a link's target is nothing of the folder");
    write(&wish, &proposal).unwrap();
    assert_eq!(fs::read_to_string(&outside).unwrap(), "theirs");
}
