"""Guards that the machine lacks are told, and where they are required nothing is read."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.checks import run_checks

from builders import checks
from builders.contents import guarded, inventory
from builders.contents.looking import NotRead, first_that_works
from builders.inspection import sandbox
from builders.inspection.sandbox import Limits, Result, Stopped, Why
from builders.inspection.sandbox.endings import unguarded

LANDLOCK = "Reading is not confined by Landlock: the kernel does not have it."


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the sandbox is asked for, on a machine without Landlock."""
    given: list[dict[str, Any]] = []

    def run(*_: Any, **options: Any) -> Result:
        given.append(options)
        return Result({"format": 1, "warnings": [], "partial": False}, 1.0, 10, weaker=(LANDLOCK,))

    monkeypatch.setattr(sandbox, "run", run)
    guarded._tell_once.cache_clear()
    return given


@pytest.mark.parametrize("required", [True, False])
def test_the_setting_reaches_the_sandbox(
    asked: list[dict[str, Any]], settings: LazySettings, *, required: bool
) -> None:
    settings.PORTAL_INSPECT_REQUIRE_GUARDS = required

    guarded.run("identify", [], limits=Limits())

    assert [options["require_guards"] for options in asked] == [required]


def test_a_missing_guard_is_logged_once_and_is_in_each_report(
    asked: list[dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        results = [guarded.run("inventory", [], limits=Limits()) for _ in range(3)]

    assert caplog.text.count(LANDLOCK) == 1
    for result in results:
        report, partial = inventory._checked(result)
        assert report["warnings"] == [{"where": "reader", "words": LANDLOCK}]
        assert not partial


def test_what_was_not_read_for_want_of_a_guard_is_read_later() -> None:
    def read(_: Any) -> None:
        raise unguarded((LANDLOCK,))

    with pytest.raises(NotRead, match="PORTAL_INSPECT_REQUIRE_GUARDS") as caught:
        first_that_works([(type("Somewhere", (), {"server": "PVS01"}),)], read)

    assert caught.value.passing
    assert not caught.value.of_image
    assert unguarded(()).why is Why.UNGUARDED
    assert isinstance(unguarded(()), Stopped)


@pytest.mark.parametrize(("required", "words"), [(True, "No image is read"), (False, "read all the same")])
def test_the_check_names_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, settings: LazySettings, words: str, *, required: bool
) -> None:
    settings.PORTAL_INSPECT_REQUIRE_GUARDS = required
    monkeypatch.setattr(checks, "missing_guards", lambda: ["Landlock"])

    (found,) = run_checks(tags=[checks.TAG])

    assert found.id == "builders.W001"
    assert "Landlock" in found.msg
    assert words in found.msg
    assert not found.is_serious()


def test_the_check_is_content_where_all_guards_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "missing_guards", list)

    assert run_checks(tags=[checks.TAG]) == []
