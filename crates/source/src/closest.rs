//! "Did you mean": the nearest of the names that exist.

/// The candidate nearest to `word`, if one is near enough to be a slip of the hand.
///
/// Ties go to the name that sorts first, so that the answer does not depend on their order.
pub fn closest<'n>(word: &str, candidates: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    // The distance takes time by the product of both lengths. Nobody means so long a name, and a
    // template that CloudFormation accepts has no more of them.
    const LONGEST: usize = 255;
    const MOST: usize = 500;
    let limit = (word.chars().count() / 3).max(1);
    let candidates: Vec<&str> = candidates.take(MOST + 1).collect();
    if word.len() > LONGEST || candidates.len() > MOST {
        return None;
    }
    candidates
        .into_iter()
        .filter(|it| it.len().abs_diff(word.len()) <= limit * char::MAX_LEN_UTF8)
        .map(|it| (strsim::damerau_levenshtein(&word.to_lowercase(), &it.to_lowercase()), it))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, it)| it)
}

#[cfg(test)]
mod tests {
    use super::closest;

    #[test]
    fn slips_of_the_hand_are_recognised() {
        let names = ["VpcId", "VpcCidr", "SubnetIds"];
        let cases = [
            ("VpcID", Some("VpcId")),
            ("VpcCdir", Some("VpcCidr")),
            ("SubnetId", Some("SubnetIds")),
            ("Cluster", None),
            ("", None),
        ];
        for (word, expected) in cases {
            assert_eq!(closest(word, names.into_iter()), expected, "{word}");
        }
    }
}
