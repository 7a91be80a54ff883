//! The parameters of logged models. Each has the value that it got first.

use std::collections::HashMap;

use crate::domain::tracking::LoggedModelId;
use crate::domain::{Error, Result};

/// The longest name and value of a parameter, in characters.
const MAX_NAME: usize = 255;
const MAX_VALUE: usize = 6000;

/// Those of these parameters that are not there, ordered by name.
///
/// Errors: InvalidArgument where one has another value.
pub(super) fn new_params<'a>(
    id: &LoggedModelId,
    there: &[(String, String)],
    params: &'a [(String, String)],
) -> Result<Vec<(&'a str, &'a str)>> {
    let mut known: HashMap<&str, &str> = there.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut new = Vec::new();
    for (name, value) in params {
        match known.insert(name, value) {
            None => new.push((name.as_str(), value.as_str())),
            Some(stored) if stored == value => {}
            Some(stored) => {
                let message =
                    format!("parameter `{name}` of logged model `{id}` is `{stored}`, which cannot become `{value}`");
                return Err(Error::invalid("params", message));
            }
        }
    }
    new.sort_unstable();
    Ok(new)
}

/// Refuses names and values that are too long.
pub(super) fn check_params(params: &[(String, String)]) -> Result<()> {
    for (name, value) in params {
        for (what, text, most) in [("name", name, MAX_NAME), ("value", value, MAX_VALUE)] {
            let chars = text.chars().count();
            if chars > most {
                let message = format!("the {what} of a parameter has {chars} characters, more than {most}");
                return Err(Error::invalid("params", message));
            }
        }
    }
    Ok(())
}
