"""In and out."""

from __future__ import annotations

import logging

from django.conf import settings
from django.contrib import auth
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from portal import throttle
from portal.forms.accounts import LoginForm
from portal.http import PortalRequest, public

logger = logging.getLogger(__name__)


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
@public
def login(request: PortalRequest) -> HttpResponse:
    onwards = _onwards(request)
    if request.user.is_authenticated:
        return HttpResponseRedirect(onwards)
    if request.method != "POST":
        return _page(request, LoginForm(request), onwards)
    name, address = throttle.plain(request.POST.get("username", "")), request.META.get("REMOTE_ADDR", "")
    if not throttle.take(name, address):
        logger.warning("Login of %r from %s refused: too many attempts.", name, address)
        minutes = max(1, settings.PORTAL_LOGIN_WAIT_SECONDS // 60)
        words = f"Too many attempts for this user name from here. Try again in {minutes} minutes."
        return _page(request, LoginForm(request, initial={"username": name}), onwards, status=429, words=words)
    form = LoginForm(request, request.POST)
    if not form.is_valid():
        logger.warning("Login of %r from %s failed.", name, address)
        return _page(request, form, onwards, status=422)
    throttle.clear(name, address)
    auth.login(request, form.get_user())
    return HttpResponseRedirect(onwards)


@require_POST
@public
def logout(request: PortalRequest) -> HttpResponse:
    auth.logout(request)
    return redirect("login")


def _onwards(request: PortalRequest) -> str:
    """Where the person wanted to go, if that is a page of ours."""
    wanted = request.POST.get("next", request.GET.get("next", ""))
    safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if safe and wanted.startswith("/") else resolve_url(settings.LOGIN_REDIRECT_URL)


def _page(request: PortalRequest, form: LoginForm, onwards: str, *, status: int = 200, words: str = "") -> HttpResponse:
    return render(request, "accounts/login.html", {"form": form, "next": onwards, "words": words}, status=status)
