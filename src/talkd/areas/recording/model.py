"""What is known of recording servers."""

import msgspec


class _Servers(msgspec.Struct):
    secret: str = ""


def secret_of(setting: str) -> str:
    """The secret shared with recording servers, from the setting `recording_servers`; empty when there is none."""
    try:
        return msgspec.json.decode(setting, type=_Servers).secret
    except msgspec.DecodeError:
        return ""
