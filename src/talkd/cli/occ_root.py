"""The tree of `talkd occ`."""

import click

from talkd.cli import (
    occ_calls,
    occ_config,
    occ_groups,
    occ_phones,
    occ_rooms,
    occ_signaling,
    occ_user_setting,
    occ_users,
)
from talkd.cli.occ import OccGroup

_WITH_VALUE = ("--output", "--config", "--data", "--database")


class _OptionsFirst(OccGroup):
    """Accepts the options of a command in front of its name, where some scripts write them."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        words, before = list(args), []
        while words and words[0].startswith("-") and words[0] != "--help":
            count = 2 if words[0] in _WITH_VALUE else 1
            before += words[:count]
            del words[:count]
        return super().parse_args(ctx, [*words[:1], *before, *words[1:]])


app = _OptionsFirst()
for part in (occ_rooms, occ_calls, occ_signaling, occ_config, occ_users, occ_user_setting, occ_groups, occ_phones):
    app.commands.update(part.commands.commands)
