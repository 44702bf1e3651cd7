//! The thread of a store that flushes, compacts and drops what has expired.

use std::sync::{Arc, Condvar, Mutex, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::locked;
use crate::error::{Error, Result};

/// How often the thread looks for work that nobody woke it for.
const PERIOD: Duration = Duration::from_secs(1);

/// A store that has work to do from time to time.
pub trait Tick: Send + Sync + 'static {
    /// Does what is due, as of `now_ns` nanoseconds since 1970.
    ///
    /// # Errors
    ///
    /// The first thing that failed; the next call tries again.
    fn tick(&self, now_ns: i64) -> Result<()>;
}

/// A handle on the thread, which ends when it is stopped or dropped.
#[derive(Debug)]
pub struct Background {
    wakes: Arc<Wakes>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug, Default)]
struct Wakes {
    state: Mutex<WakeState>,
    changed: Condvar,
    /// What the last round failed with.
    failure: Mutex<Option<Error>>,
}

#[derive(Debug, Default)]
struct WakeState {
    woken: bool,
    stopped: bool,
}

impl Background {
    /// No thread: the caller drives the store.
    pub fn none() -> Self {
        Background { wakes: Arc::default(), thread: Mutex::new(None) }
    }

    /// Starts the thread of a store under a name. It does not keep the store alive.
    ///
    /// # Errors
    ///
    /// Where the system has no thread to give.
    pub fn start<T: Tick>(name: &str, store: &Arc<T>) -> std::io::Result<Self> {
        let wakes = Arc::new(Wakes::default());
        let (watched, store) = (wakes.clone(), Arc::downgrade(store));
        let thread =
            std::thread::Builder::new().name(name.to_owned()).spawn(move || run(&watched, &store))?;
        Ok(Background { wakes, thread: Mutex::new(Some(thread)) })
    }

    /// Whether somebody does the work.
    pub fn is_running(&self) -> bool {
        locked(&self.thread).is_some()
    }

    /// Lets the thread look for work now.
    pub fn wake(&self) {
        locked(&self.wakes.state).woken = true;
        self.wakes.changed.notify_all();
    }

    /// What the last round of work failed with.
    pub fn failure(&self) -> Option<Error> {
        locked(&self.wakes.failure).clone()
    }

    /// Ends the thread and waits for it.
    pub fn stop(&self) {
        locked(&self.wakes.state).stopped = true;
        self.wakes.changed.notify_all();
        let thread = locked(&self.thread).take();
        let is_self =
            thread.as_ref().is_some_and(|thread| thread.thread().id() == std::thread::current().id());
        if let Some(thread) = thread.filter(|_| !is_self) {
            // A panic of the thread has been printed; the store itself is whole.
            let _ = thread.join();
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.stop();
    }
}

fn run<T: Tick>(wakes: &Wakes, store: &Weak<T>) {
    loop {
        {
            let idle = |state: &mut WakeState| !state.woken && !state.stopped;
            let (mut state, _) = wakes
                .changed
                .wait_timeout_while(locked(&wakes.state), PERIOD, idle)
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            if state.stopped {
                return;
            }
            state.woken = false;
        }
        let Some(store) = store.upgrade() else { return };
        let now_ns = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_nanos() as i64);
        // What fails is tried again at the next turn; a commit that needs the room is told.
        *locked(&wakes.failure) = store.tick(now_ns).err();
    }
}
