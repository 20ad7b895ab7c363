//! Boxes → on what a service stands instead.

use crate::import::blocks::{Blocks, Ground};

/// Parts of a box's name, in lowercase, and the image of that system.
const KNOWN: [(&[&str], &str); 25] = [
    (&["ubuntu", "noble"], "ubuntu:24.04"),
    (&["ubuntu", "24.04"], "ubuntu:24.04"),
    (&["ubuntu", "2404"], "ubuntu:24.04"),
    (&["ubuntu", "jammy"], "ubuntu:22.04"),
    (&["ubuntu", "22.04"], "ubuntu:22.04"),
    (&["ubuntu", "2204"], "ubuntu:22.04"),
    (&["ubuntu", "focal"], "ubuntu:20.04"),
    (&["ubuntu", "20.04"], "ubuntu:20.04"),
    (&["ubuntu", "2004"], "ubuntu:20.04"),
    (&["ubuntu", "bionic"], "ubuntu:18.04"),
    (&["ubuntu", "18.04"], "ubuntu:18.04"),
    (&["ubuntu", "1804"], "ubuntu:18.04"),
    (&["ubuntu", "xenial"], "ubuntu:16.04"),
    (&["ubuntu", "trusty"], "ubuntu:14.04"),
    (&["precise"], "ubuntu:12.04"),
    (&["trusty"], "ubuntu:14.04"),
    (&["debian", "trixie"], "debian:trixie"),
    (&["debian", "bullseye"], "debian:bullseye"),
    (&["debian", "buster"], "debian:buster"),
    (&["debian", "11"], "debian:bullseye"),
    (&["centos", "7"], "centos:7"),
    (&["rocky", "9"], "rockylinux:9"),
    (&["rocky", "8"], "rockylinux:8"),
    (&["alma", "9"], "almalinux:9"),
    (&["alma", "8"], "almalinux:8"),
];

/// What stands in a box's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instead {
    /// On what the service stands.
    pub ground: Ground,
    /// The same system; else it was chosen for want of one.
    pub same: bool,
    /// It has Debian's package manager.
    pub apt: bool,
}

/// For a box.
pub fn instead(name: &str, blocks: &Blocks) -> Instead {
    let lower = name.to_lowercase();
    let block = |same: bool| {
        let ground = match blocks.newest("debian") {
            Some((block, _)) => Ground::Env(block.to_owned()),
            None => Ground::Image("debian:bookworm".to_owned()),
        };
        Instead { ground, same, apt: true }
    };
    if lower.contains("debian") && (lower.contains("bookworm") || lower.contains("12")) {
        return block(true);
    }
    match KNOWN.iter().find(|(parts, _)| parts.iter().all(|part| lower.contains(part))) {
        Some((_, image)) => Instead {
            ground: Ground::Image((*image).to_owned()),
            same: true,
            apt: image.starts_with("ubuntu") || image.starts_with("debian"),
        },
        None => block(false),
    }
}
