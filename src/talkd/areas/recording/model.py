"""The setting that names recording servers."""

import msgspec


class _Servers(msgspec.Struct):
    secret: str = ""


def secret_of(setting: str) -> str:
    """Return the secret in the setting `recording_servers`, or an empty string if it has none."""
    try:
        return msgspec.json.decode(setting, type=_Servers).secret
    except msgspec.DecodeError:
        return ""
