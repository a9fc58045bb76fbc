//! Warm-up, rounds and their figures; the rules are in ../../round.h.

use crate::work::Work;
use crate::{Error, Worker};
use futures_util::future::try_join_all;
use serde_json::{json, Value};
use std::io::BufRead;
use std::time::{Duration, Instant};

fn cpu_seconds() -> f64 {
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    unsafe { libc::getrusage(libc::RUSAGE_SELF, &mut usage) };
    let seconds = |t: libc::timeval| t.tv_sec as f64 + t.tv_usec as f64 / 1e6;
    seconds(usage.ru_utime) + seconds(usage.ru_stime)
}

fn rss_kb() -> Result<i64, Error> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.split_whitespace().nth(1).ok_or("no VmRSS")?.parse()?)
}

async fn work_until(worker: &Worker, deadline: Instant) -> Result<(Vec<Duration>, u64), Error> {
    let (mut latencies, mut rows, mut begun) = (Vec::new(), 0, Instant::now());
    loop {
        rows += worker.once().await?;
        let now = Instant::now();
        latencies.push(now - begun);
        begun = now;
        if now >= deadline {
            return Ok((latencies, rows));
        }
    }
}

async fn round(workers: &[Worker], seconds: f64) -> Result<Value, Error> {
    let (cpu, start) = (cpu_seconds(), Instant::now());
    let deadline = start + Duration::from_secs_f64(seconds);
    let done = try_join_all(workers.iter().map(|w| work_until(w, deadline))).await?;
    let (seconds, cpu) = (start.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    let mut latencies: Vec<Duration> = done.iter().flat_map(|d| d.0.iter().copied()).collect();
    latencies.sort_unstable();
    let at = |part: usize| latencies[latencies.len() * part / 100].as_nanos() as f64 / 1e3;
    Ok(json!({
        "queries": latencies.len(), "rows": done.iter().map(|d| d.1).sum::<u64>(), "seconds": seconds, "cpu_s": cpu,
        "rss_kb": rss_kb()?, "p50_us": at(50), "p99_us": at(99),
    }))
}

/// The version in Cargo.lock, which is what was built.
fn version() -> &'static str {
    let lock = include_str!("../Cargo.lock");
    let package = lock.split("name = \"tokio-postgres\"").nth(1).unwrap_or("");
    package.split('"').nth(1).unwrap_or("unknown")
}

pub async fn rounds(work: &Work, check: i64, workers: &[Worker]) -> Result<(), Error> {
    round(workers, work.warm_up).await?;
    println!("{}", json!({"ready": work.name, "version": version(), "check": check}));
    for line in std::io::stdin().lock().lines() {
        line?;
        println!("{}", round(workers, work.seconds).await?);
    }
    Ok(())
}
