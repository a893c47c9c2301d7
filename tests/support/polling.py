"""Clients that poll for signaling messages."""

import json
from typing import Any

from support.people import Person


class Polling:
    """A client in a call that polls."""

    def __init__(self, person: Person, token: str) -> None:
        self.person, self.token = person, token
        self.session: str = person.join(token)["sessionId"]
        person.post(f"v4/call/{token}", flags=7)

    def send(self, to: str, data: dict[str, Any]) -> None:
        fn = json.dumps({"to": to, **data})
        sent = [{"ev": "message", "fn": fn, "sessionId": self.session}]
        self.person.post(f"v3/signaling/{self.token}", messages=json.dumps(sent))

    def poll(self) -> list[dict[str, Any]]:
        items = self.person.get(f"v3/signaling/{self.token}")
        return [json.loads(each["data"]) for each in items if each["type"] == "message"]

    def message(self) -> dict[str, Any]:
        while True:
            for found in self.poll():
                return found
