"""Something outside is away: said once when it goes and once when it is back, however often it is asked."""

from __future__ import annotations

import logging
import time

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 2.0


class Outage:
    """Of ``name``, for one asker. Pauses grow, so that a server that comes back is not met by a crowd."""

    def __init__(self, name: str, logger: logging.Logger) -> None:
        self.name = name
        self._logger = logger
        self._since: float | None = None
        self._pause = FIRST_PAUSE

    @property
    def is_on(self) -> bool:
        return self._since is not None

    def lasts(self, error: BaseException) -> float:
        """It was asked in vain; the seconds until it should be asked again."""
        if self._since is None:
            self._since = time.monotonic()
            self._pause = FIRST_PAUSE
            self._logger.error("%s does not answer; trying again until it does: %s", self.name, str(error).strip())
        pause = self._pause
        self._pause = min(2 * pause, LONGEST_PAUSE)
        return pause

    def is_over(self) -> None:
        if self._since is not None:
            self._logger.warning("%s answers again, after %.0f s", self.name, time.monotonic() - self._since)
            self._since = None
