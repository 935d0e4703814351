//! Merchants by their category, and countries.

use super::error::PolicyError;
use super::file::{self, GroupRule};

/// What a policy says of a category.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Say {
    /// Nothing of its own.
    Allow,
    /// No.
    Decline,
    /// At most this much, in minor units.
    Limit(i64),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Group {
    name: String,
    say: Say,
}

/// Merchant category codes. Every code has one answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Categories {
    groups: Vec<Group>,
    /// First and last code, and the group, ascending and apart.
    ranges: Vec<(u16, u16, usize)>,
    unlisted: Say,
    untold: Say,
}

fn permit(permit: file::Permit) -> Say {
    if permit.allows() {
        Say::Allow
    } else {
        Say::Decline
    }
}

impl Categories {
    pub(super) fn parse(mcc: &file::Mcc) -> Result<Self, PolicyError> {
        let mut groups = Vec::new();
        let mut ranges: Vec<(u16, u16, usize)> = Vec::new();
        for group in &mcc.group {
            let name = named(&group.name, &groups)?;
            let say = match (group.rule, group.max_minor) {
                (GroupRule::Allow, None) => Say::Allow,
                (GroupRule::Decline, None) => Say::Decline,
                (GroupRule::Limit, Some(most)) => Say::Limit(most.minor()),
                _ => {
                    return Err(PolicyError::meaningless(
                        format!("an mcc group `{name}` whose rule and max_minor do not match"),
                        "give max_minor with rule = \"limit\", and with no other",
                    ));
                }
            };
            for codes in &group.codes {
                let (first, last) = codes_of(codes).ok_or_else(|| {
                    PolicyError::meaningless(
                        format!("codes in the mcc group `{name}` that are none"),
                        "write four digits, or a range as \"7800-7802\"",
                    )
                })?;
                ranges.push((first, last, groups.len()));
            }
            groups.push(Group { name, say });
        }
        ranges.sort_unstable();
        for (one, next) in ranges.iter().zip(ranges.iter().skip(1)) {
            if next.0 <= one.1 {
                return Err(PolicyError::meaningless(
                    format!("the merchant category {:04} twice", next.0),
                    "leave it in one group",
                ));
            }
        }
        Ok(Self {
            groups,
            ranges,
            unlisted: permit(mcc.unlisted),
            untold: permit(mcc.untold),
        })
    }

    /// What is said of a code; zero is one that was not told.
    pub(super) fn say(&self, mcc: u16) -> Say {
        if mcc == 0 {
            return self.untold;
        }
        let place = self.ranges.partition_point(|(first, _, _)| *first <= mcc);
        let range = place
            .checked_sub(1)
            .and_then(|place| self.ranges.get(place));
        let listed = range.filter(|(_, last, _)| mcc <= *last);
        let group = listed.and_then(|(_, _, group)| self.groups.get(*group));
        group.map_or(self.unlisted, |group| group.say)
    }

    /// Each group by its name, in words; those that have none last.
    pub(super) fn texts(&self, money: impl Fn(i64) -> String) -> Vec<(String, String)> {
        let text = |say: Say| match say {
            Say::Allow => "allow".to_owned(),
            Say::Decline => "decline".to_owned(),
            Say::Limit(most) => format!("limit {}", money(most)),
        };
        let mut texts = Vec::new();
        for (place, group) in self.groups.iter().enumerate() {
            let codes = self.ranges.iter().filter(|range| range.2 == place);
            let codes = codes.map(|(first, last, _)| match first == last {
                true => format!("{first:04}"),
                false => format!("{first:04}-{last:04}"),
            });
            let codes: Vec<_> = codes.collect();
            let key = format!("mcc.group {}", group.name);
            texts.push((key, format!("{}: {}", text(group.say), codes.join(" "))));
        }
        texts.sort();
        texts.push(("mcc.unlisted".into(), text(self.unlisted)));
        texts.push(("mcc.untold".into(), text(self.untold)));
        texts
    }
}

fn named(name: &str, before: &[Group]) -> Result<String, PolicyError> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !(1..=32).contains(&name.len()) || !name.bytes().all(plain) {
        return Err(PolicyError::meaningless(
            "an mcc group without a proper name",
            "name it with up to 32 lower-case letters, digits and hyphens",
        ));
    }
    if before.iter().any(|group| group.name == name) {
        return Err(PolicyError::meaningless(
            format!("two mcc groups `{name}`"),
            "write all codes into one",
        ));
    }
    Ok(name.to_owned())
}

fn codes_of(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (digits(first, 4)?, digits(last, 4)?);
    (first > 0 && first <= last).then_some((first, last))
}

fn digits(text: &str, count: usize) -> Option<u16> {
    let fits = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| fits)
}

/// Where limits are lower.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Countries {
    /// Ascending.
    home: Vec<u16>,
    elsewhere: i64,
    untold: i64,
}

impl Countries {
    pub(super) fn parse(country: &file::Country) -> Result<Self, PolicyError> {
        let mut home = Vec::new();
        for code in &country.home {
            let code = digits(code, 3).filter(|code| *code > 0).ok_or_else(|| {
                PolicyError::meaningless(
                    "a country in country.home that is none",
                    "write its three digits of ISO 3166, such as \"250\"",
                )
            })?;
            home.push(code);
        }
        home.sort_unstable();
        if let Some(twice) = home.windows(2).find(|pair| pair.first() == pair.last()) {
            let code = twice.first().copied().unwrap_or_default();
            return Err(PolicyError::meaningless(
                format!("the country {code:03} twice"),
                "name it once in country.home",
            ));
        }
        Ok(Self {
            home,
            elsewhere: country.elsewhere_max_minor.minor(),
            untold: country.untold_max_minor.minor(),
        })
    }

    /// The most that one authorization may be there; zero is a country that was not told.
    pub(super) fn limit(&self, country: u16) -> Option<i64> {
        match country {
            _ if self.home.is_empty() => None,
            0 => Some(self.untold),
            _ if self.home.binary_search(&country).is_ok() => None,
            _ => Some(self.elsewhere),
        }
    }

    pub(super) fn texts(&self, money: impl Fn(i64) -> String) -> [(String, String); 3] {
        let home: Vec<_> = self.home.iter().map(|code| format!("{code:03}")).collect();
        let home = if home.is_empty() {
            "every country".to_owned()
        } else {
            home.join(" ")
        };
        [
            ("country.home".into(), home),
            ("country.elsewhere_max_minor".into(), money(self.elsewhere)),
            ("country.untold_max_minor".into(), money(self.untold)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn categories(text: &str) -> Result<Categories, String> {
        let head = "unlisted = \"allow\"\nuntold = \"decline\"\n";
        let mcc = toml::from_str(&format!("{head}{text}")).map_err(|error| error.to_string())?;
        Categories::parse(&mcc).map_err(|error| error.to_string())
    }

    fn group(name: &str, codes: &str, rule: &str) -> String {
        format!("[[group]]\nname = \"{name}\"\ncodes = [{codes}]\nrule = {rule}\n")
    }

    #[test]
    fn every_code_has_the_answer_of_its_group_or_that_of_those_without() {
        let text = group("games", "\"7995\", \"7800-7802\"", "\"decline\"")
            + &group("fuel", "\"5542\"", "\"limit\"\nmax_minor = 150");
        let categories = categories(&text).unwrap();
        for (mcc, say) in [
            (0, Say::Decline),
            (1, Say::Allow),
            (5_541, Say::Allow),
            (5_542, Say::Limit(150)),
            (5_543, Say::Allow),
            (7_799, Say::Allow),
            (7_800, Say::Decline),
            (7_802, Say::Decline),
            (7_803, Say::Allow),
            (7_995, Say::Decline),
            (9_999, Say::Allow),
        ] {
            assert_eq!(categories.say(mcc), say, "{mcc}");
        }
    }

    #[test]
    fn groups_that_overlap_or_say_two_things_are_refused() {
        let twice =
            group("a", "\"1000-2000\"", "\"allow\"") + &group("b", "\"2000\"", "\"decline\"");
        let same = group("a", "\"1000\"", "\"allow\"") + &group("a", "\"2000\"", "\"allow\"");
        for (text, says) in [
            (twice, "category 2000 twice"),
            (same, "two mcc groups `a`"),
            (group("a", "\"1000\"", "\"limit\""), "do not match"),
            (
                group("a", "\"1000\"", "\"allow\"\nmax_minor = 1"),
                "do not match",
            ),
            (group("a", "\"100\"", "\"allow\""), "that are none"),
            (group("a", "\"2000-1000\"", "\"allow\""), "that are none"),
            (group("a", "\"0000\"", "\"allow\""), "that are none"),
            (group("A b", "\"1000\"", "\"allow\""), "proper name"),
            (group("a", "\"1000\"", "\"maybe\""), "unknown variant"),
        ] {
            let refused = categories(&text).unwrap_err();
            assert!(refused.contains(says), "{refused}");
        }
    }

    fn countries(home: &[&str]) -> Result<Countries, PolicyError> {
        Countries::parse(&file::Country {
            home: home.iter().map(|code| (*code).to_owned()).collect(),
            elsewhere_max_minor: ledger_api::Amount::new(200).unwrap(),
            untold_max_minor: ledger_api::Amount::new(500).unwrap(),
        })
    }

    #[test]
    fn only_countries_that_are_not_home_have_a_limit_of_their_own() {
        let some = countries(&["276", "040"]).unwrap();
        assert_eq!(
            [40, 276, 840, 0].map(|code| some.limit(code)),
            [None, None, Some(200), Some(500)]
        );
        let all = countries(&[]).unwrap();
        assert_eq!([40, 840, 0].map(|code| all.limit(code)), [None; 3]);
        for (home, says) in [
            (&["40"][..], "three digits"),
            (&["000"], "three digits"),
            (&["040", "040"], "country 040 twice"),
        ] {
            let refused = countries(home).unwrap_err().to_string();
            assert!(refused.contains(says), "{refused}");
        }
    }
}
