"""Task ``identify``: what the files of a chain say of themselves, and the fingerprint of their content."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from builders.inspection.images import fingerprint_of, open_chain
from builders.inspection.sandbox.tasks import Options, Order, Task, Teller
from builders.inspection.sources import Folder


def identify(folders: Sequence[Folder], orders: Sequence[Order], _: Options, __: Teller) -> dict[str, Any]:
    """``links``, the top first, and ``fingerprint``: from headers and tables alone."""
    with open_chain(orders[0]["top"], folders[0], orders[0]["parents"]) as chain:
        links = [link.as_dict() for link in chain.links]
        return {"links": links, "fingerprint": fingerprint_of(chain.links), "warnings": list(chain.warnings)}


TASKS: dict[str, Task] = {"identify": identify}
