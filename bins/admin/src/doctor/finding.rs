//! What a check found, and what to do about it.

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Well,
    Warning,
    Wrong,
}

impl Verdict {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Well => "ok",
            Self::Warning => "warning",
            Self::Wrong => "WRONG",
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub(super) check: &'static str,
    pub(super) verdict: Verdict,
    pub(super) says: String,
    /// What to do; nothing where all is well.
    pub(super) todo: &'static str,
}

impl Finding {
    pub(super) fn well(check: &'static str, says: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Well, says: says.into(), todo: "" }
    }

    pub(super) fn warning(
        check: &'static str,
        says: impl Into<String>,
        todo: &'static str,
    ) -> Self {
        Self { check, verdict: Verdict::Warning, says: says.into(), todo }
    }

    pub(super) fn wrong(check: &'static str, says: impl Into<String>, todo: &'static str) -> Self {
        Self { check, verdict: Verdict::Wrong, says: says.into(), todo }
    }
}
