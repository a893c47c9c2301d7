"""The rules for passwords of accounts and of rooms."""

from talkd.areas.users.model import INVALID, WEAK_PASSWORD
from talkd.config_groups import SecurityConfig
from talkd.core.errors import Invalid, Rejected

MAX_PASSWORD_LENGTH = 469


def require_account_password(password: str, security: SecurityConfig) -> None:
    """Raises Rejected if the password has too few or too many characters."""
    problem = _problem_of(password, security.password_min_length)
    if problem:
        raise Rejected(INVALID if len(password) > MAX_PASSWORD_LENGTH else WEAK_PASSWORD, problem)


def require_room_password(password: str, security: SecurityConfig) -> None:
    """Raises Invalid("password") if the password has too few or too many characters. The message says which."""
    problem = _problem_of(password, security.room_password_min_length)
    if problem:
        raise _refusal(problem)


def require_forced_password(*, is_open: bool, has_password: bool, is_forced: bool) -> None:
    """Raises Invalid("password") if the room is open to everybody, but `force_passwords` requires a password."""
    if is_forced and is_open and not has_password:
        raise _refusal("A conversation that guests may join needs a password on this server.")


def _problem_of(password: str, min_length: int) -> str:
    if len(password) < min_length:
        return f"Password needs to be at least {min_length} characters long."
    if len(password) > MAX_PASSWORD_LENGTH:
        return f"Password may have at most {MAX_PASSWORD_LENGTH} characters."
    return ""


def _refusal(problem: str) -> Invalid:
    return Invalid("password", message=problem, data={"error": "password", "message": problem})
