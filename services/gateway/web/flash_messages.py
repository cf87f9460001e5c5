"""Messages at the top of a page after an action, by the query parameter `notice`."""

from shared.i18n.catalogue import N_

FLASH_MESSAGES = {
    "registered": N_(
        "We have sent you a mail. Please open its link: only then are results mailed to you."
        " You can log in already."
    ),
    "logged_out": N_("You are logged out."),
    "replaced": N_("The new version is here and will be checked."),
    "unchanged": N_("The file you sent is the same as the current version, so nothing changed."),
    "unchanged_text": N_("Nothing was changed, so there is no new version."),
    "restored": N_("The file is back, as it was when it was deleted."),
    "choose_two": N_("Choose two versions to compare."),
    "saved": N_("Saved."),
    "confirmed": N_("Your address is confirmed. Results are mailed to it from now on."),
    "new_address": N_("This is your address from now on. The former one was told."),
    "confirmation_sent": N_("The mail is on its way. Please open its link."),
    "email_asked": N_(
        "We have sent a mail to the new address. It counts once you have opened the link in it."
    ),
    "email_kept": N_("This is your address already, and it stays so."),
    "password_changed": N_("The password is changed, and every other session has ended."),
    "password_reset": N_("The new password holds. Log in with it; all sessions have ended."),
    "session_ended": N_("That session has ended."),
    "sessions_ended": N_("All other sessions have ended."),
    "second_factor_off": N_("The second factor is off: the password alone logs in."),
    "token_revoked": N_("The token is revoked. Within a minute it is refused everywhere."),
    "erased": N_("Your account is erased. Thank you for having been here."),
    "deleted": N_("The file is deleted. Its reports stay in the check log."),
}
