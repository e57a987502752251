//! Stops statements whose time is over or whose caller has gone.
//!
//! SQLite calls a progress handler every few thousand steps of its machine; the handler looks at
//! what the thread is allowed. Diesel shows no raw connection, so an automatic extension installs
//! the handler on every connection that is opened, and keeps plans of prepared statements as they
//! are: a bound limit would have SQLite plan them anew each time. This is the crate's only unsafe
//! code.

use std::cell::RefCell;
use std::ffi::{c_char, c_int, c_void};
use std::sync::Arc;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use libsqlite3_sys as ffi;

/// Steps between two looks: about a tenth of a millisecond.
const STEPS: c_int = 4_000;

/// What a thread is allowed while it works for a caller.
struct Allowed {
    until: Option<Instant>,
    gone: Arc<AtomicBool>,
}

thread_local! {
    static ALLOWED: RefCell<Option<Allowed>> = const { RefCell::new(None) };
}

/// Held by a caller's future; when that is dropped, the work stops.
pub(super) struct Caller(Arc<AtomicBool>);

/// The worker's end of a [`Caller`].
pub(super) struct Watch(Arc<AtomicBool>);

impl Caller {
    /// A caller who is still there, and the end that sees them go.
    pub(super) fn new() -> (Self, Watch) {
        let gone = Arc::new(AtomicBool::new(false));
        (Self(gone.clone()), Watch(gone))
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Ends the allowance when the work ends, by a panic too.
struct Reset;

impl Drop for Reset {
    fn drop(&mut self) {
        ALLOWED.with_borrow_mut(|allowed| *allowed = None);
    }
}

/// Runs statements until an instant, and while the caller waits.
pub(super) fn within<T>(until: Option<Instant>, watch: &Watch, work: impl FnOnce() -> T) -> T {
    ALLOWED.with_borrow_mut(|allowed| *allowed = Some(Allowed { until, gone: watch.0.clone() }));
    let _reset = Reset;
    work()
}

/// Whether the time of this thread's work is over or its caller has gone.
fn is_over() -> bool {
    let is_over = |allowed: &Allowed| {
        allowed.gone.load(Ordering::Relaxed) || allowed.until.is_some_and(|until| Instant::now() >= until)
    };
    // A thread on its way out has no allowance left; let it finish.
    ALLOWED
        .try_with(|allowed| allowed.try_borrow().is_ok_and(|allowed| allowed.as_ref().is_some_and(is_over)))
        .unwrap_or(false)
}

extern "C" fn look(_: *mut c_void) -> c_int {
    c_int::from(is_over())
}

#[expect(unsafe_code, reason = "SQLite calls this with a raw connection")]
unsafe extern "C" fn install(
    connection: *mut ffi::sqlite3,
    _message: *mut *mut c_char,
    _api: *const ffi::sqlite3_api_routines,
) -> c_int {
    // SAFETY: SQLite passes the connection that it is opening; `look` reads no argument; the option
    // takes a number and a pointer that may be null.
    unsafe {
        ffi::sqlite3_progress_handler(connection, STEPS, Some(look), std::ptr::null_mut());
        let (on, unread): (c_int, *mut c_int) = (1, std::ptr::null_mut());
        ffi::sqlite3_db_config(connection, ffi::SQLITE_DBCONFIG_ENABLE_QPSG, on, unread);
    }
    ffi::SQLITE_OK
}

/// Puts the handler on every connection that this process opens from now on.
pub(super) fn arm() {
    static ARMED: Once = Once::new();
    ARMED.call_once(|| {
        #[expect(unsafe_code, reason = "SQLite's automatic extensions have no safe binding")]
        // SAFETY: `install` has the signature of an extension's entry point and lives for ever.
        unsafe {
            ffi::sqlite3_auto_extension(Some(install));
        }
    });
}
