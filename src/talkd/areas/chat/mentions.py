"""Who is named in a message."""

from talkd.areas.chat import store
from talkd.areas.chat.model import Message, Reference
from talkd.areas.participants import store as attendees
from talkd.areas.participants.model import Participant
from talkd.areas.users import group_store as groups
from talkd.areas.users import store as users
from talkd.core import clock
from talkd.core.actor import EMAILS, GROUPS, GUESTS, USERS
from talkd.core.constants import MAX_GUEST_MENTIONS, MENTION_SECONDS
from talkd.core.errors import Throttled
from talkd.core.richtext import ALL, find_mentions
from talkd.storage.database import Tx


async def resolve(tx: Tx, me: Participant, text: str) -> tuple[dict[tuple[str, str], str], dict[str, Reference]]:
    """Placeholders by mentioned actor, and what they stand for. Who does not exist stays plain text."""
    wanted = find_mentions(text)
    if not wanted:
        return {}, {}
    by_kind: dict[str, list[str]] = {}
    for kind, actor_id in wanted:
        by_kind.setdefault(kind, []).append(actor_id)
    known: dict[tuple[str, str], str] = {}
    if USERS in by_kind:
        known |= {(USERS, key): name for key, name in (await users.get_names(tx, by_kind[USERS])).items()}
    for kind in (GUESTS, EMAILS):
        if kind in by_kind:
            bare = [actor_id.partition("/")[2] for actor_id in by_kind[kind]]
            for attendee in await attendees.find_attendees(tx, me.room.id, kind, bare):
                known[kind, f"{kind[:-1]}/{attendee.actor_id}"] = attendee.display_name
    for group_id in by_kind.get(GROUPS, ()):
        group = await groups.get_group(tx, group_id)
        if group is not None:
            known[GROUPS, group_id] = group.display_name or group_id
    if (ALL, ALL) in wanted and (me.is_moderator or not me.room.mention_permissions):
        known[ALL, ALL] = ""
    return _number(wanted, known)


_PLACEHOLDERS = {
    USERS: "mention-user",
    GUESTS: "mention-guest",
    EMAILS: "mention-email",
    GROUPS: "mention-group",
    ALL: "mention-call",
}


def _number(
    wanted: list[tuple[str, str]], known: dict[tuple[str, str], str]
) -> tuple[dict[tuple[str, str], str], dict[str, Reference]]:
    placeholders: dict[tuple[str, str], str] = {}
    references: dict[str, Reference] = {}
    counts: dict[str, int] = {}
    for kind, actor_id in wanted:
        if (kind, actor_id) not in known:
            continue
        counts[kind] = counts.get(kind, 0) + 1
        placeholder = f"{_PLACEHOLDERS[kind]}{counts[kind]}"
        placeholders[kind, actor_id] = placeholder
        bare = actor_id.partition("/")[2] if kind in (GUESTS, EMAILS) else actor_id
        references[placeholder] = Reference("call" if kind == ALL else kind, bare, known[kind, actor_id])
    return placeholders, references


async def count(tx: Tx, network: str) -> None:
    """Guests mention somebody once more. Raises Throttled when those of a network have done so too often.

    By network, because whoever comes again by the link is another guest each time.
    """
    now = clock.now()
    mentions, since = await store.count_mention(tx, network, now, since=now - MENTION_SECONDS)
    if mentions > MAX_GUEST_MENTIONS:
        raise Throttled(since + MENTION_SECONDS - now, "mentions")


async def note(
    tx: Tx, me: Participant, message_id: int, placeholders: dict[tuple[str, str], str], answered: Message | None = None
) -> None:
    """Everybody named in the message, and who is answered with it, sees so in his list of rooms."""
    named = {actor_id for kind, actor_id in placeholders if kind == USERS}
    if answered is not None and answered.actor_type == USERS:
        named.add(answered.actor_id)
    named_users = sorted(named - ({me.actor.id} if me.actor.type == USERS else set()))
    if (ALL, ALL) in placeholders:
        await store.mention_all(tx, me.room.id, message_id, me.attendee.id)
    named_groups = [actor_id for kind, actor_id in placeholders if kind == GROUPS]
    if named_groups:
        await store.mention_groups(tx, me.room.id, message_id, named_groups)
    if named_users:
        await store.mention_actors(tx, me.room.id, message_id, USERS, named_users)
