"""Check e-mail addresses: one rule for accounts, invitations, imported lists and settings."""

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

from talkd.core.characters import is_text

SPECIAL_USE_DOMAIN_NAMES.clear()  # companies have internal mail servers under `.local` and similar domains


def deliverable(address: str) -> str | None:
    """Return the address with an ASCII domain, as mail servers need it, or None if it is not a valid address.

    The domain must contain a dot, and is not looked up.
    """
    if "=?" in address or not is_text(address):  # mail programs decode "=?…?=", so they would show another address
        return None
    try:
        found = validate_email(
            address, allow_smtputf8=False, check_deliverability=False, globally_deliverable=False, strict=True
        )
    except EmailNotValidError:
        return None
    domain = found.ascii_domain
    return found.ascii_email if "." in domain and domain[-1].isalpha() else None


def is_address(text: str) -> bool:
    """Return True if the text is a valid e-mail address."""
    return deliverable(text) is not None
