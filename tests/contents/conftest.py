"""Rows as a sync leaves them, and files of a chain in a folder, made by the lab's own writer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User

from lifecycle.models import StoreAccess, VDisk, Version
from lifecycle.roles import Role
from tests import factories


@pytest.fixture
def ground(db: None) -> factories.Ground:
    return factories.Ground()


@pytest.fixture
def vdisk(ground: factories.Ground) -> VDisk:
    return factories.office(ground)


@pytest.fixture
def version(vdisk: VDisk) -> Version:
    """The one in test."""
    return vdisk.versions.get(number=4)


@pytest.fixture
def admin(db: None) -> User:
    return factories.person("ada", Role.ADMIN)


@pytest.fixture
def way(vdisk: VDisk, tmp_path: Path) -> StoreAccess:
    return StoreAccess.objects.create(store=vdisk.store, kind=StoreAccess.Kind.LOCAL, path=str(tmp_path))


def link(number: int, **values: Any) -> dict[str, Any]:
    facts = {"format": "VHDX", "data_id": f"id-{number}", "file_size": 1000 + number, "sequence": 2}
    file = f"W11-Office.{number}.avhdx" if number else "W11-Office.vhdx"
    return {"name": file, "file": file, "number": number} | facts | values


def links(upto: int = 4, **changed: Any) -> list[dict[str, Any]]:
    """Of a chain, base first; ``changed`` is of the top."""
    return [*(link(number) for number in range(upto)), link(upto, **changed)]
