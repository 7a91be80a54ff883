//! How much memory a message will take when it has been decoded. A message of two-byte fields is many times its size then.

/// What a number of the whole message takes: it is one of a list.
const NUMBER: u64 = 16;

/// What a text or a message takes besides its bytes: a place in a list or map, and room for members that it does not have.
const FIELD: u64 = 64;

/// The same of a field of the whole message: it is a node or an edge.
const TOP_FIELD: u64 = 512;

/// How often the bytes are there at once: in the message, and in what is made of it.
const COPIES: u64 = 2;

/// The maximum nesting of messages that is inspected.
const DEPTH: u32 = 4;

/// About as many bytes as the message and what is made of it will take, and rather too many: bytes that could be a message within
/// are counted as one.
pub(super) fn estimate(message: &[u8]) -> u64 {
    let mut weight = COPIES * message.len() as u64;
    let mut rest = message;
    while let Some((inner, after)) = field(rest) {
        weight += inner.map_or(NUMBER, |inner| TOP_FIELD + within(inner, DEPTH).unwrap_or(0));
        rest = after;
    }
    weight
}

/// What the fields take that there are in the bytes, and in those; `None` where they are no message.
fn within(bytes: &[u8], depth: u32) -> Option<u64> {
    let mut weight = 0;
    let mut rest = bytes;
    while !rest.is_empty() {
        let (inner, after) = field(rest)?;
        weight += match inner {
            Some(inner) if depth > 0 => FIELD + within(inner, depth - 1).unwrap_or(0),
            Some(_) => FIELD,
            // A member of its message, which has room for it; many letters could be one.
            None => 0,
        };
        rest = after;
    }
    Some(weight)
}

/// The first field's bytes, where it has a length, and what stands after it (Protocol Buffers, Encoding).
fn field(bytes: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    let (tag, rest) = varint(bytes)?;
    if tag >> 3 == 0 {
        return None;
    }
    match tag & 7 {
        0 => Some((None, varint(rest)?.1)),
        1 => Some((None, rest.get(8..)?)),
        2 => {
            let (length, rest) = varint(rest)?;
            let (inner, after) = rest.split_at_checked(usize::try_from(length).ok()?)?;
            Some((Some(inner), after))
        }
        5 => Some((None, rest.get(4..)?)),
        _ => None,
    }
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (at, byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f).checked_shl(7 * u32::try_from(at).ok()?)?;
        if byte & 0x80 == 0 {
            return Some((value, bytes.get(at + 1..)?));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;
    use crate::pb;

    #[test]
    fn fields_weigh_more_than_their_bytes() {
        let empty = pb::PutArtifactsRequest { artifacts: vec![pb::Artifact::default(); 1000], ..Default::default() };
        let bytes = empty.encode_to_vec();
        assert_eq!((bytes.len(), estimate(&bytes)), (2000, 4000 + 1000 * TOP_FIELD));

        let text = |text: &str| pb::Value { value: Some(pb::value::Value::StringValue(text.to_owned())) };
        let properties = (0..1000).map(|at| (format!("property-{at:04}"), text("x"))).collect();
        let artifact = pb::Artifact { properties, ..Default::default() };
        let ids = pb::GetArtifactsByIdRequest { artifact_ids: vec![1; 1000], ..Default::default() }.encode_to_vec();
        assert_eq!(estimate(&ids), 2 * ids.len() as u64 + 1000 * NUMBER);
        let bytes = pb::PutArtifactsRequest { artifacts: vec![artifact], ..Default::default() }.encode_to_vec();
        // The entry, its key, its value, and the text in the value.
        let expected = COPIES * bytes.len() as u64 + TOP_FIELD + 4000 * FIELD;
        assert!((expected..expected * 2).contains(&estimate(&bytes)), "{} {expected}", estimate(&bytes));
    }

    #[test]
    fn bytes_weigh_their_copies_and_nonsense_ends_nowhere() {
        let uri = Some("\u{1f980}".repeat(1 << 20));
        let artifact = pb::Artifact { uri, ..Default::default() };
        let bytes = pb::PutArtifactsRequest { artifacts: vec![artifact], ..Default::default() }.encode_to_vec();
        assert!(estimate(&bytes) < 2 * bytes.len() as u64 + 4096);
        let letters = pb::Artifact { uri: Some("x".repeat(1 << 20)), ..Default::default() };
        let bytes = pb::PutArtifactsRequest { artifacts: vec![letters], ..Default::default() }.encode_to_vec();
        assert!(estimate(&bytes) < 2 * bytes.len() as u64 + 4096);
        let endless = [&[10][..], &[0xff; 9], &[1]].concat();
        for nonsense in [&[0xff; 64][..], &[10, 200, 1], &[0], &[8], &[13, 1], &[11], &endless] {
            assert_eq!(estimate(nonsense), 2 * nonsense.len() as u64, "{nonsense:?}");
        }
    }
}
