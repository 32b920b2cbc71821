//! Bodies that clients frame piece by piece: `400;chunk-signature=…`, the piece, and at the end
//! `0`. Neither signatures nor trailing checksums are looked at.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html>

/// The content, or nothing when the frame is broken.
pub(crate) fn unframed(body: &[u8]) -> Option<Vec<u8>> {
    let mut content = Vec::with_capacity(body.len());
    let mut rest = body;
    loop {
        let end = rest.windows(2).position(|it| it == b"\r\n")?;
        let line = std::str::from_utf8(&rest[..end]).ok()?;
        let size = usize::from_str_radix(line.split(';').next()?.trim(), 16).ok()?;
        rest = &rest[end + 2..];
        if size == 0 {
            return Some(content);
        }
        content.extend(rest.get(..size)?);
        rest = rest.get(size..)?.strip_prefix(b"\r\n")?;
    }
}

#[cfg(test)]
mod tests {
    use super::unframed;

    #[test]
    fn frames_are_taken_off() {
        let signed = b"4;chunk-signature=00\r\nabcd\r\n2\r\nef\r\n0;chunk-signature=00\r\n\r\n";
        assert_eq!(unframed(signed).as_deref(), Some(&b"abcdef"[..]));
        let trailer = b"3\r\n\r\n\r\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n";
        assert_eq!(unframed(trailer).as_deref(), Some(&b"\r\n\r"[..]));
        for broken in [&b""[..], b"4\r\nabc", b"4\r\nabcdX", b"zz\r\n", b"ffffffffffffffff\r\n"] {
            assert_eq!(unframed(broken), None);
        }
    }
}
