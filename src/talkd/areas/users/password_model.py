"""What passwords must be like: the one place that judges those of accounts and of conversations."""

from talkd.areas.users.model import INVALID, WEAK_PASSWORD
from talkd.config import SecurityConfig
from talkd.core.errors import Invalid, Rejected

MAX_PASSWORD_LENGTH = 469


def require_account_password(password: str, security: SecurityConfig) -> None:
    """Raises Rejected when the password is too short (in characters) or absurdly long."""
    problem = _problem_of(password, security.password_min_length)
    if problem:
        raise Rejected(INVALID if len(password) > MAX_PASSWORD_LENGTH else WEAK_PASSWORD, problem)


def require_room_password(password: str, security: SecurityConfig) -> None:
    """Raises Invalid("password"), with a message for people, when the password is too short or absurdly long."""
    problem = _problem_of(password, security.room_password_min_length)
    if problem:
        raise _refusal(problem)


def require_door(*, is_open: bool, has_password: bool, is_forced: bool) -> None:
    """Raises Invalid("password") when everybody could walk in though the setting `force_passwords` forbids it."""
    if is_forced and is_open and not has_password:
        raise _refusal("A conversation that guests may join needs a password on this server.")


def _problem_of(password: str, min_length: int) -> str:
    if len(password) < min_length:
        return f"Password needs to be at least {min_length} characters long."
    if len(password) > MAX_PASSWORD_LENGTH:
        return f"Password may have {MAX_PASSWORD_LENGTH} characters at most."
    return ""


def _refusal(problem: str) -> Invalid:
    return Invalid("password", message=problem, data={"error": "password", "message": problem})
