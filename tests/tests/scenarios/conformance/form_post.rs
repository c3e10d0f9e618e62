//! `oidcc-client-formpost-basic-certification-test-plan`: the basic plan with answers by form.

use latchgate::ResponseMode;
use latchgate_tests::{Failure, Setup};

use super::basic;

plan!(by_form:
    oidcc_client_test => basic::oidcc_client_test,
    oidcc_client_test_invalid_iss => basic::oidcc_client_test_invalid_iss,
    oidcc_client_test_missing_sub => basic::oidcc_client_test_missing_sub,
    oidcc_client_test_invalid_aud => basic::oidcc_client_test_invalid_aud,
    oidcc_client_test_missing_iat => basic::oidcc_client_test_missing_iat,
    oidcc_client_test_kid_absent_single_jwks => basic::oidcc_client_test_kid_absent_single_jwks,
    oidcc_client_test_kid_absent_multiple_jwks => basic::oidcc_client_test_kid_absent_multiple_jwks,
    oidcc_client_test_idtoken_sig_rs256 => basic::oidcc_client_test_idtoken_sig_rs256,
    oidcc_client_test_idtoken_sig_none => basic::oidcc_client_test_idtoken_sig_none,
    oidcc_client_test_invalid_sig_rs256 => basic::oidcc_client_test_invalid_sig_rs256,
    oidcc_client_test_userinfo_invalid_sub => basic::oidcc_client_test_userinfo_invalid_sub,
    oidcc_client_test_nonce_invalid => basic::oidcc_client_test_nonce_invalid,
    oidcc_client_test_scope_userinfo_claims => basic::oidcc_client_test_scope_userinfo_claims,
    oidcc_client_test_client_secret_basic => basic::oidcc_client_test_client_secret_basic,
);

fn by_form(setup: Setup) -> Result<[Setup; 1], Failure> {
    Ok([setup.registration(|registration| registration.response_mode(ResponseMode::FormPost))])
}
