//! `Content-Disposition`: what an answer is saved as (RFC 6266, RFC 8187).

use actix_web::http::header::{Charset, ContentDisposition, DispositionParam, DispositionType, ExtendedValue};

/// The longest name of a file, in bytes, that every usual file system takes.
const MAX_BYTES: usize = 255;

/// Says that an answer is to be saved under that name, with that ending where there is one. What would lead into a folder, or
/// be no name at all, becomes `_`.
pub fn disposition(name: &str, ending: &str) -> ContentDisposition {
    let ending = if ending.is_empty() { String::new() } else { format!(".{ending}") };
    let is_unsafe = |each: char| matches!(each, '/' | '\\') || each.is_control();
    let mut name: String = name.chars().map(|each| if is_unsafe(each) { '_' } else { each }).collect();
    name.truncate(name.floor_char_boundary(MAX_BYTES - ending.len()));
    name.push_str(&ending);
    if name.trim_matches('.').is_empty() {
        "file".clone_into(&mut name);
    }
    let is_plain = |each: char| each.is_ascii_graphic() && !"\"\\%".contains(each) || each == ' ';
    let plain: String = name.chars().map(|each| if is_plain(each) { each } else { '_' }).collect();
    let mut parameters = vec![DispositionParam::Filename(plain.clone())];
    if plain != name {
        parameters.push(DispositionParam::FilenameExt(ExtendedValue {
            charset: Charset::Ext("UTF-8".to_owned()),
            language_tag: None,
            value: name.into_bytes(),
        }));
    }
    ContentDisposition { disposition: DispositionType::Attachment, parameters }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_nowhere_and_fits_a_file_system() {
        for (name, ending, expected) in [
            ("model.bin", "", r#"attachment; filename="model.bin""#),
            ("demo-v1/2", "zip", r#"attachment; filename="demo-v1_2.zip""#),
            ("..\\..\\x", "zip", r#"attachment; filename=".._.._x.zip""#),
            ("a\r\nb", "", r#"attachment; filename="a__b""#),
            ("..", "", r#"attachment; filename="file""#),
            ("a\"b%", "", r#"attachment; filename="a_b_"; filename*=UTF-8''a%22b%25"#),
            ("ü/é", "tar", r#"attachment; filename="___.tar"; filename*=UTF-8''%C3%BC_%C3%A9.tar"#),
        ] {
            assert_eq!(disposition(name, ending).to_string(), expected, "{name}");
        }
        let ContentDisposition { parameters, .. } = disposition(&"ü".repeat(512), "zip");
        let Some(DispositionParam::FilenameExt(long)) = parameters.last() else { panic!("no extended name") };
        assert_eq!(long.value.len(), 254);
        assert!(long.value.ends_with("ü.zip".as_bytes()));
    }
}
