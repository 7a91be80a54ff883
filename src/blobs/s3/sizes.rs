//! How large the parts of a multipart upload are, so that 10,000 of them hold any object that S3 takes.

use crate::blobs::intake::BATCH;

/// The smallest part but the last; a body that is not larger is one plain object.
pub(super) const SMALLEST: u64 = 8 << 20;

/// How many parts a body of known length is cut into at most.
const PLANNED: u64 = 9_000;
/// How many parts of a body of unknown length are of the smallest size: 16 GiB of them.
const SMALL: u64 = 2_000;
/// After how many further parts they become larger by the smallest size.
const STEP: u64 = 48;

/// The size of part `index`, counted from 0, of a body whose length is `known` or not.
pub(super) fn part_size(index: u64, known: Option<u64>) -> u64 {
    match known {
        Some(length) => length.div_ceil(PLANNED).next_multiple_of(BATCH as u64).max(SMALLEST),
        None => SMALLEST + SMALLEST * (index.saturating_sub(SMALL) / STEP),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST_PARTS: u64 = 10_000;
    const GIB: u64 = 1 << 30;

    #[test]
    fn parts_of_unknown_length_reach_the_largest_object() {
        let whole: u64 = (0..MOST_PARTS).map(|index| part_size(index, None)).sum();
        assert!(whole >= 5 * 1024 * GIB, "{whole}");
        assert!((0..MOST_PARTS).all(|index| part_size(index, None) <= 5 * GIB));
    }

    #[test]
    fn parts_of_known_length_reach_it_and_stay_small() {
        assert_eq!(part_size(0, Some(1)), SMALLEST);
        assert_eq!(part_size(0, Some(70 * GIB)), SMALLEST);
        for length in [71 * GIB, 1024 * GIB, 5 * 1024 * GIB] {
            let part = part_size(0, Some(length));
            assert!(part.is_multiple_of(BATCH as u64) && part * PLANNED >= length, "{length}");
        }
    }
}
