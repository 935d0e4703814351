//! How limits shrink as knowledge ages.

use super::error::{PolicyError, nests, range};
use super::file::{self, Shape};

/// Knowledge older than a week is never good enough, whatever a file says.
const AGE_MAX_MINUTES: u64 = 7 * 24 * 60;
/// More points than this are no curve that anybody signs.
const POINTS_MAX: usize = 16;
/// A limit in full.
const WHOLE: u64 = 10_000;
const MINUTE_MS: u64 = 60_000;

/// What is left of a limit, in ten-thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left(u64);

impl Left {
    /// All of it.
    pub const WHOLE: Self = Self(WHOLE);

    /// What is left of this limit, rounded down.
    pub fn of(self, minor: i64) -> i64 {
        if self == Self::WHOLE {
            return minor;
        }
        let part = i128::from(minor) * i128::from(self.0) / i128::from(WHOLE);
        i64::try_from(part).unwrap_or(i64::MAX)
    }
}

/// The curve of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Curve {
    shape: Shape,
    /// Milliseconds and ten-thousandths, ascending and descending.
    points: Vec<(u64, u64)>,
}

impl Curve {
    pub(super) fn parse(age: &file::Age) -> Result<Self, PolicyError> {
        let count = age.curve.len() as u64;
        range("age.curve points", count, 1..=POINTS_MAX as u64, "1 to 16")?;
        let mut points: Vec<(u64, u64)> = Vec::new();
        for point in &age.curve {
            range(
                "age.curve minutes",
                point.minutes,
                1..=AGE_MAX_MINUTES,
                "from 1 to 10080 minutes (a week)",
            )?;
            range("age.curve percent", point.percent, 0..=100, "from 0 to 100")?;
            let point = (point.minutes * MINUTE_MS, point.percent * 100);
            if points.last().is_some_and(|last| last.0 >= point.0) {
                return Err(PolicyError::meaningless(
                    "an age.curve that goes back in time",
                    "write its points by their minutes, each once",
                ));
            }
            if let Some(last) = points.last() {
                let percent = |part: u64| i64::try_from(part / 100).unwrap_or(i64::MAX);
                nests(
                    ("age.curve percent of the later point", percent(point.1)),
                    ("that of the one before", percent(last.1)),
                )?;
            }
            points.push(point);
        }
        let ends_at_zero = points.last().is_some_and(|last| last.1 == 0);
        if ends_at_zero != (age.shape == Shape::Linear) {
            return Err(PolicyError::meaningless(
                "an age.curve that ends at the wrong percentage",
                "a linear one ends at 0, where nothing is left; the last of steps is above 0, and nothing \
                 is left past it",
            ));
        }
        Ok(Self {
            shape: age.shape,
            points,
        })
    }

    /// What is left of limits at this age; `None` past the end.
    pub(super) fn at(&self, age_ms: u64) -> Option<Left> {
        let next = self.points.iter().position(|(ms, _)| age_ms <= *ms)?;
        let (to_ms, to) = *self.points.get(next)?;
        let before = next.checked_sub(1).and_then(|place| self.points.get(place));
        let left = match (self.shape, before) {
            (Shape::Linear, Some((from_ms, from))) => {
                // Rounded down: less is left.
                let (gone, span) = (age_ms - from_ms, to_ms - from_ms);
                from - ((from - to) * gone).div_ceil(span)
            }
            _ => to,
        };
        (left > 0).then_some(Left(left))
    }

    /// Past this age nothing is left, in milliseconds.
    pub(super) fn end_ms(&self) -> u64 {
        self.points.last().map_or(0, |(ms, _)| *ms)
    }

    /// In words.
    pub(super) fn text(&self) -> String {
        let points = self
            .points
            .iter()
            .map(|(ms, part)| format!("{} min: {} %", ms / MINUTE_MS, part / 100));
        let shape = match self.shape {
            Shape::Steps => "steps",
            Shape::Linear => "linear",
        };
        format!("{shape}, {}", points.collect::<Vec<_>>().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(shape: Shape, points: &[(u64, u64)]) -> Result<Curve, PolicyError> {
        let points = points.iter().map(|(minutes, percent)| file::Point {
            minutes: *minutes,
            percent: *percent,
        });
        Curve::parse(&file::Age {
            shape,
            curve: points.collect(),
        })
    }

    #[test]
    fn steps_hold_up_to_their_minute_and_nothing_is_left_past_the_last() {
        let curve = curve(Shape::Steps, &[(60, 100), (120, 50)]).unwrap();
        for (ms, left) in [
            (0, Some(10_000)),
            (60 * MINUTE_MS, Some(10_000)),
            (60 * MINUTE_MS + 1, Some(5_000)),
            (120 * MINUTE_MS, Some(5_000)),
            (120 * MINUTE_MS + 1, None),
            (u64::MAX, None),
        ] {
            assert_eq!(curve.at(ms).map(|left| left.0), left, "{ms} ms");
        }
    }

    #[test]
    fn a_line_falls_from_point_to_point_and_is_rounded_down() {
        let curve = curve(Shape::Linear, &[(60, 100), (120, 50), (240, 0)]).unwrap();
        for (minutes, left) in [
            (0, Some(10_000)),
            (60, Some(10_000)),
            (90, Some(7_500)),
            (120, Some(5_000)),
            (180, Some(2_500)),
            (240, None),
            (241, None),
        ] {
            assert_eq!(
                curve.at(minutes * MINUTE_MS).map(|left| left.0),
                left,
                "{minutes} min"
            );
        }
        assert_eq!(curve.at(60 * MINUTE_MS + 1).map(|left| left.0), Some(9_999));
        assert_eq!(Left(7_500).of(333), 249);
    }

    #[test]
    fn a_curve_that_rises_or_goes_back_or_ends_wrongly_is_refused() {
        for (shape, points, says) in [
            (Shape::Steps, &[][..], "points = 0"),
            (Shape::Steps, &[(0, 100)], "minutes = 0"),
            (Shape::Steps, &[(10_081, 100)], "10080 minutes (a week)"),
            (Shape::Steps, &[(60, 101)], "percent = 101"),
            (Shape::Steps, &[(60, 50), (60, 40)], "goes back in time"),
            (Shape::Steps, &[(60, 50), (90, 60)], "(60) is above"),
            (Shape::Steps, &[(60, 50), (90, 0)], "wrong percentage"),
            (Shape::Linear, &[(60, 50), (90, 10)], "wrong percentage"),
        ] {
            let refused = curve(shape, points).unwrap_err().to_string();
            assert!(refused.contains(says), "{refused}");
        }
    }
}
