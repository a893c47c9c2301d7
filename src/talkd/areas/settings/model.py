"""A setting and what it can be."""

import msgspec


class Described(msgspec.Struct, frozen=True):
    """A setting of an app. `form` is the name of its form, or its possible values; `value` is None if it is not set."""

    app: str
    key: str
    form: frozenset[str] | str
    default: str
    value: str | None
