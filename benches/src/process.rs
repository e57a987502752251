//! The product in a process of its own: its address, its run time, its peak memory.

use std::io;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

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

/// The size of a file, 0 where there is none.
pub(crate) fn file_bytes(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}

/// A free address on this machine.
pub(crate) fn free_address() -> io::Result<String> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}
