"""The lock files fit any index, any platform we name and every Python from 3.11 on."""

import re
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

BASE = Path(__file__).resolve().parents[2]
FILES = ("requirements.lock", "requirements-dev.lock")

PYTHONS = ("3.11.0", "3.11.2", "3.11.9", "3.12.0", "3.13.0", "3.14.0")
PLATFORMS = (("linux", "Linux", "x86_64"), ("linux", "Linux", "aarch64"), ("darwin", "Darwin", "arm64"))


def pinned(name: str) -> set[str]:
    text = (BASE / name).read_text(encoding="utf-8")
    return {canonicalize_name(found) for found in re.findall(r"^([A-Za-z0-9._-]+)==", text, re.MULTILINE)}


def environments() -> list[dict[str, str]]:
    return [
        {
            **{name: str(value) for name, value in default_environment().items()},
            "python_full_version": python,
            "python_version": ".".join(python.split(".")[:2]),
            "sys_platform": platform,
            "platform_system": system,
            "platform_machine": machine,
        }
        for python in PYTHONS
        for platform, system, machine in PLATFORMS
    ]


@pytest.mark.parametrize("name", FILES)
def test_names_no_host_and_no_path(name: str) -> None:
    text = (BASE / name).read_text(encoding="utf-8")

    assert not re.findall(r"https?://|file:/|--index|--extra-index|--find-links|--trusted-host|@ ", text)
    assert not re.findall(r"^\s*[./]", text, re.MULTILINE)


@pytest.mark.parametrize("name", FILES)
def test_every_pin_has_its_hashes(name: str) -> None:
    text = (BASE / name).read_text(encoding="utf-8")

    for block in re.split(r"\n(?=[A-Za-z0-9])", text):
        if "==" in block.split("\n", 1)[0]:
            assert "--hash=sha256:" in block, block.split("\n", 1)[0]


def test_what_is_run_is_what_is_tested() -> None:
    def lines(name: str) -> set[str]:
        return set(re.findall(r"^\S+==\S+", (BASE / name).read_text(encoding="utf-8"), re.MULTILINE))

    assert lines("requirements.lock") <= lines("requirements-dev.lock")


@pytest.mark.parametrize("name", FILES)
def test_holds_what_any_python_or_platform_will_ask_for(name: str) -> None:
    """Made on one Python, a lock would miss what a package wants on another only, and pip refuses what has no hash."""
    have = pinned(name)
    missing = set()
    for package in have:
        try:
            wanted = [Requirement(line) for line in requires(package) or []]
        except PackageNotFoundError:
            continue
        for requirement in wanted:
            if canonicalize_name(requirement.name) in have:
                continue
            if requirement.marker is None or any(
                requirement.marker.evaluate({**environment, "extra": ""}) for environment in environments()
            ):
                missing.add(f"{package} wants {requirement}")

    assert missing == set()
