from datetime import timedelta

from django.contrib.auth.models import User
from django.utils import timezone

from lifecycle import operations
from lifecycle.models import Farm, FarmConnection, Server, VDisk
from lifecycle.states import Access, ReplicaState, ServerStatus, VersionType
from tests import factories


def _board(client) -> str:
    return client.get("/").content.decode()


def test_shows_each_version_in_its_lane(as_, helpdesk: User, vdisk: VDisk) -> None:
    lanes = _board(as_(helpdesk)).split('<section class="lane')

    assert "no version" in lanes[1]
    assert "Updates of July" in lanes[2]
    assert "Updates of June" in lanes[3]
    assert lanes[3].count("</svg>production boots next") == 1


def test_marks_the_override_and_not_the_newer_release(as_, helpdesk: User, vdisk: VDisk) -> None:
    vdisk.versions.filter(number=2).update(access=Access.OVERRIDE)

    page = _board(as_(helpdesk))

    card = page.split('class="card is-override is-next"')[1].split("</article>")[0]
    assert ">2<" in card
    assert page.count("</svg>production boots next") == 1


def test_shows_the_date_of_a_scheduled_version(as_, helpdesk: User, ground: factories.Ground) -> None:
    vdisk = ground.vdisk()
    factories.version(vdisk, 0)
    factories.version(vdisk, 1, is_pending=True, scheduled_at=timezone.now() + timedelta(days=2))

    card = _board(as_(helpdesk)).split('class="card is-pending"')[1].split("</article>")[0]

    assert f"from {timezone.now() + timedelta(days=2):%Y-%m-%d}" in card
    assert "production boots next" not in card


def test_folds_obsolete_versions(as_, helpdesk: User, ground: factories.Ground) -> None:
    vdisk = ground.vdisk()
    factories.version(vdisk, 0, delete_when_free=True)
    factories.version(vdisk, 1, delete_when_free=True, device_count=1)
    factories.version(vdisk, 2, type=VersionType.MERGE_BASE)

    folded = _board(as_(helpdesk)).split('class="folded"')[1]

    assert "2 obsolete versions" in folded
    assert "1 target still on it" in folded


def test_a_server_that_is_down_lacks_nothing(as_, helpdesk: User, ground: factories.Ground) -> None:
    factories.version(ground.vdisk(), 0, replicas={"PVS01": ReplicaState.UNREACHABLE})

    page = _board(as_(helpdesk))

    assert '<p class="rep rep-unknown"><span class="dot unknown"></span>on PVS02; PVS01 unreachable</p>' in page
    assert "rep-behind" not in page


def test_folds_what_does_not_fit_into_one_line(as_, helpdesk: User, ground: factories.Ground) -> None:
    vdisk = ground.vdisk()
    for number in range(6):
        factories.version(vdisk, number)

    shown, folded = _board(as_(helpdesk)).split('class="folded"')

    assert shown.count('<article class="card') == 4
    assert "2 older releases" in folded


def test_says_which_server_lacks_the_files(as_, helpdesk: User, ground: factories.Ground) -> None:
    factories.version(ground.vdisk(), 0, replicas={"PVS02": ReplicaState.FILE_MISSING})

    assert "PVS02: version file missing" in _board(as_(helpdesk))


def test_shows_running_jobs_and_open_changes_to_those_who_may_see_them(
    as_, admin: User, approver: User, helpdesk: User, vdisk: VDisk
) -> None:
    factories.job(vdisk, admin, title="Boot the test targets: W11-Office")
    operations.request_promotion(vdisk=vdisk, version=4, by=admin, reason="Tested")

    seen, unseen = _board(as_(approver)), _board(as_(helpdesk))

    assert "Boot the test targets: W11-Office" in seen
    assert "Version 4 to production: waiting for approval" in seen
    assert "Boot the test targets" not in unseen
    assert "waiting for approval" not in unseen


def test_offers_a_new_version_to_admins_alone(as_, admin: User, approver: User, vdisk: VDisk) -> None:
    assert "actions/new-version/" in _board(as_(admin))
    assert "actions/" not in _board(as_(approver))


def test_answers_htmx_with_the_roads_alone(as_, helpdesk: User, vdisk: VDisk) -> None:
    fragment = as_(helpdesk).get("/", headers={"HX-Request": "true"}).content.decode()

    assert fragment.startswith('<div id="roads"')
    assert "<html" not in fragment


def test_asks_as_often_for_many_vdisks_as_for_one(
    as_, helpdesk: User, ground: factories.Ground, vdisk: VDisk, django_assert_max_num_queries
) -> None:
    for index in range(5):
        factories.version(ground.vdisk(f"W11-{index}"), 0)
    client = as_(helpdesk)

    with django_assert_max_num_queries(10):  # session, user, 2 of rights, 3 of the chain, 3 of the farm's picture
        client.get("/")


class TestFarmPicture:
    def test_says_how_old_it_is(self, as_, helpdesk: User, vdisk: VDisk) -> None:
        Farm.objects.update(synced_at=timezone.now() - timedelta(seconds=12))

        page = _board(as_(helpdesk))

        assert "PVS Test Farm as of" in page
        assert "data-age>12 s</time>" in page
        assert "farm-line stale" not in page

    def test_is_loud_when_it_is_stale_with_the_error_in_words(self, as_, helpdesk: User, vdisk: VDisk) -> None:
        Farm.objects.update(synced_at=timezone.now() - timedelta(hours=2), sync_error="PVS01 does not answer.")

        page = _board(as_(helpdesk))

        assert 'class="farm-line stale" role="alert"' in page
        assert "What you see is the last picture. PVS01 does not answer." in page

    def test_says_which_server_is_down(self, as_, helpdesk: User, vdisk: VDisk) -> None:
        Server.objects.filter(name="PVS01").update(status=ServerStatus.DOWN)

        page = _board(as_(helpdesk))

        assert "<span>PVS01 is down</span>" in page
        assert "PVS02 is down" not in page

    def test_says_that_there_is_none(self, as_, helpdesk: User) -> None:
        assert "No farm is connected yet" in _board(as_(helpdesk))

    def test_warns_where_tls_is_not_verified(self, as_, helpdesk: User, vdisk: VDisk) -> None:
        factories.connection(vdisk.farm, verify=FarmConnection.Verify.OFF, ca_file="")

        page = as_(helpdesk).get("/targets/").content.decode()

        assert "TLS is not verified for pvs01.example.org" in page
        assert "host secret" not in page

    def test_is_refreshed_by_itself_with_the_counts_of_the_navigation(self, as_, admin: User, vdisk: VDisk) -> None:
        operations.request_promotion(vdisk=vdisk, version=4, by=admin, reason="Tested")

        fragment = as_(admin).get("/farm/status/", headers={"HX-Request": "true"}).content.decode()

        assert fragment.lstrip().startswith('<div id="farm-status"')
        assert '<span id="badge-changes" class="badge" hx-swap-oob="true">1<' in fragment
