"""Who may open which address: each view says it, one middleware keeps it. Plus the answers that all views share.

A view without a mark is refused, so that a forgotten decorator fails closed. What a person may not see answers as if it
were not there (404); what they see but may not do answers 403; what cannot be done now answers 409 with the reason.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render, resolve_url
from django.utils.cache import add_never_cache_headers, patch_vary_headers
from django.utils.crypto import constant_time_compare
from django.utils.deprecation import MiddlewareMixin
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.middleware import HtmxDetails

from lifecycle.errors import Incomplete, LifecycleError, NotAllowed

logger = logging.getLogger(__name__)

View = TypeVar("View", bound=Callable[..., Any])


class PortalRequest(HttpRequest):
    """A request that has come past the middleware."""

    user: User
    htmx: HtmxDetails


@dataclass(frozen=True)
class Access:
    """Who may use a view: everybody, or people who are logged in and hold all ``permissions``.

    ``token`` names a setting: a program that bears its value comes in without a login; while it is empty, none does.
    """

    is_public: bool = False
    permissions: tuple[str, ...] = ()
    token: str = ""


def public(view: View) -> View:
    """Anybody may open it, without a login."""
    return _mark(view, Access(is_public=True))


def needs(*permissions: str) -> Callable[[View], View]:
    """People with a login and all of these permissions. The first one that is missing decides how it is refused."""
    return lambda view: _mark(view, Access(permissions=permissions))


def needs_token(setting: str, *permissions: str) -> Callable[[View], View]:
    """Programs with the bearer token of ``setting``, and people with a login and all of these permissions."""
    return lambda view: _mark(view, Access(permissions=permissions, token=setting))


def _mark(view: View, access: Access) -> View:
    view.access = access  # type: ignore[attr-defined]
    return view


class AccessMiddleware(MiddlewareMixin):
    """Asks each view's mark before it runs, and turns the domain's refusals into pages."""

    def process_view(
        self, request: PortalRequest, view: Callable[..., Any], _args: tuple[Any, ...], _kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        access: Access | None = getattr(view, "access", None)
        if access is None:
            logger.error("Refused %s: the view %r does not say who may use it.", request.path, view)
            raise PermissionDenied("This address does not say who may use it, so nobody may.")
        if access.is_public or (access.token and _bears_token(request, access.token)):
            return None
        if access.token and (_offered_token(request) is not None or not request.user.is_authenticated):
            return _token_wanted(request)
        if not request.user.is_authenticated:
            return _to_login(request)
        missing = next((name for name in access.permissions if not request.user.has_perm(name)), None)
        if missing is None:
            return None
        logger.warning("Refused %s to %s: lacks %s.", request.path, request.user.get_username(), missing)
        if missing.partition(".")[2].startswith("view_"):
            raise Http404
        raise PermissionDenied("Your role does not do this.")

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, LifecycleError):
            return refused(request, error)
        if isinstance(error, ValueError | DatabaseError) and _has_nul(request):
            return render(request, "400.html", {"words": "What was sent holds a NUL character."}, status=400)
        return None

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """An address answers htmx with a fragment; no cache may hand that out as the page."""
        patch_vary_headers(response, ["HX-Request"])
        if not response.has_header("Cache-Control"):
            add_never_cache_headers(response)
        return response


def _has_nul(request: HttpRequest) -> bool:
    """In an address or a form. No text of the database can hold one; most forms say so beside the field themselves."""
    sent = (*request.GET.lists(), *request.POST.lists())
    return any("\0" in text for name, values in sent for text in (name, *values))


def _offered_token(request: HttpRequest) -> str | None:
    """None when there is none: a proxy in front may well use the header for itself, with another scheme."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _bears_token(request: HttpRequest, setting: str) -> bool:
    expected, offered = getattr(settings, setting), _offered_token(request)
    return bool(expected and offered and constant_time_compare(offered, expected))


def _token_wanted(request: HttpRequest) -> HttpResponse:
    """For a program: it could do nothing with a login page. What it sent is named nowhere."""
    kind = "no" if _offered_token(request) is None else "a wrong"
    logger.warning("Refused %s: no login, and %s token.", request.path, kind)
    response = HttpResponse("Send the bearer token, or log in.\n", status=401, content_type="text/plain")
    response["WWW-Authenticate"] = "Bearer"
    return response


def _to_login(request: HttpRequest) -> HttpResponseBase:
    """To the login page and back. A fragment cannot show a login, so htmx is told to reload the whole page."""
    if request.headers.get("HX-Request") != "true":
        return redirect_to_login(_back_to(request), resolve_url("login"))
    response = HttpResponse(status=401)
    response["HX-Refresh"] = "true"
    return response


def _back_to(request: HttpRequest) -> str:
    """The address to open after the login. What was sent is lost, so a form leads back to the page it stands on."""
    referer = request.headers.get("Referer", "")
    is_read = request.method in ("GET", "HEAD")
    if is_read or not url_has_allowed_host_and_scheme(referer, {request.get_host()}, request.is_secure()):
        return request.get_full_path()
    page = urlsplit(referer)
    return f"{page.path or '/'}?{page.query}" if page.query else page.path or "/"


def refused(request: HttpRequest, error: LifecycleError) -> HttpResponse:
    """The page for a refusal that the view did not answer itself."""
    if isinstance(error, NotAllowed):
        return render(request, "403.html", {"words": str(error)}, status=403)
    if isinstance(error, Incomplete):
        return render(request, "400.html", {"words": str(error)}, status=400)
    return render(request, "409.html", {"words": str(error)}, status=409)


def page(
    request: PortalRequest, template: str, context: dict[str, Any], *, fragment: str = "", status: int = 200
) -> HttpResponse:
    """The whole page; for an htmx request only ``fragment``, a template that the page includes."""
    wants_fragment = request.htmx and not request.htmx.boosted and not request.htmx.history_restore_request
    return render(request, fragment if fragment and wants_fragment else template, context, status=status)
