//! The nearest of several names, for "did you mean".

/// The candidate nearest to a name, if one is near enough to have been meant.
///
/// A name that differs only in upper and lower case always is. Otherwise one edit is allowed for
/// every four characters, and at least one.
pub(crate) fn nearest(
    name: &str,
    candidates: impl Iterator<Item = &'static str> + Clone,
) -> Option<&'static str> {
    if let Some(same) = candidates.clone().find(|it| it.eq_ignore_ascii_case(name)) {
        return Some(same);
    }
    let name: Vec<char> = name.chars().collect();
    let mut limit = (name.len() / 4).max(1);
    let mut best = None;
    for candidate in candidates {
        if let Some(distance) = distance_within(&name, candidate, limit) {
            best = Some(candidate);
            // Only a strictly nearer one may follow; the first of equals stays.
            match distance.checked_sub(1) {
                Some(nearer) => limit = nearer,
                None => break,
            }
        }
    }
    best
}

/// The edit distance (insert, delete, replace, swap neighbours), if it is at most `limit`.
fn distance_within(name: &[char], candidate: &str, limit: usize) -> Option<usize> {
    let candidate: Vec<char> = candidate.chars().collect();
    if name.len().abs_diff(candidate.len()) > limit {
        return None;
    }
    let mut before_last: Vec<usize> = vec![0; candidate.len() + 1];
    let mut last: Vec<usize> = (0..=candidate.len()).collect();
    let mut current = last.clone();
    for (row, &left) in name.iter().enumerate() {
        current[0] = row + 1;
        for (column, &right) in candidate.iter().enumerate() {
            let replaced = last[column] + usize::from(left != right);
            let mut cost = replaced.min(last[column + 1] + 1).min(current[column] + 1);
            let swapped =
                row > 0 && column > 0 && left == candidate[column - 1] && name[row - 1] == right;
            if swapped {
                cost = cost.min(before_last[column - 1] + 1);
            }
            current[column + 1] = cost;
        }
        if current.iter().all(|cost| *cost > limit) {
            return None;
        }
        std::mem::swap(&mut before_last, &mut last);
        std::mem::swap(&mut last, &mut current);
    }
    last.last().copied().filter(|distance| *distance <= limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant() {
        let names = ["Endpoint", "EngineVersion", "Engine", "DBName"];
        for (written, meant) in [
            ("engine", Some("Engine")),
            ("Enigne", Some("Engine")),
            ("EngineVersoin", Some("EngineVersion")),
            ("dbname", Some("DBName")),
            ("Colour", None),
            ("", None),
        ] {
            assert_eq!(nearest(written, names.into_iter()), meant, "{written}");
        }
    }

    #[test]
    fn counts_edits() {
        let distance = |left: &str, right: &str| {
            distance_within(&left.chars().collect::<Vec<_>>(), right, usize::MAX)
        };
        assert_eq!(distance("", "abc"), Some(3));
        assert_eq!(distance("abc", "acb"), Some(1));
        assert_eq!(distance("kitten", "sitting"), Some(3));
        assert_eq!(distance("組木", "組"), Some(1));
        assert_eq!(distance_within(&['a'], "aaaa", 2), None);
    }
}
