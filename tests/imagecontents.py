"""Contents of images as a reader would have left them, to look at."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from django.db import transaction

from builders.contents.saving import items
from lifecycle.models import ContentItem, ImageContent, StoreAccess, VDisk, Version, VersionImage

SOFTWARE = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall"


def program(name: str, version: str = "", publisher: str = "Contoso", **values: Any) -> dict[str, Any]:
    defaults = {
        "name": name,
        "version": version,
        "publisher": publisher,
        "kind": "application",
        "scope": "machine",
        "user": None,
        "view": "64",
        "source": f"{SOFTWARE}\\{name}",
        "updates": [],
    }
    return defaults | values


def patch(number: int, state: str = "installed") -> dict[str, Any]:
    name = f"Package_for_KB{number}~31bf3856ad364e35~amd64~~10.0.1.1"
    return {"id": f"KB{number}", "name": name, "version": "10.0.1.1", "state": state, "source": f"SOFTWARE\\{name}"}


def service(name: str, display_name: str = "", **values: Any) -> dict[str, Any]:
    defaults = {
        "name": name,
        "display_name": display_name or name,
        "start": "auto",
        "type": "own process",
        "path": f"C:\\Program Files\\{name}\\{name}.exe",
        "account": "LocalSystem",
        "source": f"SYSTEM\\ControlSet001\\Services\\{name}",
    }
    return defaults | values


def sign(code: str, words: str) -> dict[str, Any]:
    return {"sign": code, "words": words, "source": "SOFTWARE\\" + code}


def report(**values: Any) -> dict[str, Any]:
    """A whole report of format 1; ``values`` replace its parts."""
    defaults: dict[str, Any] = {
        "format": 1,
        "image": {
            "links": [{"name": "W11.vhdx", "format": "VHDX", "kind": "dynamic", "file_size": 24 << 30, "log": "clean"}],
            "size": 60 << 30,
            "sector": 512,
            "style": "GPT",
            "partitions": [{"number": 1, "kind": "basic data", "file_system": "NTFS", "length": 59 << 30}],
        },
        "os": {
            "name": "Windows 11 Enterprise",
            "display_version": "23H2",
            "build": "22631",
            "full_build": "10.0.22631.3447",
            "computer_name": "MUC-MASTER",
        },
        "programs": [],
        "patches": [],
        "services": [],
        "drivers": [],
        "features": [],
        "tasks": [],
        "appx": [],
        "office": None,
        "platform": {"vmware_tools": None, "firmware": "UEFI"},
        "hidden": [],
        "signs": [],
        "warnings": [],
        "partial": False,
    }
    return defaults | values


@transaction.atomic
def give(version: Version, of: dict[str, Any], **values: Any) -> ImageContent:
    """This is what is in the version's files, as a reading would have stored it."""
    text = json.dumps(of, sort_keys=True)
    fingerprint = hashlib.sha256(f"{version.pk} {text}".encode()).hexdigest()
    content = ImageContent.objects.create(
        fingerprint=fingerprint,
        **{"reader_version": "1", "report": of, "partial": bool(of["partial"]), "seconds": 2.1, "bytes_read": 38 << 20}
        | values,
    )
    ContentItem.objects.bulk_create(items(content))
    VersionImage.objects.update_or_create(
        version=version,
        defaults={"fingerprint": fingerprint, "content": content, "read_from": "PVS01", "problem": ""},
    )
    return content


def access(vdisk: VDisk) -> StoreAccess:
    return StoreAccess.objects.create(store=vdisk.store, kind=StoreAccess.Kind.LOCAL, path="/srv/store")


def version_of(vdisk: VDisk, number: int) -> Version:
    return Version.objects.get(vdisk=vdisk, number=number, gone_at=None)
