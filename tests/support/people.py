"""Clients that use the API as apps do. A client with its own cookies is one device."""

from typing import Any

import httpx

TALK = "/ocs/v2.php/apps/spreed/api/"

ONE_TO_ONE, GROUP, PUBLIC, CHANGELOG, NOTE_TO_SELF = 1, 2, 3, 4, 6


def data_of(answer: httpx.Response) -> Any:
    """Return the data of a successful answer, or None if it has no body."""
    assert answer.is_success or answer.status_code == 304, f"{answer.status_code} {answer.text}"
    return answer.json()["ocs"]["data"] if answer.content else None


class Person:
    """One device of a user, or of a visitor, whose `id` is empty."""

    def __init__(self, http: httpx.Client, user_id: str | None) -> None:
        self.http = http
        self._base = str(http.base_url).rstrip("/")  # httpx takes longer for an address that it must join
        self.id = user_id or ""
        self.is_visitor = user_id is None

    def request(self, method: str, path: str, /, **params: Any) -> httpx.Response:
        """Send a request. The path is below the API of Talk, unless it begins with a slash."""
        url = self._base + (path if path.startswith("/") else TALK + path)
        if method in ("GET", "HEAD"):
            return self.http.request(method, url, params=params)
        return self.http.request(method, url, json=params)

    def get(self, path: str, /, **params: Any) -> Any:
        """Return the data of a successful GET."""
        return data_of(self.request("GET", path, **params))

    def post(self, path: str, /, **params: Any) -> Any:
        """Return the data of a successful POST."""
        return data_of(self.request("POST", path, **params))

    def put(self, path: str, /, **params: Any) -> Any:
        """Return the data of a successful PUT."""
        return data_of(self.request("PUT", path, **params))

    def delete(self, path: str, /, **params: Any) -> Any:
        """Return the data of a successful DELETE."""
        return data_of(self.request("DELETE", path, **params))

    def status(self, method: str, path: str, /, **params: Any) -> int:
        """Send a request and return the status of the answer."""
        return self.request(method, path, **params).status_code

    def refused(self, method: str, path: str, /, **params: Any) -> tuple[int, Any]:
        """Send a request that must be refused. Return status and error."""
        answer = self.request(method, path, **params)
        assert answer.is_client_error, f"{answer.status_code} {answer.text}"
        data = answer.json()["ocs"]["data"] if answer.content else None
        return answer.status_code, data.get("error") if isinstance(data, dict) else data

    # --- common requests --------------------------------------------------------
    def create_room(self, kind: int = GROUP, name: str = "Room", **more: Any) -> str:
        """Create a room and return its token."""
        token: str = self.post("v4/room", roomType=kind, roomName=name, **more)["token"]
        return token

    def room(self, token: str) -> dict[str, Any]:
        """Return the room as this person sees it."""
        shown: dict[str, Any] = self.get(f"v4/room/{token}")
        return shown

    def rooms(self, **params: Any) -> dict[str, dict[str, Any]]:
        """Return the rooms by token, without the changelog and the note to self."""
        shown = self.get("v4/room", **params)
        return {room["token"]: room for room in shown if room["type"] not in (CHANGELOG, NOTE_TO_SELF)}

    def add(self, token: str, other: "Person | str", source: str = "users") -> Any:
        """Add a participant to a room."""
        whom = other if isinstance(other, str) else other.id
        return self.post(f"v4/room/{token}/participants", newParticipant=whom, source=source)

    def join(self, token: str, **params: Any) -> dict[str, Any]:
        """Join a room with this device."""
        joined: dict[str, Any] = self.post(f"v4/room/{token}/participants/active", **params)
        return joined

    def participants(self, token: str) -> dict[str, dict[str, Any]]:
        """Return the participants by the id of their actor."""
        return {each["actorId"]: each for each in self.get(f"v4/room/{token}/participants")}

    def attendee(self, token: str, other: "Person | str") -> int:
        """Return the attendee id of a participant."""
        number: int = self.participants(token)[other if isinstance(other, str) else other.id]["attendeeId"]
        return number

    def say(self, token: str, message: str, **params: Any) -> dict[str, Any]:
        """Send a message and return it."""
        sent: dict[str, Any] = self.post(f"v1/chat/{token}", message=message, **params)
        return sent

    def history(self, token: str, **params: Any) -> list[dict[str, Any]]:
        """Return the messages, newest first."""
        return self.get(f"v1/chat/{token}", **{"lookIntoFuture": 0, "setReadMarker": 0, **params}) or []

    def texts(self, token: str) -> list[str]:
        """Return the texts of the messages, oldest first, without system messages."""
        return [each["message"] for each in reversed(self.history(token)) if not each["systemMessage"]]

    def system_messages(self, token: str) -> list[str]:
        """Return the kinds of the system messages, oldest first."""
        return [each["systemMessage"] for each in reversed(self.history(token)) if each["systemMessage"]]
