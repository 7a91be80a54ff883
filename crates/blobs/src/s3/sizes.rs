//! How large the parts of a multipart upload are, so that 10,000 of them hold any object that S3 takes.

use crate::batched_body::BATCH;

/// The smallest part but the last; a body that is not larger is one plain object.
pub(super) const MIN_PART: u64 = 8 << 20;

/// How many parts a body of known length is cut into at most.
const MAX_PLANNED_PARTS: u64 = 9_000;
/// How many parts of a body of unknown length are of the smallest size: 16 GiB of them.
const MIN_SIZE_PARTS: u64 = 2_000;
/// After how many further parts they become larger by the smallest size.
const PARTS_PER_STEP: u64 = 48;

/// The size of part `index`, counted from 0, of a body whose length is `known` or not.
pub(super) fn part_size(index: u64, known: Option<u64>) -> u64 {
    match known {
        Some(length) => length.div_ceil(MAX_PLANNED_PARTS).next_multiple_of(BATCH as u64).max(MIN_PART),
        None => MIN_PART + MIN_PART * (index.saturating_sub(MIN_SIZE_PARTS) / PARTS_PER_STEP),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX_PARTS: u64 = 10_000;
    const GIB: u64 = 1 << 30;

    #[test]
    fn parts_of_unknown_length_reach_the_largest_object() {
        let whole: u64 = (0..MAX_PARTS).map(|index| part_size(index, None)).sum();
        assert!(whole >= 5 * 1024 * GIB, "{whole}");
        assert!((0..MAX_PARTS).all(|index| part_size(index, None) <= 5 * GIB));
    }

    #[test]
    fn parts_of_known_length_reach_it_and_stay_small() {
        assert_eq!(part_size(0, Some(1)), MIN_PART);
        assert_eq!(part_size(0, Some(70 * GIB)), MIN_PART);
        for length in [71 * GIB, 1024 * GIB, 5 * 1024 * GIB] {
            let part = part_size(0, Some(length));
            assert!(part.is_multiple_of(BATCH as u64) && part * MAX_PLANNED_PARTS >= length, "{length}");
        }
    }
}
