//! What an engine's refusal means, by status and words.

use std::error::Error;
use std::io;

use serde::Deserialize;

use super::http::Identity;
use crate::driver::error::DriverError;

#[derive(Deserialize)]
struct Told {
    #[serde(default)]
    message: String,
    #[serde(default)]
    cause: String,
}

/// The error for an answer that is no success.
pub(super) fn from_answer(identity: &Identity, attempted: &str, status: u16, body: &[u8]) -> DriverError {
    let reason = match serde_json::from_slice::<Told>(body) {
        Ok(told) if !told.message.is_empty() => told.message,
        Ok(told) if !told.cause.is_empty() => told.cause,
        _ => String::from_utf8_lossy(body).trim().to_owned(),
    };
    let reason = if reason.is_empty() { format!("status {status}") } else { reason };
    from_words(identity, attempted, status, &reason)
}

/// The error for a status and the engine's words; status 500 where they came in the middle of a stream.
pub(super) fn from_words(identity: &Identity, attempted: &str, status: u16, reason: &str) -> DriverError {
    let attempted = attempted.to_owned();
    let reason = reason.trim().to_owned();
    let low = reason.to_lowercase();
    if is_port_taken(&low) {
        return DriverError::PortTaken { attempted, port: port_in(&low), reason };
    }
    if low.contains("no space left on device") || low.contains("disk quota exceeded") {
        return DriverError::DiskFull { attempted, reason };
    }
    if let Some(found) = names_program(&low) {
        return DriverError::NoProgram { attempted, reason, found };
    }
    if status == 400 && low.contains("http request to an https server") {
        let reason = format!("{reason} Set DOCKER_TLS_VERIFY=1, and DOCKER_CERT_PATH to the folder of ca.pem");
        return DriverError::Unreachable { attempted, address: identity.address.clone(), reason };
    }
    match status {
        // Docker says 403 of a network, and 409 of everything else that is in use
        403 if low.contains("has active endpoints") => DriverError::Conflict { attempted, reason },
        404 => DriverError::NotFound { attempted, reason },
        409 => DriverError::Conflict { attempted, reason },
        // Podman says 500 where Docker says 404 or 409
        500 if [
            "no such container",
            "no such network",
            "network not found",
            "no such volume",
            "no such image",
            "no such pod",
        ]
        .iter()
        .any(|words| low.contains(words))
            && !low.contains("joining network") =>
        {
            DriverError::NotFound { attempted, reason }
        }
        500 if ["already in use", "already used", "already exists", "is being used", "container state improper"]
            .iter()
            .any(|words| low.contains(words)) =>
        {
            DriverError::Conflict { attempted, reason }
        }
        501 => DriverError::NotSupported { attempted, engine: identity.engine.clone(), reason },
        400 if low.contains("is too new") || low.contains("is too old") || low.contains("requires api version") => {
            DriverError::NotSupported { attempted, engine: identity.engine.clone(), reason }
        }
        _ => DriverError::Failed { attempted, reason },
    }
}

/// The words of runc and crun about the program that a container was to start: whether it is there. They come with other
/// words around them from each engine, and with status 400, 404 or 500.
fn names_program(low: &str) -> Option<bool> {
    let about =
        low.contains("exec: \"") || low.contains("executable") || low.contains("oci runtime attempted to invoke");
    if !about {
        return None;
    }
    if low.contains("executable file") && low.contains("not found") || low.contains("no such file or directory") {
        return Some(false);
    }
    (low.contains("permission denied") || low.contains("is a directory")).then_some(true)
}

/// The words of Docker's two port allocators, its proxy, rootless Docker, Podman, and the desktop products.
fn is_port_taken(low: &str) -> bool {
    low.contains("port is already allocated")
        || low.contains("address already in use")
        || low.contains("ports are not available")
        || low.contains("port is already in use")
        || (low.contains("port") && low.contains("failed to bind") && low.contains("in use"))
}

/// The port that the words are about; 0 where they name none.
fn port_in(low: &str) -> u16 {
    // newer engines name both ends: `failed to bind host port for 0.0.0.0:8080:172.17.0.2:80/tcp`
    if let Some((_, ends)) = low.split_once("bind host port for ") {
        let after_address = if ends.starts_with('[') { ends.split_once("]:") } else { ends.split_once(':') };
        let port = after_address.and_then(|(_, rest)| rest.split(':').next()).and_then(|port| port.parse().ok());
        if let Some(port) = port {
            return port;
        }
    }
    // `Bind for 127.0.0.1:8080 failed`, `listen tcp4 127.0.0.1:8080: bind:`, `exposing port TCP 127.0.0.1:8080 -> …`
    let before = ["failed: port is already", ": bind: address", " -> ", ": address already in use"]
        .iter()
        .find_map(|end| low.find(end).map(|at| &low[..at]))
        .unwrap_or(low);
    let mut candidates = before
        .split(|c: char| c.is_whitespace() || c == '"' || c == ',')
        .filter_map(|word| word.trim_end_matches(':').rsplit_once(':'))
        .filter_map(|(_, port)| port.trim_end_matches(|c: char| !c.is_ascii_digit()).parse::<u16>().ok());
    candidates.rfind(|port| *port != 0).unwrap_or(0)
}

/// The error for a request that found nobody, or lost its answer.
pub(super) fn unreachable(identity: &Identity, attempted: &str, error: &(dyn Error + 'static)) -> DriverError {
    let attempted = attempted.to_owned();
    let address = identity.address.clone();
    let mut reason = String::new();
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(inner) = cause {
        if let Some(refused) = inner.downcast_ref::<DriverError>() {
            return refused.clone();
        }
        if let Some(io) = inner.downcast_ref::<io::Error>() {
            match io.kind() {
                io::ErrorKind::PermissionDenied => return DriverError::NoRight { attempted, address },
                io::ErrorKind::NotFound if address.starts_with("ssh:") => {
                    return DriverError::Unreachable { attempted, address, reason: "ssh is not installed".to_owned() };
                }
                io::ErrorKind::NotFound => {
                    return DriverError::Unreachable { attempted, address, reason: "there is no socket".to_owned() };
                }
                io::ErrorKind::ConnectionRefused => {
                    return DriverError::Unreachable { attempted, address, reason: "nobody listens there".to_owned() };
                }
                _ => {}
            }
        }
        // the innermost cause says most: the outer ones say `client error (Connect)`
        reason = inner.to_string();
        cause = inner.source();
    }
    if let Some(remark) = about_certificates(&reason) {
        reason = format!("{reason}: {remark}");
    }
    DriverError::Unreachable { attempted, address, reason }
}

/// What to do about the words of a failed handshake; the files are those of `DOCKER_CERT_PATH` or of the context.
fn about_certificates(reason: &str) -> Option<&'static str> {
    const REMARKS: &[(&[&str], &str)] = &[
        (&["UnknownIssuer"], "the engine's certificate comes from another authority than ca.pem"),
        (&["NotValidForName"], "the engine's certificate is for another host name"),
        (
            // which of them an engine says depends on its age, not on what is wrong
            &["alert: CertificateRequired", "alert: BadCertificate", "alert: UnknownCA", "alert: DecryptError"],
            "the engine takes only clients that it knows: cert.pem and key.pem belong beside ca.pem (DOCKER_CERT_PATH, or \
             the docker context), and come from the authority that the engine was given",
        ),
        (&["InvalidContentType"], "what listens there does not speak TLS (DOCKER_TLS_VERIFY, DOCKER_TLS)"),
    ];
    REMARKS.iter().find(|(words, _)| words.iter().any(|word| reason.contains(word))).map(|(_, remark)| *remark)
}
