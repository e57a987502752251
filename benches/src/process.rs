//! The product in a process of its own: its address, its run time, its peak memory.

use std::io;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::param::clock_ticks_per_second;

/// A process that ends with its owner.
pub(crate) struct Running {
    child: Child,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may be over already; then there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    /// Starts a server and waits until something listens at `address`.
    pub(crate) fn server(command: &mut Command, address: &str) -> io::Result<Self> {
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let mut running = Self { child };
        let deadline = Instant::now() + Duration::from_secs(60);
        while std::net::TcpStream::connect(address).is_err() {
            if let Some(status) = running.child.try_wait()? {
                return Err(io::Error::other(format!("the server ended with {status}")));
            }
            if Instant::now() > deadline {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "the server does not listen"));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(running)
    }

    /// Memory that it holds now, in bytes.
    pub(crate) fn memory(&self) -> u64 {
        status_bytes(self.child.id(), "VmRSS:").unwrap_or(0)
    }

    /// Most memory that it held at once, in bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        status_bytes(self.child.id(), "VmHWM:").unwrap_or(0)
    }

    /// Files and connections that it has open.
    pub(crate) fn open_files(&self) -> io::Result<usize> {
        Ok(std::fs::read_dir(format!("/proc/{}/fd", self.child.id()))?.count())
    }

    /// What all its threads have worked so far, the kernel's work for them included.
    pub(crate) fn processor_time(&self) -> io::Result<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let ticks = worked_ticks(&stat).ok_or_else(|| io::Error::other("the kernel says nothing of the processor"))?;
        Ok(Duration::from_secs(ticks) / u32::try_from(clock_ticks_per_second().max(1)).unwrap_or(u32::MAX))
    }
}

/// How a finished process went.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Finished {
    /// From start to end.
    pub(crate) time: Duration,
    /// Most memory that it held at once, in bytes.
    pub(crate) peak_bytes: u64,
}

/// Runs a command to its end and watches its memory.
pub(crate) fn run(command: &mut Command) -> io::Result<Finished> {
    let start = Instant::now();
    let mut child = command.stdout(Stdio::null()).spawn()?;
    let mut peak_bytes = 0;
    let status: ExitStatus = loop {
        // The kernel keeps the high-water mark, so a look now and then misses little.
        peak_bytes = peak_bytes.max(status_bytes(child.id(), "VmHWM:").unwrap_or(0));
        match child.try_wait()? {
            Some(status) => break status,
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    match status.success() {
        true => Ok(Finished { time: start.elapsed(), peak_bytes }),
        false => Err(io::Error::other(format!("{:?} ended with {status}", command.get_program()))),
    }
}

/// What the kernel says of a process's memory under this name, in bytes.
fn status_bytes(pid: u32, name: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().trim_end_matches("kB").trim().parse::<u64>().ok().map(|kib| kib * 1024)
}

/// The ticks that `/proc/PID/stat` says a process has worked, by itself and in the kernel.
fn worked_ticks(stat: &str) -> Option<u64> {
    // The name may hold spaces and brackets; utime and stime are the 12th and the 13th of what follows it.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut ticks = fields.split_whitespace().skip(11).map_while(|field| field.parse::<u64>().ok());
    Some(ticks.next()? + ticks.next()?)
}

/// The size of a file, 0 where there is none.
pub(crate) fn file_bytes(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}

/// A free address on this machine.
pub(crate) fn free_address() -> io::Result<String> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_process_does_not_shift_its_fields() {
        let stat = "42 (a (b) c) S 1 42 42 0 -1 4194560 900 0 3 0 70 8 0 0 20 0 5 0 100 1000 200";
        assert_eq!(worked_ticks(stat), Some(78));
        assert_eq!(worked_ticks("42 (cut"), None);
    }
}
