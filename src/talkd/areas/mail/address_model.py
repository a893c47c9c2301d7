"""Check e-mail addresses: one rule for accounts, invitations, imported lists and settings."""

from talkd.core.characters import is_text


def deliverable(address: str) -> str | None:
    """Return the address with an ASCII domain, as mail servers need it, or None if it is not a valid address.

    The domain must contain a dot, and is not looked up.
    """
    if (
        "@" not in address or "=?" in address or not is_text(address)
    ):  # mail programs decode "=?…?=", so they would show another address
        return None
    import email_validator  # here, because its regular expressions take 20 ms of each start

    # Companies have internal mail servers under `.local` and similar domains.
    email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()
    try:
        found = email_validator.validate_email(
            address, allow_smtputf8=False, check_deliverability=False, globally_deliverable=False, strict=True
        )
    except email_validator.EmailNotValidError:
        return None
    domain = found.ascii_domain
    return found.ascii_email if "." in domain and domain[-1].isalpha() else None


def is_address(text: str) -> bool:
    """Return True if the text is a valid e-mail address."""
    return deliverable(text) is not None
