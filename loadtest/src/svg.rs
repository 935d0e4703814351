//! Plots as inline SVG: lines and stacked areas over the seconds of a run, with its phases shaded
//! and its faults marked.

use std::fmt::Write;

/// What all plots of a page have in common.
pub(crate) struct Frame<'a> {
    /// Length of the run in seconds.
    pub seconds: f64,
    /// Name, start and end of each phase, and whether it is an outage.
    pub phases: &'a [(String, f64, f64, bool)],
    /// When something was done, and what.
    pub marks: &'a [(f64, String)],
}

/// One line or layer.
pub(crate) struct Series {
    pub name: &'static str,
    /// A CSS class that gives the colour.
    pub class: &'static str,
    /// Seconds and value, in order.
    pub points: Vec<(f64, f64)>,
}

/// How the vertical axis runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scale {
    Linear,
    /// From 0.1 on.
    Log,
}

/// One plot.
pub(crate) struct Plot<'a> {
    pub title: &'a str,
    pub unit: &'a str,
    pub scale: Scale,
    pub stacked: bool,
    pub series: Vec<Series>,
    /// A level to compare with, and its name.
    pub line: Option<(f64, String)>,
}

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 26.0;
/// The bottom of a logarithmic axis.
const LOG_FLOOR: f64 = 0.1;

impl Frame<'_> {
    /// The plot as a `<figure>`.
    pub(crate) fn draw(&self, plot: &Plot<'_>) -> String {
        let mut out = String::new();
        // Writing to a string does not fail.
        let _ = self.write(&mut out, plot);
        out
    }

    fn write(&self, out: &mut String, plot: &Plot<'_>) -> std::fmt::Result {
        let layers = if plot.stacked {
            stack(&plot.series)
        } else {
            Vec::new()
        };
        let top = top_of(plot, &layers);
        let at = Axes {
            seconds: self.seconds.max(0.001),
            top,
            scale: plot.scale,
        };
        let title = plot.title;
        write!(out, "<figure><figcaption>{}", escape(title))?;
        for series in &plot.series {
            write!(
                out,
                " <span class=\"key {}\">■ {}</span>",
                series.class, series.name
            )?;
        }
        write!(
            out,
            "</figcaption><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">",
            escape(title)
        )?;
        self.write_phases(out, &at)?;
        write_grid(out, &at, plot.unit)?;
        if plot.stacked {
            for (series, layer) in plot.series.iter().zip(&layers) {
                write_area(out, &at, series.class, layer)?;
            }
        } else {
            for series in &plot.series {
                write_line(out, &at, series.class, &series.points)?;
            }
        }
        if let Some((level, name)) = &plot.line {
            let y = at.y(*level);
            let (right, name) = (WIDTH - RIGHT, escape(name));
            write!(
                out,
                "<line class=\"level\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
                 <text class=\"level\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{name}</text>",
                right - 4.0,
                y - 4.0
            )?;
        }
        self.write_marks(out, &at)?;
        out.write_str("</svg></figure>\n")
    }

    fn write_phases(&self, out: &mut String, at: &Axes) -> std::fmt::Result {
        for (index, (name, from, to, outage)) in self.phases.iter().enumerate() {
            let class = if *outage {
                "outage"
            } else {
                ["even", "odd"][index % 2]
            };
            let (x, width) = (at.x(*from), at.x(*to) - at.x(*from));
            write!(
                out,
                "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{TOP}\" width=\"{width:.1}\" height=\"{:.1}\"/>\
                 <text class=\"phase\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                HEIGHT - TOP - BOTTOM,
                x + width / 2.0,
                TOP - 14.0 + (index % 2) as f64 * 11.0,
                escape(name)
            )?;
        }
        Ok(())
    }

    fn write_marks(&self, out: &mut String, at: &Axes) -> std::fmt::Result {
        for (seconds, what) in self.marks {
            let (x, bottom) = (at.x(*seconds), HEIGHT - BOTTOM);
            write!(
                out,
                "<line class=\"mark\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{bottom}\">\
                 <title>{seconds:.1} s: {}</title></line>",
                escape(what)
            )?;
        }
        Ok(())
    }
}

struct Axes {
    seconds: f64,
    top: f64,
    scale: Scale,
}

impl Axes {
    fn x(&self, seconds: f64) -> f64 {
        LEFT + (seconds / self.seconds).clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, value: f64) -> f64 {
        let share = match self.scale {
            Scale::Linear => value / self.top,
            Scale::Log => (value.max(LOG_FLOOR) / LOG_FLOOR).ln() / (self.top / LOG_FLOOR).ln(),
        };
        HEIGHT - BOTTOM - share.clamp(0.0, 1.0) * (HEIGHT - TOP - BOTTOM)
    }
}

/// The upper edge of each layer, with the lower one.
type Layer = Vec<(f64, f64, f64)>;

fn stack(series: &[Series]) -> Vec<Layer> {
    let mut below: Vec<f64> = Vec::new();
    series
        .iter()
        .map(|series| {
            below.resize(series.points.len().max(below.len()), 0.0);
            let points = series.points.iter().zip(&mut below);
            points
                .map(|((seconds, value), below)| {
                    let low = *below;
                    *below += value;
                    (*seconds, low, *below)
                })
                .collect()
        })
        .collect()
}

fn top_of(plot: &Plot<'_>, layers: &[Layer]) -> f64 {
    let lines = plot
        .series
        .iter()
        .flat_map(|series| &series.points)
        .map(|point| point.1);
    let layers = layers.iter().flatten().map(|point| point.2);
    let level = plot.line.iter().map(|(level, _)| *level);
    let most = lines.chain(layers).chain(level).fold(0.0, f64::max);
    match plot.scale {
        Scale::Linear => nice(most.max(1.0)),
        Scale::Log => 10_f64.powf(most.max(1.0).log10().ceil()),
    }
}

/// The next 1, 2 or 5 with zeros that leaves some air.
fn nice(most: f64) -> f64 {
    let unit = 10_f64.powf(most.log10().floor());
    [1.0, 2.0, 5.0, 10.0, 20.0]
        .iter()
        .map(|step| step * unit)
        .find(|top| *top >= most * 1.05)
        .unwrap_or(most * 1.1)
}

fn write_grid(out: &mut String, at: &Axes, unit: &str) -> std::fmt::Result {
    let levels: Vec<f64> = match at.scale {
        Scale::Linear => (0..=4)
            .map(|quarter| at.top * f64::from(quarter) / 4.0)
            .collect(),
        Scale::Log => {
            let decades = (at.top / LOG_FLOOR).log10().round() as i32;
            (0..=decades)
                .map(|decade| LOG_FLOOR * 10_f64.powi(decade))
                .collect()
        }
    };
    for level in levels {
        let (y, right) = (at.y(level), WIDTH - RIGHT);
        write!(
            out,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 6.0,
            y + 3.5,
            short(level)
        )?;
    }
    let step = if at.seconds > 40.0 { 10.0 } else { 5.0 };
    let mut seconds = 0.0;
    while seconds <= at.seconds {
        write!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{seconds:.0} s</text>",
            at.x(seconds),
            HEIGHT - 8.0
        )?;
        seconds += step;
    }
    write!(
        out,
        "<text x=\"4\" y=\"{:.1}\">{}</text>",
        TOP - 18.0,
        escape(unit)
    )
}

fn write_line(out: &mut String, at: &Axes, class: &str, points: &[(f64, f64)]) -> std::fmt::Result {
    write!(out, "<polyline class=\"{class}\" points=\"")?;
    for (seconds, value) in points {
        write!(out, "{:.1},{:.1} ", at.x(*seconds), at.y(*value))?;
    }
    out.write_str("\"/>")
}

fn write_area(out: &mut String, at: &Axes, class: &str, layer: &Layer) -> std::fmt::Result {
    write!(out, "<polygon class=\"{class}\" points=\"")?;
    for (seconds, _, high) in layer {
        write!(out, "{:.1},{:.1} ", at.x(*seconds), at.y(*high))?;
    }
    for (seconds, low, _) in layer.iter().rev() {
        write!(out, "{:.1},{:.1} ", at.x(*seconds), at.y(*low))?;
    }
    out.write_str("\"/>")
}

/// 1200 as `1.2k`.
fn short(value: f64) -> String {
    match value {
        value if value >= 1e6 => format!("{:.1}M", value / 1e6),
        value if value >= 1e3 => format!("{:.1}k", value / 1e3),
        value if value > 0.0 && value < 1.0 => format!("{value:.1}"),
        value => format!("{value:.0}"),
    }
}

/// Text for HTML.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(points: &[(f64, f64)]) -> Series {
        Series {
            name: "a",
            class: "a",
            points: points.to_vec(),
        }
    }

    #[test]
    fn layers_stand_on_each_other() {
        let layers = stack(&[
            series(&[(0.0, 1.0), (1.0, 2.0)]),
            series(&[(0.0, 3.0), (1.0, 4.0)]),
        ]);
        assert_eq!(layers[0], [(0.0, 0.0, 1.0), (1.0, 0.0, 2.0)]);
        assert_eq!(layers[1], [(0.0, 1.0, 4.0), (1.0, 2.0, 6.0)]);
    }

    #[test]
    fn axes_end_at_round_numbers() {
        for (most, top) in [
            (1.0, 2.0),
            (330.0, 500.0),
            (96.0, 200.0),
            (4_000.0, 5_000.0),
        ] {
            assert!((nice(most) - top).abs() < 1e-9, "{most}: {}", nice(most));
        }
    }

    #[test]
    fn nothing_in_a_plot_is_markup_by_accident() {
        let phases = [("<b>".to_owned(), 0.0, 5.0, true)];
        let marks = [(1.0, "a & b".to_owned())];
        let frame = Frame {
            seconds: 5.0,
            phases: &phases,
            marks: &marks,
        };
        let plot = Plot {
            title: "latency",
            unit: "ms",
            scale: Scale::Log,
            stacked: false,
            series: vec![series(&[(0.0, 0.0), (5.0, 1_500.0)])],
            line: Some((1_500.0, "budget".into())),
        };
        let svg = frame.draw(&plot);
        assert!(
            svg.contains("&lt;b&gt;") && svg.contains("a &amp; b"),
            "{svg}"
        );
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}
