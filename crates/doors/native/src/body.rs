//! Bodies as operations read them.

use std::str::FromStr;

use actix_web::web::Json;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::domain::{Error, Result};
use crate::http::integer::parse_integer;

/// A body, read by way of an object, because serde would take a list of values for one. Integers may be written with a fraction of zero.
pub fn read<T: DeserializeOwned>(body: Json<Map<String, Value>>) -> Result<T> {
    let mut members = body.into_inner();
    for value in members.values_mut() {
        if let Some(integer) = value.as_number().filter(|number| number.is_f64()).and_then(parse_integer) {
            *value = integer.into();
        }
    }
    serde_json::from_value(members.into()).map_err(|error| Error::invalid_body(format!("body: {error}")))
}

/// A member that may be there and null, which clears what it is about.
pub fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de>>(member: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(member).map(Some)
}

/// What the texts of a member mean, each once and in their order. Errors: InvalidArgument where there is none or more than `most`, and for
/// the text that cannot be read.
pub fn each_once<T: FromStr<Err = Error> + PartialEq>(
    field: &'static str,
    noun: &str,
    most: usize,
    given: &[String],
) -> Result<Vec<T>> {
    if !(1..=most).contains(&given.len()) {
        return Err(Error::invalid(field, format!("`{field}` has {} {noun}, not 1 to {most}", given.len())));
    }
    let mut all = Vec::new();
    for (at, text) in given.iter().enumerate() {
        let one = text.parse().map_err(|error: Error| error.on_field(&format!("{field}[{at}]")))?;
        if !all.contains(&one) {
            all.push(one);
        }
    }
    Ok(all)
}
