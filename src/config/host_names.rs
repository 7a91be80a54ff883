//! The names of hosts, as settings list them.

use serde::{Deserialize, Serialize};
use url::Host;

/// Names of hosts without ports, separated by commas; `*.example.org` is every name below that one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostNames(pub Vec<String>);

impl TryFrom<String> for HostNames {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        names.map(host_name).collect::<Result<_, _>>().map(Self)
    }
}

/// The name as browsers send it: in lower case, and in ASCII.
pub(super) fn host_name(text: &str) -> Result<String, String> {
    let (star, name) = text.strip_prefix("*.").map_or(("", text), |name| ("*.", name));
    match Host::parse(name.strip_suffix('.').unwrap_or(name)) {
        Ok(Host::Domain(name)) if !name.contains('*') => Ok(format!("{star}{name}")),
        Ok(Host::Ipv4(_) | Host::Ipv6(_)) => Err(format!("`{text}` is an address, and every address is allowed")),
        _ => {
            Err(format!("`{text}` is not a host's name without a port, as in `models.example.org` or `*.example.org`"))
        }
    }
}

impl From<HostNames> for String {
    fn from(names: HostNames) -> Self {
        names.0.join(",")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_without_ports() {
        let names = HostNames::try_from("Models.example.org., *.lan.example,,müller.example".to_owned()).unwrap();
        assert_eq!(String::from(names), "models.example.org,*.lan.example,xn--mller-kva.example");
        assert_eq!(HostNames::try_from(String::new()).unwrap(), HostNames::default());
        for wrong in ["h:80", "http://h", "*", "*.*.h", "a.*.h", "10.0.0.1", "[::1]", "a b"] {
            let error = HostNames::try_from(format!("h,{wrong}")).unwrap_err();
            assert!(error.starts_with(&format!("`{wrong}` is ")), "{error}");
        }
    }
}
