"""Starts the children in order, starts a dead one again, and stops all of them."""

import math
import signal
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import replace

from portal.launcher import grounds
from portal.launcher.children import Child, Command, say
from portal.launcher.plan import BASE, PEOPLE, CannotStart, Plan

LOOK_SECONDS = 0.2
LAB_SECONDS = 60
SERVICES_SECONDS = 90
SETTLE_SECONDS = 3  # whoever dies of its settings or its imports has done so by then
DEATHS_AT_START = 3  # one death may be bad luck; after so many, the start has failed
GRACE_SECONDS = 15
KILL_SECONDS = 5
LONGEST_BACK_OFF_SECONDS = 30
STEADY_SECONDS = 60  # after so long a life, a death counts as the first again


class Stopped(Exception):
    """Somebody asked for the end while something was starting."""


class Supervisor:
    def __init__(self, plan: Plan, environment: dict[str, str]) -> None:
        self.plan = plan
        self.environment = environment
        self.stop_asked = threading.Event()
        self.children: list[Child] = []
        self._is_starting = True
        self._longest_lives: dict[str, float] = {}
        self._deaths: dict[str, int] = {}
        self._due: dict[str, tuple[float, Command]] = {}

    def run(self) -> None:
        """Returns when asked to stop. Raises CannotStart if a part that the others need does not come up."""
        try:
            self._start_all()
            while not self.stop_asked.wait(LOOK_SECONDS):
                self._attend()
        except Stopped:
            pass
        finally:
            self.stop_all()

    def _start_all(self) -> None:
        migrated = self._run_once(self.plan.migrate())
        if migrated.exit_code:
            raise CannotStart(f"The database could not be brought up to date; {migrated.last_words}")
        if self.plan.with_lab:
            lab = self._start(self.plan.lab())
            self._wait(lab.is_ready.is_set, seconds=LAB_SECONDS, or_else=lambda: self._has_no_lab(lab), needed=lab)
        has_people = self._run_once(self.plan.demo()).exit_code == 0
        services = self.plan.services()
        for command in services:
            self._start(command)
        if self.plan.with_lab and has_people:
            self._start(self.plan.stores())
        self._wait(
            lambda: not self._idle(services) and self._web_serves(),
            seconds=SERVICES_SECONDS,
            or_else=lambda: self._has_no_services(services),
            attend=True,
        )
        self._is_starting = False
        self._welcome(has_people)

    def _idle(self, services: Sequence[Command]) -> list[str]:
        """The services that do not work yet. Beat says nothing when it does: it has to outlive its earlier lives."""
        working = {
            child.name
            for child in self.children
            if child.exit_code is None
            and child.has_said_ready
            and child.lived_seconds > SETTLE_SECONDS + self._longest_lives.get(child.name, 0)
        }
        return [command.name for command in services if command.name not in working]

    def _has_no_lab(self, lab: Child) -> str:
        if lab.exit_code is None:
            return f"The lab is not ready after {LAB_SECONDS} s; {lab.last_words}"
        lab.finish()
        return f"The lab ended ({describe(lab.exit_code)}); {lab.last_words}"

    def _has_no_services(self, services: Sequence[Command]) -> str:
        missing = self._idle(services) or ["web"]  # web alone is asked, by HTTP, whether it works
        words = [f"{child.name}: {child.last_words}" for child in self.children if child.name in missing]
        return "\n".join([f"Not ready after {SERVICES_SECONDS} s: {', '.join(missing)}", *words])

    def _welcome(self, has_people: bool) -> None:
        if has_people:
            say("launcher", f"Demo logins: {', '.join(PEOPLE)}; password: {self.plan.demo_password}")
        else:
            say("launcher", f"No demo data, see {self.plan.logs}/demo.log. The portal runs without it.")
        # Without a prefix, and the last: scripts wait for exactly this line.
        say_plainly(f"Portal ready: {self.plan.url}")

    def _start(self, command: Command) -> Child:
        command = replace(command, environment={**self.environment, **command.environment})
        child = Child(command, logs=self.plan.logs, base=BASE)
        self.children.append(child)
        grounds.remember(self.plan, self.children)
        return child

    def _run_once(self, command: Command) -> Child:
        child = self._start(command)
        self._wait(lambda: child.exit_code is not None)
        child.finish()
        self.children.remove(child)
        return child

    def _wait(
        self,
        condition: Callable[[], bool],
        *,
        seconds: float = math.inf,
        or_else: Callable[[], str] = str,
        needed: Child | None = None,
        attend: bool = False,
    ) -> None:
        until = time.monotonic() + seconds
        while not condition():
            if self.stop_asked.wait(LOOK_SECONDS / 4):
                raise Stopped
            if time.monotonic() > until or (needed is not None and needed.exit_code is not None):
                raise CannotStart(or_else())
            if attend:
                self._attend()

    def _web_serves(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.plan.url}/healthz", timeout=2) as answer:  # noqa: S310 - our own http
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def _attend(self) -> None:
        for child in [child for child in self.children if child.exit_code is not None]:
            self._bury(child)
        for name, (due, command) in list(self._due.items()):
            if time.monotonic() >= due:
                del self._due[name]
                self._start(command)
                say("launcher", f"started {name} again")
        self._tell_where_the_lab_is()

    def _bury(self, child: Child) -> None:
        self.children.remove(child)
        child.signal_group(signal.SIGKILL)
        child.finish()
        if child.command.once:
            return
        deaths = 1 if child.lived_seconds > STEADY_SECONDS else self._deaths.get(child.name, 0) + 1
        self._deaths[child.name] = deaths
        if self._is_starting:
            self._mourn(child, deaths)
        pause = min(2 ** (deaths - 1), LONGEST_BACK_OFF_SECONDS)
        self._due[child.name] = (time.monotonic() + pause, child.command)
        say("launcher", f"{child.name} ended ({describe(child.exit_code)}); starting it again in {pause} s")

    def _mourn(self, child: Child, deaths: int) -> None:
        """At the start a death is told with its reason, and it is the end when it goes on. Later the log has it."""
        self._longest_lives[child.name] = max(child.lived_seconds, self._longest_lives.get(child.name, 0))
        if deaths >= DEATHS_AT_START:
            raise CannotStart(
                f"{child.name} does not stay up: it ended {deaths} times during the start, at last with "
                f"{describe(child.exit_code)}; {child.last_words}"
            )
        say("launcher", f"{child.name} ended during the start; {child.last_words}")

    def _tell_where_the_lab_is(self) -> None:
        """A lab that was started again may listen on other ports than the portal was told."""
        for child in self.children:
            if child.name == "lab" and self._deaths.get("lab") and child.is_ready.is_set():
                child.is_ready.clear()
                self._start(self.plan.demo())
                return

    def stop_all(self) -> None:
        """TERM to each group, KILL to what is left after the grace or when asked a second time."""
        if self.children:
            say("launcher", "stopping: " + ", ".join(child.name for child in self.children))
        self.stop_asked.clear()
        for how, seconds in ((signal.SIGTERM, GRACE_SECONDS), (signal.SIGKILL, KILL_SECONDS)):
            until = time.monotonic() + seconds
            for child in self.children:
                child.signal_group(how)
            while any(not child.is_gone() for child in self.children) and time.monotonic() < until:
                if self.stop_asked.wait(LOOK_SECONDS / 4):
                    break
        for child in self.children:
            child.finish()
        self.children.clear()
        grounds.remember(self.plan, [])


def describe(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        return f"signal {signal.Signals(-exit_code).name}"
    return f"exit code {exit_code}"


def say_plainly(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - the terminal is the launcher's face
