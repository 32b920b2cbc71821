//! Where templates come from: bodies of requests, objects that were put here, and what a stack was
//! given before. No URL is ever fetched.

use super::Context;
use crate::objects::{Object, Objects};
use crate::refusal::Refusal;
use kumiki_engine::StackRecord;
use kumiki_project::{FileError, Files, Library, MAX_FILE_BYTES, TemplateId, decode};
use percent_encoding::percent_decode_str;

/// The name of a template that came in a body.
const BODY: &str = "TemplateBody";

/// The largest body, in bytes. Larger templates are put into a bucket.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>
const MAX_BODY: usize = 51_200;

/// The largest template in a bucket, in bytes.
const MAX_TEMPLATE: usize = 1_000_000;

/// A root template and everything that it nests.
pub(crate) struct Source {
    /// The templates.
    pub(crate) library: Library,
    /// The root.
    pub(crate) root: TemplateId,
}

/// The texts that the templates of a request are read from. What is read from a URL has that URL as
/// its path, with one slash after the colon.
struct Texts<'t> {
    objects: &'t Objects,
    /// The host and port of this server.
    host: &'t str,
    body: Option<&'t str>,
}

impl Files for Texts<'_> {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        if let (BODY, Some(body)) = (path, self.body) {
            return Ok(body.as_bytes().to_vec());
        }
        let object = find(self.objects, path, self.host).ok_or_else(|| {
            FileError::Other("S3 error: The specified key does not exist.".to_owned())
        })?;
        if object.size as u64 > MAX_FILE_BYTES {
            return Err(FileError::TooLarge(object.size as u64));
        }
        self.objects.read(&object).map_err(|error| FileError::Other(error.to_string()))
    }

    // Asked where a part of a URL follows from a parameter.
    fn list(&self) -> Vec<String> {
        let mut paths = Vec::new();
        for (bucket, _) in self.objects.buckets() {
            let objects = self.objects.list(&bucket, "", "").into_iter();
            paths.extend(objects.map(|it| format!("s3:/{bucket}/{}", it.key)));
        }
        paths
    }
}

/// The object that a URL means.
fn find(objects: &Objects, url: &str, host: &str) -> Option<Object> {
    let (bucket, key) = address(url, host)?;
    objects.find(&bucket, &key)
}

/// The bucket and key of a URL: path style, virtual-hosted style, `s3://`, or of this server.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html>
pub(crate) fn address(url: &str, own_host: &str) -> Option<(String, String)> {
    let (scheme, rest) = url.split_once(':')?;
    let rest = rest.trim_start_matches('/');
    let rest = rest.split(['?', '#']).next()?;
    let (host, path) = rest.split_once('/')?;
    let by_path = || path.split_once('/');
    let name = host.split(':').next()?;
    let (bucket, key) = match scheme {
        "s3" => (host, path),
        "http" | "https" if host == own_host || name == "127.0.0.1" || name == "localhost" => {
            by_path()?
        }
        "http" | "https" if name.ends_with(".localhost") => {
            (name.strip_suffix(".localhost")?, path)
        }
        "https" => {
            let service = name
                .strip_suffix(".amazonaws.com")
                .or_else(|| name.strip_suffix(".amazonaws.com.cn"))?;
            match service {
                "s3" => by_path()?,
                it if it.starts_with("s3.") || it.starts_with("s3-") => by_path()?,
                it => (it.split_once(".s3").map(|(bucket, _)| bucket)?, path),
            }
        }
        _ => return None,
    };
    let key = percent_decode_str(key).decode_utf8().ok()?.into_owned();
    (!bucket.is_empty() && !key.is_empty()).then(|| (bucket.to_owned(), key))
}

impl Context<'_> {
    /// The template that a request brings, with what it nests. `before` is the stack that a previous
    /// template is taken from.
    pub(crate) fn source(&self, before: Option<&StackRecord>) -> Result<Source, Refusal> {
        match self.given_source(before)? {
            Some(source) => Ok(source),
            None => {
                Err(Refusal::validation("Either Template URL or Template Body must be specified."))
            }
        }
    }

    fn given_source(&self, before: Option<&StackRecord>) -> Result<Option<Source>, Refusal> {
        let form = &self.form;
        match (form.get("TemplateBody"), form.get("TemplateURL")) {
            (Some(_), Some(_)) => {
                Err(Refusal::validation("Either Template URL or Template Body must be specified."))
            }
            (Some(body), None) if body.len() > MAX_BODY => Err(Refusal::validation(format!(
                "1 validation error detected: Value '{}...' at 'templateBody' failed to satisfy \
                 constraint: Member must have length less than or equal to {MAX_BODY}",
                body.chars().take(40).collect::<String>()
            ))),
            (Some(body), None) => self.load(BODY.to_owned(), Some(body)).map(Some),
            (None, Some(url)) => {
                let unsupported = || Refusal::validation("TemplateURL must be a supported URL.");
                address(url, &self.caller.host).ok_or_else(unsupported)?;
                let object = find(&self.service.objects, url, &self.caller.host);
                match object.map(|it| it.size) {
                    None => Err(Refusal::validation(
                        "S3 error: The specified key does not exist.\nFor more information check \
                         http://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html",
                    )),
                    Some(size) if size > MAX_TEMPLATE => Err(Refusal::validation(format!(
                        "Template may not exceed {MAX_TEMPLATE} bytes in size."
                    ))),
                    Some(_) => self.load(url.replacen("//", "/", 1), None).map(Some),
                }
            }
            (None, None) if form.flag("UsePreviousTemplate") => {
                let Some(before) = before else {
                    return Err(Refusal::validation("No previous template to use."));
                };
                let text = self.records().text(&before.settled.template_digest)?;
                self.load(BODY.to_owned(), Some(&text.unwrap_or_default())).map(Some)
            }
            (None, None) => Ok(None),
        }
    }

    /// What an object holds that a URL of a request means.
    pub(crate) fn object(&self, url: &str) -> Result<String, Refusal> {
        let object = find(&self.service.objects, url, &self.caller.host);
        let content = object.and_then(|it| self.service.objects.read(&it).ok());
        let missing = || Refusal::validation("S3 error: The specified key does not exist.");
        content.map(decode).ok_or_else(missing)
    }

    /// The template that a request brings, or that of the stack that it names.
    pub(crate) fn source_or_stack(&self) -> Result<Source, Refusal> {
        if let Some(source) = self.given_source(None)? {
            return Ok(source);
        }
        let stack = self.stack()?;
        let text = self.records().text(&stack.settled.template_digest)?;
        self.load(BODY.to_owned(), Some(&text.unwrap_or_default()))
    }

    fn load(&self, root: String, body: Option<&str>) -> Result<Source, Refusal> {
        let texts = Texts { objects: &self.service.objects, host: &self.caller.host, body };
        let mut library = Library::default();
        for scheme in ["https", "http", "s3"] {
            library.template_urls.insert(format!("{scheme}://"), format!("{scheme}:"));
        }
        library.load(&root, &texts);
        super::words::refuse(&library, &library.diagnostics)?;
        match library.find(&root) {
            Some(root) => Ok(Source { library, root }),
            None => Err(Refusal::validation("Template format error: unsupported structure.")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn urls_mean_buckets_and_keys() {
        let cases = [
            ("https://b.s3.ap-northeast-1.amazonaws.com/n/a.yaml", Some(("b", "n/a.yaml"))),
            ("https://b.s3.amazonaws.com/a.yaml?versionId=1", Some(("b", "a.yaml"))),
            ("https://b.c.s3-eu-west-1.amazonaws.com/a", Some(("b.c", "a"))),
            ("https://s3.ap-northeast-1.amazonaws.com/b/n/a.yaml", Some(("b", "n/a.yaml"))),
            ("https://s3.amazonaws.com/b/a%20b", Some(("b", "a b"))),
            ("https:/s3.cn-north-1.amazonaws.com.cn/b/a", Some(("b", "a"))),
            ("http://127.0.0.1:4566/b/n/a.template", Some(("b", "n/a.template"))),
            ("http://box:4566/b/a", Some(("b", "a"))),
            ("http://b.localhost:4566/a", Some(("b", "a"))),
            ("s3://b/a", Some(("b", "a"))),
            ("http://b.s3.amazonaws.com/a", None),
            ("https://example.com/b/a", None),
            ("https://s3.amazonaws.com/b", None),
            ("nested/a.yaml", None),
            ("file:///etc/passwd", None),
        ];
        for (url, expected) in cases {
            let found = address(url, "box:4566");
            let found = found.as_ref().map(|(bucket, key)| (bucket.as_str(), key.as_str()));
            assert_eq!(found, expected, "{url}");
        }
    }
}
