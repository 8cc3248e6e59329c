"""Every address of the portal, with everybody who could ask for it. One table says how each is answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponseBase
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, path, reverse
from django.urls.resolvers import RoutePattern

from lifecycle import operations, schedules, watching, windows
from lifecycle.models import Installer, Target, Upload, VDisk
from lifecycle.portfolio import decisions
from lifecycle.schedules import Terms
from lifecycle.searching import Wanted
from lifecycle.states import Action, JobState
from lifecycle.windows import Opening
from portal.http import Access
from tests import factories, imagecontents
from tests.lifecycle import packagebox

PEOPLE = ("anonymous", "stranger", "helpdesk", "auditor", "approver", "admin", "superuser")

# How a GET is answered, in the order of PEOPLE. login: sent to the login page; 405: may come in, but only by POST;
# 401: a program would be told to send its token;
# 404: not visible to this role; 403: visible, but not this role's business.
GET_TABLE = """
address         anonymous stranger helpdesk auditor approver admin superuser
board           login     404      200      200     200      200   200
farm-status     login     404      200      200     200      200   200
vdisk           login     404      200      200     200      200   200
vdisk-action    login     404      403      403     403      200   200
contents        login     404      200      200     200      200   200
content-search  login     404      200      200     200      200   200
content-compare login     404      200      200     200      200   200
content-compare-export login 404   200      200     200      200   200
content-compare-files login 404    403      403     403      302   302
version-contents login    404      200      200     200      200   200
version-contents-export login 404  200      200     200      200   200
version-contents-read login 404    403      403     403      302   302
watches         login     404      200      403     200      200   200
watch-keep      login     404      200      403     200      200   200
watch-drop      login     404      404      403     404      302   404
notices-seen    login     404      302      403     302      302   302
targets         login     404      200      200     200      200   200
target          login     404      200      200     200      200   200
changes         login     404      404      200     200      200   200
change          login     404      404      200     200      200   200
change-new      login     404      404      403     403      200   200
change-decide   login     404      404      403     302      403   302
change-withdraw login     404      404      302     302      302   302
jobs            login     404      404      200     200      200   200
job             login     404      404      200     200      200   200
job-log         login     404      404      200     200      200   200
job-log-download login    404      404      200     200      200   200
job-cancel      login     404      404      403     403      302   302
job-resume      login     404      404      403     403      302   302
job-restart     login     404      404      403     403      409   409
job-keep        login     404      404      403     403      302   302
job-clean-up    login     404      404      403     403      409   409
portfolio       login     404      404      200     200      200   200
portfolio-program login   404      404      200     200      200   200
portfolio-decide login    404      404      403     403      405   405
portfolio-draft login     404      404      403     403      405   405
portfolio-withdraw login  404      404      403     403      405   405
vdisk-readiness login     404      404      200     200      200   200
vdisk-advice    login     404      404      200     200      200   200
vdisk-book      login     404      404      200     200      200   200
version-contents-hash login 404    403      403     403      302   302
audit           login     404      404      200     200      200   200
audit-verify    login     404      404      302     302      302   302
operations      login     404      404      200     404      200   200
worker-drain    login     404      404      403     404      302   302
worker-undrain  login     404      404      403     404      302   302
metrics         401       404      404      200     404      200   200
schedules       login     404      404      200     404      200   200
schedules-stopped login   404      404      200     404      200   200
schedule-preview login    404      404      403     404      200   200
schedule-new    login     404      404      403     404      200   200
schedule        login     404      404      200     404      200   200
schedule-edit   login     404      404      403     404      200   200
schedule-pause  login     404      404      403     404      302   302
schedule-resume login     404      404      403     404      302   302
schedule-run    login     404      404      403     404      302   302
schedule-remove login     404      404      403     404      200   200
window-new      login     404      404      403     404      200   200
window          login     404      404      403     404      200   200
window-remove   login     404      404      403     404      200   200
packages        login     404      404      200     200      200   200
package         login     404      404      200     200      200   200
package-compare login     404      404      200     200      200   200
package-export  login     404      404      200     200      200   200
packages-export login     404      404      200     200      200   200
packages-import login     404      404      403     403      200   200
package-new     login     404      404      403     403      200   200
package-revise  login     404      404      403     403      200   200
package-owner   login     404      404      403     403      302   302
package-ready   login     404      404      403     403      302   302
package-retire  login     404      404      403     403      200   200
package-reinstate login   404      404      403     403      302   302
package-tested  login     404      404      403     403      302   302
installers      login     404      404      403     403      200   200
installer       login     404      404      200     200      200   200
installer-check login     404      404      403     403      302   302
upload-start    login     404      404      403     403      302   302
upload          login     404      404      403     403      200   404
live            login     404      404      200     200      200   200
login           200       302      302      302     302      302   302
logout          405       405      405      405     405      405   405
healthz         200       200      200      200     200      200   200
"""


def _expected(who: str) -> dict[str, str]:
    rows = [line.split() for line in GET_TABLE.strip().splitlines()[1:]]
    return {name: answers[PEOPLE.index(who)] for name, *answers in rows}


@pytest.fixture
def addresses(vdisk: VDisk, ground: factories.Ground, admin: User) -> dict[str, str]:
    """An address of each kind, of an object that exists."""
    ground.targets(1, vdisk, 3)
    job = factories.job(vdisk, admin, state=JobState.SUCCEEDED)
    change = operations.request_promotion(vdisk=vdisk, version=4, by=admin, reason="Tested")
    worker = factories.worker()
    window = windows.make(Opening(name="Night", cron="0 1 * * *", time_zone="UTC", minutes=60), by=admin)
    schedule = schedules.make(Terms(name="Nightly", kind=Action.MERGE, vdisk=vdisk, window=window), by=admin)
    version = vdisk.versions.get(number=3)
    factories.contents(version, {"programs": [{"name": "7-Zip", "kind": "application"}]})
    rule = decisions.decide(key="7-zip", name="7-Zip", publisher="", needs_none="a tool", by=admin)
    package = packagebox.stored("7-zip", admin)
    upload = Upload.objects.create(name="a.msi", size=1, by=admin)
    found = imagecontents.report(programs=[imagecontents.program("7-Zip", publisher="")])
    imagecontents.give(imagecontents.version_of(vdisk, 4), found)
    watch = watching.keep(Wanted(words="zip"), by=admin)
    keys = {
        **{
            name: [package.pk]
            for name in _names(
                "package", "compare", "export", "revise", "owner", "ready", "retire", "reinstate", "tested"
            )
        },
        **{name: [Installer.objects.get().pk] for name in _names("installer", "check")},
        "upload": [upload.uid],
        "vdisk-readiness": [vdisk.pk],
        "vdisk-advice": [vdisk.pk],
        "vdisk-book": [vdisk.pk],
        "portfolio-withdraw": [rule.pk],
        **{name: [schedule.pk] for name in _names("schedule", "edit", "pause", "resume", "run", "remove")},
        **{name: [window.pk] for name in _names("window", "remove")},
        "vdisk": [vdisk.pk],
        "version-contents-hash": [vdisk.pk, 3],
        "vdisk-action": [vdisk.pk, "boot-test"],
        "target": [Target.objects.get().pk],
        "change": [change.pk],
        "change-decide": [change.pk],
        "change-withdraw": [change.pk],
        "version-contents": [vdisk.pk, 4],
        "version-contents-export": [vdisk.pk, 4, "csv"],
        "version-contents-read": [vdisk.pk, 4],
        "content-compare-export": ["csv"],
        "watch-drop": [watch.pk],
        "worker-drain": [worker.pk],
        "worker-undrain": [worker.pk],
        "job": [job.pk],
        "job-log": [job.pk],
        "job-log-download": [job.pk],
        "job-cancel": [job.pk],
        "job-resume": [job.pk],
        "job-restart": [job.pk],
        "job-keep": [job.pk],
        "job-clean-up": [job.pk],
    }
    found = {pattern.name: reverse(pattern.name, args=keys.get(pattern.name, [])) for pattern in _patterns()}
    found["vdisk-action"] += "?version=4"
    found["change-new"] += f"?vdisk={vdisk.pk}&version=4"
    found["portfolio-program"] += "?key=7-zip"
    for name in ("content-compare", "content-compare-export", "content-compare-files"):
        found[name] += f"?a={vdisk.pk}-3&b={vdisk.pk}-4"
    found["live"] += "?topic=jobs"
    return found


@pytest.fixture
def browsers(as_: Callable[[User], Client], request: pytest.FixtureRequest) -> Callable[[str], Client]:
    return lambda who: Client() if who == "anonymous" else as_(request.getfixturevalue(who))


@pytest.mark.parametrize("who", PEOPLE)
def test_answers_each_address_as_the_table_says(
    who: str, addresses: dict[str, str], browsers: Callable[[str], Client]
) -> None:
    browser = browsers(who)  # that of somebody who stays logged in: logging out is a POST

    answers = {name: _answer(browser.get(address)) for name, address in addresses.items()}

    assert answers == _expected(who)


def _names(of: str, *deeds: str) -> list[str]:
    return [of, *(f"{of}-{deed}" for deed in deeds)]


def _answer(response: HttpResponseBase) -> str:
    to_login = response.headers.get("Location", "").startswith("/accounts/login/?next=")
    return "login" if to_login else str(response.status_code)


@pytest.mark.django_db
def test_every_view_says_who_may_use_it() -> None:
    silent = [
        pattern.name for pattern in _patterns() if not isinstance(getattr(pattern.callback, "access", None), Access)
    ]

    assert silent == []


def test_refuses_a_view_that_says_nothing_even_to_a_superuser(
    browsers: Callable[[str], Client], settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.ROOT_URLCONF = __name__

    response = browsers("superuser").get("/forgotten/")

    assert response.status_code == 403
    assert "does not say who may use it" in caplog.text


def test_tells_htmx_to_reload_the_page_when_the_session_is_over(addresses: dict[str, str]) -> None:
    response = Client().get(addresses["board"], headers={"HX-Request": "true"})

    assert (response.status_code, response["HX-Refresh"]) == (401, "true")


def test_pages_are_kept_by_no_cache(browsers: Callable[[str], Client], addresses: dict[str, str]) -> None:
    response = browsers("helpdesk").get(addresses["board"])

    assert "no-store" in response["Cache-Control"]
    assert "HX-Request" in response["Vary"]


def test_refuses_a_form_without_its_token_in_words(admin: User, addresses: dict[str, str]) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin)

    response = client.post(addresses["job-cancel"])

    assert response.status_code == 403
    assert "Please send it again" in response.content.decode()


def _patterns(of: URLResolver | None = None) -> Iterator[URLPattern]:
    for each in (of or get_resolver("portal.urls")).url_patterns:
        if isinstance(each, URLResolver):
            yield from _patterns(each)
        else:
            assert isinstance(each.pattern, RoutePattern)
            yield each


def _forgotten(request: object) -> None:
    raise AssertionError("it ran")


urlpatterns = [*get_resolver("portal.urls").url_patterns, path("forgotten/", _forgotten)]
