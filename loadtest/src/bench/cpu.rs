//! Processor time of processes, from /proc. It comes in ticks of usually 10 ms: enough for seconds.

use std::time::Duration;

/// Of one process.
pub(crate) fn of(pid: u32) -> Option<Duration> {
    let stat = Stat::read(pid)?;
    Some(ticks(stat.own))
}

/// Of this process.
pub(crate) fn own() -> Option<Duration> {
    of(std::process::id())
}

/// Of a process and its children; of those that have ended too, where it waits for them.
pub(crate) fn of_family(pid: u32) -> Option<Duration> {
    let head = Stat::read(pid)?;
    let processes = std::fs::read_dir("/proc").ok()?.flatten();
    let children = processes
        .filter_map(|process| Stat::read(process.file_name().to_str()?.parse().ok()?))
        .filter(|stat| stat.parent == pid);
    let all = head.own + head.ended_children + children.map(|child| child.own).sum::<u64>();
    Some(ticks(all))
}

struct Stat {
    parent: u32,
    own: u64,
    ended_children: u64,
}

impl Stat {
    fn read(pid: u32) -> Option<Self> {
        Self::parse(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    fn parse(stat: &str) -> Option<Self> {
        // After the name, which may contain anything: state, parent, and user time as the twelfth.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
        Some(Self {
            parent: u32::try_from(number(1)?).ok()?,
            own: number(11)? + number(12)?,
            ended_children: number(13)? + number(14)?,
        })
    }
}

fn ticks(count: u64) -> Duration {
    let per_s = rustix::param::clock_ticks_per_second().max(1);
    Duration::from_secs_f64(count as f64 / per_s as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_blanks_does_not_shift_the_fields() {
        let line = "7 (a b) c) S 3 7 7 0 -1 4194560 9 9 9 9 250 50 30 20 20 0 1 0 9";
        let stat = Stat::parse(line).unwrap();
        assert_eq!((stat.parent, stat.own, stat.ended_children), (3, 300, 50));
        assert!(Stat::parse("7 (cut").is_none());
    }

    #[test]
    fn this_process_has_a_time_and_is_part_of_its_family() {
        let (own, family) = (own().unwrap(), of_family(std::process::id()).unwrap());
        assert!(family >= own, "{family:?} {own:?}");
    }
}
