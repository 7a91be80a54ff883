//! Lists, which variables of the environment write with commas.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};

/// A list of texts, or a text with commas between them; spaces around each do not count.
pub fn deserialize<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<String>,
    T::Error: fmt::Display,
{
    deserializer.deserialize_any(ListVisitor(PhantomData))
}

struct ListVisitor<T>(PhantomData<T>);

impl<'de, T> Visitor<'de> for ListVisitor<T>
where
    T: TryFrom<String>,
    T::Error: fmt::Display,
{
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list, or a text with commas")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.map(|part| T::try_from(part.to_owned()).map_err(E::custom)).collect()
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut found = Vec::new();
        while let Some(part) = list.next_element::<String>()? {
            found.push(T::try_from(part).map_err(A::Error::custom)?);
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    #[derive(Deserialize)]
    struct Table {
        #[serde(deserialize_with = "super::deserialize")]
        list: Vec<String>,
    }

    #[test]
    fn a_list_is_a_list_or_has_commas() {
        for (text, expected) in [
            (r#"list = ["CN=a,OU=b", "c"]"#, &["CN=a,OU=b", "c"][..]),
            (r#"list = " a, b ,,c""#, &["a", "b", "c"]),
            (r#"list = """#, &[]),
            ("list = []", &[]),
        ] {
            assert_eq!(toml::from_str::<Table>(text).unwrap().list, expected, "{text}");
        }
        assert!(toml::from_str::<Table>("list = 5").is_err() && toml::from_str::<Table>("list = [5]").is_err());
    }
}
