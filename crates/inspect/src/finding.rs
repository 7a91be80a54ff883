//! The rules of an inspection: one closed list, each with its severity.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How much weight a finding has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// May be harmless, but is not known to be.
    Warn,
    /// Cannot be read as what it claims to be, so that nobody knows what is in it.
    Suspicious,
    /// Runs code of its maker's choice when it is loaded, or reaches outside its version.
    Danger,
}

impl Severity {
    /// Every weight, from the lightest to the heaviest.
    pub const ALL: [Self; 4] = [Self::Info, Self::Warn, Self::Suspicious, Self::Danger];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Suspicious => "suspicious",
            Self::Danger => "danger",
        }
    }
}

/// What a file with that heaviest finding is called.
pub fn verdict_name(heaviest: Option<Severity>) -> &'static str {
    heaviest.map_or("clean", Severity::name)
}

macro_rules! rules {
    ($($name:ident, $id:literal, $severity:ident, $says:literal;)*) => {
        /// What a finding is about. Its id is stored, and never changes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(into = "String", try_from = "String")]
        pub enum Rule {
            $(#[doc = $says] $name,)*
        }

        impl Rule {
            /// Every rule.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The id under which it is stored and named in a policy.
            pub fn id(self) -> &'static str {
                match self { $(Self::$name => $id,)* }
            }

            /// The weight of its findings.
            pub fn severity(self) -> Severity {
                match self { $(Self::$name => Severity::$severity,)* }
            }

            /// One sentence about it.
            pub fn says(self) -> &'static str {
                match self { $(Self::$name => $says,)* }
            }
        }
    };
}

rules! {
    PickleDangerousImport, "pickle-dangerous-import", Danger, "A pickle imports something that can run code or reach files and network.";
    PickleUnneededImport, "pickle-unneeded-import", Suspicious, "A pickle imports a function of a known library that no model needs.";
    PickleUnknownImport, "pickle-unknown-import", Warn, "A pickle imports something that is on no list.";
    PickleExtension, "pickle-extension", Suspicious, "A pickle names a class by a number of the extension registry.";
    PickleDynamicImport, "pickle-dynamic-import", Danger, "A pickle computes the name of what it imports.";
    PickleComputedCall, "pickle-computed-call", Suspicious, "A pickle calls something that it has computed itself.";
    PickleTampersWithState, "pickle-tampers-with-state", Danger, "A pickle overwrites members of a class, a module or a function.";
    PicklePersistentId, "pickle-persistent-id", Info, "A pickle refers to objects outside itself.";
    PickleUndecodable, "pickle-undecodable", Suspicious, "A pickle breaks the rules of its format.";
    PickleTruncated, "pickle-truncated", Suspicious, "A pickle ends before its last opcode.";
    PickleTooLarge, "pickle-too-large", Suspicious, "A pickle is too large to be followed to its end.";
    PickleTrailingData, "pickle-trailing-data", Warn, "Bytes follow the end of a pickle.";
    PickleOddOpcodes, "pickle-odd-opcodes", Suspicious, "A pickle uses opcodes as no pickler writes them.";
    FormatMalformed, "format-malformed", Suspicious, "A file breaks the rules of its format.";
    FormatTruncated, "format-truncated", Suspicious, "A file ends too early.";
    FormatLimit, "format-limit", Suspicious, "A file asks for more work than an inspection may cost.";
    FormatNewer, "format-newer", Info, "A file uses a part of its format that this build does not know.";
    FormatUnexpected, "format-unexpected", Warn, "The content is not what the name says.";
    Compressed, "compressed-unreadable", Suspicious, "A compression hides what is inside.";
    ArchiveBomb, "archive-bomb", Suspicious, "An archive unpacks to far more than its own size.";
    ArchiveEncrypted, "archive-encrypted", Suspicious, "A member of an archive is encrypted.";
    ArchiveInconsistent, "archive-inconsistent", Suspicious, "An archive says different things about the same member.";
    ArchivePath, "archive-path", Danger, "A member of an archive would be written outside its folder.";
    ArchiveNested, "archive-nested", Suspicious, "An archive lies too deep inside others to be read.";
    ArchiveChecksum, "archive-checksum", Suspicious, "A member's checksum does not match its bytes.";
    ExternalDataOutside, "external-data-outside", Danger, "A file refers to data outside its version.";
    ExternalDataMissing, "external-data-missing", Warn, "A file refers to data that its version does not have.";
    ExternalDataTooShort, "external-data-too-short", Suspicious, "A file refers to data beyond the end of another file.";
    CustomOperator, "custom-operator", Warn, "A graph needs operators that come with code of their own.";
    KerasLambda, "keras-lambda", Danger, "A Keras layer carries code.";
    KerasCustomObject, "keras-custom-object", Warn, "A Keras configuration names a class outside Keras.";
    KerasDangerousObject, "keras-dangerous-object", Danger, "A Keras configuration names something that runs code, or that loads or fetches it.";
    KerasUnsearched, "keras-unsearched", Warn, "A Keras file is too large to be searched for code; found by earlier versions.";
    CardUnreadable, "card-unreadable", Info, "The front matter of a model card is not valid YAML.";
    ChatTemplate, "chat-template", Info, "A file carries a chat template, a program that the runtime runs.";
    ChatTemplateOdd, "chat-template-odd", Danger, "A chat template accesses something that no template needs.";
    RemoteCode, "remote-code", Warn, "A configuration asks for Python code from the repository.";
    PythonCode, "python-code", Info, "A file is Python code.";
    LoaderModule, "loader-module", Warn, "An MLmodel names a loader that is not MLflow's own.";
    PythonModel, "python-model", Warn, "An MLmodel is a pickled Python object.";
}

impl Rule {
    /// The rule with that id.
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|rule| rule.id() == id)
    }
}

impl From<Rule> for String {
    fn from(rule: Rule) -> Self {
        rule.id().to_owned()
    }
}

impl TryFrom<String> for Rule {
    type Error = String;

    fn try_from(id: String) -> Result<Self, String> {
        Self::from_id(&id).ok_or_else(|| format!("no rule `{}`", id.escape_debug()))
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

/// Something wrong or dangerous that an inspection found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Which rule it is.
    pub rule: Rule,
    /// What was found, with its value in backticks.
    pub message: String,
    /// The member of the archive it was found in; empty for the file itself.
    pub place: String,
}

impl Finding {
    /// The weight of its rule.
    pub fn severity(&self) -> Severity {
        self.rule.severity()
    }
}
