//! How one session's task is called: as the runtime's own notification does it, but for one task only.
//! Whoever waits needs no place in a list, so the task of an idle session is smaller by it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;

/// Wakes the one task that waits. A call while it does not is kept; two are one.
#[derive(Debug, Default)]
pub(crate) struct Wake {
    is_called: AtomicBool,
    task: AtomicWaker,
}

impl Wake {
    /// Calls the task.
    pub(crate) fn notify_one(&self) {
        self.is_called.store(true, Ordering::Release);
        self.task.wake();
    }

    /// Ready when it was called since it was ready last; else the task of `cx`, and no other any
    /// more, is woken by the next call.
    pub(crate) fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        // First the waker, then the look: a call in between is seen by one of the two.
        self.task.register(cx.waker());
        match self.is_called.swap(false, Ordering::Acquire) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::Arc;
    use std::thread;

    use super::*;

    #[tokio::test]
    async fn no_call_is_lost_and_two_are_one() {
        let wake = Arc::new(Wake::default());
        wake.notify_one();
        wake.notify_one();
        poll_fn(|cx| wake.poll(cx)).await;
        assert!(poll_fn(|cx| Poll::Ready(wake.poll(cx))).await.is_pending());
        for _ in 0..1_000 {
            let other = thread::spawn({
                let wake = Arc::clone(&wake);
                move || wake.notify_one()
            });
            poll_fn(|cx| wake.poll(cx)).await;
            other.join().unwrap();
        }
    }
}
