//! What a child process costs: the kernel's own count of its CPU time, and the wall clock.

use std::{fs, process::Command, time::Instant};

use anyhow::{Context as _, Result, bail};

/// What running something took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cost {
    pub(crate) cpu_s: f64,
    pub(crate) wall_s: f64,
}

impl Cost {
    /// The cheaper in each respect: what disturbs a measurement only ever adds to it.
    pub(crate) fn least(self, other: Self) -> Self {
        Self {
            cpu_s: self.cpu_s.min(other.cpu_s),
            wall_s: self.wall_s.min(other.wall_s),
        }
    }
}

/// Runs a command to its end and gives what it printed, and what it and its own children cost.
pub(crate) fn of(command: &mut Command) -> Result<(String, Cost)> {
    let name = command.get_program().to_string_lossy().into_owned();
    let (before, start) = (children_cpu_s()?, Instant::now());
    let output = command
        .stderr(std::process::Stdio::inherit())
        .output()
        .with_context(|| format!("cannot run {name}"))?;
    let cost = Cost {
        wall_s: start.elapsed().as_secs_f64(),
        cpu_s: children_cpu_s()? - before,
    };
    if !output.status.success() {
        bail!("{name} failed: {}", output.status);
    }
    Ok((String::from_utf8(output.stdout)?, cost))
}

/// The CPU time of all children that have ended and were waited for, and of theirs.
fn children_cpu_s() -> Result<f64> {
    // User and system time of waited-for children; fields 16 and 17, counted from the process id (proc_pid_stat(5)).
    Ok(stat_s(16)? + stat_s(17)?)
}

/// The CPU time of this process so far.
pub(crate) fn own_cpu_s() -> Result<f64> {
    Ok(stat_s(14)? + stat_s(15)?)
}

fn stat_s(field: usize) -> Result<f64> {
    /// Linux states these in hundredths of a second on every architecture it is used on here.
    const TICKS_PER_S: f64 = 100.0;
    let stat = fs::read_to_string("/proc/self/stat").context("this benchmark reads CPU times from /proc")?;
    // The second field is the name in parentheses, which may hold spaces.
    let rest = stat.rsplit_once(") ").map(|(_, rest)| rest).unwrap_or_default();
    let ticks: f64 = rest
        .split(' ')
        .nth(field - 3)
        .context("/proc/self/stat is too short")?
        .parse()?;
    Ok(ticks / TICKS_PER_S)
}

/// The most memory this process has had in RAM so far.
pub(crate) fn own_peak_mb() -> Result<f64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .context("no VmHWM in /proc/self/status")?;
    let kb: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kb / 1024.0)
}
