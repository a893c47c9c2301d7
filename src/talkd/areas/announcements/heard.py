"""How far this process has followed the others."""


class Heard:
    """What this process knows of the changes of other processes."""

    def __init__(self) -> None:
        self.announcement = 0
        """Id of the newest announcement that was followed."""
        self.epoch = ""
        """The epoch (`settings.service.EPOCH`) that the memory of this process belongs to."""
