//! Buckets and objects, in files: contents by their SHA-256, and one small file for each key that
//! says what it holds. Nothing here knows HTTP.

use kumiki_engine::identity::digest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The largest object that is taken: templates and small artefacts are what this is for.
pub(crate) const MAX_OBJECT_BYTES: usize = 256 << 20;

/// The buckets of a state folder.
#[derive(Debug)]
pub(crate) struct Objects {
    folder: PathBuf,
    buckets: Mutex<BTreeMap<String, Bucket>>,
}

/// A bucket.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Bucket {
    /// Its Region.
    pub(crate) region: String,
    /// When it was made: milliseconds since 1970, UTC.
    pub(crate) created: u64,
    #[serde(skip)]
    objects: BTreeMap<String, Object>,
}

/// An object.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Object {
    /// Its key.
    pub(crate) key: String,
    /// SHA-256 of its content, in hexadecimal.
    pub(crate) digest: String,
    /// How many bytes it has.
    pub(crate) size: usize,
    /// When it was put: milliseconds since 1970, UTC.
    pub(crate) modified: u64,
    /// `Content-Type` and what begins with `x-amz-meta-`.
    pub(crate) headers: BTreeMap<String, String>,
}

impl Object {
    /// Changes with the content. Clients must not read more into it.
    pub(crate) fn etag(&self) -> String {
        format!("\"{}\"", self.digest.get(..32).unwrap_or_default())
    }
}

impl Objects {
    /// Reads what is there.
    pub(crate) fn open(folder: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(folder.join("contents"))?;
        let mut buckets = BTreeMap::new();
        let at = folder.join("buckets");
        fs::create_dir_all(&at)?;
        for entry in fs::read_dir(at)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let Ok(text) = fs::read(entry.path().join("bucket.json")) else { continue };
            let mut bucket: Bucket = serde_json::from_slice(&text)?;
            for file in fs::read_dir(entry.path().join("keys"))? {
                let object: Object = serde_json::from_slice(&fs::read(file?.path())?)?;
                bucket.objects.insert(object.key.clone(), object);
            }
            buckets.insert(name, bucket);
        }
        Ok(Self { folder, buckets: Mutex::new(buckets) })
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<String, Bucket>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The buckets by name.
    pub(crate) fn buckets(&self) -> Vec<(String, Bucket)> {
        let buckets = self.locked();
        let bucket = |it: &Bucket| Bucket { objects: BTreeMap::new(), ..it.clone() };
        buckets.iter().map(|(name, it)| (name.clone(), bucket(it))).collect()
    }

    /// Whether there is such a bucket.
    pub(crate) fn has_bucket(&self, name: &str) -> bool {
        self.locked().contains_key(name)
    }

    /// Makes a bucket, unless there is one of this name; the name must be a [`bucket_name`].
    pub(crate) fn create_bucket(&self, name: &str, region: &str, now: u64) -> io::Result<bool> {
        let mut buckets = self.locked();
        if buckets.contains_key(name) {
            return Ok(false);
        }
        let bucket = Bucket { region: region.to_owned(), created: now, objects: BTreeMap::new() };
        let at = self.folder.join("buckets").join(name);
        fs::create_dir_all(at.join("keys"))?;
        write(&at.join("bucket.json"), &serde_json::to_vec(&bucket)?)?;
        buckets.insert(name.to_owned(), bucket);
        Ok(true)
    }

    /// Deletes a bucket; false when it holds objects.
    pub(crate) fn delete_bucket(&self, name: &str) -> io::Result<bool> {
        let mut buckets = self.locked();
        if buckets.get(name).is_some_and(|it| !it.objects.is_empty()) {
            return Ok(false);
        }
        if buckets.remove(name).is_some() {
            fs::remove_dir_all(self.folder.join("buckets").join(name))?;
        }
        Ok(true)
    }

    /// Puts an object into a bucket that exists.
    pub(crate) fn put(
        &self,
        bucket: &str,
        key: &str,
        content: &[u8],
        headers: BTreeMap<String, String>,
        now: u64,
    ) -> io::Result<Object> {
        let digest = digest(content);
        let path = self.content(&digest);
        if !path.exists() {
            write(&path, content)?;
        }
        let object =
            Object { key: key.to_owned(), digest, size: content.len(), modified: now, headers };
        let mut buckets = self.locked();
        let Some(known) = buckets.get_mut(bucket) else {
            return Err(io::Error::new(io::ErrorKind::NotFound, "no such bucket"));
        };
        write(&self.key(bucket, key), &serde_json::to_vec(&object)?)?;
        known.objects.insert(key.to_owned(), object.clone());
        Ok(object)
    }

    /// An object.
    pub(crate) fn find(&self, bucket: &str, key: &str) -> Option<Object> {
        self.locked().get(bucket)?.objects.get(key).cloned()
    }

    /// What an object holds.
    pub(crate) fn read(&self, object: &Object) -> io::Result<Vec<u8>> {
        fs::read(self.content(&object.digest))
    }

    /// Deletes an object, if it is there. Its content stays: others may have the same.
    pub(crate) fn delete(&self, bucket: &str, key: &str) -> io::Result<()> {
        let mut buckets = self.locked();
        if buckets.get_mut(bucket).and_then(|it| it.objects.remove(key)).is_some() {
            fs::remove_file(self.key(bucket, key))?;
        }
        Ok(())
    }

    /// The objects of a bucket after a key, in the order of their keys.
    pub(crate) fn list(&self, bucket: &str, prefix: &str, after: &str) -> Vec<Object> {
        let buckets = self.locked();
        let objects = buckets.get(bucket).into_iter().flat_map(|it| it.objects.values());
        objects.filter(|it| it.key.starts_with(prefix) && *it.key > *after).cloned().collect()
    }

    fn content(&self, digest: &str) -> PathBuf {
        self.folder.join("contents").join(digest)
    }

    /// Keys have characters that names of files have not, and more of them.
    fn key(&self, bucket: &str, key: &str) -> PathBuf {
        self.folder.join("buckets").join(bucket).join("keys").join(digest(key))
    }
}

/// Whether a bucket can have this name. What this admits is a name of a folder too.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>
pub(crate) fn bucket_name(name: &str) -> bool {
    let inner = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-' || it == b'.';
    let outer = |it: Option<&u8>| it.is_some_and(|it| inner(*it) && *it != b'.' && *it != b'-');
    let bytes = name.as_bytes();
    (3..=63).contains(&bytes.len())
        && bytes.iter().all(|it| inner(*it))
        && outer(bytes.first())
        && outer(bytes.last())
        && !name.contains("..")
}

/// Writes a file whole or not at all.
fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("part");
    let mut file = fs::File::create(&beside)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(beside, path)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn objects_outlive_the_process() {
        let folder = tempfile::tempdir().unwrap();
        let objects = Objects::open(folder.path().join("s3")).unwrap();
        assert!(objects.create_bucket("templates", "ap-northeast-1", 1).unwrap());
        assert!(!objects.create_bucket("templates", "ap-northeast-1", 2).unwrap());
        let key = "nested/日本/../a b.yaml";
        let first = objects.put("templates", key, b"one", BTreeMap::new(), 1).unwrap();
        let second = objects.put("templates", key, b"two", BTreeMap::new(), 2).unwrap();
        assert_ne!(first.etag(), second.etag());
        assert!(objects.put("nowhere", key, b"one", BTreeMap::new(), 1).is_err());
        assert!(!objects.delete_bucket("templates").unwrap());

        let objects = Objects::open(folder.path().join("s3")).unwrap();
        let found = objects.find("templates", key).unwrap();
        assert_eq!(objects.read(&found).unwrap(), b"two");
        assert_eq!(objects.list("templates", "nested/", "").len(), 1);
        assert!(objects.list("templates", "nested/", key).is_empty());
        objects.delete("templates", key).unwrap();
        assert!(objects.delete_bucket("templates").unwrap());
        assert!(Objects::open(folder.path().join("s3")).unwrap().buckets().is_empty());
    }

    #[test]
    fn names_of_buckets_stay_in_their_folder() {
        for name in ["abc", "a-b.c1"] {
            assert!(bucket_name(name), "{name}");
        }
        for name in ["ab", "..", "a..b", "-abc", "abc.", "A-b", "a/b", "a\\b", &"a".repeat(64)] {
            assert!(!bucket_name(name), "{name}");
        }
    }
}
