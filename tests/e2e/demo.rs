//! The Django template from nothing, through nginx over HTTP. `make demo` runs this same check with `DEVUP_DEMO` set to
//! a folder: then the shop is made there and left running.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::engine::{Kind, engine, within};
use super::project::{Ran, hermetic};

const CUSTOMER: (&str, &str) = ("ada", "difference-engine");
/// From an order that was placed to one that was processed.
const PATIENCE: Duration = Duration::from_mins(1);

/// The shop's folder, and devup run in it.
struct Shop {
    folder: PathBuf,
    /// Where a test has its home; the user's own in a demo.
    home: Option<tempfile::TempDir>,
    host: Option<String>,
    started: Instant,
    /// What took how long.
    phases: Vec<(String, Duration)>,
}

impl Shop {
    fn command(&self, arguments: &[&str], folder: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_devup"));
        command.args(arguments).current_dir(folder).stdin(Stdio::null());
        if let Some(home) = &self.home {
            hermetic(&mut command, home.path());
            // the way out of this machine is no matter of taste
            for name in
                ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE"]
            {
                if let Some(value) = std::env::var_os(name) {
                    command.env(name, value);
                }
            }
        }
        command.envs(self.host.iter().map(|host| ("DOCKER_HOST", host)));
        command
    }

    #[track_caller]
    fn devup(&self, arguments: &[&str]) -> String {
        Ran::of(self.command(arguments, &self.folder)).expect(0).out
    }

    /// devup with its talk shown to whoever watches; its time is kept.
    #[track_caller]
    fn phase(&mut self, name: &str, arguments: &[&str]) {
        eprintln!("== {name}: devup {}", arguments.join(" "));
        self.started = Instant::now();
        let status = self.command(arguments, &self.folder).status().expect("devup starts");
        assert!(status.success(), "`devup {}` ended with {status}", arguments.join(" "));
        self.done(name);
    }

    fn done(&mut self, name: &str) {
        let took = self.started.elapsed();
        eprintln!("== {name}: {:.1} s", took.as_secs_f64());
        self.phases.push((name.to_owned(), took));
        self.started = Instant::now();
    }

    fn sql(&self, query: &str) -> String {
        let words = ["exec", "-T", "db", "psql", "-U", "shop", "-d", "shop", "-At", "-c", query];
        self.devup(&words).trim().to_owned()
    }

    /// Where nginx answers.
    fn url(&self) -> String {
        format!("http://{}", self.devup(&["port", "proxy", "80"]).trim())
    }
}

/// A browser: cookies, no redirects unless they are asked for.
struct Browser {
    agent: ureq::Agent,
    url: String,
}

struct Page {
    status: u16,
    location: String,
    text: String,
}

impl Browser {
    fn new(url: &str) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(Duration::from_secs(30)))
            .build();
        Self { agent: config.into(), url: url.to_owned() }
    }

    #[track_caller]
    fn get(&self, path: &str) -> Page {
        let answer = self.agent.get(format!("{}{path}", self.url)).call();
        Page::of(answer.unwrap_or_else(|error| panic!("GET {path}: {error}")))
    }

    /// Fills the form of a page in and sends it, with the page's token.
    #[track_caller]
    fn submit(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        let page = self.get(path);
        let token = between(&page.text, "name=\"csrfmiddlewaretoken\" value=\"", "\"").expect("the form has a token");
        self.post(path, fields, Some(&token))
    }

    #[track_caller]
    fn post(&self, path: &str, fields: &[(&str, &str)], token: Option<&str>) -> Page {
        let mut all: Vec<(&str, &str)> = fields.to_vec();
        all.extend(token.map(|token| ("csrfmiddlewaretoken", token)));
        let answer = self.agent.post(format!("{}{path}", self.url)).send_form(all);
        Page::of(answer.unwrap_or_else(|error| panic!("POST {path}: {error}")))
    }

    #[track_caller]
    fn log_in(&self) {
        let (name, password) = CUSTOMER;
        let refused = self.submit("/accounts/login/", &[("username", name), ("password", "wrong")]);
        assert_eq!(refused.status, 200, "a wrong password shows the form again");
        assert!(self.get("/orders/").location.starts_with("/accounts/login/"), "and logs nobody in");
        let welcome = self.submit("/accounts/login/", &[("username", name), ("password", password)]);
        assert_eq!((welcome.status, welcome.location.as_str()), (302, "/"), "{}", welcome.text);
        assert!(self.get("/").text.contains("Orders of ada"));
    }
}

impl Page {
    fn of(mut answer: ureq::http::Response<ureq::Body>) -> Self {
        let header = answer.headers().get("location").and_then(|value| value.to_str().ok());
        let location = header.unwrap_or_default().to_owned();
        let status = answer.status().as_u16();
        Self { status, location, text: answer.body_mut().read_to_string().unwrap_or_default() }
    }
}

fn between(text: &str, before: &str, after: &str) -> Option<String> {
    Some(text.split_once(before)?.1.split_once(after)?.0.to_owned())
}

/// Every product of the page, by name.
fn products(page: &Page) -> Vec<String> {
    page.text.split("<h2>").skip(1).filter_map(|rest| Some(rest.split_once("</h2>")?.0.to_owned())).collect()
}

fn status_of(page: &Page) -> Option<String> {
    between(&page.text, "data-status=\"", "\"")
}

/// What a customer sees; returns the path of an order that was processed.
fn visit(shop: &mut Shop, url: &str) -> String {
    let browser = Browser::new(url);
    let home = browser.get("/");
    assert_eq!(home.status, 200, "{}", home.text);
    let known: Vec<String> =
        shop.sql("SELECT name FROM store_product ORDER BY name").lines().map(str::to_owned).collect();
    assert_eq!((products(&home), known.len()), (known.clone(), 4), "the page shows what PostgreSQL holds");
    assert_eq!(browser.get("/static/store/shop.css").status, 200, "nginx serves the static files");
    assert!(browser.get("/healthz").text.contains("\"ok\""));
    shop.done("products over HTTP");

    assert_eq!(browser.post("/accounts/login/", &[("username", CUSTOMER.0)], None).status, 403, "no token, no login");
    browser.log_in();
    shop.done("login");

    let stock = "SELECT stock FROM store_product WHERE slug = 'brass-gear'";
    let before: i64 = shop.sql(stock).parse().expect("a number");
    let product = shop.sql("SELECT id FROM store_product WHERE slug = 'brass-gear'");
    let placed = browser.submit("/order/", &[("product", &product), ("quantity", "2")]);
    assert_eq!(placed.status, 302, "{}", placed.text);
    let order = placed.location;
    let confirmed = within(PATIENCE, || (status_of(&browser.get(&order))? == "confirmed").then_some(()));
    assert!(confirmed.is_some(), "the worker did not process {order}: {}", browser.get(&order).text);
    assert_eq!(shop.sql(stock).parse::<i64>().expect("a number"), before - 2, "the worker took it from the stock");
    shop.done("order processed by the worker");
    order
}

#[test]
fn the_django_shop() {
    let kept = std::env::var_os("DEVUP_DEMO").map(PathBuf::from);
    // in a demo devup itself finds, installs or starts the engine
    let host = match &kept {
        Some(_) => None,
        None => match engine(Kind::Docker) {
            Some(engine) => Some(engine.host()),
            None => return,
        },
    };
    let root = tempfile::tempdir().unwrap();
    let name = kept.as_ref().map_or_else(|| format!("demo{}", std::process::id()), |_| "shop".to_owned());
    let mut shop = Shop {
        folder: kept.clone().unwrap_or_else(|| root.path().join("shop")),
        home: kept.is_none().then(|| tempfile::tempdir().unwrap()),
        host,
        started: Instant::now(),
        phases: Vec::new(),
    };
    if !shop.folder.join("devup.yaml").is_file() {
        let target = shop.folder.to_string_lossy().into_owned();
        Ran::of(shop.command(&["init", "--template", "django", "--name", &name, &target], root.path())).expect(0);
        shop.done("init");
    }
    shop.phase("first up", &["--yes", "up"]);
    let url = shop.url();
    let order = visit(&mut shop, &url);
    shop.phase("second up, nothing to do", &["--yes", "up"]);
    shop.phase("its own tests", &["task", "test"]);
    shop.phase("down", &["down"]);
    shop.phase("up again", &["--yes", "up"]);
    assert_eq!(shop.url(), url, "the port stays the same");
    let browser = Browser::new(&url);
    browser.log_in();
    assert_eq!(status_of(&browser.get(&order)).as_deref(), Some("confirmed"), "{order} is still there");
    shop.done("the order is still there");
    if kept.is_none() {
        shop.phase("destroy", &["--yes", "destroy"]);
    }
    for (phase, took) in &shop.phases {
        eprintln!("{:>8.1} s  {phase}", took.as_secs_f64());
    }
    if kept.is_some() {
        eprintln!("\nThe shop is up at {url} (customer {}, password {}).", CUSTOMER.0, CUSTOMER.1);
        eprintln!("It stays until `devup destroy` in {}.", shop.folder.display());
    }
}
