"""What health is."""

import msgspec


class Health(msgspec.Struct, frozen=True):
    """`status` and `database` are `ok` or `failed`."""

    status: str
    database: str
    version: str
