import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.checks import run_checks

KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
BASE = Path(__file__).resolve().parents[2]

SOUND = {
    "PORTAL_PRODUCTION": True,
    "PORTAL_HTTPS": True,
    "PORTAL_EMBEDDED_DATABASE": False,
    "PORTAL_EMBEDDED_REDIS": False,
    "SECRET_KEY": "k" * 50,
    "PORTAL_FIELD_KEYS": [KEY],
    "ALLOWED_HOSTS": ["portal.example", "127.0.0.1"],
    "DEBUG": False,
}


@pytest.fixture
def production(settings):
    for name, value in SOUND.items():
        setattr(settings, name, value)
    return settings


def found() -> list[str]:
    return [finding.id or "" for finding in run_checks(tags=["portal"])]


def test_a_fresh_clone_is_fit_to_run() -> None:
    assert found() == []


def test_a_sound_production_passes(production) -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("name", "value", "finding"),
    [
        ("SECRET_KEY", "", "portal.E001"),
        ("SECRET_KEY", "short", "portal.E001"),
        ("PORTAL_FIELD_KEYS", [], "portal.E002"),
        ("PORTAL_FIELD_KEYS", [KEY, "not a key"], "portal.E002"),
        ("ALLOWED_HOSTS", ["127.0.0.1", "localhost"], "portal.E003"),
        ("ALLOWED_HOSTS", ["*"], "portal.E003"),
        ("PORTAL_EMBEDDED_DATABASE", True, "portal.E004"),
        ("PORTAL_EMBEDDED_REDIS", True, "portal.E004"),
        ("PORTAL_HTTPS", False, "portal.E005"),
        ("DEBUG", True, "portal.E006"),
        ("PORTAL_LEASE_SECONDS", 3, "portal.E007"),
        ("PORTAL_LIMITS", {"host": 8, "kind:murge": 2}, "portal.W001"),
        ("PORTAL_METRICS_TOKEN", "t" * 19, "portal.E008"),
    ],
)
def test_production_refuses(production, name: str, value: object, finding: str) -> None:
    setattr(production, name, value)

    assert found() == [finding]


def test_every_finding_says_what_to_do(production) -> None:
    for name in ("SECRET_KEY", "PORTAL_FIELD_KEYS", "ALLOWED_HOSTS"):
        setattr(production, name, type(SOUND[name])())

    assert all(finding.hint for finding in run_checks(tags=["portal"]))


@pytest.mark.parametrize(
    "program",
    [
        ["-c", "import portal.asgi"],
        ["-m", "celery", "-A", "builders", "worker", "-P", "solo"],
        ["-m", "celery", "-A", "builders", "beat", "--pidfile="],
        ["manage.py", "check"],
    ],
    ids=["web", "worker", "beat", "check"],
)
def test_nothing_starts_in_production_without_its_secrets(program: list[str]) -> None:
    environment = {"PATH": os.environ["PATH"], "PORTAL_PRODUCTION": "1", "PORTAL_VAR": os.environ["PORTAL_VAR"]}

    ended = subprocess.run(
        [sys.executable, *program], env=environment, cwd=BASE, capture_output=True, text=True, timeout=60, check=False
    )

    assert ended.returncode != 0
    assert "SECRET_KEY" in ended.stderr
    assert "Traceback" not in ended.stderr
