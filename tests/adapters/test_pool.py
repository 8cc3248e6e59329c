import os
import threading
import time
from collections.abc import Iterator

import pytest

from builders.adapters.errors import NotAuthenticated, OutcomeUnknown, TimedOut, Unreachable
from builders.adapters.powershell.pool import (
    CLOSE_AFTER_SECONDS,
    PING_AFTER_SECONDS,
    RENEW_AFTER_SECONDS,
    REST_SECONDS,
    SessionPool,
)
from builders.adapters.powershell.transport import Greeting, Reply, Request, Transport
from tests.adapters.fakes import GREETING, FakeClock, FakeTransport

ASK = [Request("M\\Get-It")]


class Opener:
    """Opens fake transports, and remembers them."""

    def __init__(self) -> None:
        self.opened: list[FakeTransport] = []
        self.error: Exception | None = None

    def __call__(self) -> tuple[Transport, Greeting]:
        if self.error:
            raise self.error
        transport = FakeTransport()
        transport.open()
        self.opened.append(transport)
        return transport, GREETING


@pytest.fixture
def opener() -> Opener:
    return Opener()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def pool(opener: Opener, clock: FakeClock) -> Iterator[SessionPool]:
    pool = SessionPool(opener, label="PVS01", limit=2, clock=clock)
    yield pool
    pool.close()


def ask(pool: SessionPool) -> list[Reply]:
    return pool.batch(ASK, patience_seconds=30)


def test_a_session_lives_on_for_the_next(pool: SessionPool, opener: Opener) -> None:
    ask(pool)
    ask(pool)

    assert len(opener.opened) == 1
    assert len(opener.opened[0].batches) == 2
    assert pool.greeting is GREETING


def test_an_idle_session_is_pinged_before_it_is_used_again(pool: SessionPool, opener: Opener, clock: FakeClock) -> None:
    ask(pool)
    clock.now += PING_AFTER_SECONDS

    ask(pool)

    assert opener.opened[0].pings == 1
    assert len(opener.opened) == 1


def test_an_idle_session_that_does_not_answer_is_replaced(pool: SessionPool, opener: Opener, clock: FakeClock) -> None:
    ask(pool)
    opener.opened[0].ping_error = Unreachable("gone", words="gone")
    clock.now += PING_AFTER_SECONDS

    ask(pool)

    assert opener.opened[0].closed
    assert len(opener.opened) == 2


def test_a_session_that_died_in_between_is_replaced_because_nothing_reached_it(
    pool: SessionPool, opener: Opener
) -> None:
    ask(pool)
    opener.opened[0].errors = [Unreachable("shell not found", words="shell not found")]

    ask(pool)

    assert opener.opened[0].closed
    assert len(opener.opened[1].batches) == 1


def test_a_fresh_session_that_fails_is_not_tried_again(opener: Opener) -> None:
    def open_dead() -> tuple[Transport, Greeting]:
        transport, greeting = opener()
        opener.opened[-1].errors = [Unreachable("no", words="no")]
        return transport, greeting

    pool = SessionPool(open_dead, label="PVS01")

    with pytest.raises(Unreachable):
        ask(pool)

    assert len(opener.opened) == 1


def test_a_lost_session_is_thrown_away_and_nothing_is_repeated(pool: SessionPool, opener: Opener) -> None:
    ask(pool)
    opener.opened[0].errors = [OutcomeUnknown("lost", words="lost")]

    with pytest.raises(OutcomeUnknown):
        ask(pool)

    assert opener.opened[0].closed
    assert len(opener.opened) == 1
    ask(pool)
    assert len(opener.opened) == 2


def test_a_wrong_password_is_tried_exactly_once(pool: SessionPool, opener: Opener) -> None:
    tries = 0

    def refuse() -> tuple[Transport, Greeting]:
        nonlocal tries
        tries += 1
        raise NotAuthenticated("no", words="no")

    pool = SessionPool(refuse, label="PVS01")

    with pytest.raises(NotAuthenticated):
        ask(pool)

    assert tries == 1


def test_a_place_is_given_back_when_opening_fails(pool: SessionPool, opener: Opener) -> None:
    opener.error = Unreachable("no", words="no")
    for _ in range(5):
        with pytest.raises(Unreachable):
            ask(pool)
    opener.error = None

    assert len(ask(pool)) == 1


def test_who_finds_no_free_session_waits_and_is_told(opener: Opener) -> None:
    pool = SessionPool(opener, label="PVS01", limit=1)
    inside, leave = threading.Event(), threading.Event()

    class Slow(FakeTransport):
        def batch(self, *args: object, **options: object) -> list[Reply]:
            inside.set()
            leave.wait(10)
            return []

    slow = Slow()
    slow.open()
    pool._opener = lambda: (slow, GREETING)
    thread = threading.Thread(target=ask, args=(pool,))
    thread.start()
    inside.wait(10)

    with pytest.raises(TimedOut, match="all 1 sessions are in use") as caught:
        pool.batch(ASK, patience_seconds=0.05)

    assert caught.value.in_flight == ()
    leave.set()
    thread.join()
    pool.close()


def test_many_threads_never_share_a_session_and_never_exceed_the_limit(opener: Opener) -> None:
    pool = SessionPool(opener, label="PVS01", limit=3)
    busy: set[int] = set()
    shared: list[int] = []

    class Watched(FakeTransport):
        def batch(self, *args: object, **options: object) -> list[Reply]:
            if id(self) in busy:
                shared.append(id(self))
            busy.add(id(self))
            time.sleep(0.002)
            busy.discard(id(self))
            return []

    opened: list[Watched] = []

    def open_watched() -> tuple[Transport, Greeting]:
        watched = Watched()
        watched.open()
        opened.append(watched)
        return watched, GREETING

    pool._opener = open_watched
    threads = [threading.Thread(target=lambda: [ask(pool) for _ in range(5)]) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert shared == []
    assert 1 <= len(opened) <= 3
    pool.close()
    assert all(watched.closed for watched in opened)


def test_upkeep_pings_what_is_due(pool: SessionPool, opener: Opener, clock: FakeClock) -> None:
    ask(pool)
    pool.tend()
    assert opener.opened[0].pings == 0
    clock.now += PING_AFTER_SECONDS

    pool.tend()
    pool.tend()

    assert opener.opened[0].pings == 1


def test_upkeep_closes_what_nobody_used_for_long(pool: SessionPool, opener: Opener, clock: FakeClock) -> None:
    ask(pool)
    while clock.now < 1000 + CLOSE_AFTER_SECONDS:
        clock.now += PING_AFTER_SECONDS
        pool.tend()

    assert opener.opened[0].closed
    ask(pool)
    assert len(opener.opened) == 2


def test_an_old_session_is_renewed(pool: SessionPool, opener: Opener, clock: FakeClock) -> None:
    ask(pool)
    clock.now += RENEW_AFTER_SECONDS
    ask(pool)
    ask(pool)

    assert opener.opened[0].closed
    assert len(opener.opened) == 2


def test_an_unreachable_host_rests_for_a_while(pool: SessionPool, clock: FakeClock) -> None:
    pool.rest()
    assert pool.is_resting

    clock.now += REST_SECONDS
    assert not pool.is_resting


def test_a_child_process_leaves_the_parents_sessions_alone(pool: SessionPool, opener: Opener) -> None:
    ask(pool)
    reader, writer = os.pipe()

    child = os.fork()
    if child == 0:  # the child says what it sees and leaves without running any of the test's clean-up
        ask(pool)
        os.write(writer, f"{len(opener.opened)} {opener.opened[0].closed} {len(opener.opened[0].batches)}".encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writer)

    assert os.read(reader, 100) == b"2 False 1"
    os.close(reader)
    ask(pool)
    assert len(opener.opened) == 1
