//! What a container uses, computed as the docker command line shows it.

use indexmap::IndexMap;
use serde::Deserialize;

use super::listed::nullable;
use crate::driver::session::Usage;

/// One answer of `GET /containers/{id}/stats`.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Sample {
    cpu_stats: Cpu,
    precpu_stats: Cpu,
    memory_stats: Memory,
    #[serde(deserialize_with = "nullable")]
    networks: IndexMap<String, Traffic>,
    blkio_stats: BlockIo,
    pids_stats: Pids,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Cpu {
    cpu_usage: CpuTime,
    system_cpu_usage: u64,
    online_cpus: u32,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct CpuTime {
    total_usage: u64,
    #[serde(deserialize_with = "nullable")]
    percpu_usage: Vec<u64>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Memory {
    usage: u64,
    limit: u64,
    #[serde(deserialize_with = "nullable")]
    stats: IndexMap<String, u64>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Traffic {
    rx_bytes: u64,
    tx_bytes: u64,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct BlockIo {
    #[serde(deserialize_with = "nullable")]
    io_service_bytes_recursive: Vec<Moved>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Moved {
    op: String,
    value: u64,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Pids {
    current: u64,
}

impl Sample {
    /// In our own words.
    pub(super) fn usage(&self) -> Usage {
        let moved = |op: &str| {
            let of = |entry: &&Moved| entry.op.eq_ignore_ascii_case(op);
            self.blkio_stats.io_service_bytes_recursive.iter().filter(of).map(|entry| entry.value).sum()
        };
        Usage {
            cpu_percent: self.cpu_percent(),
            memory: self.memory_in_use(),
            memory_limit: self.memory_stats.limit,
            network_in: self.networks.values().map(|traffic| traffic.rx_bytes).sum(),
            network_out: self.networks.values().map(|traffic| traffic.tx_bytes).sum(),
            block_in: moved("read"),
            block_out: moved("write"),
            pids: self.pids_stats.current,
        }
    }

    /// The container's share of the whole machine's CPU time between two samples, times the number of CPUs.
    #[expect(clippy::cast_precision_loss, reason = "a percentage for people")]
    fn cpu_percent(&self) -> f64 {
        let used = self.cpu_stats.cpu_usage.total_usage.saturating_sub(self.precpu_stats.cpu_usage.total_usage);
        let passed = self.cpu_stats.system_cpu_usage.saturating_sub(self.precpu_stats.system_cpu_usage);
        let cpus = match self.cpu_stats.online_cpus {
            0 => self.cpu_stats.cpu_usage.percpu_usage.len() as f64,
            online => f64::from(online),
        };
        if used == 0 || passed == 0 { 0.0 } else { used as f64 / passed as f64 * cpus * 100.0 }
    }

    /// Without the page cache that the kernel would give back first: cgroup v1 has `total_inactive_file`, v2 has
    /// `inactive_file`.
    fn memory_in_use(&self) -> u64 {
        let stats = &self.memory_stats.stats;
        let cache = stats.get("total_inactive_file").or_else(|| stats.get("inactive_file")).copied().unwrap_or(0);
        self.memory_stats.usage.checked_sub(cache).unwrap_or(self.memory_stats.usage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(memory_key: &str) -> Sample {
        serde_json::from_value(serde_json::json!({
            "cpu_stats": {"cpu_usage": {"total_usage": 300}, "system_cpu_usage": 2000, "online_cpus": 4},
            "precpu_stats": {"cpu_usage": {"total_usage": 100}, "system_cpu_usage": 1000, "online_cpus": 4},
            "memory_stats": {"usage": 5000, "limit": 9000, "stats": {memory_key: 1000}},
            "networks": {"eth0": {"rx_bytes": 1, "tx_bytes": 2}, "eth1": {"rx_bytes": 10, "tx_bytes": 20}},
            "blkio_stats": {"io_service_bytes_recursive": [
                {"op": "Read", "value": 7}, {"op": "read", "value": 1}, {"op": "Write", "value": 9}]},
            "pids_stats": {"current": 3}
        }))
        .unwrap()
    }

    #[test]
    fn shares_of_cpu_and_memory_without_cache() {
        for key in ["total_inactive_file", "inactive_file"] {
            let usage = sample(key).usage();
            assert!((usage.cpu_percent - 80.0).abs() < 1e-9, "{}", usage.cpu_percent);
            assert_eq!((usage.memory, usage.memory_limit, usage.pids), (4000, 9000, 3));
            assert_eq!((usage.network_in, usage.network_out, usage.block_in, usage.block_out), (11, 22, 8, 9));
        }
    }

    #[test]
    fn a_stopped_container_uses_nothing() {
        let sample: Sample =
            serde_json::from_str(r#"{"networks": null, "blkio_stats": {"io_service_bytes_recursive": null}}"#).unwrap();
        assert_eq!(sample.usage(), Usage::default());
    }
}
