//! Names for runs that nobody named: a word, another one and a number, as people of MLflow know them.

use uuid::Uuid;

const FIRST: [&str; 32] = [
    "able",
    "amused",
    "bold",
    "brawny",
    "calm",
    "clean",
    "crawling",
    "dapper",
    "defiant",
    "elegant",
    "fun",
    "gentle",
    "glamorous",
    "honorable",
    "indecisive",
    "kindly",
    "learned",
    "luminous",
    "marvelous",
    "merciful",
    "nimble",
    "omniscient",
    "placid",
    "polite",
    "rare",
    "secretive",
    "serious",
    "shivering",
    "skillful",
    "thoughtful",
    "trusting",
    "vaunted",
];
const SECOND: [&str; 32] = [
    "ant", "ape", "bat", "bear", "bee", "bird", "calf", "carp", "cat", "chimp", "colt", "crab", "crane", "deer", "dog",
    "dolphin", "eel", "elk", "finch", "fish", "fox", "frog", "goat", "hare", "horse", "kite", "lark", "mouse", "owl",
    "seal", "swan", "wren",
];

/// A name by chance.
pub fn generate() -> String {
    let chance = Uuid::new_v4().as_u128();
    let word = |words: &[&'static str; 32], shift: u32| {
        let at = usize::try_from((chance >> shift) % 32).unwrap_or_default();
        words.get(at).copied().unwrap_or_default()
    };
    format!("{}-{}-{}", word(&FIRST, 0), word(&SECOND, 8), (chance >> 96) % 1000)
}
