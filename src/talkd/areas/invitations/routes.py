"""Operations on invitations by e-mail."""

import asyncio
from functools import partial
from typing import Any

import msgspec

from talkd.areas.invitations import model
from talkd.areas.invitations import service as invitations
from talkd.areas.invitations.service import Import
from talkd.areas.rooms.member_changes import MemberChanges
from talkd.storage.database import Tx
from talkd.web.call import Call
from talkd.web.guards import lock_room_again
from talkd.web.ocs import Reply
from talkd.web.params import Upload
from talkd.web.routing import USER_MODERATOR, Access, Routes

routes = Routes("invitation")
V4 = ("v4",)


class RepeatParams(msgspec.Struct, frozen=True):
    """The attendee to send the invitation to; null for everybody invited by e-mail."""

    attendeeId: int | None = None


class ImportParams(msgspec.Struct, frozen=True):
    """A CSV file. With `testRun` nobody is invited."""

    file: Upload | None = None
    testRun: bool = False


@routes.add("POST", "room/{token}/participants/resend-invitations", *USER_MODERATOR, versions=V4, params=RepeatParams)
async def repeat_invitations(tx: Tx, call: Call[RepeatParams]) -> None:
    """Send invitations by e-mail again."""
    await invitations.repeat(tx, call.me, call.params.attendeeId)


@routes.add(
    "POST",
    "room/{token}/import-emails",
    *USER_MODERATOR,
    versions=V4,
    params=ImportParams,
    access=Access.OWN,
    returns=dict[str, Any],
    errors=(400,),
)
async def import_emails(call: Call[ImportParams]) -> Reply:
    """Invite everybody on a list of e-mail addresses."""
    invitations.require_importable(call.me)
    if call.params.file is None:
        raise model.refusal("file")
    most = call.world.config.sizes.imported_rows
    sheet = await asyncio.to_thread(partial(model.parse, call.params.file.content, most=most))

    async def work(tx: Tx) -> Import:
        await lock_room_again(tx, call)
        return await invitations.invite_all(
            tx,
            call.me,
            sheet,
            only_test=call.params.testRun,
            talk_settings=call.world.talk_settings,
            most=call.world.config.sizes.attendees,
        )

    result = await call.write(work)
    await call.world[MemberChanges].finish(result.progress)
    return _report(result)


def _report(result: Import) -> Reply:
    """Return the answer: status 400 for invalid lines, so that clients show them, although the others were invited."""
    data: dict[str, Any] = {"invites": result.invites, "duplicates": result.duplicates}
    if result.invalid_lines:
        text = f"Following lines are invalid: {', '.join(map(str, result.invalid_lines))}"
        data = {"error": text, "message": text, **data}
        data |= {"invalid": len(result.invalid_lines), "invalidLines": result.invalid_lines}
    if result.new_type is not None:
        data["type"] = int(result.new_type)
    return Reply(data, 400 if result.invalid_lines else 200)
