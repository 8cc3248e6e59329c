"""Packages for tests, made as people make them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.contrib.auth.models import User

from lifecycle.models import Installer, Package
from lifecycle.packages import catalogue
from lifecycle.packages.terms import File, Terms

SEVEN_ZIP = Terms(
    name="7-Zip",
    vendor="Igor Pavlov",
    version="24.08",
    installer="msi",
    install_command='msiexec /i "7z2408-x64.msi" /qn /norestart',
    uninstall_command="msiexec /x {23170F69-40C1-2702-2408-000001000000} /qn",
    detection_kind="product-code",
    detection={"code": "{23170F69-40C1-2702-2408-000001000000}"},
    files=(File("7z2408-x64.msi", "7" * 64, 1_900_000),),
)


def package(key: str, by: User, *, owner: str = "Desktop team", **values: Any) -> Package:
    """A package without a finding but that nobody tried it, unless ``values`` change that."""
    digest = values.pop("digest", (key.encode().hex() + "0" * 64)[:64])
    files = values.pop("files", (File(f"{key}.msi", digest, 1000),))
    return catalogue.make(key, replace(SEVEN_ZIP, name=key, files=files, **values), owner=owner, by=by)


def in_place(*files: File, by: User, **values: Any) -> None:
    for file in files:
        Installer.objects.create(sha256=file.sha256, name=file.name, size=file.size, uploaded_by=by, **values)


def stored(key: str, by: User, **values: Any) -> Package:
    """A package whose files are in their folder."""
    made = package(key, by, **values)
    revision = made.current
    assert revision is not None
    in_place(*(File(each.name, each.sha256, each.size) for each in revision.files.all()), by=by)
    return made
