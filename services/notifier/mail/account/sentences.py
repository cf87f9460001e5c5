"""What the mails about an account say, kind by kind."""

from typing import NamedTuple

from shared.contracts.auth import AccountMailKind
from shared.i18n.catalogue import N_, NP_, Marked


class Sentences(NamedTuple):
    """What one kind of mail says, in English; its templates translate it."""

    subject: Marked
    heading: Marked
    text: Marked
    button: Marked
    not_you: Marked
    why: Marked
    way_back: Marked = ""
    sent_by: Marked = N_("It was sent by a program; replies are not read.")


_CHOOSE_A_PASSWORD = NP_("button", "Choose a new password")
_CHOOSE_ANOTHER_PASSWORD = N_(
    "If it was not you, choose another password at once by a link in a mail; that ends the access "
    "of everybody else."
)
_SAFETY = N_("You get this mail because it is about the safety of your account at Prereview.")

SENTENCES: dict[AccountMailKind, Sentences] = {
    "confirm_email": Sentences(
        subject=N_("Confirm your e-mail address"),
        heading=N_("Is this your address?"),
        text=N_("Confirm it, and the results of checks come here. Until then they wait for you."),
        button=N_("Confirm this address"),
        not_you=N_(
            "If you did not register, do nothing: no results are sent to an address that nobody "
            "has confirmed."
        ),
        why=N_(
            "You get this mail because someone, probably you, registered at Prereview with this "
            "address."
        ),
    ),
    "already_registered": Sentences(
        subject=N_("There is an account with this address already"),
        heading=N_("There is an account with this address already"),
        text=N_(
            "Someone, probably you, entered this address for an account at Prereview. There is one "
            "with it already, so nothing was changed. If you know its password, log in."
        ),
        button=N_("Log in"),
        not_you=N_(
            "If it was not you and the account is yours, do nothing: it is as it was, and nobody "
            "was told that it exists. If you have forgotten the password, or did not make this "
            "account yourself, choose a new password by a link in a mail: that ends all sessions "
            "and revokes all API tokens of whoever made it."
        ),
        why=N_("You get this mail because someone entered your address at Prereview once more."),
        way_back=_CHOOSE_A_PASSWORD,
    ),
    "reset_password": Sentences(
        subject=N_("Choose a new password"),
        heading=N_("Choose a new password"),
        text=N_(
            "Someone, probably you, asked for a new password for your account. After that you log "
            "in anew on every device."
        ),
        button=_CHOOSE_A_PASSWORD,
        not_you=N_("If it was not you, do nothing: your password stays as it is."),
        why=N_(
            "You get this mail because a new password was asked for at Prereview with this address."
        ),
    ),
    "log_in": Sentences(
        subject=N_("A link to log in to your account"),
        heading=N_("Too many wrong passwords"),
        text=N_(
            "Somebody has tried many wrong passwords for your account. For a while even the right "
            "one is therefore refused in browsers that you have not used before. This link lets "
            "you in at once."
        ),
        button=N_("Log in"),
        not_you=N_(
            "If it was not you who tried, there is nothing that you must do: nobody has got in "
            "this way. Whoever has a hard password is safe."
        ),
        why=_SAFETY,
    ),
    "confirm_new_email": Sentences(
        subject=N_("Confirm your new e-mail address"),
        heading=N_("Is this your new address?"),
        text=N_(
            "Someone, probably you, wants to use this address for an account at Prereview. Confirm "
            "it, and from then on you log in with it and mail comes here."
        ),
        button=N_("Use this address"),
        not_you=N_("If it was not you, do nothing: the address will not be used."),
        why=N_(
            "You get this mail because someone entered this address as the new one of an account "
            "at Prereview."
        ),
    ),
    "email_changed": Sentences(
        subject=N_("Your e-mail address was changed"),
        heading=N_("Your account has another address"),
        text=N_(
            "The address of your account was changed. You log in with the new one, and mail no "
            "longer comes here."
        ),
        button=N_("Open your account"),
        not_you=N_(
            "If it was not you, someone else has your password: log in with the new address, "
            "change the password and set your address back. If that is no longer possible, tell "
            "whoever runs this Prereview at once."
        ),
        why=N_(
            "You get this mail because this was the address of your account at Prereview until now."
        ),
    ),
    "password_changed": Sentences(
        subject=N_("Your password was changed"),
        heading=NP_("heading", "Your password was changed"),
        text=N_(
            "Your account has a new password. Wherever else you were logged in, you are logged "
            "out. Have a look at your API tokens as well: only a password chosen by a link in a "
            "mail revokes them, otherwise they go on working until you do."
        ),
        button=N_("Open your account"),
        not_you=_CHOOSE_ANOTHER_PASSWORD,
        why=_SAFETY,
        way_back=_CHOOSE_A_PASSWORD,
    ),
    "new_sign_in": Sentences(
        subject=N_("New sign-in to your account"),
        heading=N_("A new device"),
        text=N_(
            "Someone, probably you, has logged in to your account from a device that was not used "
            "for it before."
        ),
        button=N_("Open your account"),
        not_you=N_(
            "If it was not you, change your password: that ends all other sessions. And revoke the "
            "API tokens that you do not know."
        ),
        why=N_(
            "You get this mail because Prereview tells you of every new device. You can turn that "
            "off in your account."
        ),
    ),
    "second_factor_enabled": Sentences(
        subject=N_("Second factor switched on"),
        heading=N_("Second factor switched on"),
        text=N_(
            "From now on a code of your app is needed to log in, beside the password. Keep the "
            "recovery codes where you find them without the app."
        ),
        button=N_("Second factor"),
        not_you=N_(
            "If it was not you, somebody knows your password and has logged in. Choose another "
            "password by a link in a mail, which ends every session, and ask whoever runs this "
            "server to remove the second factor."
        ),
        why=_SAFETY,
        way_back=_CHOOSE_A_PASSWORD,
    ),
    "second_factor_disabled": Sentences(
        subject=N_("Second factor switched off"),
        heading=N_("Second factor switched off"),
        text=N_(
            "Your password alone is enough to log in again. The recovery codes are worth nothing "
            "any more."
        ),
        button=N_("Second factor"),
        not_you=_CHOOSE_ANOTHER_PASSWORD,
        why=_SAFETY,
        way_back=_CHOOSE_A_PASSWORD,
    ),
    "recovery_code_used": Sentences(
        subject=N_("A recovery code was used"),
        heading=N_("A recovery code was used"),
        text=N_(
            "One of the recovery codes of your second factor was used. It is worth nothing any "
            "more. Your account page tells how many are left, and makes new ones."
        ),
        button=N_("Recovery codes"),
        not_you=N_(
            "If it was not you, somebody has your password and your recovery codes. Choose another "
            "password at once by a link in a mail, then make new recovery codes."
        ),
        why=_SAFETY,
        way_back=_CHOOSE_A_PASSWORD,
    ),
}
