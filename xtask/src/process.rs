//! Children that never outlive xtask.
//!
//! Every child leads a process group of its own, so a signal reaches it exactly once: the terminal
//! tells xtask, and xtask tells the group. xtask itself stays until the child has gone, and then
//! returns [`Interrupted`] up to `main`, so that every guard on the way cleans up.

use std::collections::BTreeSet;
use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitCode, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::tally::{Report, Tally};

/// The process groups of the running children, of which several lines of work have one each.
static GROUPS: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());
/// The first signal that asked xtask to stop, or 0.
static ASKED: AtomicI32 = AtomicI32::new(0);

/// A signal asked xtask to stop.
#[derive(Debug)]
pub(crate) struct Interrupted(i32);

impl Interrupted {
    /// 128 + the signal's number, as shells report it.
    pub(crate) fn exit_code(&self) -> ExitCode {
        u8::try_from(128 + self.0).map_or(ExitCode::FAILURE, ExitCode::from)
    }
}

impl fmt::Display for Interrupted {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "interrupted by signal {}; cleaned up", self.0)
    }
}

impl std::error::Error for Interrupted {}

/// Passes SIGINT, SIGTERM and SIGHUP on to the running children; the second one kills them.
pub(crate) fn watch_signals() -> Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).context("watch for signals")?;
    thread::spawn(move || {
        for signal in signals.forever() {
            let first = ASKED.swap(signal, Ordering::SeqCst) == 0;
            let signal = if first { signal } else { Signal::KILL.as_raw() };
            groups().iter().for_each(|group| tell(*group, signal));
        }
    });
    Ok(())
}

/// Fails once xtask was asked to stop: called between the parts of a long chore.
pub(crate) fn go_on() -> Result<()> {
    match ASKED.load(Ordering::SeqCst) {
        0 => Ok(()),
        signal => Err(Interrupted(signal).into()),
    }
}

/// Runs a command that prints for itself.
pub(crate) fn run(command: &mut Command) -> Result<ExitStatus> {
    let (mut child, group) = spawn(command)?;
    finish(command, group, child.wait())
}

/// Runs a command quietly and returns what it said.
pub(crate) fn output(command: &mut Command) -> Result<Output> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let (child, group) = spawn(command)?;
    finish(command, group, child.wait_with_output())
}

/// Runs a command whose standard output is for xtask and whose complaints are for the person.
pub(crate) fn said(command: &mut Command) -> Result<Output> {
    let (child, group) = spawn(command.stdout(Stdio::piped()))?;
    finish(command, group, child.wait_with_output())
}

/// Runs a command quietly; where it fails, the error carries what it said.
pub(crate) fn quietly(command: &mut Command) -> Result<String> {
    let output = output(command)?;
    if !output.status.success() {
        let said = [output.stdout, output.stderr].concat();
        bail!("{} failed ({}):\n{}", show(command), output.status, String::from_utf8_lossy(&said).trim_end());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs a test runner, shows what it prints and counts the results that it reports.
pub(crate) fn run_counted(command: &mut Command) -> Result<(ExitStatus, Tally)> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let (mut child, group) = spawn(command)?;
    let report = Mutex::new(Report::default());
    let (out, err) = (child.stdout.take(), child.stderr.take());
    thread::scope(|scope| {
        scope.spawn(|| copy_lines(out, std::io::stdout(), &report));
        scope.spawn(|| copy_lines(err, std::io::stderr(), &report));
    });
    let status = finish(command, group, child.wait())?;
    let report = report.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok((status, report.tally()))
}

/// A command as a person would type it.
pub(crate) fn show(command: &Command) -> String {
    let flags = command.get_envs().filter(|(name, _)| *name == "RUSTDOCFLAGS").filter_map(|(_, value)| value);
    let mut words: Vec<String> = flags.map(|value| format!("RUSTDOCFLAGS=\"{}\"", value.display())).collect();
    let program = Path::new(command.get_program());
    words.push(program.file_name().unwrap_or(program.as_os_str()).display().to_string());
    words.extend(command.get_args().map(|word| word.display().to_string()));
    words.join(" ")
}

fn spawn(command: &mut Command) -> Result<(Child, Group)> {
    go_on()?;
    let child = command.stdin(Stdio::null()).process_group(0).spawn();
    let child = child.with_context(|| format!("start {}", show(command)))?;
    let group = Group::of(&child);
    // A signal between the check and the line above has met no group.
    if go_on().is_err() {
        tell(group.0, SIGINT);
    }
    Ok((child, group))
}

fn finish<T>(command: &Command, group: Group, ended: std::io::Result<T>) -> Result<T> {
    drop(group);
    go_on()?;
    ended.with_context(|| format!("wait for {}", show(command)))
}

/// The process group that a child leads, which hears of signals as long as this lives.
struct Group(i32);

impl Group {
    fn of(child: &Child) -> Self {
        let group = i32::try_from(child.id()).unwrap_or(0);
        groups().insert(group);
        Self(group)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        groups().remove(&self.0);
    }
}

fn groups() -> MutexGuard<'static, BTreeSet<i32>> {
    GROUPS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn tell(group: i32, signal: i32) {
    if let (Some(group), Some(signal)) = (Pid::from_raw(group), Signal::from_named_raw(signal)) {
        // The child may have gone already, which is what the signal wants.
        let _gone = kill_process_group(group, signal);
    }
}

fn copy_lines(from: Option<impl Read>, mut to: impl Write, report: &Mutex<Report>) {
    let Some(from) = from else { return };
    let mut reader = BufReader::new(from);
    let mut line = Vec::new();
    while matches!(reader.read_until(b'\n', &mut line), Ok(read) if read > 0) {
        // A closed terminal is no reason to stop reading: the child would block on a full pipe.
        let _closed = to.write_all(&line).and_then(|()| to.flush());
        if let Ok(mut report) = report.lock() {
            report.read(&String::from_utf8_lossy(&line));
        }
        line.clear();
    }
}
