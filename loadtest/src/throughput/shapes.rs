//! What is measured, and what it must reach.

/// Through which door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// The batcher in this process.
    Batcher,
    /// A ledger process, through the layers of a gateway.
    Http,
}

/// Which accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Load {
    Uniform,
    Zipf,
    /// One account has all.
    Hot,
    /// Uniform, while one account is locked from outside; that one is not counted.
    Locked,
}

/// One kind of sample.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub name: &'static str,
    pub door: Door,
    pub callers: u32,
    pub load: Load,
    pub targets: Targets,
}

/// What it must reach, as far as something is demanded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Targets {
    /// Of pgbench's rate in the same round.
    pub ratio_min: Option<f64>,
    /// The most that p99 may be, of pgbench's p99.
    pub p99_max: Option<f64>,
    /// Of the rate of `uniform-512` in the same round.
    pub of_uniform_min: Option<f64>,
    /// The most that p99 may be, of that of `uniform-512`.
    pub uniform_p99_max: Option<f64>,
}

/// What others are compared with.
pub(crate) const UNIFORM: &str = "uniform-512";

const NOTHING: Targets = Targets {
    ratio_min: None,
    p99_max: None,
    of_uniform_min: None,
    uniform_p99_max: None,
};

const fn batcher(name: &'static str, callers: u32, load: Load, targets: Targets) -> Shape {
    Shape {
        name,
        door: Door::Batcher,
        callers,
        load,
        targets,
    }
}

const fn http(name: &'static str, callers: u32, targets: Targets) -> Shape {
    Shape {
        name,
        door: Door::Http,
        callers,
        load: Load::Uniform,
        targets,
    }
}

const fn at_least(ratio: f64) -> Targets {
    Targets {
        ratio_min: Some(ratio),
        ..NOTHING
    }
}

const AT_64: Targets = Targets {
    p99_max: Some(3.0),
    ..at_least(4.0)
};
const HOT: Targets = Targets {
    of_uniform_min: Some(0.6),
    ..NOTHING
};
/// No slower, as far as samples of the same thing are alike on a shared machine.
const BESIDE_A_LOCK: Targets = Targets {
    of_uniform_min: Some(0.8),
    uniform_p99_max: Some(2.0),
    ..NOTHING
};

/// All of them.
pub(crate) const SHAPES: [Shape; 8] = [
    batcher(UNIFORM, 512, Load::Uniform, at_least(6.0)),
    batcher("zipf-512", 512, Load::Zipf, at_least(6.0)),
    batcher("uniform-64", 64, Load::Uniform, AT_64),
    batcher("zipf-64", 64, Load::Zipf, AT_64),
    batcher("hot-512", 512, Load::Hot, HOT),
    batcher("locked-512", 512, Load::Locked, BESIDE_A_LOCK),
    http("http-512", 512, at_least(4.0)),
    http("http-64", 64, NOTHING),
];

impl Shape {
    /// For people.
    pub(crate) fn what(&self) -> String {
        let load = match self.load {
            Load::Uniform => "uniform",
            Load::Zipf => "Zipf(1.0)",
            Load::Hot => "one hot account",
            Load::Locked => "uniform, one account locked from outside",
        };
        let door = match self.door {
            Door::Batcher => "batcher",
            Door::Http => "HTTP, gateway's client",
        };
        format!("{} callers, {load}, {door}", self.callers)
    }
}
