//! devup's own keys. Each is also accepted under `x-devup` (see [`super::lift`]), so that a mixed team can share a
//! file that Compose reads as well.

use super::forms::{self, MEMORY};
use super::shape::{
    BOOL, BOOL_TEXT, Form, Kinds, MAP_OR_TEXTS, NUMBER_TEXT, Object, Scalar, Shape, TEXT, TEXT_OR_TEXTS, TEXTS,
    checked, key, list, names, object, scalar, words,
};

/// The version of devup's own schema that this devup writes and reads.
pub const SCHEMA_VERSION: i64 = 1;

/// `devup:`. A version that is too new is told before anything else (see [`super::versions`]).
pub static VERSION: Shape =
    Shape::Scalar(Scalar { kinds: Kinds::INT, form: Form::Range(1, SCHEMA_VERSION), example: "1" });
/// `requires:`.
pub static REQUIRES: Shape = checked(Kinds::STRING, forms::requirement, "\">=0.1\"");

/// `env:` of a service.
pub static ENV: Shape = checked(Kinds::STRING, forms::env, "postgres-15");

/// `backup:` of the whole spec.
pub static BACKUP: Shape = Shape::Object(&BACKUP_OBJECT);
static BACKUP_OBJECT: Object = object(
    "backup",
    &[],
    &[
        key("include", &PATTERNS, "Patterns of files that git ignores and that are kept all the same"),
        key("pause", &BOOL_TEXT, "Whether containers are frozen while their volumes are read"),
    ],
);
static PATTERNS: Shape = list(&PATTERN);
static PATTERN: Shape = checked(Kinds::STRING, forms::pattern, "certs/*.pem");

/// `backup:` of a service.
pub static SERVICE_BACKUP: Shape = Shape::Either(&[&BACKUP_KIND, &BOOL, &SERVICE_BACKUP_SHAPE]);
static BACKUP_KIND: Shape = words(BACKUP_KINDS);
const BACKUP_KINDS: &[&str] =
    &["postgres", "postgresql", "mariadb", "mysql", "redis", "valkey", "sqlite", "mongodb", "none"];
static SERVICE_BACKUP_SHAPE: Shape = Shape::Object(&SERVICE_BACKUP_OBJECT);
static SERVICE_BACKUP_OBJECT: Object = object(
    "service_backup",
    &[],
    &[
        key("command", &COMMANDS, "Programs inside that give and take the data, for servers that devup does not know"),
        key("exclude", &TEXTS, "Volumes that are not kept"),
        key("kind", &BACKUP_KIND, "Which server it is; none: its data is not kept"),
        key("path", &FILES_INSIDE, "The files that are databases of SQLite"),
        key("pause", &BOOL_TEXT, "Whether its containers are frozen while their volumes are read"),
    ],
);
static FILES_INSIDE: Shape = Shape::Either(&[&FILE_INSIDE, &FILE_LIST]);
static FILE_INSIDE: Shape = checked(Kinds::STRING, forms::file_inside, "/data/app.db");
static FILE_LIST: Shape = list(&FILE_INSIDE);
static COMMANDS: Shape = Shape::Object(&COMMANDS_OBJECT);
static COMMANDS_OBJECT: Object = object(
    "backup_command",
    &["dump", "load"],
    &[
        key("check", &TEXT_OR_TEXTS, "Ends with 0 when the service is ready for either"),
        key("dump", &TEXT_OR_TEXTS, "Prints all data"),
        key("load", &TEXT_OR_TEXTS, "Takes what `dump` printed, in place of what is there"),
    ],
);

/// `provision:` of a service.
pub static PROVISION: Shape = list(&Shape::Object(&PROVISION_OBJECT));
static PROVISION_OBJECT: Object = object(
    "provision",
    &["run"],
    &[
        key("inputs", &TEXTS, "Files and patterns whose content decides whether the step runs anew"),
        key("outputs", &TEXTS, "Paths inside that the step writes"),
        key("run", &TEXT, "A shell command"),
        key("user", &TEXT, "User inside"),
    ],
);

/// `tasks:`.
pub static TASKS: Shape = names("task", &Shape::Object(&TASK));
static TASK: Object = object(
    "task",
    &["service", "run"],
    &[
        key("description", &TEXT, "What `devup task --list` says about it"),
        key("environment", &MAP_OR_TEXTS, "Further environment variables"),
        key("run", &TEXT, "A shell command"),
        key("service", &TEXT, "The service it runs in"),
        key("stage", &TEXT, "unit, functional, smoke, or a word of your own"),
        key("user", &TEXT, "User inside"),
        key("working_dir", &TEXT, "Working directory inside"),
    ],
);

/// `up:`.
pub static UP: Shape = super::shape::list(&TEXT);

/// `machines:`.
pub static MACHINES: Shape = names("machine", &Shape::Object(&MACHINE));
static MACHINE: Object = object(
    "machine",
    &[],
    &[
        key("cpus", &NUMBER_TEXT, "CPUs"),
        key("disk", &MEMORY, "Size of its disk"),
        key("env", &ENV, "The building block it starts from"),
        key("image", &TEXT, "Address of a cloud image, with its checksum"),
        key("memory", &MEMORY, "Memory"),
    ],
);

/// `secrets.*.keyring`.
pub static KEYRING: Shape = TEXT_SHAPE;
const TEXT_SHAPE: Shape = scalar(Kinds::STRING);
/// `secrets.*.command`.
pub static SECRET_COMMAND: Shape = Shape::Either(&[&TEXT, &TEXTS]);
/// `secrets.*.generate`.
pub static GENERATE: Shape = Shape::Scalar(Scalar { kinds: Kinds::INT, form: Form::Range(8, 1024), example: "24" });

/// `x-devup:` of the spec.
pub static X_SPEC: Shape = Shape::Object(&X_SPEC_OBJECT);
static X_SPEC_OBJECT: Object = object(
    "x_devup",
    &[],
    &[
        key("backup", &BACKUP, "How data is backed up"),
        key("devup", &VERSION, "The version of devup's schema"),
        key("machines", &MACHINES, "Virtual machines (not available yet)"),
        key("requires", &REQUIRES, "Versions of devup that may read this"),
        key("secrets", &X_SECRETS, "devup's keys of secrets"),
        key("services", &X_SERVICES, "devup's keys of services"),
        key("tasks", &TASKS, "Named commands that run in services"),
        key("up", &UP, "Tasks that belong to coming up"),
    ],
);
static X_SERVICES: Shape = names("service", &Shape::Object(&X_SERVICE_OBJECT));
static X_SECRETS: Shape = names("secret", &Shape::Object(&X_SECRET_OBJECT));

/// `x-devup:` of a service.
pub static X_SERVICE: Shape = Shape::Object(&X_SERVICE_OBJECT);
static X_SERVICE_OBJECT: Object = object(
    "x_devup_service",
    &[],
    &[
        key("backup", &SERVICE_BACKUP, "How its data is backed up"),
        key("env", &ENV, "A building block instead of image or build"),
        key("provision", &PROVISION, "Steps run inside"),
    ],
);

/// `x-devup:` of a secret.
pub static X_SECRET: Shape = Shape::Object(&X_SECRET_OBJECT);
static X_SECRET_OBJECT: Object = object(
    "x_devup_secret",
    &[],
    &[
        key("command", &SECRET_COMMAND, "A command on the host that prints the value"),
        key("environment", &TEXT, "A variable of the host with the value"),
        key("generate", &GENERATE, "Length of the value that is made up on first use"),
        key("keyring", &KEYRING, "The entry in the system's keyring"),
        key("prompt", &TEXT, "A question to the user at the terminal"),
    ],
);
