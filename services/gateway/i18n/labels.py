"""Labels for auth's scopes and kinds of security events."""

from shared.i18n.catalogue import N_

SCOPES = {
    "files:read": N_("See your files and whether they are checked, and download them"),
    "files:write": N_("Upload, replace, delete and restore your files"),
    "checks:read": N_("See how checks ended, read their reports and follow the news"),
    "account": N_("See your address and preferences"),
}

SECURITY = {
    "registered": N_("Account created"),
    "signed_in": N_("Logged in"),
    "sign_in_failed": N_("Login with a wrong password"),
    "password_refused": N_("Current password given wrongly"),
    "signed_out": N_("Logged out"),
    "session_ended": N_("Session ended from the list of sessions"),
    "refresh_reused": N_("Refresh token used twice, so its session was ended"),
    "password_changed": N_("Password changed"),
    "password_reset": N_("Password set anew by a mailed link"),
    "email_confirmed": N_("Address confirmed"),
    "email_change_requested": N_("Another address asked for"),
    "email_changed": N_("Address changed"),
    "token_created": N_("API token made"),
    "token_revoked": N_("API token revoked"),
    "exported": N_("Data exported"),
    "second_factor_enabled": N_("Second factor switched on"),
    "second_factor_disabled": N_("Second factor switched off"),
    "second_factor_refused": N_("Wrong code of the second factor"),
    "recovery_code_used": N_("Recovery code used"),
    "recovery_codes_made": N_("New recovery codes made"),
}
