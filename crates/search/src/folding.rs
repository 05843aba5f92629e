//! Letters and endings that count as the same: who types `resume` finds `résumés`.

/// Gives the letters that stand for a lower-case letter: without accents, ligatures apart. Both
/// the precomposed form and the one with a mark of its own end up here as the same letters.
pub(crate) fn fold(c: char, mut push: impl FnMut(char)) {
    let folded = match c {
        'à'..='å' | 'ā' | 'ă' | 'ą' => 'a',
        'ç' | 'ć' | 'ĉ' | 'ċ' | 'č' => 'c',
        'ď' | 'đ' => 'd',
        'è'..='ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' => 'e',
        'ĝ' | 'ğ' | 'ġ' | 'ģ' => 'g',
        'ĥ' | 'ħ' => 'h',
        'ì'..='ï' | 'ĩ' | 'ī' | 'ĭ' | 'į' | 'ı' => 'i',
        'ĵ' => 'j',
        'ķ' => 'k',
        'ĺ' | 'ļ' | 'ľ' | 'ł' => 'l',
        'ñ' | 'ń' | 'ņ' | 'ň' => 'n',
        'ò'..='ö' | 'ø' | 'ō' | 'ŏ' | 'ő' => 'o',
        'ŕ' | 'ŗ' | 'ř' => 'r',
        'ś' | 'ŝ' | 'ş' | 'š' | 'ș' => 's',
        'ţ' | 'ť' | 'ŧ' | 'ț' => 't',
        'ù'..='ü' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' => 'u',
        'ŵ' => 'w',
        'ý' | 'ÿ' | 'ŷ' => 'y',
        'ź' | 'ż' | 'ž' => 'z',
        'ё' | 'ѐ' => 'е',
        'й' | 'ѝ' => 'и',
        'ї' => 'і',
        'ά' => 'α',
        'έ' => 'ε',
        'ή' => 'η',
        'ί' | 'ϊ' | 'ΐ' => 'ι',
        'ό' => 'ο',
        'ύ' | 'ϋ' | 'ΰ' => 'υ',
        'ώ' => 'ω',
        // The sigma at the end of a Greek word is the same letter.
        'ς' => 'σ',
        'ß' => return push_all("ss", push),
        'æ' => return push_all("ae", push),
        'œ' => return push_all("oe", push),
        other => other,
    };
    push(folded);
}

fn push_all(letters: &str, push: impl FnMut(char)) {
    letters.chars().for_each(push);
}

/// Takes the plural off a word of the Latin alphabet: the mildest of all stemmers, which leaves
/// every other ending alone. Words that end in `us`, `ss` or `is` are no plurals.
pub(crate) fn stem(word: &mut String) {
    if word.len() < 4 || !word.is_ascii() || !word.ends_with('s') {
        return;
    }
    if word.ends_with("us") || word.ends_with("ss") || word.ends_with("is") {
        return;
    }
    word.pop();
    if word.len() > 4 && word.ends_with("ie") {
        word.truncate(word.len() - 2);
        word.push('y');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plurals() {
        let check = |word: &str, expect: &str| {
            let mut stemmed = word.to_owned();
            stem(&mut stemmed);
            assert_eq!(stemmed, expect);
        };
        check("file", "file");
        check("files", "file");
        check("queries", "query");
        check("series", "sery");
        check("ties", "tie");
        check("gas", "gas");
        check("analysis", "analysis");
        check("status", "status");
        check("access", "access");
        check("цены", "цены");
        check("s3s", "s3s");
    }
}
