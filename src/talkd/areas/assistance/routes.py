"""Operations that need a language model. This release works with none, so all of them are refused."""

from typing import Any

import msgspec

from talkd.core.errors import Invalid, NotFound, PreconditionFailed
from talkd.storage.database import Tx
from talkd.web.call import Call
from talkd.web.routing import PAST_LOBBY, Guard, Routes

routes = Routes("chat")
translation_routes = Routes("translation", base="/translation")
task_routes = Routes("taskprocessing", base="/taskprocessing")


class SummaryParams(msgspec.Struct, frozen=True):
    """The first message of the summary."""

    fromMessageId: int


class TranslationParams(msgspec.Struct, frozen=True):
    """What to translate. Without `fromLanguage`, the language is to be detected."""

    text: str
    toLanguage: str
    fromLanguage: str | None = None


class TaskParams(msgspec.Struct, frozen=True):
    """A task."""

    id: int


@routes.add(
    "POST",
    "chat/{token}/summarize",
    *PAST_LOBBY,
    versions=("v1",),
    params=SummaryParams,
)
async def summarize(_tx: Tx, _call: Call[SummaryParams]) -> None:
    """Summarise the messages from one message on."""
    raise Invalid("ai-error")


@translation_routes.add("GET", "languages", Guard.NO_LOGIN)
async def list_languages(_tx: Tx, _call: Call[Any]) -> dict[str, Any]:
    """List the languages that can be translated."""
    return {"languages": [], "languageDetection": False}


@translation_routes.add("POST", "translate", Guard.NO_LOGIN, params=TranslationParams)
async def translate(_tx: Tx, _call: Call[TranslationParams]) -> None:
    """Translate a text."""
    raise PreconditionFailed(data={"message": "No translation provider available"})


@task_routes.add("GET", "task/{id}", Guard.USER, params=TaskParams)
async def get_task(_tx: Tx, _call: Call[TaskParams]) -> None:
    """Return a task and its result."""
    raise NotFound(data={"message": "Not found"})
