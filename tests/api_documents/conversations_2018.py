"""The constants and the room management of the API v1 of 2018."""

from api_documents import conversations as room
from api_documents.rows import Promise, rows_of_page, rows_of_source

CREATE, LIST, GET, RENAME = "POST room", "GET room", "GET room/{token}", "PUT room/{token}"
PASSWORD, DELETE = "PUT room/{token}/password", "DELETE room/{token}"
OPEN, SHUT = "POST room/{token}/public", "DELETE room/{token}/public"
LATER_KINDS = (
    "v1 shows the changelog (type 4 today), former one-to-one conversations (5) and notes to self (6) as groups, "
    "because its clients know three types."
)
SIXTH_ROLE = "A guest moderator has the type 6 in v1 too, as on the last servers that had v1."
LENGTH_OF_SESSIONS = (
    "The real server makes ids of 255 characters. The documents say 512, so all ids have 512 in every version. "
    "Clients do not look at the length."
)
BY_TYPE = "One-to-one conversations answer 403 too, with the reason `type`, because the document has no other refusal."
ACCOUNTS_ONLY = (
    f"{BY_TYPE} So do rooms without a password if the server requires one, with the reason `password`. Guests of the "
    "room get 403 too, even guest moderators."
)
NOT_ONESELF = "The caller's own id counts as unknown too."
SETTING_TWICE = "The document describes this operation twice, in the same way."

CONVERSATIONS = (
    Promise(3, 32, "all", "the base is `/ocs/v2.php/apps/spreed/api/v1`", room.listed),
    Promise(7, 37, "constants", "room type 1 is one to one", room.has_type),
    Promise(8, 38, "constants", "room type 2 is group", room.has_type, LATER_KINDS),
    Promise(9, 39, "constants", "room type 3 is public", room.has_type),
    Promise(12, 42, "constants", "participant type 1 is owner", room.is_owner),
    Promise(13, 43, "constants", "participant type 2 is moderator", room.is_moderator),
    Promise(14, 44, "constants", "participant type 3 is user", room.is_user),
    Promise(15, 45, "constants", "participant type 4 is guest", room.is_guest, SIXTH_ROLE),
    Promise(16, 46, "constants", "participant type 5 is a user who followed a public link", room.is_self_joined),
    Promise(21, 54, CREATE, "uses the method POST", room.created),
    Promise(24, 55, CREATE, "has the path `/room`", room.created),
    Promise(28, 60, CREATE, "takes `roomType`, an int", room.takes_room_type),
    Promise(29, 61, CREATE, "takes `invite`: a user for type 1, or a group for type 2", room.takes_invite),
    Promise(32, 62, CREATE, "takes `roomName`, but not for type 1", room.takes_room_name),
    Promise(37, 66, CREATE, "200 when the one-to-one room exists", room.finds_the_pair),
    Promise(38, 67, CREATE, "201 when the room was created", room.created),
    Promise(39, 68, CREATE, "400 for an invalid room type", room.of_no_type),
    Promise(40, 69, CREATE, "401 when nobody is logged in", room.by_nobody),
    Promise(41, 70, CREATE, "404 when the user or the group does not exist", room.with_nobody, NOT_ONESELF),
    Promise(46, 76, CREATE, "returns `token`, a string", room.returns_token),
    Promise(51, 80, LIST, "uses the method GET", room.listed),
    Promise(54, 81, LIST, "has the path `/room`", room.listed),
    Promise(59, 85, LIST, "200", room.listed),
    Promise(60, 86, LIST, "401 when nobody is logged in", room.listed_for_nobody),
    Promise(65, 93, LIST, "has `token`, a string", room.has_token),
    Promise(66, 94, LIST, "has `type`, an int", room.has_type),
    Promise(
        67,
        95,
        LIST,
        "has `name`, a string that may be empty",
        room.has_name,
        "Current versions show `---` for rooms without a name; v1 shows an empty name.",
    ),
    Promise(
        68,
        96,
        LIST,
        "has `displayName`: the name, or a list of participants",
        room.has_display_name,
        "The names of the users in the order in which they joined, at most 64 characters; in a one-to-one conversation "
        "the name of the other user. Callers who may not list the participants get the name of the room.",
    ),
    Promise(70, 97, LIST, "has `participantType`, an int, of the current user", room.has_participant_type),
    Promise(
        71,
        98,
        LIST,
        "has `participantInCall`, a bool",
        room.has_participant_in_call,
        "For the caller's session; for a client without cookies, the newest session.",
    ),
    Promise(
        72,
        99,
        LIST,
        "has `count`, an int: active users",
        room.has_count,
        "Users, not sessions, seen within 100 seconds. Guests are not included. Later servers always said 0.",
    ),
    Promise(73, 100, LIST, "has `numGuests`, an int: active guests", room.has_num_guests, "As `count`."),
    Promise(74, 101, LIST, "has `lastPing`, an int, of the current user", room.has_last_ping, "0 when not connected."),
    Promise(
        75, 102, LIST, "has `sessionId`, a string: `'0'` when not connected", room.has_session_id, LENGTH_OF_SESSIONS
    ),
    Promise(77, 103, LIST, "has `hasPassword`, a bool", room.has_password),
    Promise(78, 104, LIST, "has `hasCall`, a bool", room.has_call),
    Promise(83, 108, GET, "uses the method GET, for guests too", room.got),
    Promise(86, 109, GET, "has the path `/room/{token}`", room.got),
    Promise(91, 113, GET, "200", room.got),
    Promise(
        92,
        114,
        GET,
        "404 when the participant cannot find the room",
        room.not_got,
        "Everybody who has the token can find public and open rooms, but sees nothing of their content.",
    ),
    Promise(95, 116, GET, "returns what the list has", room.same_as_in_the_list),
    Promise(101, 120, RENAME, "uses the method PUT", room.renamed),
    Promise(104, 121, RENAME, "has the path `/room/{token}`", room.renamed),
    Promise(108, 126, RENAME, "takes `roomName` of 1 to 200 characters", room.renamed_at_most),
    Promise(111, 130, RENAME, "200", room.renamed),
    Promise(112, 131, RENAME, "400 when the name is too long", room.renamed_too_long),
    Promise(113, 132, RENAME, "403 when the user is not a moderator", room.renamed_by_member),
    Promise(114, 133, RENAME, "404 when the participant cannot find the room", room.renamed_elsewhere),
    Promise(115, 134, RENAME, "405 in a one-to-one room", room.renamed_pair),
    Promise(121, 138, PASSWORD, "uses the method PUT", room.closed),
    Promise(124, 139, PASSWORD, "has the path `/room/{token}/password`", room.closed),
    Promise(128, 144, PASSWORD, "takes `password`, a string", room.closes_with_password),
    Promise(131, 148, PASSWORD, "200", room.closed),
    Promise(
        132,
        149,
        PASSWORD,
        "403 when the user is not a moderator or the room is not public",
        room.both(room.closed_by_member, room.closed_group),
        "A password that is too short, or removing one that the server requires, is 400 with a message, as in v4.",
    ),
    Promise(133, 150, PASSWORD, "404 when the participant cannot find the room", room.closed_elsewhere),
    Promise(139, 154, DELETE, "uses the method DELETE", room.deleted),
    Promise(142, 155, DELETE, "has the path `/room/{token}`", room.deleted),
    Promise(146, 159, DELETE, "200", room.deleted),
    Promise(147, 160, DELETE, "403 when the user is not a moderator", room.deleted_by_member, BY_TYPE),
    Promise(148, 161, DELETE, "404 when the participant cannot find the room", room.deleted_elsewhere),
    Promise(154, 165, OPEN, "uses the method POST", room.opened),
    Promise(157, 166, OPEN, "has the path `/room/{token}/public`", room.opened_for_guests),
    Promise(161, 170, OPEN, "200", room.opened),
    Promise(162, 171, OPEN, "403 when the user is not a moderator", room.opened_by_member, ACCOUNTS_ONLY),
    Promise(163, 172, OPEN, "404 when the participant cannot find the room", room.opened_elsewhere),
    Promise(169, 176, SHUT, "uses the method DELETE", room.shut),
    Promise(172, 177, SHUT, "has the path `/room/{token}/public`", room.shut_for_guests),
    Promise(176, 181, SHUT, "200", room.shut),
    Promise(177, 182, SHUT, "403 when the user is not a moderator", room.shut_by_member, ACCOUNTS_ONLY),
    Promise(178, 183, SHUT, "404 when the participant cannot find the room", room.shut_elsewhere),
    Promise(184, 187, PASSWORD, "uses the method PUT", room.closed, SETTING_TWICE),
    Promise(187, 188, PASSWORD, "has the path `/room/{token}/password`", room.closed),
    Promise(191, 193, PASSWORD, "takes `password`, a string", room.closes_with_password),
    Promise(194, 197, PASSWORD, "200", room.closed),
    Promise(195, 198, PASSWORD, "403 when the user is not a moderator", room.closed_by_member),
    Promise(196, 199, PASSWORD, "403 when the room is not public", room.closed_group),
    Promise(197, 200, PASSWORD, "404 when the participant cannot find the room", room.closed_elsewhere),
)

ROWS_OF_PAGE = rows_of_page(CONVERSATIONS)
ROWS_OF_SOURCE = rows_of_source(CONVERSATIONS)
