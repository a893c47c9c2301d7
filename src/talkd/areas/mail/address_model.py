"""What an e-mail address is: one rule for accounts, invitations, lists and settings."""

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

from talkd.core.characters import is_text

SPECIAL_USE_DOMAIN_NAMES.clear()  # `.local` and the like have mail servers too, inside of companies


def deliverable(address: str) -> str | None:
    """Return the address as mail servers spell it, with an ASCII domain; None if mail cannot be sent there.

    Nothing is looked up. Internal domains are good as long as they have a dot.
    """
    if "=?" in address or not is_text(address):  # mail programs would decode "=?…?=" to something else
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
    """Return True if mail could be sent there."""
    return deliverable(text) is not None
