//! Interrupts SQLite's statements at a deadline, or when their caller is gone.
//!
//! SQLite looks at neither within one of its own LIKEs, of which a single one can take minutes, so that the connections that are
//! watched have another, in `pattern`, which compares case and ends in time.
//!
//! SQLite asks a [progress handler](https://sqlite.org/c3ref/progress_handler.html) periodically whether a statement is
//! to continue. Installing one takes the connection's handle, which Diesel keeps to itself; but SQLite shows each new
//! connection to the [automatic extensions](https://sqlite.org/c3ref/auto_extension.html) of the process, on the thread
//! that opens it. [`watch`] is such an extension: it installs the handler in whatever connection the closure opens.
//!
//! This is the one place in the workspace with `unsafe`. What the rest of it relies on is this:
//!
//! - No handle of a connection is kept, and none is used outside the callbacks in which SQLite lends it.
//! - What the handler reads is shared, reference-counted and atomic. The connection owns one reference as its
//!   [client data](https://sqlite.org/c3ref/get_clientdata.html): SQLite drops it when the connection is closed, and the
//!   handler is taken out before that. The [function](https://sqlite.org/c3ref/create_function.html) for LIKE owns another
//!   until it is dropped itself. So a [`Watch`] may outlive its connection, and the other way round.
//! - Nothing that runs below SQLite can panic: unwinding into C is not possible.

use std::borrow::Cow;
use std::cell::RefCell;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;
use std::slice;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use libsqlite3_sys as ffi;

mod pattern;

/// After how many instructions SQLite calls the progress handler: few, because a single one may process a long text.
const CALLBACK_INSTRUCTIONS: c_int = 16;

/// At which of these calls the clock is read; whether the watch was stopped is checked at each, which costs a nanosecond.
const CALLS_PER_CLOCK_READ: u32 = 64;

/// From this length of a text on, the clock is read before a LIKE.
const LONG_TEXT_BYTES: usize = 16 << 10;

/// The name of our client data in a connection.
const NAME: &CStr = c"sqlite-watch";

/// The function that SQLite calls for LIKE: with the pattern, the text, and what stands after ESCAPE, if it does.
const LIKE: &CStr = c"like";

/// What instants are counted from, so that one fits into an atomic number.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

thread_local! {
    /// The watch for the connections that this thread is opening.
    static OPENING: RefCell<Option<Opening>> = const { RefCell::new(None) };
}

struct Opening {
    watch: Watch,
    installed: bool,
}

/// The deadline of a connection's statements. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Watch(Arc<State>);

#[derive(Debug)]
struct State {
    /// Nanoseconds since [`START`]; `u64::MAX` is never.
    until: AtomicU64,
    stopped: AtomicBool,
    /// How often SQLite has called the progress handler, one thread at a time.
    asked: AtomicU32,
}

impl Default for State {
    fn default() -> Self {
        Self { until: AtomicU64::new(u64::MAX), stopped: AtomicBool::new(false), asked: AtomicU32::new(0) }
    }
}

impl Watch {
    /// From now on statements may run until then: one under way that is not done by then fails with `interrupted`, and so
    /// does each later one that is not over within some thousand instructions. Where single instructions are slow, [`stop`]
    /// ends it sooner than the clock does.
    ///
    /// [`stop`]: Self::stop
    pub fn begin(&self, until: Instant) {
        self.0.until.store(nanos(until.saturating_duration_since(*START)), Ordering::Relaxed);
        self.0.stopped.store(false, Ordering::Relaxed);
    }

    /// Interrupts the running statement, and later ones, as if the deadline had passed.
    pub fn stop(&self) {
        self.0.stopped.store(true, Ordering::Relaxed);
    }

    /// Removes the deadline.
    pub fn end(&self) {
        self.0.until.store(u64::MAX, Ordering::Relaxed);
        self.0.stopped.store(false, Ordering::Relaxed);
    }
}

impl State {
    fn is_over(&self) -> bool {
        let asked = self.asked.load(Ordering::Relaxed).wrapping_add(1);
        self.asked.store(asked, Ordering::Relaxed);
        self.stopped.load(Ordering::Relaxed) || asked.is_multiple_of(CALLS_PER_CLOCK_READ) && self.is_over_now()
    }

    fn is_over_now(&self) -> bool {
        let until = self.until.load(Ordering::Relaxed);
        self.stopped.load(Ordering::Relaxed) || until != u64::MAX && nanos(START.elapsed()) >= until
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Runs `open`, which opens a connection to SQLite on this thread, and has that connection watched.
///
/// Returns whether it is: it is not when `open` opened none, on another thread, or with another copy of SQLite.
pub fn watch<T>(watch: &Watch, open: impl FnOnce() -> T) -> (T, bool) {
    /// Leaves nothing behind for the next connection, even if `open` panics.
    struct Cleared;
    impl Drop for Cleared {
        fn drop(&mut self) {
            OPENING.take();
        }
    }

    LazyLock::force(&START);
    // SAFETY: The entry point has the signature that SQLite calls it with, and stays where it is: it is a function. It may be
    // registered any number of times, and counts once.
    let registered = unsafe { ffi::sqlite3_auto_extension(Some(install)) };
    let _cleared = Cleared;
    OPENING.set((registered == ffi::SQLITE_OK).then(|| Opening { watch: watch.clone(), installed: false }));
    let opened = open();
    let installed = OPENING.with_borrow(|opening| opening.as_ref().is_some_and(|opening| opening.installed));
    (opened, installed)
}

/// What a connection owns of its watch.
struct Installed {
    connection: *mut ffi::sqlite3,
    state: Arc<State>,
}

/// Called by SQLite for each connection that is opened anywhere in the process, on the thread that opens it.
extern "C" fn install(
    connection: *mut ffi::sqlite3,
    _error: *mut *mut c_char,
    _api: *const ffi::sqlite3_api_routines,
) -> c_int {
    // A thread that ends has none any more, and opens nothing that is watched.
    let _ = OPENING.try_with(|opening| {
        // Opening a connection runs no code of ours that could hold the other borrow, and a panic must not get out.
        let Ok(mut opening) = opening.try_borrow_mut() else { return };
        let Some(opening) = opening.as_mut() else { return };
        let state = Arc::clone(&opening.watch.0);
        let asked = Arc::as_ptr(&state).cast_mut().cast::<c_void>();
        let installed = Box::into_raw(Box::new(Installed { connection, state })).cast::<c_void>();
        // SAFETY: SQLite lends the connection for this call, open and ours alone. The name is NUL-terminated and copied.
        // `installed` is a box that `uninstall` takes back; SQLite calls that once, here already if it cannot keep it.
        let kept = unsafe { ffi::sqlite3_set_clientdata(connection, NAME.as_ptr(), installed, Some(uninstall)) };
        if kept != ffi::SQLITE_OK {
            return;
        }
        // SAFETY: As above. `asked` points to what the box keeps alive, and `uninstall` takes the handler out before the
        // box goes.
        unsafe { ffi::sqlite3_progress_handler(connection, CALLBACK_INSTRUCTIONS, Some(is_over), asked) };
        let function = |arguments| {
            let state = Arc::into_raw(Arc::clone(&opening.watch.0)).cast_mut().cast::<c_void>();
            // SAFETY: As above; the functions have the signatures that SQLite calls them with. `state` is a reference of the
            // function's own, which SQLite gives to `let_go` once, when no statement can call the function any more, or here
            // already if it cannot keep it.
            unsafe {
                ffi::sqlite3_create_function_v2(
                    connection,
                    LIKE.as_ptr(),
                    arguments,
                    ffi::SQLITE_UTF8 | ffi::SQLITE_DETERMINISTIC | ffi::SQLITE_INNOCUOUS,
                    state,
                    Some(like),
                    None,
                    None,
                    Some(let_go),
                )
            }
        };
        opening.installed = [2, 3].map(function) == [ffi::SQLITE_OK; 2];
    });
    ffi::SQLITE_OK
}

/// Called by SQLite periodically while a statement runs: anything but 0 ends the statement.
extern "C" fn is_over(asked: *mut c_void) -> c_int {
    // SAFETY: `install` gave SQLite this pointer to a `State`, which lives until `uninstall`; all of it is atomic, so that
    // sharing it with other threads is sound.
    let state = unsafe { &*asked.cast_const().cast::<State>() };
    c_int::from(state.is_over())
}

/// Called by SQLite for each `text LIKE pattern`.
extern "C" fn like(context: *mut ffi::sqlite3_context, count: c_int, arguments: *mut *mut ffi::sqlite3_value) {
    // SAFETY: SQLite lends that many arguments for this call.
    let arguments =
        unsafe { slice::from_raw_parts(arguments.cast_const(), usize::try_from(count).unwrap_or_default()) };
    let (Some(pattern), Some(text)) = (arguments.first(), arguments.get(1)) else { return };
    // SAFETY: All three are arguments of this call, each of which is asked for its text once.
    let text_of = |argument: &*mut ffi::sqlite3_value| unsafe { text_of(*argument) };
    let (pattern, text, escape) = (text_of(pattern), text_of(text), arguments.get(2).map(text_of));
    // What is not set is NULL.
    let (Some(pattern), Some(text)) = (pattern, text) else { return };
    let escape = match escape {
        None => None,
        Some(None) => return,
        Some(Some(escape)) => {
            let mut chars = escape.chars();
            match (chars.next(), chars.next()) {
                (Some(escape), None) => Some(escape),
                _ => {
                    const WHY: &CStr = c"ESCAPE expression must be a single character";
                    // SAFETY: The context is lent for this call, and the text, up to its NUL, is copied.
                    return unsafe { ffi::sqlite3_result_error(context, WHY.as_ptr(), -1) };
                }
            }
        }
    };
    // SAFETY: The context is lent for this call.
    let state = unsafe { ffi::sqlite3_user_data(context) };
    // SAFETY: `install` gave SQLite this pointer to a `State`, which lives until `let_go`, and all of which is atomic.
    let state = unsafe { &*state.cast_const().cast::<State>() };
    let mut is_over = || state.is_over_now();
    let found = if text.len() >= LONG_TEXT_BYTES && is_over() {
        Err(pattern::Ended)
    } else {
        pattern::is_like(&pattern, &text, escape, &mut is_over)
    };
    match found {
        // SAFETY: The context is lent for this call.
        Ok(found) => unsafe { ffi::sqlite3_result_int(context, c_int::from(found)) },
        // SAFETY: As above.
        Err(pattern::Ended) => unsafe { ffi::sqlite3_result_error_code(context, ffi::SQLITE_INTERRUPT) },
    }
}

/// Called by SQLite when it drops a function.
extern "C" fn let_go(state: *mut c_void) {
    // SAFETY: `install` made this pointer from an `Arc`, and SQLite gives it back once.
    drop(unsafe { Arc::from_raw(state.cast_const().cast::<State>()) });
}

/// The text of an argument, where it is not NULL. What is not UTF-8 in it is replaced.
///
/// # Safety
///
/// The argument must be one of the current call, for which SQLite lends its text until it is asked for another form of it.
unsafe fn text_of<'a>(argument: *mut ffi::sqlite3_value) -> Option<Cow<'a, str>> {
    // SAFETY: The caller's.
    let text = unsafe { ffi::sqlite3_value_text(argument) };
    // SAFETY: The caller's; the length is that of the form that was just asked for.
    let length = unsafe { ffi::sqlite3_value_bytes(argument) };
    if text.is_null() {
        return None;
    }
    // SAFETY: SQLite gives that many bytes, and leaves them as they are until the call is over.
    let bytes = unsafe { slice::from_raw_parts(text, usize::try_from(length).unwrap_or_default()) };
    Some(String::from_utf8_lossy(bytes))
}

/// Called by SQLite when it closes the connection, or when `install` could not give it our data.
extern "C" fn uninstall(installed: *mut c_void) {
    // SAFETY: `install` made this pointer from a box, and SQLite gives it back once.
    let installed = unsafe { Box::from_raw(installed.cast::<Installed>()) };
    // SAFETY: The connection calls this, so that it is still there. Statements may outlive it that were not finalised; they
    // are asked about no more.
    unsafe { ffi::sqlite3_progress_handler(installed.connection, 0, None, ptr::null_mut()) };
    drop(installed.state);
}

#[cfg(test)]
mod tests;
