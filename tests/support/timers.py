"""What a server does by itself at a time: a lobby ends, a reminder is due, a call is too long, a message expires."""

import time

from support.several import Company, await_true

NOTIFICATIONS = "/ocs/v2.php/apps/notifications/api/v2/notifications"
LIMIT = "/ocs/v2.php/apps/provisioning_api/api/v1/config/apps/spreed/max_call_duration"


class Timers:
    """One of each kind, due `seconds` after now."""

    def __init__(self, company: Company, seconds: int) -> None:
        self._company = company
        self._alice, self._bob = company.person(0), company.person(1)
        alice = self._alice
        self._lobby, self._call, self._expiring = (company.create_room() for _ in range(3))
        said = alice.say(self._lobby, "remember")
        self._reminder = f"{self._lobby}/{said['id']}"
        alice.post(f"v4/room/{self._expiring}/message-expiration", seconds=seconds)
        alice.join(self._call)
        alice.put(f"v4/room/{self._lobby}/webinar/lobby", state=1, timer=int(time.time()) + seconds)
        alice.post(f"v1/chat/{self._lobby}/{said['id']}/reminder", timestamp=int(time.time()) + seconds)
        alice.say(self._expiring, "for a moment")
        company.processes[0].admin.post(LIMIT, json={"value": str(seconds)}).raise_for_status()
        alice.post(f"v4/call/{self._call}", flags=1)
        self._due = time.monotonic() + seconds

    def await_due(self) -> None:
        """Wait until their time has come."""
        await_true(lambda: time.monotonic() > self._due)

    def check(self) -> None:
        """Wait until each has acted, and look that it has done so once."""
        await_true(lambda: all(self._counts()))
        assert self._counts() == [1, 1, 1]
        for process in self._company.processes:
            assert self._company.person(0, process).texts(self._expiring) == []

    def check_again(self) -> None:
        """Look that none has acted twice by now, and let calls last again."""
        assert self._counts() == [1, 1, 1]
        self._company.processes[0].admin.post(LIMIT, json={"value": "0"}).raise_for_status()

    def _counts(self) -> list[int]:
        alice = self._company.person(0, self._company.processes[-1])
        due = [each for each in alice.get(NOTIFICATIONS) if each["object_type"] == "reminder"]
        return [
            alice.system_messages(self._lobby).count("lobby_timer_reached"),
            sum(each["object_id"] == self._reminder for each in due),
            alice.system_messages(self._call).count("call_ended_everyone"),
        ]
