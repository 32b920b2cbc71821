//! Uploads in parts, which the command line makes of files over 8 MB. They live as long as the
//! process.

use crate::objects::MAX_OBJECT_BYTES;
use crate::refusal::Refusal;
use kumiki_engine::identity::{digest, fingerprint, hex};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

/// Uploads that were begun.
#[derive(Debug, Default)]
pub(crate) struct Uploads(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    begun: u64,
    uploads: HashMap<String, Upload>,
}

#[derive(Debug)]
struct Upload {
    bucket: String,
    key: String,
    headers: BTreeMap<String, String>,
    parts: BTreeMap<u32, Vec<u8>>,
}

/// An upload of which every part has come.
pub(crate) struct Done {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) content: Vec<u8>,
}

fn no_such_upload() -> Refusal {
    Refusal::new(404, "NoSuchUpload", "The specified multipart upload does not exist.")
}

impl Uploads {
    pub(crate) fn begin(
        &self,
        bucket: &str,
        key: &str,
        headers: BTreeMap<String, String>,
    ) -> String {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.begun += 1;
        let id = hex(&fingerprint(&["upload", bucket, key, &state.begun.to_string()]), 32);
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        state.uploads.insert(id.clone(), Upload { bucket, key, headers, parts: BTreeMap::new() });
        id
    }

    pub(crate) fn part(&self, id: &str, number: u32, content: Vec<u8>) -> Result<String, Refusal> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let upload = state.uploads.get_mut(id).ok_or_else(no_such_upload)?;
        let others = upload.parts.iter().filter(|(it, _)| **it != number);
        if others.map(|(_, it)| it.len()).sum::<usize>() + content.len() > MAX_OBJECT_BYTES {
            let reason = "Your proposed upload exceeds the maximum allowed object size.";
            return Err(Refusal::new(400, "EntityTooLarge", reason));
        }
        let etag = format!("\"{}\"", &digest(&content)[..32]);
        upload.parts.insert(number, content);
        Ok(etag)
    }

    /// Takes an upload away, with the parts that came.
    pub(crate) fn complete(&self, id: &str) -> Result<Done, Refusal> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Upload { bucket, key, headers, parts } =
            state.uploads.remove(id).ok_or_else(no_such_upload)?;
        let content = parts.into_values().flatten().collect();
        Ok(Done { bucket, key, headers, content })
    }
}
