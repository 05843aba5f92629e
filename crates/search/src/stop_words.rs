//! Words that hold a sentence together and say nothing of what somebody needs. In a small market
//! they are as rare as the words that matter, so that rarity alone does not tell them apart.

/// In the form in which words are compared, sorted. English, German, French and Spanish.
const STOP_WORDS: [&str; 119] = [
    "a", "al", "am", "an", "and", "any", "are", "as", "at", "au", "auf", "aus", "avec", "be",
    "besoin", "bitte", "brauche", "but", "by", "can", "con", "could", "da", "dan", "das", "de",
    "del", "dem", "den", "der", "des", "die", "do", "du", "ein", "eine", "einen", "einer", "el",
    "en", "er", "es", "est", "et", "favor", "for", "from", "fur", "has", "have", "i", "ich", "if",
    "im", "in", "into", "is", "ist", "it", "its", "je", "la", "las", "le", "les", "los", "ma",
    "me", "mein", "meine", "mes", "mi", "mit", "mon", "must", "my", "necesito", "need", "nous",
    "o", "of", "on", "or", "ou", "our", "para", "please", "por", "pour", "que", "should", "so",
    "some", "suche", "sur", "that", "the", "their", "them", "these", "they", "this", "to", "un",
    "una", "und", "une", "us", "von", "want", "we", "will", "wir", "with", "would", "y", "you",
    "your", "zu",
];

/// Whether a word, as [`crate::words`] gives it, says nothing of what somebody needs.
#[must_use]
pub fn is_stop_word(word: &str) -> bool {
    STOP_WORDS.binary_search(&word).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::words;

    #[test]
    fn the_words_are_sorted_and_in_their_folded_form() {
        assert!(STOP_WORDS.is_sorted());
        for word in STOP_WORDS {
            assert_eq!(words(word).collect::<Vec<_>>(), [word]);
            assert!(is_stop_word(word));
        }
        let said: Vec<String> = words("Please translate this for us, für mich").collect();
        let telling: Vec<&String> = said.iter().filter(|word| !is_stop_word(word)).collect();
        assert_eq!(telling, ["translate", "mich"]);
    }
}
