//! Class schemes: the six classes put together in the groups of a counting standard, each with the passenger-car units
//! that one of its road users stands for. Which there are is a table of `config`; adding groups up is `store`'s work.

use crate::class::RoadUserClass;

/// A named way of grouping the six classes. Every class is in exactly one group.
#[derive(Debug, Clone, PartialEq)]
pub struct Scheme {
    /// Unique in the site; `[a-z0-9-]{1,40}`.
    pub id: String,
    /// For people.
    pub title: String,
    /// In the table's order.
    pub groups: Vec<ClassGroup>,
}

/// Some classes that a scheme takes for one.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassGroup {
    /// Unique in the scheme; `[a-z0-9-]{1,40}`.
    pub id: String,
    /// For people.
    pub title: String,
    /// At least one.
    pub classes: Vec<RoadUserClass>,
    /// Passenger-car units of one road user, 0 to 10.
    pub pcu: f64,
}

impl Scheme {
    /// The group that a class is in.
    #[must_use]
    pub fn group_of(&self, class: RoadUserClass) -> Option<&ClassGroup> {
        self.groups.iter().find(|group| group.classes.contains(&class))
    }

    /// The group of this id.
    #[must_use]
    pub fn group(&self, id: &str) -> Option<&ClassGroup> {
        self.groups.iter().find(|group| group.id == id)
    }
}
