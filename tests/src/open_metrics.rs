//! Reads OpenMetrics text, and refuses what is not: what a scrape would drop without a word.

use std::collections::{BTreeMap, BTreeSet};

/// All of it.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// In the order of the text.
    pub families: Vec<Family>,
}

/// What one `# TYPE` line begins.
#[derive(Debug, Clone, Default)]
pub struct Family {
    /// Its name, without the endings of its samples.
    pub name: String,
    /// `counter`, `gauge`, `histogram` or `info`.
    pub kind: String,
    /// Its unit; empty for none.
    pub unit: String,
    /// What it means.
    pub help: String,
    /// Its values.
    pub samples: Vec<Sample>,
}

/// One value.
#[derive(Debug, Clone)]
pub struct Sample {
    /// With the ending.
    pub name: String,
    /// By name.
    pub labels: BTreeMap<String, String>,
    /// The value.
    pub value: f64,
    /// What led to it, where somebody noted that.
    pub exemplar: Option<Exemplar>,
}

/// One observation among many.
#[derive(Debug, Clone)]
pub struct Exemplar {
    /// By name.
    pub labels: BTreeMap<String, String>,
    /// What was observed.
    pub value: f64,
}

impl Page {
    /// Reads a page.
    ///
    /// # Errors
    /// The first line that is not OpenMetrics, and why.
    pub fn parse(text: &str) -> Result<Self, String> {
        let body = text
            .strip_suffix("# EOF\n")
            .ok_or("the text does not end with `# EOF`")?;
        let mut page = Self::default();
        for line in body.lines() {
            page.line(line).map_err(|why| format!("{why}: {line}"))?;
        }
        let mut names = BTreeSet::new();
        for family in &page.families {
            if !names.insert(family.name.as_str()) {
                return Err(format!("{} is there twice", family.name));
            }
            family
                .check()
                .map_err(|why| format!("{}: {why}", family.name))?;
        }
        Ok(page)
    }

    /// The value of the sample with this name and exactly these labels.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        self.samples(name, labels)
            .find(|sample| sample.labels.len() == labels.len())
            .map(|sample| sample.value)
    }

    /// The sum over all samples with this name and at least these labels.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.samples(name, labels).map(|sample| sample.value).sum()
    }

    /// The samples with this name and at least these labels.
    pub fn samples(&self, name: &str, labels: &[(&str, &str)]) -> impl Iterator<Item = &Sample> {
        let has = move |sample: &&Sample| {
            let given = |(label, value): &(&str, &str)| {
                sample.labels.get(*label).is_some_and(|own| own == value)
            };
            sample.name == name && labels.iter().all(given)
        };
        self.families
            .iter()
            .flat_map(|family| &family.samples)
            .filter(has)
    }

    fn line(&mut self, line: &str) -> Result<(), String> {
        if let Some(rest) = line.strip_prefix("# ") {
            let (word, rest) = rest.split_once(' ').ok_or("no metadata")?;
            let (name, text) = rest.split_once(' ').ok_or("metadata without a value")?;
            if !is_name(name) {
                return Err("no name".to_owned());
            }
            return self.metadata(word, name, text);
        }
        let sample = Cursor(line).sample()?;
        let family = self.families.last_mut().ok_or("a value of no family")?;
        let ending = sample.name.strip_prefix(&family.name);
        let endings: &[&str] = match family.kind.as_str() {
            "counter" => &["_total"],
            "gauge" => &[""],
            "histogram" => &["_bucket", "_sum", "_count"],
            "info" => &["_info"],
            _ => return Err("a value before its type".to_owned()),
        };
        if !ending.is_some_and(|ending| endings.contains(&ending)) {
            return Err(format!("a {} has no such value", family.kind));
        }
        if sample.exemplar.is_some() && !matches!(ending, Some("_bucket" | "_total")) {
            return Err("an exemplar where none may be".to_owned());
        }
        family.samples.push(sample);
        Ok(())
    }

    fn metadata(&mut self, word: &str, name: &str, text: &str) -> Result<(), String> {
        if self.families.last().is_none_or(|last| last.name != name) {
            self.families.push(Family {
                name: name.to_owned(),
                ..Family::default()
            });
        }
        let family = self.families.last_mut().ok_or("no family")?;
        let place = match word {
            "HELP" => &mut family.help,
            "TYPE" => &mut family.kind,
            "UNIT" => &mut family.unit,
            _ => return Err("no such metadata".to_owned()),
        };
        if !place.is_empty() || !family.samples.is_empty() {
            return Err("metadata that comes twice or late".to_owned());
        }
        text.clone_into(place);
        Ok(())
    }
}

impl Family {
    fn check(&self) -> Result<(), String> {
        if self.kind.is_empty() || self.help.is_empty() {
            return Err("no type or no help".to_owned());
        }
        if !self.unit.is_empty() && !self.name.ends_with(&format!("_{}", self.unit)) {
            return Err(format!("its unit {} is not in its name", self.unit));
        }
        let mut series = BTreeSet::new();
        for sample in &self.samples {
            if !series.insert((&sample.name, &sample.labels)) {
                return Err(format!("{:?} is there twice", sample.labels));
            }
            if self.kind != "gauge" && !(sample.value >= 0.0 && sample.value.is_finite()) {
                return Err(format!("{} cannot be", sample.value));
            }
        }
        if self.kind == "histogram" {
            self.check_buckets()?;
        }
        Ok(())
    }

    fn check_buckets(&self) -> Result<(), String> {
        let mut last: BTreeMap<BTreeMap<String, String>, (f64, f64)> = BTreeMap::new();
        let buckets = |sample: &&Sample| sample.name.ends_with("_bucket");
        for sample in self.samples.iter().filter(buckets) {
            let mut labels = sample.labels.clone();
            let bound = labels.remove("le").ok_or("a bucket without a bound")?;
            let bound = number(&bound)?;
            let (below, count) = last.get(&labels).copied().unwrap_or((-1.0, 0.0));
            if bound <= below || sample.value < count {
                return Err(format!("the bucket {bound} is out of order"));
            }
            let observed = sample.exemplar.as_ref().map(|exemplar| exemplar.value);
            if observed.is_some_and(|value| value > bound || value <= below) {
                return Err(format!("the exemplar of {bound} is of another bucket"));
            }
            last.insert(labels, (bound, sample.value));
        }
        let counts = self.samples.iter().filter(|it| it.name.ends_with("_count"));
        for sample in counts {
            if last.get(&sample.labels) != Some(&(f64::INFINITY, sample.value)) {
                return Err("the last bucket is not the count".to_owned());
            }
        }
        Ok(())
    }
}

fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    let starts = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    bytes.next().is_some_and(starts) && bytes.all(|byte| starts(byte) || byte.is_ascii_digit())
}

fn number(text: &str) -> Result<f64, String> {
    match text {
        "+Inf" => Ok(f64::INFINITY),
        text => text.parse().map_err(|_| format!("`{text}` is no number")),
    }
}

/// What is left of a line.
struct Cursor<'a>(&'a str);

impl<'a> Cursor<'a> {
    fn sample(mut self) -> Result<Sample, String> {
        let name = self.name()?;
        let labels = if self.takes("{") {
            self.labels()?
        } else {
            BTreeMap::new()
        };
        if !self.takes(" ") {
            return Err("no value".to_owned());
        }
        let (value, exemplar) = match self.0.split_once(" # {") {
            Some((value, rest)) => (value, Some(Cursor(rest).exemplar()?)),
            None => (self.0, None),
        };
        Ok(Sample {
            name: name.to_owned(),
            labels,
            value: number(value)?,
            exemplar,
        })
    }

    fn exemplar(mut self) -> Result<Exemplar, String> {
        let labels = self.labels()?;
        let length: usize = labels
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum();
        if length > 128 {
            return Err("an exemplar's labels are longer than 128 characters".to_owned());
        }
        let value = self.0.strip_prefix(' ').ok_or("no value of the exemplar")?;
        Ok(Exemplar {
            labels,
            value: number(value)?,
        })
    }

    /// Up to the closing brace, which is taken too.
    fn labels(&mut self) -> Result<BTreeMap<String, String>, String> {
        let mut labels = BTreeMap::new();
        while !self.takes("}") {
            if !labels.is_empty() && !self.takes(",") {
                return Err("no comma between labels".to_owned());
            }
            let name = self.name()?;
            if !self.takes("=\"") {
                return Err("a label without a value".to_owned());
            }
            let (value, rest) = self.0.split_once('"').ok_or("a value without an end")?;
            if value.contains('\\') {
                return Err("an escape, which no value of ours needs".to_owned());
            }
            self.0 = rest;
            if labels.insert(name.to_owned(), value.to_owned()).is_some() {
                return Err(format!("the label {name} is there twice"));
            }
        }
        Ok(labels)
    }

    fn name(&mut self) -> Result<&'a str, String> {
        let end = self.0.find(['{', ' ', '=']).unwrap_or(self.0.len());
        let (name, rest) = self.0.split_at(end);
        if !is_name(name) {
            return Err(format!("`{name}` is no name"));
        }
        self.0 = rest;
        Ok(name)
    }

    fn takes(&mut self, start: &str) -> bool {
        let rest = self.0.strip_prefix(start);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "\
# HELP a_seconds How long.
# TYPE a_seconds histogram
# UNIT a_seconds seconds
a_seconds_sum{door=\"http\"} 1.5
a_seconds_count{door=\"http\"} 2
a_seconds_bucket{le=\"1.0\",door=\"http\"} 1 # {trace_id=\"ab\"} 0.5
a_seconds_bucket{le=\"+Inf\",door=\"http\"} 2
# HELP b Things.
# TYPE b counter
b_total 3
# EOF
";

    #[test]
    fn a_page_is_read() {
        let page = Page::parse(GOOD).unwrap();
        assert_eq!(page.value("b_total", &[]), Some(3.0));
        assert_eq!(page.value("a_seconds_count", &[]), None);
        assert_eq!(page.sum("a_seconds_count", &[("door", "http")]), 2.0);
        let bucket = page.samples("a_seconds_bucket", &[("le", "1.0")]).next();
        let exemplar = bucket.and_then(|bucket| bucket.exemplar.as_ref()).unwrap();
        assert_eq!(exemplar.labels["trace_id"], "ab");
    }

    #[test]
    fn what_is_not_open_metrics_is_refused() {
        for (from, to) in [
            ("# EOF\n", ""),
            ("b_total 3", "b 3"),
            ("b_total 3", "b_total -3"),
            ("b_total 3", "b_total three"),
            ("b_total 3", "b_total 3\nb_total 3"),
            ("b_total 3", "b_total{x=\"1\",x=\"2\"} 3"),
            ("# TYPE b counter\n", ""),
            ("# UNIT a_seconds seconds", "# UNIT a_seconds bytes"),
            ("# HELP b", "# HELP a_seconds"),
            ("1 # {trace_id=\"ab\"} 0.5", "1 # {trace_id=\"ab\"} 1.5"),
            ("_count{door=\"http\"} 2", "_count{door=\"http\"} 3"),
            ("\"+Inf\",door", "\"0.5\",door"),
        ] {
            assert!(GOOD.contains(from), "{from}");
            let bad = GOOD.replace(from, to);
            assert!(Page::parse(&bad).is_err(), "{bad}");
        }
    }
}
