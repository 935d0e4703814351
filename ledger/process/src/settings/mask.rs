//! Passwords that nobody must see.

/// What stands where a password was.
const HIDDEN: &str = "***";

/// What a database URL may say besides, by name.
const PLAIN: [&str; 6] = [
    "application_name",
    "dbname",
    "host",
    "port",
    "sslmode",
    "user",
];

/// A text to show. Where it is a URL, with its scheme or without, the password in it is hidden, and
/// every parameter that is not known to be none. A password that is not escaped as a URL has it is
/// hidden too: what may be one is not shown.
pub fn masked(text: &str) -> String {
    let after_scheme = match text.find("://") {
        Some(at) => at + "://".len(),
        None if text.starts_with("//") => "//".len(),
        None => 0,
    };
    let (scheme, rest) = text.split_at(after_scheme);
    let (place, parameters) = rest.split_at(parameters_at(rest).unwrap_or(rest.len()));
    let place = place_masked(place, !scheme.is_empty());
    let parameters = match parameters.strip_prefix('?') {
        Some(parameters) => parameters_masked(parameters),
        None => String::new(),
    };
    format!("{scheme}{place}{parameters}")
}

/// Where the query begins: at a question mark with parameters behind it, whose `=` comes before any
/// `@`. Another one with an `@` behind it may be a part of a password.
fn parameters_at(rest: &str) -> Option<usize> {
    let mut marks = rest.match_indices('?').map(|(at, _)| at);
    marks.find(|at| match rest[*at..].find(['@', '=']) {
        Some(found) => rest[*at..][found..].starts_with('='),
        None => true,
    })
}

/// User, host and path. A user ends before the last `@`, wherever it is: the password may not be
/// escaped.
fn place_masked(place: &str, has_scheme: bool) -> String {
    let end = place.find(['/', '?', '#']).unwrap_or(place.len());
    let (authority, path) = place.split_at(end);
    // An IPv6 address has colons of its own.
    let is_host = authority.starts_with('[') && !authority.contains('@');
    let may_have_password = !is_host && (has_scheme || authority.contains(':'));
    if !may_have_password {
        return place.to_owned();
    }
    if let Some((user, host)) = place.rsplit_once('@') {
        return match user.split_once(':') {
            Some((name, _)) => format!("{name}:{HIDDEN}@{host}"),
            None => place.to_owned(),
        };
    }
    match authority.split_once(':') {
        // No port: the beginning of a password.
        Some((host, port)) if has_scheme && !port.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("{host}:{HIDDEN}{path}")
        }
        _ => place.to_owned(),
    }
}

fn parameters_masked(parameters: &str) -> String {
    let each = parameters.split('&').map(|one| match one.split_once('=') {
        Some((name, _)) if PLAIN.contains(&name) => one.to_owned(),
        Some((name, _)) => format!("{name}={HIDDEN}"),
        None if one.is_empty() => String::new(),
        // The end of a value with a `&` in it.
        None => HIDDEN.to_owned(),
    });
    format!("?{}", each.collect::<Vec<_>>().join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_in_urls_are_hidden_however_they_are_written() {
        for (url, shown) in [
            ("postgres://a:s3cret@h/b", "postgres://a:***@h/b"),
            ("postgres://a:s3cret@h:5432/b", "postgres://a:***@h:5432/b"),
            ("postgres://:s3cret@h/b", "postgres://:***@h/b"),
            ("postgres://a:@h/b", "postgres://a:***@h/b"),
            ("postgres://a:s3cret@/b", "postgres://a:***@/b"),
            ("postgres://a%40x:s3%2Fcret@h", "postgres://a%40x:***@h"),
            // As nobody should write them.
            ("postgres://a:s3@cret@h/b", "postgres://a:***@h/b"),
            ("postgres://a:s3:cret@h:1/b", "postgres://a:***@h:1/b"),
            ("postgres://a:s3@cr/et?x@h/b", "postgres://a:***@h/b"),
            ("postgres://a:s3/cret@h/b", "postgres://a:***@h/b"),
            ("postgres://a:s3?cret@h/b", "postgres://a:***@h/b"),
            ("postgres://a:s3#cret@h/b", "postgres://a:***@h/b"),
            ("postgres://a:12/s3cret@h/b", "postgres://a:***@h/b"),
            ("postgres://a:s3cret", "postgres://a:***"),
            ("postgres://a:s3?x=cret@h/b", "postgres://a:***?x=***"),
            // In parameters.
            (
                "postgres://h/b?user=a&password=s3cret&sslmode=require",
                "postgres://h/b?user=a&password=***&sslmode=require",
            ),
            (
                "postgres://h/b?user=a&password=s3@cret",
                "postgres://h/b?user=a&password=***",
            ),
            (
                "postgres://h:5432/b?password=s3@cret&user=a",
                "postgres://h:5432/b?password=***&user=a",
            ),
            (
                "postgres://a:s3cret@h/b?password=s3@cret#s3",
                "postgres://a:***@h/b?password=***",
            ),
            ("postgres://h?password=s3@cret", "postgres://h?password=***"),
            (
                "postgres://h/b?p%61ssword=s3cret",
                "postgres://h/b?p%61ssword=***",
            ),
            (
                "postgres://h/b?x&password=s3&cret",
                "postgres://h/b?***&password=***&***",
            ),
            (
                "postgres://h/b?password=s3?cret/@x",
                "postgres://h/b?password=***",
            ),
            // IPv6.
            (
                "postgres://a:s3cret@[::1]:5432/b",
                "postgres://a:***@[::1]:5432/b",
            ),
            ("postgres://a@[::1]:5432/b", "postgres://a@[::1]:5432/b"),
            (
                "postgres://[::1]:5432/b?password=s3cret",
                "postgres://[::1]:5432/b?password=***",
            ),
            // Without a scheme, or half of one.
            ("a:s3cret@h/b", "a:***@h/b"),
            ("//a:s3cret@h/b", "//a:***@h/b"),
            ("postgres:a:s3cret@h/b", "postgres:***@h/b"),
            ("postgres:/a:s3cret@h/b", "postgres:***@h/b"),
            ("postgres:///a:s3cret@h/b", "postgres:///a:***@h/b"),
            ("h/b?password=s3@cret", "h/b?password=***"),
        ] {
            assert_eq!(masked(url), shown, "{url}");
            assert!(!shown.contains("s3") && !shown.contains("cret"), "{shown}");
        }
    }

    #[test]
    fn what_holds_no_password_is_shown_as_it_is() {
        for text in [
            "postgres://a@h:5432/b",
            "postgres://h:5432/b?sslmode=require&application_name=x",
            "postgres://h/b#part",
            "http://127.0.0.1:7400",
            "http://[::1]:4318/otlp",
            "http://h/a@b",
            "127.0.0.1:7400",
            "[::1]:7400",
            "info,gateway::cli=debug",
            "/srv/a:b@c/data",
            "./var/ledger",
            "gw1",
            "0.01",
            "",
        ] {
            assert_eq!(masked(text), text);
        }
    }
}
