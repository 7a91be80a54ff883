//! Names that people and tools give: of nodes, outside ids, and aliases.

use std::fmt;
use std::str::FromStr;

use super::{Error, Result};

/// The longest name or external id, in characters: what fits the index of every database in any script.
const MAX_CHARS: usize = 512;

/// The longest alias, in characters.
const MAX_ALIAS_CHARS: usize = 255;

fn check(field: &str, text: &str) -> Result<()> {
    super::value::check_text(field, text)?;
    if text.is_empty() {
        return Err(Error::invalid(field, format!("`{field}` is empty")));
    }
    let chars = text.chars().count();
    if chars > MAX_CHARS {
        return Err(Error::invalid(field, format!("`{field}` has {chars} characters, more than {MAX_CHARS}")));
    }
    Ok(())
}

/// The name of a node: 1 to 512 characters without NUL.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(String);

/// The id that a node has in another system: 1 to 512 characters without NUL.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExternalId(String);

/// A movable name of a version: 1 to 255 letters and digits of any script, `.`, `_` and `-`, and not `latest`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Alias(String);

impl FromStr for Name {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        check("name", text)?;
        Ok(Self(text.to_owned()))
    }
}

impl Name {
    /// The name as it is stored where names may repeat: after a prefix, which does not count towards its length.
    #[must_use]
    pub fn with_prefix(&self, prefix: impl fmt::Display) -> Self {
        Self(format!("{prefix}:{}", self.0))
    }
}

impl Name {
    /// Whether a version of that name could not be meant by it alone, because the word means another one.
    pub fn is_reserved_for_versions(&self) -> bool {
        self.0 == LATEST || self.0.starts_with(ALIASED)
    }
}

impl FromStr for ExternalId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        check("externalId", text)?;
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for Alias {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let is_plain = |char: char| char.is_alphanumeric() || matches!(char, '.' | '_' | '-');
        if !text.chars().all(is_plain) || text.is_empty() || text.chars().count() > MAX_ALIAS_CHARS {
            return Err(Error::invalid(
                "alias",
                format!("alias `{}` is not 1 to 255 letters, digits, `.`, `_` or `-`", text.escape_debug()),
            ));
        }
        if text.eq_ignore_ascii_case("latest") {
            return Err(Error::invalid("alias", "alias `latest` is reserved for the newest version"));
        }
        Ok(Self(text.to_owned()))
    }
}

macro_rules! text {
    ($($name:ident),*) => {$(
        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }
    )*};
}
text!(Name, ExternalId, Alias);

/// The word for the newest version.
const LATEST: &str = "latest";
/// What stands before an alias.
const ALIASED: char = '@';
/// What stands before a name that is meant as it is, whatever it looks like. No alias has a colon.
const NAMED: &str = "@name:";

/// Which version of a model: by its name, by an alias (`@champion`), or the newest one (`latest`). After `@name:` stands a
/// name as it is: `@name:latest` is the version that has this name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VersionRef {
    /// The version with that name.
    Named(Name),
    /// The version that the alias points at.
    Aliased(Alias),
    /// The version that was created last.
    Latest,
}

impl FromStr for VersionRef {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if let Some(name) = text.strip_prefix(NAMED) {
            return Ok(Self::Named(name.parse()?));
        }
        match text.strip_prefix(ALIASED) {
            Some(alias) => Ok(Self::Aliased(alias.parse()?)),
            None if text == LATEST => Ok(Self::Latest),
            None => Ok(Self::Named(text.parse()?)),
        }
    }
}

impl fmt::Display for VersionRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) if name.is_reserved_for_versions() => write!(f, "{NAMED}{name}"),
            Self::Named(name) => write!(f, "{name}"),
            Self::Aliased(alias) => write!(f, "{ALIASED}{alias}"),
            Self::Latest => f.write_str(LATEST),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_take_any_script_but_no_nul() {
        for good in ["a", "模型:latest", "50% _off_", &"ü".repeat(512)] {
            assert_eq!(good.parse::<Name>().unwrap().as_str(), good);
        }
        for bad in ["", "a\0b", &"x".repeat(513)] {
            assert_eq!(bad.parse::<Name>().unwrap_err().field(), Some("name"));
        }
    }

    #[test]
    fn aliases_are_words_of_any_script() {
        for good in ["a", "v1.2-rc_3", "größte", "冠軍", "٣", "latest-one", &"ü".repeat(255)] {
            assert_eq!(good.parse::<Alias>().unwrap().as_str(), good);
        }
        for bad in ["", "a b", "a/b", "a:b", "@a", "a\0b", "🏆", "latest", "LaTest", &"ü".repeat(256)] {
            assert_eq!(bad.parse::<Alias>().unwrap_err().field(), Some("alias"), "{bad}");
        }
    }

    #[test]
    fn a_version_is_named_aliased_or_the_latest() {
        assert_eq!("latest".parse::<VersionRef>().unwrap(), VersionRef::Latest);
        assert_eq!("@best".parse::<VersionRef>().unwrap(), VersionRef::Aliased("best".parse().unwrap()));
        assert_eq!("1.0".parse::<VersionRef>().unwrap(), VersionRef::Named("1.0".parse().unwrap()));
        for name in ["latest", "@best", "@name:latest", "1", "@", "a:b"] {
            let named = VersionRef::Named(name.parse().unwrap());
            assert_eq!(format!("@name:{name}").parse::<VersionRef>().unwrap(), named);
            assert_eq!(named.to_string().parse::<VersionRef>().unwrap(), named);
        }
        for bad in ["", "@", "@latest", "@a b", "@a/b", "@name:", "@id:1", "@Name:a"] {
            assert!(bad.parse::<VersionRef>().is_err(), "{bad}");
        }
    }
}
