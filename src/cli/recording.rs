//! `check --record`: records the calls of a check, shows the transcript, and writes it.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{
    CommandError,
    markdown::cell,
    styles::{BOLD, columns as columns_of, line, styled},
};
use crate::{
    check::CheckReport,
    domain::{InstanceMode, Manage, MissingPolicy, Policy, WithoutGroups, printable},
    settings::{InstanceAuthentication, PartialInstance, PartialSettings},
    transcript::{
        RecordedConfiguration, RecordedInstance, RecordedSignIn, Transcript, TranscriptFolder, TranscriptRecorder,
    },
};

/// A recording under way.
pub(super) struct Recording {
    folder: TranscriptFolder,
    recorder: TranscriptRecorder,
    configuration: RecordedConfiguration,
}

/// A transcript that is not written yet.
pub(super) struct Recorded {
    folder: TranscriptFolder,
    transcript: Transcript,
    file: PathBuf,
}

/// The report of a check with the file of its transcript.
#[derive(Serialize)]
pub(super) struct RecordedReport<'a> {
    #[serde(flatten)]
    pub(super) report: &'a CheckReport,
    /// The file.
    pub(super) recorded: &'a Path,
}

impl Recording {
    /// Checks the folder, and makes the clients of these settings record.
    pub(super) fn begin(folder: &Path, settings: &mut PartialSettings) -> Result<Self, CommandError> {
        let folder = TranscriptFolder::check(folder)?;
        let recorder = TranscriptRecorder::new();
        settings.record_with(recorder.recorder());
        Ok(Self { folder, recorder, configuration: configuration(settings) })
    }

    /// Makes the transcript; `None` if no call was made.
    pub(super) fn end(self, now: DateTime<Utc>) -> Result<Option<Recorded>, CommandError> {
        let transcript = self.recorder.transcript(&self.configuration)?;
        let file = self.folder.file(now);
        let has_calls = !transcript.kinds().is_empty();
        Ok(has_calls.then_some(Recorded { folder: self.folder, transcript, file }))
    }
}

impl Recorded {
    /// The file that the transcript is written to.
    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// Writes the file.
    pub(super) fn write(&self) -> Result<(), CommandError> {
        Ok(self.folder.write(&self.transcript, &self.file)?)
    }

    /// What the transcript contains: its calls by kind and its pseudonyms, or all of it.
    pub(super) fn text(&self, whole: bool) -> String {
        let mut out = String::from("\n");
        let calls: usize = self.transcript.kinds().iter().map(|kind| kind.calls).sum();
        let size = self.transcript.text().len().div_ceil(1024);
        line(&mut out, &styled(BOLD, &format!("Transcript of {calls} calls, {size} KiB")));
        let rows = self.transcript.kinds().iter().map(|kind| {
            let row =
                vec![kind.system.clone(), kind.name.clone(), format!("{}×", kind.calls), kind.outcomes.join(", ")];
            (anstyle::Style::new(), row)
        });
        columns_of(&mut out, "  ", rows);
        line(&mut out, "");
        line(&mut out, "  Names are replaced by pseudonyms. In the transcript:");
        for name in self.transcript.names() {
            line(&mut out, &format!("  {}", printable(&name)));
        }
        if !self.transcript.kinds().iter().any(|kind| kind.name == "GET groups") {
            line(
                &mut out,
                "  It has no listing of the product profiles: Adobe was not asked for one. A recording after the time that the",
            );
            line(&mut out, "  finding \"Page 0 may be requested\" names has one.");
        }
        if whole {
            line(&mut out, "");
            for text in self.transcript.text().lines() {
                line(&mut out, &printable(text));
            }
        }
        out
    }

    /// As [`Self::text`], in Markdown.
    pub(super) fn markdown(&self) -> String {
        let mut out =
            String::from("\n## Transcript\n\n| System | Call | Number | Responses |\n| --- | --- | --- | --- |\n");
        for kind in self.transcript.kinds() {
            let outcomes = cell(&kind.outcomes.join(", ")).clone();
            line(&mut out, &format!("| {} | {} | {} | {outcomes} |", cell(&kind.system), cell(&kind.name), kind.calls));
        }
        out
    }

    /// Where the file is, and what it is for.
    pub(super) fn where_it_is(&self) -> String {
        format!(
            "The transcript is {}. Read it before you send it: sandbox --replay serves it, -v shows it.\n",
            printable(&self.file.display().to_string())
        )
    }
}

fn configuration(settings: &PartialSettings) -> RecordedConfiguration {
    let options = settings.experience_cloud.as_ref().map(|configured| &configured.options);
    RecordedConfiguration {
        organization_id: options.map(|options| options.organization_id.to_string()),
        ims_url: settings.ims_url.as_ref().map(ToString::to_string),
        umapi_url: options.map(|options| options.umapi_url.to_string()),
        client_id: settings.credential.as_ref().map(|credential| credential.client_id.clone()),
        instances: settings.instances.iter().filter_map(instance).collect(),
    }
}

fn instance(one: &PartialInstance) -> Option<RecordedInstance> {
    let access = one.access.as_ref()?;
    let policy = one.policy.as_ref();
    Some(RecordedInstance {
        name: one.name.to_string(),
        url: Some(access.url.to_string()),
        tenant: access.tenant.clone(),
        association_mask: policy.map(|policy| policy.mask.as_str().to_owned()),
        mode: match access.mode {
            InstanceMode::Observe => "observe",
            InstanceMode::Apply => "apply",
        },
        choices: policy.map(choices).unwrap_or_default(),
        sign_in: match &access.authentication {
            InstanceAuthentication::Native { login, .. } => RecordedSignIn::Native { login: login.to_string() },
            InstanceAuthentication::Ims { client_id, .. } => RecordedSignIn::Ims { client_id: client_id.clone() },
        },
    })
}

/// The choices that findings depend on.
fn choices(policy: &Policy) -> Vec<(&'static str, &'static str)> {
    let missing = |policy| match policy {
        MissingPolicy::Skip => "skip",
        MissingPolicy::Create => "create",
    };
    let manage = match policy.manage {
        Manage::Ims => "ims",
        Manage::All => "all",
    };
    let without_groups = match policy.without_groups {
        WithoutGroups::Keep => "keep",
        WithoutGroups::Disable => "disable",
    };
    vec![
        ("manage", manage),
        ("missing_group", missing(policy.missing_group)),
        ("missing_operator", missing(policy.missing_operator)),
        ("without_groups", without_groups),
    ]
}
