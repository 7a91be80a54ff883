//! How the process's allocator treats large blocks. One of the two places with `unsafe` in this repository; it does nothing else.

/// Blocks of this size and more are mapped one by one, and unmapped when they are freed.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const MAP_FROM: libc::c_int = 1 << 20;

/// Makes the allocator give large blocks back to the operating system as soon as they are freed. Returns whether it does.
///
/// glibc maps blocks of 128 KiB and more one by one at first, but raises that bound to the size of each such block that is freed, up
/// to 32 MiB (mallopt(3), `M_MMAP_THRESHOLD`). From then on large blocks come from the heaps of single threads, which keep them: a
/// server that answers some large requests stays as large as all of its threads' largest requests together. A bound that is
/// set is not raised. With other C libraries this does nothing.
pub fn return_large_blocks() -> bool {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // SAFETY: mallopt has no preconditions; it takes the allocator's own lock.
        let accepted = unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, MAP_FROM) };
        accepted == 1
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    false
}

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// How much of the process is in memory, in bytes.
    fn resident() -> usize {
        let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
        4096 * pages.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap()
    }

    #[test]
    fn what_was_freed_is_no_longer_resident() {
        assert!(return_large_blocks());
        // Frees one of each size, so that a bound that moves has moved.
        for size in (1..=16).map(|mebibytes| mebibytes << 20) {
            drop(std::hint::black_box(vec![1_u8; size]));
        }
        let before = resident();
        let blocks: Vec<_> = (0..16).map(|_| std::hint::black_box(vec![1_u8; 4 << 20])).collect();
        assert!(resident() > before + (60 << 20));
        // The last one stays, on top of what a heap could give back.
        let last = blocks.into_iter().next_back();
        assert!(resident() < before + (8 << 20));
        drop(last);
    }
}
