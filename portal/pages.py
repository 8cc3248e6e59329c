"""Pages of long lists: one query and one count each."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.db.models import QuerySet

from portal.http import PortalRequest

PER_PAGE = 50


def paginated(request: PortalRequest, rows: QuerySet[Any], *, per_page: int = PER_PAGE) -> dict[str, Any]:
    """``page_obj`` with its rows, and ``query``, the address's other parameters, for links to other pages."""
    found = Paginator(rows, per_page).get_page(request.GET.get("page"))
    found.object_list = list(found.object_list)
    kept = request.GET.copy()
    kept.pop("page", None)
    for name in [name for name, value in kept.items() if not value]:
        del kept[name]
    return {"page_obj": found, "query": kept.urlencode()}
