//! Locations without their secrets, for everything that is printed.

/// A location without the password before its host and without secrets among its parameters.
pub(super) fn redact(location: &str) -> String {
    let Some((scheme, rest)) = location.split_once("://") else { return mask(location) };
    if matches!(scheme, "sqlite" | "file") {
        return location.to_owned();
    }
    let (address, query) = rest.split_once('?').map_or((rest, None), |(address, query)| (address, Some(query)));
    let mut shown = format!("{scheme}://");
    match address.rsplit_once('@') {
        // A password may hold a slash by mistake, so an `@` anywhere before the query ends the credentials.
        Some((credentials, host)) => {
            let user = credentials.split_once(':').map_or(credentials, |(user, _)| user);
            if scheme == "s3" || user.contains('/') {
                shown.push_str("***");
            } else {
                shown.push_str(user);
                shown.push_str(if credentials.contains(':') { ":***" } else { "" });
            }
            shown.push('@');
            shown.push_str(host);
        }
        None => shown.push_str(address),
    }
    for (index, pair) in query.into_iter().flat_map(|query| query.split('&')).enumerate() {
        shown.push(if index == 0 { '?' } else { '&' });
        shown.push_str(&redact_parameter(pair));
    }
    shown
}

fn redact_parameter(pair: &str) -> String {
    let Some((name, value)) = pair.split_once('=') else { return pair.to_owned() };
    let lower = name.to_ascii_lowercase();
    let named_secret = ["password", "secret", "token", "key"].iter().any(|word| lower.contains(word));
    if named_secret || value.contains('@') || value.to_ascii_lowercase().contains("%40") {
        return format!("{name}=***");
    }
    pair.to_owned()
}

/// A location that could not be understood, with nothing but its scheme.
pub(super) fn mask(location: &str) -> String {
    location.split_once("://").map_or_else(|| "***".to_owned(), |(scheme, _)| format!("{scheme}://***"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_redacted_and_the_rest_is_kept() {
        for (location, shown) in [
            ("sqlite:///var/lib/a@b.db", "sqlite:///var/lib/a@b.db"),
            ("postgres://h/db", "postgres://h/db"),
            ("postgres://user@h/db", "postgres://user@h/db"),
            ("postgres://user:pw@h:5432/db?sslmode=require", "postgres://user:***@h:5432/db?sslmode=require"),
            ("postgres://user:p@w/x@h1,h2/db", "postgres://user:***@h1,h2/db"),
            ("postgresql:///db?host=/run/pg&password=pw", "postgresql:///db?host=/run/pg&password=***"),
            ("s3://id:secret@bucket/p", "s3://***@bucket/p"),
            ("s3://b/p?endpoint=http://id:pw@h:9000&region=x", "s3://b/p?endpoint=***&region=x"),
            ("s3://b/p?endpoint=http://h:9000&region=x", "s3://b/p?endpoint=http://h:9000&region=x"),
        ] {
            assert_eq!(redact(location), shown);
        }
    }
}
