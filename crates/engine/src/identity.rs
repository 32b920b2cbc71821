//! Identifiers that follow from what they identify, so that every rehearsal makes the same ones.

use crate::quota::STACK_NAME;
pub use kumiki_plan::{digest, fingerprint, hex};
use kumiki_project::partition;

/// The first `length` characters of a fingerprint in the given alphabet.
pub fn letters(fingerprint: &[u8; 32], length: usize, alphabet: &[u8]) -> String {
    fingerprint
        .iter()
        .cycle()
        .take(length)
        .map(|byte| char::from(alphabet[usize::from(*byte) % alphabet.len()]))
        .collect()
}

/// The capitals and digits that CloudFormation's generated names end in.
pub const CAPITALS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
/// Small letters and digits, for services that take no capitals.
pub const SMALL: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// A fingerprint in the form of a UUID of version 4.
pub fn uuid(fingerprint: &[u8; 32]) -> String {
    let mut bytes = *fingerprint;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let text = hex(&bytes, 32);
    format!("{}-{}-{}-{}-{}", &text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..])
}

/// The ARN of the stack of this name that is the `incarnation`-th one.
pub fn stack_id(account: &str, region: &str, name: &str, incarnation: u64) -> String {
    let number = incarnation.to_string();
    let id = uuid(&fingerprint(&["stack", account, region, name, &number]));
    format!("arn:{}:cloudformation:{region}:{account}:stack/{name}/{id}", partition(region))
}

/// The ARN of a change set of a stack.
pub fn change_set_id(stack_id: &str, name: &str, number: u64) -> String {
    let id = uuid(&fingerprint(&["change-set", stack_id, name, &number.to_string()]));
    let head = stack_id.split(":stack/").next().unwrap_or_default();
    format!("{head}:changeSet/{name}/{id}")
}

/// The name that CloudFormation makes up for a nested stack: `parent-LogicalId-XXXXXXXXXXXX`.
pub fn nested_stack_name(parent: &str, seed: &[u8; 32], logical_id: &str) -> String {
    let suffix = letters(seed, 12, CAPITALS);
    let mut name = format!("{parent}-{logical_id}");
    name.truncate(STACK_NAME - 13);
    format!("{name}-{suffix}")
}

/// What everything made up for one physical resource follows from.
pub fn seed(stack_id: &str, logical_id: &str, generation: u32) -> [u8; 32] {
    fingerprint(&["resource", stack_id, logical_id, &generation.to_string()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_have_the_shape_of_awss() {
        let id = stack_id("123456789012", "ap-northeast-1", "dev", 0);
        assert!(id.starts_with("arn:aws:cloudformation:ap-northeast-1:123456789012:stack/dev/"));
        assert_ne!(id, stack_id("123456789012", "ap-northeast-1", "dev", 1));
        assert_eq!(id.rsplit('/').next().map(str::len), Some(36));
        let name = nested_stack_name(&"n".repeat(128), &seed(&id, "Vpc", 1), "Vpc");
        assert_eq!(name.len(), 128);
        assert!(change_set_id(&id, "first", 1).contains(":changeSet/first/"));
    }
}
