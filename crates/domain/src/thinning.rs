//! Histories of metrics thinned to what a chart draws, point by point, so that none is in memory as a whole.

use super::MetricPoint;

/// The fewest points that a history is thinned to.
pub const FEWEST_POINTS: usize = 10;

/// How long a history is: known before its points are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// How many points it has.
    pub total: u64,
    /// The smallest step.
    pub first_step: i64,
    /// The greatest step.
    pub last_step: i64,
}

/// Takes the points of a history in the order of their steps, and keeps of each of many parts the smallest and the greatest value, and one
/// NaN where there is one, so that no peak is lost; and the first and the last point.
///
/// The parts have equally many steps, or equally many points where there are fewer steps than parts.
#[derive(Debug)]
pub struct Thinner {
    extent: Extent,
    most: usize,
    is_by_step: bool,
    taken: u64,
    first: Option<Kept>,
    last: Option<Kept>,
    parts: Vec<Part>,
}

/// A point, and the id that tells it from others that are alike.
#[derive(Debug, Clone, Copy)]
struct Kept {
    id: i64,
    point: MetricPoint,
}

impl Kept {
    fn key(&self) -> (i64, i64, i64) {
        (self.point.step, self.point.at, self.id)
    }
}

/// What is kept of a part.
#[derive(Debug, Clone, Copy, Default)]
struct Part {
    least: Option<Kept>,
    greatest: Option<Kept>,
    nan: Option<Kept>,
}

impl Part {
    fn take(&mut self, kept: Kept) {
        let value = kept.point.value;
        if value.is_nan() {
            self.nan.get_or_insert(kept);
            return;
        }
        if self.least.is_none_or(|least| value < least.point.value) {
            self.least = Some(kept);
        }
        if self.greatest.is_none_or(|greatest| value > greatest.point.value) {
            self.greatest = Some(kept);
        }
    }

    fn kept(self) -> impl Iterator<Item = Kept> {
        [self.least, self.greatest, self.nan].into_iter().flatten()
    }
}

impl Thinner {
    /// One that keeps no more points than `most`, or than [`FEWEST_POINTS`] where that is more.
    pub fn new(extent: Extent, most: usize) -> Self {
        let most = most.max(FEWEST_POINTS);
        let parts = vec![Part::default(); (most - 2) / 2];
        let is_by_step = span(extent) >= parts.len() as i128;
        Self { extent, most, is_by_step, taken: 0, first: None, last: None, parts }
    }

    /// Takes the next point, whose id no other has.
    pub fn take(&mut self, id: i64, point: MetricPoint) {
        let kept = Kept { id, point };
        if self.first.is_none_or(|first| kept.key() < first.key()) {
            self.first = Some(kept);
        }
        if self.last.is_none_or(|last| kept.key() > last.key()) {
            self.last = Some(kept);
        }
        let (place, length) = if self.is_by_step {
            (i128::from(point.step) - i128::from(self.extent.first_step), span(self.extent))
        } else {
            (i128::from(self.taken), i128::from(self.extent.total.max(1)))
        };
        self.taken += 1;
        let at = place * self.parts.len() as i128 / length;
        let last = self.parts.len() - 1;
        let at = usize::try_from(at.max(0)).unwrap_or(last).min(last);
        if let Some(part) = self.parts.get_mut(at) {
            part.take(kept);
        }
    }

    /// The points that are kept, ordered by step and time.
    pub fn finish(mut self) -> Vec<MetricPoint> {
        loop {
            let kept = self.kept();
            if kept.len() <= self.most || self.parts.len() == 1 {
                return kept.into_iter().map(|kept| kept.point).collect();
            }
            // Parts that keep a NaN, too, are more points than there may be: each two become one part.
            self.parts = self.parts.chunks(2).map(merged).collect();
        }
    }

    fn kept(&self) -> Vec<Kept> {
        let of_parts = self.parts.iter().flat_map(|part| part.kept());
        let mut all: Vec<Kept> = self.first.into_iter().chain(of_parts).chain(self.last).collect();
        all.sort_unstable_by_key(Kept::key);
        all.dedup_by_key(|kept| kept.id);
        all
    }
}

/// How many steps there are from the first to the last.
fn span(extent: Extent) -> i128 {
    i128::from(extent.last_step) - i128::from(extent.first_step) + 1
}

fn merged(parts: &[Part]) -> Part {
    let mut whole = Part::default();
    for kept in parts.iter().flat_map(|part| part.kept()) {
        whole.take(kept);
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is left of points with these steps and values, which are taken in this order.
    fn thinned(points: &[(i64, f64)], most: usize) -> Vec<MetricPoint> {
        let steps = || points.iter().map(|(step, _)| *step);
        let extent = Extent {
            total: points.len() as u64,
            first_step: steps().min().unwrap(),
            last_step: steps().max().unwrap(),
        };
        let mut thinner = Thinner::new(extent, most);
        for (id, (step, value)) in (1..).zip(points) {
            thinner.take(id, MetricPoint { value: *value, step: *step, at: id });
        }
        thinner.finish()
    }

    fn values(points: &[MetricPoint]) -> Vec<f64> {
        points.iter().map(|point| point.value).collect()
    }

    /// Numbers that look arbitrary and are the same each time.
    fn arbitrary(number: i64) -> f64 {
        f64::from(u16::try_from(number.wrapping_mul(7919).rem_euclid(65_521)).unwrap())
    }

    #[test]
    fn no_more_are_kept_than_asked_for_and_the_ends_are_among_them() {
        for most in [10, 11, 12, 50, 500] {
            for total in [11, 100, 1000, 5000] {
                let points: Vec<(i64, f64)> = (0..total).map(|step| (step, arbitrary(step))).collect();
                let kept = thinned(&points, most);
                assert!(kept.len() <= most, "{most} of {total}: {}", kept.len());
                // Every other part is not merged away where there is no NaN.
                assert!(kept.len() >= most.min(points.len()) / 3, "{most} of {total}: {}", kept.len());
                let steps: Vec<i64> = kept.iter().map(|point| point.step).collect();
                assert!(steps.is_sorted(), "{steps:?}");
                assert_eq!((steps[0], steps[steps.len() - 1]), (0, total - 1));
                let greatest = points.iter().map(|(_, value)| *value).fold(f64::MIN, f64::max);
                let least = points.iter().map(|(_, value)| *value).fold(f64::MAX, f64::min);
                assert!(values(&kept).contains(&greatest) && values(&kept).contains(&least), "{most} of {total}");
            }
        }
    }

    #[test]
    fn a_peak_of_one_step_is_kept_wherever_it_is() {
        for peak in [1, 499, 500, 5003, 9998] {
            let points: Vec<(i64, f64)> =
                (0..10_000).map(|step| (step, if step == peak { 9.0 } else { 1.0 })).collect();
            let kept = thinned(&points, 20);
            assert!(kept.iter().any(|point| point.step == peak && point.value.total_cmp(&9.0).is_eq()), "{peak}");
        }
    }

    #[test]
    fn parts_have_equally_many_steps() {
        // All but a few are at the beginning, where they fill no more than their parts.
        let points: Vec<(i64, f64)> = (0..1000).map(|step| (step, arbitrary(step))).chain([(100_000, 1.0)]).collect();
        let kept = thinned(&points, 100);
        // The first one is the smallest.
        assert_eq!(kept.len(), 3, "{kept:?}");
    }

    #[test]
    fn of_few_steps_equally_many_points_are_kept_of_each_part() {
        for steps in [1, 3, 20] {
            let points: Vec<(i64, f64)> = (0..1000).map(|at| (at * steps / 1000, arbitrary(at))).collect();
            let kept = thinned(&points, 100);
            assert!((90..=100).contains(&kept.len()), "{steps}: {}", kept.len());
            assert_eq!((kept[0].at, kept[kept.len() - 1].at), (1, 1000));
        }
    }

    #[test]
    fn a_nan_is_kept_of_each_part_and_infinities_are_its_ends() {
        let points: Vec<(i64, f64)> = (0..1000)
            .map(|step| match step % 4 {
                0 => (step, f64::NAN),
                1 => (step, f64::INFINITY),
                2 => (step, f64::NEG_INFINITY),
                _ => (step, 0.5),
            })
            .collect();
        let kept = values(&thinned(&points, 50));
        assert!(kept.len() <= 50, "{}", kept.len());
        for is_kept in [f64::is_nan, |value: f64| value > 1.0, |value: f64| value < 0.0] {
            assert!(kept.iter().filter(|value| is_kept(**value)).count() >= 10, "{kept:?}");
        }
        let nothing_else: Vec<(i64, f64)> = (0..1000).map(|step| (step, f64::NAN)).collect();
        assert!(values(&thinned(&nothing_else, 50)).iter().all(|value| value.is_nan()));
    }

    #[test]
    fn steps_may_be_as_far_apart_as_they_can_be() {
        let mut points = vec![(i64::MIN, 1.0), (i64::MAX, 2.0)];
        points.extend((-50..50).map(|step| (step, 0.0)));
        points.sort_unstable_by_key(|(step, _)| *step);
        let kept = thinned(&points, 10);
        assert_eq!(kept.iter().map(|point| point.step).collect::<Vec<_>>(), [i64::MIN, -50, 0, i64::MAX]);
    }

    #[test]
    fn points_of_one_step_are_in_the_order_of_their_times() {
        let mut thinner = Thinner::new(Extent { total: 100, first_step: 7, last_step: 7 }, 10);
        for id in 0..100 {
            thinner.take(id, MetricPoint { value: arbitrary(id), step: 7, at: -id });
        }
        let times: Vec<i64> = thinner.finish().iter().map(|point| point.at).collect();
        assert!(times.is_sorted(), "{times:?}");
        assert_eq!((times.first(), times.last()), (Some(&-99), Some(&0)));
    }
}
