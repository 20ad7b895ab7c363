//! A machine's network: a namespace of its own, with a way out that is a program and not a rule. slirp4netns speaks for
//! the machine in user space, so nothing of this machine's links, routes and firewall is touched, nothing is left behind,
//! and no address can be taken twice.

use std::io::Read as _;
use std::process::{Child, Command, Stdio};

/// Where a machine sees this machine's loopback, if it may.
pub const OUTER: &str = "10.0.2.2";

/// How far a machine gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// Everywhere; this machine's loopback aside.
    Open,
    /// Only to this machine's loopback, and no name is resolved: as behind a company's proxy.
    ProxyOnly,
}

impl Network {
    /// What stands in the machine's `resolv.conf`.
    pub fn resolver(self) -> &'static str {
        match self {
            Self::Open => "nameserver 10.0.2.3\n",
            Self::ProxyOnly => "",
        }
    }

    /// Connects the namespaces of process `first`. The way out closes when what is returned goes.
    pub fn connect(self, first: i32) -> WayOut {
        let mut command = Command::new("slirp4netns");
        // it also ends when its input does: when this program was killed
        command.args(["--configure", "--mtu=65520", "--ready-fd=1", "--exit-fd=0"]);
        match self {
            Self::Open => command.arg("--disable-host-loopback"),
            Self::ProxyOnly => command.arg("--disable-dns"),
        };
        command.arg(first.to_string()).arg("tap0");
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("slirp4netns");
        let mut ready = [0];
        child.stdout.take().unwrap().read_exact(&mut ready).expect("slirp4netns connects the machine");
        if self == Self::ProxyOnly {
            let words = ["--net", "--", "ip", "route", "del", "default"];
            let closed = Command::new("nsenter").arg(format!("--target={first}")).args(words).status();
            assert!(closed.unwrap().success(), "the machine gets no further than its neighbour");
        }
        WayOut(child)
    }
}

/// An open way out.
pub struct WayOut(Child);

impl Drop for WayOut {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
