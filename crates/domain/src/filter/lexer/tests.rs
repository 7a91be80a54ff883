//! What holds of the tokens of either dialect.

use proptest::prelude::*;

use super::super::{kubeflow, mlmd};
use super::*;

/// Text of what filters are made of, and of what they are not.
fn text() -> impl Strategy<Value = String> {
    let parts = prop_oneof![
        "[a-zA-Z_][a-zA-Z0-9_-]{0,6}",
        "[-+]?[0-9.eE]{1,8}",
        "0x[0-9a-fA-F]{1,4}",
        "'[^']{0,6}'?",
        "(r|b)?\"(\\\\.|[^\"]){0,6}\"?",
        "`[^`]{0,6}`?",
        "''' \" ?'''",
        "--[^\n]{0,6}\n?",
        "#[^\n]{0,6}\n?",
        "/\\*.{0,6}(\\*/)?",
        "[-<>=!|&(),.+*/?@;$\\\\]{1,3}",
        "[ \t\n\u{a0}\u{2003}]{1,3}",
        ".{0,4}",
    ];
    prop::collection::vec(parts, 0..12).prop_map(|parts| parts.concat())
}

/// The pieces of the text, of which each takes some of it, up to its end or to what cannot be a token.
fn check_cover<I: Clone + PartialEq + std::fmt::Debug>(dialect: &Dialect<I>, text: &str) -> Result<(), TestCaseError> {
    let (mut found, mut at) = (Vec::new(), 0);
    let failed = loop {
        prop_assert!(text.is_char_boundary(at), "{at}");
        match piece(dialect, &text[at..], &found) {
            None => break false,
            Some(Err(what)) => {
                prop_assert!(!what.is_empty());
                break true;
            }
            Some(Ok((token, length))) => {
                prop_assert!(length > 0, "{token:?}");
                let covered = text.get(at..at + length);
                prop_assert!(covered.is_some(), "{token:?}");
                if let (Some(Token::Word(word)), Some(covered)) = (&token, covered) {
                    prop_assert_eq!(word, covered);
                }
                if let (Some(Token::Sign(sign)), Some(covered)) = (&token, covered) {
                    prop_assert_eq!(*sign, covered);
                }
                found.extend(token.map(|token| Spanned { token, at }));
                at += length;
            }
        }
    };
    prop_assert_eq!(failed, at < text.len());
    match tokens(dialect, text) {
        Ok(all) => prop_assert!(!failed && all == found),
        Err(error) => {
            let column = text[..at].chars().count() + 1;
            prop_assert!(failed && error.message().contains(&format!("at character {column}: ")), "{error}");
        }
    }
    Ok(())
}

/// A token of both dialects with how it is written.
fn written() -> impl Strategy<Value = (Token<i64>, String)> {
    let word = "[a-zA-Z_][a-zA-Z0-9_]{0,8}".prop_map(|word| (Token::Word(word.clone()), word));
    let quoted = "[a-z .'-]{1,8}".prop_map(|name| (Token::Quoted(name.clone()), format!("`{name}`")));
    let text = "[a-z `é-]{0,8}".prop_map(|text| (Token::Text(text.clone()), format!("'{text}'")));
    let int = (0..i64::MAX).prop_map(|value| (Token::Int(value), value.to_string()));
    let double = (0.0..1e300).prop_map(|value: f64| (Token::Double(value), format!("{value:e}")));
    let sign = prop::sample::select(vec!["<=", ">=", "!=", "<>", "=", "<", ">", "(", ")", ","])
        .prop_map(|sign| (Token::Sign(sign), sign.to_owned()));
    prop_oneof![word, quoted, text, int, double, sign]
}

fn widened(token: Token<u64>) -> Token<i64> {
    match token {
        Token::Int(value) => Token::Int(i64::try_from(value).unwrap()),
        Token::Word(word) => Token::Word(word),
        Token::Quoted(name) => Token::Quoted(name),
        Token::Text(text) => Token::Text(text),
        Token::Double(value) => Token::Double(value),
        Token::Sign(sign) => Token::Sign(sign),
    }
}

proptest! {
    #[test]
    fn tokens_cover_any_text_or_an_error_points_at_the_place(text in text()) {
        check_cover(&kubeflow::DIALECT, &text)?;
        check_cover(&mlmd::DIALECT, &text)?;
    }

    #[test]
    fn what_is_written_is_read(tokens in prop::collection::vec(written(), 0..10)) {
        let (expected, texts): (Vec<_>, Vec<_>) = tokens.into_iter().unzip();
        let text = texts.join(" ");
        let read: Vec<_> = super::tokens(&kubeflow::DIALECT, &text).unwrap().into_iter().map(|placed| placed.token).collect();
        prop_assert_eq!(&read, &expected, "{}", text);
        let read = super::tokens(&mlmd::DIALECT, &text).unwrap().into_iter();
        let read: Vec<_> = read.map(|placed| widened(placed.token)).collect();
        prop_assert_eq!(read, expected, "{}", text);
    }
}
