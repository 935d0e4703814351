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

/// A text to show. Where it is a URL, the password in it is hidden, and every parameter that is not
/// known to be none. A password that is not escaped as a URL has it is hidden too.
pub fn masked(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    // The last `@`: a password may contain one.
    let (user, place) = match rest.rsplit_once('@') {
        Some((user, place)) => (Some(user), place),
        None => (None, rest),
    };
    let user = user.map(|user| match user.split_once(':') {
        Some((name, _)) => format!("{name}:{HIDDEN}@"),
        None => format!("{user}@"),
    });
    let (place, parameters) = match place.split_once('?') {
        Some((place, parameters)) => (place, Some(parameters)),
        None => (place, None),
    };
    let parameters = parameters.map(|parameters| {
        let each = parameters.split('&').map(|one| match one.split_once('=') {
            Some((name, _)) if !PLAIN.contains(&name) => format!("{name}={HIDDEN}"),
            _ => one.to_owned(),
        });
        format!("?{}", each.collect::<Vec<_>>().join("&"))
    });
    let (user, parameters) = (user.unwrap_or_default(), parameters.unwrap_or_default());
    format!("{scheme}://{user}{place}{parameters}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_in_urls_are_hidden_however_they_are_written() {
        for (url, shown) in [
            ("postgres://a:secret@h/b", "postgres://a:***@h/b"),
            ("postgres://a:se@cr/et?x@h/b", "postgres://a:***@h/b"),
            ("postgres://a@h:5432/b", "postgres://a@h:5432/b"),
            (
                "postgres://h/b?user=a&password=secret&sslmode=require",
                "postgres://h/b?user=a&password=***&sslmode=require",
            ),
            (
                "postgres://h/b?p%61ssword=secret",
                "postgres://h/b?p%61ssword=***",
            ),
            ("http://127.0.0.1:7400", "http://127.0.0.1:7400"),
            ("127.0.0.1:7400", "127.0.0.1:7400"),
        ] {
            assert_eq!(masked(url), shown);
        }
    }
}
