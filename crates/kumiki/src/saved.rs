//! Plans in files.

use crate::output::Stop;
use kumiki_plan::SavedPlan;
use kumiki_source::message;
use std::io::Write;
use std::path::Path;

/// More than any plan has: what is larger is something else.
const MAX_BYTES: u64 = 1 << 30;

/// Writes a plan, at once or not at all, for its owner only.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn write(file: &Path, plan: &SavedPlan) -> Result<(), Stop> {
    replace(file, &plan.to_text()).map_err(|error| {
        let file = file.display();
        Stop::new(message!("plan `{file}` cannot be written: {error}", file, error))
    })
}

/// Writes a file, at once or not at all, for its owner only.
///
/// # Errors
/// When the file system refuses.
pub(crate) fn replace(file: &Path, text: &str) -> std::io::Result<()> {
    let mut beside = file.as_os_str().to_owned();
    beside.push(".new");
    // What a run that was killed left there may be anybody's.
    let _ = std::fs::remove_file(&beside);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut open = options.open(&beside)?;
    open.write_all(text.as_bytes())?;
    open.sync_all()?;
    std::fs::rename(&beside, file)
}

/// Reads a plan.
///
/// # Errors
/// When the file cannot be read, or holds none.
pub(crate) fn read(file: &Path) -> Result<SavedPlan, Stop> {
    let name = file.display();
    let text = std::fs::metadata(file)
        .and_then(|it| match it.len() {
            0..=MAX_BYTES => std::fs::read_to_string(file),
            _ => Err(std::io::ErrorKind::FileTooLarge.into()),
        })
        .map_err(|error| {
            Stop::new(message!("plan `{name}` cannot be read: {error}", name, error))
        })?;
    SavedPlan::parse(&text).map_err(|reason| {
        Stop::new(message!("`{name}` is not a plan that can be used", name))
            .help(reason)
            .help(message!("save it again: `kumiki plan ENV --out {name}`", name))
    })
}
