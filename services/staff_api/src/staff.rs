//! Somebody of the staff, and what their groups allow.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use service_kit::api;
use service_kit::database::Actor;
use service_kit::problem::{Kind, Problem};
use uuid::Uuid;

/// The groups of `cognito-user-pool.yaml`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    /// Manages master data.
    Admin,
    /// Approves orders.
    Approver,
    /// Enters equipment and orders.
    Staff,
}

/// The caller of a request.
pub(crate) struct Member {
    groups: Vec<Group>,
    pub(crate) actor: Actor,
}

impl Member {
    /// Refuses whoever is in none of these groups. Who manages may also enter, and approve.
    pub(crate) fn needs(&self, group: Group) -> Result<(), Problem> {
        let enough = self.groups.contains(&group)
            || self.groups.contains(&Group::Admin)
            || group == Group::Staff && self.groups.contains(&Group::Approver);
        if enough { Ok(()) } else { Err(Problem::new(Kind::Forbidden)) }
    }

    pub(crate) fn id(&self) -> Uuid {
        self.actor.id
    }
}

impl<S: Sync> FromRequestParts<S> for Member {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Member, Problem> {
        let (caller, actor) = api::caller(&parts.extensions)?;
        let known = |name: &String| match name.as_str() {
            "admin" => Some(Group::Admin),
            "approver" => Some(Group::Approver),
            "staff" => Some(Group::Staff),
            _ => None,
        };
        let groups: Vec<Group> = caller.groups.iter().filter_map(known).collect();
        if groups.is_empty() {
            return Err(Problem::because(Kind::Forbidden, "the user is in no group of the staff"));
        }
        Ok(Member { groups, actor })
    }
}
