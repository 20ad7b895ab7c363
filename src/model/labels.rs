//! Labels on everything that devup makes, spelt once. Compose's own labels are set as well, so that other programs group
//! the resources, and so that a project can be taken over in both directions.

/// Compose: the project's name.
pub const PROJECT: &str = "com.docker.compose.project";
/// Compose: the service's name.
pub const SERVICE: &str = "com.docker.compose.service";
/// Compose: the container's number within its service, from 1.
pub const NUMBER: &str = "com.docker.compose.container-number";
/// Compose: `True` on containers of `run`, else `False`.
pub const ONEOFF: &str = "com.docker.compose.oneoff";
/// Compose: which hook a container runs that is no service's own.
pub const HOOK: &str = "com.docker.compose.hook";
/// Compose: hex digits that tell the container of one `run` from others.
pub const SLUG: &str = "com.docker.compose.slug";
/// Compose: hash of the service's configuration.
pub const CONFIG_HASH: &str = "com.docker.compose.config-hash";
/// Compose: the project's folder.
pub const WORKING_DIR: &str = "com.docker.compose.project.working_dir";
/// Compose: the files, joined by commas.
pub const CONFIG_FILES: &str = "com.docker.compose.project.config_files";
/// Compose: `.env` files, joined by commas.
pub const ENVIRONMENT_FILE: &str = "com.docker.compose.project.environment_file";
/// Compose: id of the image the container was made from.
pub const IMAGE: &str = "com.docker.compose.image";
/// Compose: `service:condition:restart`, joined by commas.
pub const DEPENDS_ON: &str = "com.docker.compose.depends_on";
/// Compose: its version; some programs look for its presence.
pub const VERSION: &str = "com.docker.compose.version";
/// Compose: key of a network.
pub const NETWORK: &str = "com.docker.compose.network";
/// Compose: key of a volume.
pub const VOLUME: &str = "com.docker.compose.volume";
/// Compose: name of the container that this one replaces.
pub const REPLACE: &str = "com.docker.compose.replace";

/// devup: on everything it made, with the version of devup that did.
pub const OWNER: &str = "io.devup.version";
/// devup: hash over everything that decides about re-creation; differs from Compose's where devup knows more.
pub const HASH: &str = "io.devup.hash";
/// devup: the instance's name, where it is one.
pub const INSTANCE: &str = "io.devup.instance";
/// devup: the project's name before an instance's suffix.
pub const BASE_NAME: &str = "io.devup.base-name";
/// devup: hash of what an image was built from (envs, provisioning).
pub const CONTENT: &str = "io.devup.content";
/// devup: ids of the containers whose namespaces or volumes this one joined at its creation, joined by commas.
pub const JOINED: &str = "io.devup.joined";
/// devup: digest of the variables that programs which provide services gave to this container.
pub const PROVIDED: &str = "io.devup.provided";
/// devup: number that a volume got when it was made: another volume of the same name has another.
pub const VOLUME_ID: &str = "io.devup.volume-id";
/// devup: name of the env that an image was built from.
pub const ENV: &str = "io.devup.env";
/// devup: reference of the image that an image was built on.
pub const BASE: &str = "io.devup.base";
/// devup: id that this image had then.
pub const BASE_ID: &str = "io.devup.base-id";
/// devup: on helpers beside volumes, which the engine removes when they end, and on their image.
pub const HELPER: &str = "io.devup.helper";
/// devup: how backups dump the data of a service of this image.
pub const BACKUP: &str = "io.devup.backup";
