"""Operations of the chat API that share files: after an upload to the draft folder, or with the upload itself."""

from functools import partial
from typing import Any

import msgspec

from talkd.areas.attachments import draft_service
from talkd.areas.attachments.model import Meta, parse_draft, parse_meta
from talkd.areas.chat.routes import show_sent
from talkd.areas.files import refusals
from talkd.areas.files import service as files
from talkd.areas.files.contents import Contents
from talkd.areas.files.media_model import type_of
from talkd.areas.files.model import Path
from talkd.areas.files.receiving import parts_of
from talkd.areas.messages import view as message_view
from talkd.areas.pictures.describing import ensure_described
from talkd.conversation.message import VOICE
from talkd.core.errors import Invalid, NoSpace, TalkError, TooLarge
from talkd.storage.database import Tx
from talkd.web.call import Call
from talkd.web.guards import lock_room_again
from talkd.web.ocs import Reply
from talkd.web.params import StoredUpload
from talkd.web.routing import SPEAKING, Access, Guard, Routes

routes = Routes("chat")
V1 = ("v1",)
USER_SPEAKING = (Guard.USER, *(guard for guard in SPEAKING if guard is not Guard.NO_LOGIN))
"""All users in the room who may send messages. Guests have no files."""


class FolderParams(msgspec.Struct, frozen=True):
    """The names of the files that the client wants to share."""

    fileNames: list[str] = []


class RenamedView(msgspec.Struct, frozen=True):
    """The folder for uploads, and which of the wanted names will be another."""

    folder: str
    renames: list[dict[str, str]]


class AttachParams(msgspec.Struct, frozen=True):
    """An uploaded file in the draft folder, the name that it gets, and what is said about its message."""

    filePath: str
    referenceId: str | None = None
    talkMetaData: str = ""
    fileName: str = ""


class RenamesView(msgspec.Struct, frozen=True):
    """The wanted name, if the file got another."""

    renames: list[dict[str, str]]


class SendFileParams(msgspec.Struct, frozen=True):
    """A file, with what is said about its message. `fileName` replaces the name in the form.

    With `referenceId` in the address, a request that comes again needs no space for its file.
    """

    file: StoredUpload | None = None
    fileName: str = ""
    caption: str = ""
    referenceId: str = ""
    replyTo: int = 0
    silent: bool = False
    messageType: str = ""


@routes.add(
    "POST",
    "chat/{token}/attachment/folder",
    *USER_SPEAKING,
    versions=V1,
    params=FolderParams,
    access=Access.OWN,
    returns=RenamedView,
)
async def prepare_folder(call: Call[FolderParams]) -> RenamedView:
    """Create the folder to which files for the room are uploaded."""

    async def prepare(tx: Tx) -> Path:
        await lock_room_again(tx, call)
        return await draft_service.prepare(tx, call.me, call.world[Contents].limits)

    wanted, folder = call.params.fileNames, await call.write(prepare)
    renames = await call.world.db.read_aside(lambda tx: draft_service.list_renames(tx, call.me, folder, wanted))
    return RenamedView("/".join(folder), [{wanted: final} for wanted, final in renames])


@routes.add(
    "POST",
    "chat/{token}/attachment",
    *USER_SPEAKING,
    versions=V1,
    params=AttachParams,
    access=Access.OWN,
    returns=RenamesView,
    errors=(422,),
)
async def attach(call: Call[AttachParams]) -> RenamesView:
    """Share an uploaded file from the draft folder."""
    params = call.params
    if params.referenceId is None:
        raise Invalid("referenceId", message="The parameter referenceId is missing.")
    meta = parse_meta(params.talkMetaData)
    draft = parse_draft(params.filePath, call.me.room, call.me.actor)
    published = await _publish(call, draft, params.fileName, meta, params.referenceId)
    wanted, final = params.fileName, published.name
    return RenamesView([{wanted: final}] if wanted not in ("", final) else [])


async def _require_space(tx: Tx, call: Call[Any]) -> int | None:
    """Return how many bytes the form may have, or None for no limit. Up to `max_body` of them may be other texts.

    A request with the `referenceId` of a message in its address is a second one: its file needs no space. Raises
    NoSpace if there is no space for a file of the announced size.
    """
    reference_id = call.raw.get("referenceId")
    if isinstance(reference_id, str) and await draft_service.find_sent(tx, call.me, reference_id) is not None:
        return None
    texts = call.world.config.server.max_body
    try:
        space = await draft_service.find_space(tx, call.me, call.world[Contents].limits)
        if space is not None and (call.length or 0) > space + texts:
            raise NoSpace(message="There is not enough space left for files.")
    except NoSpace as error:
        refusals.count_full(error)
        raise
    return None if space is None else space + texts


@routes.add(
    "POST",
    "chat/{token}/attachment/send",
    *USER_SPEAKING,
    before_file=_require_space,
    versions=V1,
    params=SendFileParams,
    access=Access.OWN,
    returns=message_view.MessageView,
    errors=(403, 413, 507),
)
async def send_file(call: Call[SendFileParams]) -> Reply:
    """Upload a file and share it, in one request. This operation is talkd's own, for bots and scripts."""
    params, contents = call.params, call.world[Contents]
    if params.file is None:
        raise Invalid("file", message="The form has no file.")
    most = call.world.config.files.max_file
    if params.file.size > most:  # the whole form may be larger
        raise TooLarge("body", message=f"A file may have at most {most} bytes.")
    name = params.fileName or params.file.name
    media_type = type_of(name)
    contents.require_type(media_type)
    meta = Meta(params.caption, params.silent, params.replyTo, params.messageType == VOICE)
    known = await call.world.db.read(lambda tx: draft_service.find_sent(tx, call.me, params.referenceId))
    if known is not None:
        return show_sent(call, known, 201)
    store = partial(draft_service.store, me=call.me, name=name, media_type=media_type, limits=contents.limits)
    try:
        draft, _ = await contents.begin().receive_for(
            parts_of(params.file.path),
            lambda received: call.write(partial(store, received=received)),
            lambda stored: files.is_kept(stored[1]),
        )
    except BaseException as error:
        refusals.count_full(error)
        raise
    try:
        sent = await _publish(call, draft, name, meta, params.referenceId)
    except TalkError:
        await call.write_if_possible(lambda tx: draft_service.remove_draft(tx, call.me, draft))
        raise
    return show_sent(call, sent.message, 201)


async def _publish(call: Call[Any], draft: Path, name: str, meta: Meta, reference_id: str) -> draft_service.Published:
    """Share a file from the draft folder, after looking at what is in it."""
    found = await call.world.db.read(lambda tx: draft_service.find(tx, call.me, draft))
    if found is not None:
        await ensure_described(call.world, *found)

    async def work(tx: Tx) -> draft_service.Published:
        await lock_room_again(tx, call)
        return await draft_service.publish(
            tx,
            call.me,
            draft,
            name,
            meta,
            limits=call.world[Contents].limits,
            reference_id=reference_id,
            base_url=call.base_url,
        )

    return await call.write(work)
