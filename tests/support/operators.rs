//! Operators of an instance.

use campaign_group_sync::domain::{Operator, OperatorId, OperatorLogin, SignInMethod};

/// An enabled operator that signs in through Adobe.
pub(crate) fn operator(id: i64, login: &str) -> Operator {
    Operator {
        id: OperatorId(id),
        login: OperatorLogin::new(login),
        has_agent_label: false,
        sign_in: SignInMethod::Ims,
        disabled: false,
    }
}
