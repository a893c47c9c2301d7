"""Settings as administrators see them."""

import msgspec

from talkd.areas.settings.model import Described
from talkd.conversation.server_lists import Layout, find_layout


class SettingView(msgspec.Struct, frozen=True):
    """A setting. `form` is the form of its values, or `choice` if it has one of `choices`."""

    app: str
    key: str
    form: str
    choices: list[str]
    default: str
    value: str | None
    """The value with secrets masked, or null if it is not set."""
    layout: Layout | None
    """What its value consists of, if it is a list of servers in JSON."""


def setting(described: Described) -> SettingView:
    """Return a setting with its form and value."""
    form, choices = (described.form, ()) if isinstance(described.form, str) else ("choice", described.form)
    return SettingView(
        described.app, described.key, form, sorted(choices), described.default, described.value, find_layout(form)
    )
