//! The Dockerfile of an env, line by line, with the files that it copies.

use std::fmt::Write as _;

use super::definition::{Before, Definition, Distribution, Env, FileEntry, Healthcheck, ServiceDefaults, User};
use super::facts::Facts;
use super::login;
use super::recipe::ContextFile;

/// Where Debian keeps all authorities that it trusts.
const TRUST_STORE: &str = "/etc/ssl/certs/ca-certificates.crt";

/// A Dockerfile while it is written, and the files it copies.
#[derive(Default)]
pub(super) struct Script {
    /// What follows the `FROM` line.
    pub(super) text: String,
    /// What it copies.
    pub(super) files: Vec<ContextFile>,
    /// Steps are shown apt's logins while they run.
    pub(super) logins: bool,
}

impl Script {
    /// What every image has from its host: where packages come from, and whom it trusts.
    pub(super) fn host(&mut self, facts: &Facts, distribution: &Distribution) {
        let sources: String = facts.sources(&distribution.suite).iter().map(|source| source.line() + "\n").collect();
        self.copy("sources.list", "/etc/apt/sources.list", 0o644, sources.into_bytes());
        self.run("rm -f /etc/apt/sources.list.d/debian.sources\n");
        let authorities: Vec<_> = facts.authorities.files().collect();
        for (name, pem) in &authorities {
            let target = format!("/usr/local/share/ca-certificates/{name}");
            self.copy(&format!("authorities/{name}"), &target, 0o644, pem.as_bytes().to_vec());
        }
        if !authorities.is_empty() {
            // programs that bring their own list of authorities are shown the system's
            for name in super::inject::BUNDLE_VARIABLES {
                self.line(format_args!("ENV {name}={TRUST_STORE}"));
            }
        }
    }

    /// What the definition says.
    pub(super) fn body(&mut self, env: &Env) {
        let definition = &env.definition;
        self.copy_entries(env, Before::Packages);
        let users: String = definition.users.iter().map(user_lines).collect();
        self.run(&(users + &package_lines(definition)));
        self.copy_entries(env, Before::Run);
        self.run(&definition.run.join("\n"));
        self.service(&definition.service);
    }

    fn copy_entries(&mut self, env: &Env, before: Before) {
        for (number, entry) in env.definition.files.iter().enumerate().filter(|(_, entry)| entry.before == before) {
            // both were checked when the definition was read
            let (Some(bytes), Some(mode)) = (env.bytes_of(entry), FileEntry::mode(entry)) else { continue };
            self.copy(&format!("files/{number}"), &entry.path, mode, bytes.to_vec());
        }
    }

    fn copy(&mut self, from: &str, to: &str, mode: u32, bytes: Vec<u8>) {
        self.line(format_args!("COPY {}", json(&[from.to_owned(), to.to_owned()])));
        self.files.push(ContextFile { path: from.to_owned(), mode, bytes });
    }

    /// As a list of words: the builder then expands nothing in it.
    fn run(&mut self, script: &str) {
        if !script.is_empty() {
            let words = ["/bin/sh", "-euc", script].map(str::to_owned);
            let (secret, target) = (login::SECRET, login::FILE);
            let shown =
                if self.logins { format!("--mount=type=secret,id={secret},target={target} ") } else { String::new() };
            self.line(format_args!("RUN {shown}{}", json(&words)));
        }
    }

    fn service(&mut self, service: &ServiceDefaults) {
        for (name, value) in &service.environment {
            self.line(format_args!("ENV {name}=\"{}\"", quoted(value)));
        }
        if let Some(folder) = &service.working_dir {
            self.line(format_args!("WORKDIR {folder}"));
        }
        if !service.volumes.is_empty() {
            self.line(format_args!("VOLUME {}", json(&service.volumes)));
        }
        for port in &service.expose {
            self.line(format_args!("EXPOSE {port}"));
        }
        if let Some(check) = &service.healthcheck {
            self.line(format_args!("{}", health_line(check)));
        }
        if let Some(signal) = &service.stop_signal {
            self.line(format_args!("STOPSIGNAL {signal}"));
        }
        if let Some(user) = &service.user {
            self.line(format_args!("USER {user}"));
        }
        // also where it is empty: what the base runs is nothing that was asked for here
        self.line(format_args!("ENTRYPOINT {}", json(&service.entrypoint)));
        self.line(format_args!("CMD {}", json(&service.command)));
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // writing to a string does not fail
        let _ = writeln!(self.text, "{line}");
    }
}

fn user_lines(user: &User) -> String {
    let User { name, uid, home, shell } = user;
    let shell = shell.as_deref().unwrap_or("/usr/sbin/nologin");
    format!(
        "groupadd --system --gid {uid} {name}\n\
         useradd --system --no-create-home --uid {uid} --gid {uid} --home-dir {home} --shell {shell} {name}\n"
    )
}

/// Mirrors fail now and then: apt itself retries a file, and the whole is tried three times.
fn package_lines(definition: &Definition) -> String {
    if definition.packages.is_empty() {
        return String::new();
    }
    format!(
        "export DEBIAN_FRONTEND=noninteractive\n\
         install_packages() {{\n\
         apt-get -q -o Acquire::Retries=3 -o APT::Update::Error-Mode=any update && \
         apt-get -q -y -o Acquire::Retries=3 -o Dpkg::Options::=--force-confold -o Dpkg::Use-Pty=0 \
         install --no-install-recommends {}\n\
         }}\n\
         install_packages || {{ sleep 2; install_packages; }} || {{ sleep 5; install_packages; }}\n\
         if [ -x /usr/sbin/update-ca-certificates ]; then update-ca-certificates; fi\n\
         rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*.deb /var/cache/apt/*.bin\n",
        definition.packages.join(" ")
    )
}

fn health_line(check: &Healthcheck) -> String {
    let mut line = "HEALTHCHECK".to_owned();
    let options = [("interval", &check.interval), ("timeout", &check.timeout), ("start-period", &check.start_period)];
    for (name, value) in options.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?))) {
        let _ = write!(line, " --{name}={value}");
    }
    if let Some(retries) = check.retries {
        let _ = write!(line, " --retries={retries}");
    }
    match check.test.split_first() {
        // the health check's shell form is run by the image's shell and not expanded by the builder
        Some((kind, rest)) if kind == "CMD-SHELL" => line + " CMD " + &rest.join(" "),
        Some((_, rest)) => line + " CMD " + &json(rest),
        None => String::new(),
    }
}

fn json(words: &[String]) -> String {
    serde_json::Value::from(words).to_string()
}

/// For the inside of double quotes in a Dockerfile.
fn quoted(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if matches!(c, '"' | '\\' | '$') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_for_the_builder() {
        assert_eq!(quoted(r#"a "b" $c \d"#), r#"a \"b\" \$c \\d"#);
    }
}
