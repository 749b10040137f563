//! What is on its way to the database: closed bins, and notices of what is no bin. How it lies on disk is the spool's
//! business, how it becomes rows the writer's.

use serde::{Deserialize, Serialize};
use wayside_types::{ClosedBins, IncidentRecord, IncidentStill};

/// Something that is kept and is no bin. On disk each is a record of its own, by name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Notice {
    /// An incident as it stands.
    Incident(IncidentRecord),
    /// A still of an incident.
    Still(IncidentStill),
}

impl Notice {
    /// Rows that it makes.
    pub(crate) fn rows(&self) -> usize {
        match self {
            Self::Incident(record) => 1 + record.incident.why.len(),
            Self::Still(_) => 1,
        }
    }

    /// Whose view it is about.
    pub(crate) fn camera(&self) -> &str {
        match self {
            Self::Incident(record) => record.id.camera.as_str(),
            Self::Still(still) => still.incident.camera.as_str(),
        }
    }
}

/// Some bins and notices.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Load {
    pub(crate) bins: Vec<ClosedBins>,
    pub(crate) notices: Vec<Notice>,
}

impl Load {
    /// Bins alone.
    pub(crate) fn of_bins(bins: Vec<ClosedBins>) -> Self {
        Self { bins, notices: Vec::new() }
    }

    /// Notices alone.
    pub(crate) fn of_notices(notices: Vec<Notice>) -> Self {
        Self { bins: Vec::new(), notices }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bins.is_empty() && self.notices.is_empty()
    }

    /// Rows that it makes.
    pub(crate) fn rows(&self) -> usize {
        let bins: usize = self.bins.iter().map(ClosedBins::rows).sum();
        bins + self.notices.iter().map(Notice::rows).sum::<usize>()
    }

    /// Whose view the first of it is about, for messages.
    pub(crate) fn camera(&self) -> String {
        let bins = self.bins.first().map(|one| one.coverage.camera.as_str());
        bins.or_else(|| self.notices.first().map(Notice::camera)).unwrap_or_default().to_owned()
    }

    /// Each bin and notice by itself.
    pub(crate) fn each(&self) -> impl Iterator<Item = Self> {
        let bins = self.bins.iter().map(|one| Self::of_bins(vec![one.clone()]));
        bins.chain(self.notices.iter().map(|one| Self::of_notices(vec![one.clone()])))
    }

    /// All of it as one line of JSON each.
    pub(crate) fn to_lines(&self) -> Vec<u8> {
        let mut lines = Vec::new();
        let mut add = |json: serde_json::Result<Vec<u8>>| {
            lines.extend(json.unwrap_or_default());
            lines.push(b'\n');
        };
        self.bins.iter().for_each(|one| add(serde_json::to_vec(one)));
        self.notices.iter().for_each(|one| add(serde_json::to_vec(one)));
        lines
    }
}
