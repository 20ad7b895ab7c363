//! Java and Kotlin: pom.xml, build.gradle; Spring Boot, Quarkus.

use std::sync::LazyLock;

use regex::Regex;

use super::told;
use crate::import::app::{App, Process, Task};
use crate::import::blocks::{Blocks, Ground, Language};
use crate::import::finding::{Because, Finding, Place};
use crate::import::read::{Dependency, lines, named, xml};
use crate::import::snapshot::Folder;

const JDK: Language = Language { name: "Java", family: "java", image: "eclipse-temurin", suffix: "-jdk", usual: USUAL };
/// Where no file names a version.
const USUAL: &str = "21";
/// Official images of a tool, without the Java that ends their tags.
const MAVEN: &str = "maven:3-eclipse-temurin-";
const GRADLE: &str = "gradle:8-jdk";
/// The versions of Java that both have.
const JAVAS: [&str; 5] = ["8", "11", "17", "21", "25"];

static RELEASE: LazyLock<Regex> = LazyLock::new(|| {
    let text = r"(?:sourceCompatibility\s*=|JavaLanguageVersion\.of\(|JavaVersion\.VERSION_)\D{0,24}(\d{1,2})";
    #[expect(clippy::unwrap_used, reason = "a constant, which tests compile")]
    Regex::new(text).unwrap()
});

/// Reads a folder.
pub fn read(folder: &Folder, blocks: &Blocks) -> Option<App> {
    if let Some(text) = folder.text("pom.xml") {
        let mut open = Vec::new();
        let pom = told(xml::pom(text, &folder.path_of("pom.xml")), folder, "pom.xml", &mut open).unwrap_or_default();
        let seen = folder.place("pom.xml", 1);
        let wanted = pom.java.map(|(version, line)| (version, folder.place("pom.xml", line)));
        let tool = if folder.has("mvnw") { "sh ./mvnw" } else { "mvn" };
        let ground = if folder.has("mvnw") {
            blocks.ground(JDK, wanted.as_ref(), &seen, &mut open)
        } else {
            with_tool(MAVEN, wanted.as_ref(), &seen, &mut open)
        };
        let mut app = App::new("Java", folder, seen.clone(), ground);
        app.open = open;
        app.dependencies = pom.dependencies;
        let goals = [
            ("spring-boot-maven-plugin", "spring-boot:run"),
            ("quarkus-maven-plugin", "quarkus:dev -Dquarkus.http.host=0.0.0.0"),
        ];
        main_process(&mut app, folder, &goals.map(|(by, goal)| (by, format!("{tool} {goal}"))));
        app.tasks.push(Task::new("test", &format!("{tool} test"), &seen, "Maven's tests"));
        app.volumes.push(("maven", Because::of("/root/.m2".to_owned(), &seen, "downloaded artifacts")));
        return Some(app);
    }
    let name = folder.first_of(&["build.gradle", "build.gradle.kts"])?;
    let text = folder.text(name)?;
    let mut open = Vec::new();
    let seen = folder.place(name, 1);
    let wanted = text
        .lines()
        .enumerate()
        .find_map(|(number, line)| Some((RELEASE.captures(line)?[1].to_owned(), folder.place(name, number + 1))));
    let (tool, ground) = if folder.has("gradlew") {
        ("sh ./gradlew", blocks.ground(JDK, wanted.as_ref(), &seen, &mut open))
    } else {
        ("gradle", with_tool(GRADLE, wanted.as_ref(), &seen, &mut open))
    };
    let mut app = App::new("Java", folder, seen.clone(), ground);
    app.open = open;
    app.dependencies = lines::gradle(text, &folder.path_of(name));
    let goals = [("org.springframework.boot", "bootRun"), ("io.quarkus", "quarkusDev -Dquarkus.http.host=0.0.0.0")];
    main_process(&mut app, folder, &goals.map(|(by, goal)| (by, format!("{tool} {goal}"))));
    app.tasks.push(Task::new("test", &format!("{tool} test"), &seen, "Gradle's tests"));
    app.volumes.push(("gradle", Because::of("/root/.gradle".to_owned(), &seen, "downloaded artifacts")));
    Some(app)
}

/// An image of the tool with the Java that the project wants.
fn with_tool(image: &str, wanted: Option<&(String, Place)>, seen: &Place, open: &mut Vec<Finding>) -> Because<Ground> {
    let place = wanted.map_or(seen, |(_, place)| place);
    let named = wanted.map(|(version, _)| version.trim().trim_start_matches("1."));
    let java = named.filter(|java| JAVAS.contains(java)).unwrap_or(USUAL);
    match named {
        None => open.push(Finding::at(place, format!("which Java? No file names a version: {image}{USUAL} was taken"))),
        Some(named) if named != java => {
            open.push(Finding::at(place, format!("no image with Java {named} is known: {image}{USUAL} was taken")));
        }
        Some(_) => {}
    }
    Because::of(Ground::Image(format!("{image}{java}")), place, format!("Java {java}"))
}

fn main_process(app: &mut App, folder: &Folder, goals: &[(&str, String)]) {
    let name = app.main_name();
    let found = goals.iter().find_map(|(by, run)| Some((named(&app.dependencies, &[by])?, run)));
    let Some((place, run)) = found.map(|(one, run): (&Dependency, _)| (one.place.clone(), run)) else {
        app.processes.push(Process::unknown(&name));
        return;
    };
    let spring = run.contains("spring") || run.contains("bootRun");
    if spring { "Spring Boot" } else { "Quarkus" }.clone_into(&mut app.kind);
    let key = if spring { "server.port" } else { "quarkus.http.port" };
    let stated = folder.find(&["application.properties"], key).and_then(|(path, line)| {
        let text = folder.text(path)?.lines().nth(line - 1)?.split_once('=')?.1.trim().parse::<u16>().ok()?;
        Some((text, folder.place(path, line)))
    });
    let process = Process::new(&name, run.clone(), &place, format!("{}'s own start", app.kind));
    app.processes.push(match stated {
        Some((port, at)) => process.on(port, &at, "the port in its settings"),
        None => process.on(8080, &place, format!("{}'s usual port", app.kind)),
    });
    if spring {
        sources(app);
    }
}

/// Spring reads these variables whatever its settings say.
fn sources(app: &mut App) {
    let drivers = [
        (&["postgresql"][..], "SPRING_DATASOURCE_URL", "jdbc:postgresql://db:5432/app"),
        (&["mysql-connector-j", "mysql-connector-java"], "SPRING_DATASOURCE_URL", "jdbc:mysql://mysql:3306/app"),
        (&["spring-boot-starter-data-redis"], "SPRING_DATA_REDIS_URL", "redis://redis:6379"),
        (&["spring-boot-starter-data-mongodb"], "SPRING_DATA_MONGODB_URI", "mongodb://mongo:27017/app"),
        (&["spring-boot-starter-amqp"], "SPRING_RABBITMQ_ADDRESSES", "amqp://guest:guest@rabbitmq:5672"),
    ];
    for (names, variable, value) in drivers {
        let Some(place) = named(&app.dependencies, names).map(|one| one.place.clone()) else { continue };
        if app.environment.iter().any(|(name, _)| name == variable) {
            continue;
        }
        app.variable(variable, value, &place, "Spring reads it");
        if variable == "SPRING_DATASOURCE_URL" {
            app.variable("SPRING_DATASOURCE_USERNAME", "app", &place, "Spring reads it");
            app.variable("SPRING_DATASOURCE_PASSWORD", "${DB_PASSWORD:-app}", &place, "Spring reads it");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_java_that_a_file_names_is_no_question() {
        let seen = Place::new("pom.xml", 1);
        let taken = |version: Option<&str>| {
            let mut open = Vec::new();
            let wanted = version.map(|version| (version.to_owned(), seen.clone()));
            let ground = with_tool(MAVEN, wanted.as_ref(), &seen, &mut open);
            let asked: Vec<String> = open.into_iter().map(|finding| finding.what).collect();
            (ground.value, ground.why.what, asked)
        };
        let image = |java: &str| Ground::Image(format!("maven:3-eclipse-temurin-{java}"));
        assert_eq!(taken(Some("11")), (image("11"), "Java 11".to_owned(), Vec::new()));
        assert_eq!(taken(Some("1.8")), (image("8"), "Java 8".to_owned(), Vec::new()));
        let (ground, why, asked) = taken(None);
        assert_eq!((ground, why.as_str()), (image("21"), "Java 21"));
        assert_eq!(asked, ["which Java? No file names a version: maven:3-eclipse-temurin-21 was taken"]);
        let (ground, _, asked) = taken(Some("14"));
        assert_eq!(ground, image("21"));
        assert_eq!(asked, ["no image with Java 14 is known: maven:3-eclipse-temurin-21 was taken"]);
    }
}
