//! The scenarios of `config/scenarios`, which are part of the program.

/// A scenario with its text, by its name, which is its path below the folder.
macro_rules! built_in {
    ($($name:literal)*) => {
        [$(($name, include_str!(concat!("../../config/scenarios/", $name, ".toml")))),*]
    };
}

/// Complete worlds, the default first.
pub(super) const WORLDS: [(&str, &str); 7] = built_in! {
    "first_day"
    "joiners_and_leavers"
    "inherited_through_user_group"
    "hostile_names"
    "two_instances"
    "misconfigured"
    "large"
};

/// One misconfiguration each, in the order of `check`.
pub(super) const MISCONFIGURED: [(&str, &str); 64] = built_in! {
    "misconfigured/unknown_key"
    "misconfigured/key_missing"
    "misconfigured/secret_in_the_configuration"
    "misconfigured/secret_readable_by_all"
    "misconfigured/organization_id_cut_short"
    "misconfigured/ims_unreachable"
    "misconfigured/ims_behind_an_intercepting_proxy"
    "misconfigured/ims_behind_a_portal"
    "misconfigured/client_secret_expired"
    "misconfigured/client_id_unknown"
    "misconfigured/client_secret_rotated"
    "misconfigured/scope_not_granted"
    "misconfigured/scope_not_asked_for"
    "misconfigured/user_management_api_behind_an_intercepting_proxy"
    "misconfigured/user_management_api_missing"
    "misconfigured/organization_id_of_another_organization"
    "misconfigured/rate_limited"
    "misconfigured/no_product_profiles"
    "misconfigured/mask_with_two_captures"
    "misconfigured/mask_with_an_extra_space"
    "misconfigured/mask_without_a_capture"
    "misconfigured/certificate_expired"
    "misconfigured/certificate_expires_soon"
    "misconfigured/certificate_of_another_host"
    "misconfigured/certificate_of_an_unknown_authority"
    "misconfigured/campaign_unreachable"
    "misconfigured/campaign_behind_a_portal"
    "misconfigured/campaign_too_old"
    "misconfigured/campaign_requires_ims"
    "misconfigured/clocks_apart"
    "misconfigured/campaign_secret_rotated"
    "misconfigured/campaign_password_changed"
    "misconfigured/technical_account_disabled"
    "misconfigured/no_named_right"
    "misconfigured/column_missing"
    "misconfigured/ldap_active"
    "misconfigured/package_missing"
    "misconfigured/external_account_missing"
    "misconfigured/external_account_twice"
    "misconfigured/external_account_renamed"
    "misconfigured/external_account_disabled"
    "misconfigured/ims_server_of_stage"
    "misconfigured/organization_id_with_a_space"
    "misconfigured/callback_of_another_instance"
    "misconfigured/callback_without_https"
    "misconfigured/mask_with_a_dash"
    "misconfigured/mask_with_a_trailing_space"
    "misconfigured/mask_in_another_case"
    "misconfigured/tenant_of_another_instance"
    "misconfigured/product_context_unknown"
    "misconfigured/operators_unreadable"
    "misconfigured/mask_matches_nothing"
    "misconfigured/profile_with_a_dash"
    "misconfigured/profile_with_a_cyrillic_letter"
    "misconfigured/profile_without_its_group"
    "misconfigured/two_profiles_of_one_group"
    "misconfigured/profile_opens_the_control_panel"
    "misconfigured/operators_differ_in_case"
    "misconfigured/groups_differ_in_case"
    "misconfigured/secret_writable_by_group"
    "misconfigured/state_corrupt"
    "misconfigured/state_readable_by_all"
    "misconfigured/socket_folder_writable_by_all"
    "misconfigured/runs_too_frequent"
};

/// The text of a scenario.
pub(super) fn text_of(name: &str) -> Option<&'static str> {
    WORLDS.iter().chain(&MISCONFIGURED).find(|(known, _)| *known == name).map(|(_, text)| *text)
}
