from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from portal import env

NAME = "PORTAL_TRIED"


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def give(**values: str) -> None:
        for name, value in values.items():
            monkeypatch.setenv(name, value)

    return give


def test_a_name_that_is_set_but_empty_counts_as_not_set(given) -> None:
    given(PORTAL_TRIED="  ")

    assert env.text(NAME, "default") == "default"


@pytest.mark.parametrize(("value", "meant"), [("1", True), ("YES", True), ("0", False), ("off", False), ("", True)])
def test_reads_a_flag(given, value: str, meant: bool) -> None:
    given(PORTAL_TRIED=value)

    assert env.flag(NAME, default=True) is meant


def test_refuses_a_mistyped_flag_rather_than_guess(given) -> None:
    given(PORTAL_TRIED="flase")

    with pytest.raises(ImproperlyConfigured, match="PORTAL_TRIED is 'flase'; it takes 1 or 0"):
        env.flag(NAME)


@pytest.mark.parametrize("value", ["three", "-1", "1.5"])
def test_refuses_what_is_no_number_or_too_small(given, value: str) -> None:
    given(PORTAL_TRIED=value)

    with pytest.raises(ImproperlyConfigured, match=NAME):
        env.integer(NAME, 5)


KINDS = ("host", "kind")


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ("", {"host": 8}),
        ("host=4", {"host": 4}),
        ("kind:merge=2, host=0", {"host": 0, "kind:merge": 2}),
        ("host:My Big Farm=3 Kind=1", {"host": 8, "host:my big farm": 3, "kind": 1}),
        (" host = 5 , ", {"host": 5}),
    ],
)
def test_reads_limits_on_top_of_the_default(given, value: str, meant: dict[str, int]) -> None:
    given(PORTAL_TRIED=value)

    assert env.limits(NAME, {"host": 8}, kinds=KINDS) == meant


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("host=many", "cannot be read from 'host=many' on"),
        ("host=-1", "cannot be read from 'host=-1' on"),
        ("kind=1 host", "cannot be read from 'host' on"),
        ("host=4x", "cannot be read from 'host=4x' on"),
        ("disk=4", "limits 'disk'; it takes host, kind"),
        ("host:=4", "limits 'host:'; it takes host, kind"),
        ("host=4 HOST=5", "limits 'HOST' twice"),
    ],
)
def test_refuses_limits_that_make_no_sense(given, value: str, words: str) -> None:
    given(PORTAL_TRIED=value)

    with pytest.raises(ImproperlyConfigured, match=f"{NAME} {words}"):
        env.limits(NAME, {"host": 8}, kinds=KINDS)


def test_reads_a_list_without_its_blanks(given) -> None:
    given(PORTAL_TRIED=" a.example, ,b.example ")

    assert env.listing(NAME) == ["a.example", "b.example"]


def test_reads_a_secret_from_the_file_that_is_named(given, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from a file\n")
    given(PORTAL_TRIED_FILE=str(tmp_path / "secret"))

    assert env.secret(NAME) == "from a file"


def test_refuses_a_secret_given_twice(given, tmp_path: Path) -> None:
    given(PORTAL_TRIED="one", PORTAL_TRIED_FILE=str(tmp_path / "other"))

    with pytest.raises(ImproperlyConfigured, match="leave one of them out"):
        env.secret(NAME)


def test_a_secret_file_that_cannot_be_read_is_named_but_no_default_taken(given, tmp_path: Path) -> None:
    given(PORTAL_TRIED_FILE=str(tmp_path / "missing"))

    with pytest.raises(ImproperlyConfigured, match=r"missing, which cannot be read: No such file"):
        env.secret(NAME)
