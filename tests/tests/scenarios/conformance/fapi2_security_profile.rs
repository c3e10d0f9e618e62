//! `fapi2-security-profile-final-client-test-plan`.

use latchgate_tests::{Failure, Setup};

/// What the variant does not matter to: by keys, and by certificates.
mod in_two_variants {
    use super::super::fapi2;
    use super::super::runs::security_profile;
    use super::{Failure, Setup};

    plan!(security_profile:
        fapi2_security_profile_final_client_test_discovery_issuer_mismatch => fapi2::discovery_issuer_mismatch,
        fapi2_security_profile_final_client_test_invalid_iss => fapi2::invalid_iss,
        fapi2_security_profile_final_client_test_invalid_aud => fapi2::invalid_aud,
        fapi2_security_profile_final_client_test_invalid_secondary_aud => fapi2::invalid_secondary_aud,
        fapi2_security_profile_final_client_test_invalid_null_alg => fapi2::null_alg,
        fapi2_security_profile_final_client_test_invalid_alternate_alg => fapi2::alternate_alg,
        fapi2_security_profile_final_client_test_invalid_expired_exp => fapi2::expired_exp,
        fapi2_security_profile_final_client_test_invalid_missing_exp => fapi2::missing_exp,
        fapi2_security_profile_final_client_test_invalid_missing_aud => fapi2::missing_aud,
        fapi2_security_profile_final_client_test_invalid_missing_iss => fapi2::missing_iss,
        fapi2_security_profile_final_client_test_valid_aud_as_array => fapi2::aud_as_array,
        fapi2_security_profile_final_client_test_invalid_nonce => fapi2::invalid_nonce,
        fapi2_security_profile_final_client_test_invalid_missing_nonce => fapi2::missing_nonce,
        fapi2_security_profile_final_client_test_invalid_authorization_response_iss => fapi2::invalid_response_iss,
        fapi2_security_profile_final_client_test_remove_authorization_response_iss => fapi2::no_response_iss,
        fapi2_security_profile_final_client_test_ensure_authorization_response_with_invalid_state_fails => fapi2::invalid_state,
        fapi2_security_profile_final_client_test_ensure_authorization_response_with_invalid_missing_state_fails => fapi2::missing_state,
        fapi2_security_profile_final_client_test_token_endpoint_response_without_expires_in => fapi2::no_expires_in,
        fapi2_security_profile_final_client_test_token_type_case_insensitivity => fapi2::token_type_in_other_case,
    );
}

mod in_all_variants {
    use super::super::fapi2;
    use super::super::runs::every_variant;
    use super::{Failure, Setup};

    plan!(every_variant:
        fapi2_security_profile_final_client_test_happy_path => fapi2::happy_path,
    );
}

mod with_dpop {
    use super::super::fapi2;
    use super::super::runs::with_dpop;
    use super::{Failure, Setup};

    plan!(with_dpop:
        fapi2_security_profile_final_client_test_happy_path_no_dpop_nonce => fapi2::no_dpop_nonce,
        fapi2_security_profile_final_client_test_rs_dpop_auth_scheme_case_insensitivity => fapi2::scheme_in_other_case,
    );
}

mod with_certificates {
    use super::super::fapi2;
    use super::super::runs::with_certificates;
    use super::{Failure, Setup};

    plan!(with_certificates:
        fapi2_security_profile_final_client_test_happy_path_no_mtls_endpoint_aliases => fapi2::no_mtls_endpoint_aliases,
    );
}
