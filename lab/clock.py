"""The lab's time: the wall clock in UTC, which can be put forward, and a pace for everything that takes a while."""

from datetime import UTC, datetime, timedelta


class Clock:
    """`speed` divides every duration of the lab; the time of day goes on as outside."""

    def __init__(self, speed: float = 1.0) -> None:
        if speed <= 0:
            raise ValueError("the speed is a number above zero")
        self.speed = speed
        self._ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def after(self, seconds: float) -> datetime:
        """When something that takes `seconds` at normal speed will be over."""
        return self.now() + timedelta(seconds=seconds / self.speed)

    def set_ahead(self, seconds: float) -> None:
        """How far the lab's time is ahead of the wall clock."""
        self._ahead = timedelta(seconds=seconds)
