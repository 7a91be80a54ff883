//! The media types that files are shown with (`mlflow/utils/mime_type_utils.py`).

use crate::domain::File;
use crate::http::download::stored_media_type;

/// The endings, and whole names, of what people read as text.
const TEXT: [&str; 26] = [
    "MLmodel",
    "MLproject",
    "cf",
    "cfg",
    "cnf",
    "conf",
    "csv",
    "err",
    "hocon",
    "ini",
    "ipynb",
    "js",
    "json",
    "log",
    "md",
    "prop",
    "properties",
    "py",
    "py3",
    "rst",
    "toml",
    "tsv",
    "txt",
    "xml",
    "yaml",
    "yml",
];

/// The media type of a file: plain text by its ending, or else what it was stored with.
pub(super) fn shown(file: &File) -> &str {
    if is_text(file.path.file_name()) { "text/plain" } else { stored_media_type(file) }
}

fn is_text(name: &str) -> bool {
    // What begins with a dot has no ending.
    let ending = name.trim_start_matches('.').rsplit_once('.').map_or(name, |(_, ending)| ending);
    TEXT.contains(&ending)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_or_the_whole_name_says_what_is_text() {
        for name in ["MLmodel", "MLproject", "a.yaml", "a.b.json", "x.py", "log", "..md.txt"] {
            assert!(is_text(name), "{name}");
        }
        for name in ["model.pkl", "a.png", "MLmodel.bin", "yaml.zip", "", ".", ".txt", "a.TXT"] {
            assert!(!is_text(name), "{name}");
        }
    }
}
