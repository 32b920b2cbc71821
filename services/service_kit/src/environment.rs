//! The environment of a task, read once; all mistakes are reported together.
//!
//! Never says a value in a mistake: it may be a secret.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

/// The variables that a program was started with, and what is wrong with them.
pub struct Environment {
    values: HashMap<String, String>,
    mistakes: Vec<String>,
}

/// Everything that is wrong with the environment of a task.
#[derive(Debug, thiserror::Error)]
#[error("the environment is not as it should be: {}", .0.join("; "))]
pub struct Mistakes(pub Vec<String>);

impl Environment {
    /// The environment of this process.
    #[expect(clippy::disallowed_methods, reason = "here is where it is read once")]
    pub fn of_process() -> Environment {
        Environment::of(std::env::vars())
    }

    /// Given variables. An empty one counts as missing, as for libpq.
    pub fn of(values: impl IntoIterator<Item = (String, String)>) -> Environment {
        let values = values.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        Environment { values, mistakes: Vec::new() }
    }

    /// A variable that may be missing.
    pub fn optional(&mut self, name: &str) -> Option<String> {
        self.values.get(name).cloned()
    }

    /// A variable that has to be there. What stands in for a mistake is never used: [`finish`]
    /// refuses.
    ///
    /// [`finish`]: Environment::finish
    pub fn required<T>(&mut self, name: &str) -> T
    where
        T: FromStr + Default,
        T::Err: fmt::Display,
    {
        match self.values.get(name).map(|it| it.parse::<T>()) {
            Some(Ok(value)) => return value,
            Some(Err(error)) => self.mistake(format!("`{name}`: {error}")),
            None => self.mistake(format!("`{name}` is missing")),
        }
        T::default()
    }

    /// Notes a mistake that only the reader of a value can see.
    pub fn mistake(&mut self, what: impl Into<String>) {
        self.mistakes.push(what.into());
    }

    /// Ends the reading: the mistakes, if there are any.
    pub fn finish(self) -> Result<(), Mistakes> {
        if self.mistakes.is_empty() { Ok(()) } else { Err(Mistakes(self.mistakes)) }
    }
}

/// `APP_ENV`, the only switch by environment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AppEnv {
    /// Development; the one place where addresses of emulators are followed.
    Dev,
    /// Staging.
    Stg,
    /// Production, and what stands in for an `APP_ENV` that is missing.
    #[default]
    Prod,
}

impl FromStr for AppEnv {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<AppEnv, Self::Err> {
        match text {
            "dev" => Ok(AppEnv::Dev),
            "stg" => Ok(AppEnv::Stg),
            "prod" => Ok(AppEnv::Prod),
            _ => Err("dev, stg or prod is expected"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_mistakes_come_together_and_none_says_a_value() {
        let values = [("PORT", "hunter2"), ("APP_ENV", "test"), ("EMPTY", "")];
        let mut environment = Environment::of(values.map(|(k, v)| (k.to_owned(), v.to_owned())));
        environment.required::<u16>("PORT");
        environment.required::<AppEnv>("APP_ENV");
        environment.required::<String>("EMPTY");
        let text = environment.finish().unwrap_err().to_string();
        assert_eq!(
            text,
            "the environment is not as it should be: `PORT`: invalid digit found in string; \
             `APP_ENV`: dev, stg or prod is expected; `EMPTY` is missing"
        );
    }
}
