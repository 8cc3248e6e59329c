from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from lifecycle.models import Boot, ChangeRequest, ProductionChange, Target, VDisk
from lifecycle.states import ChangeState, TargetType
from tests import factories


@pytest.fixture
def old(ground: factories.Ground, vdisk: VDisk) -> Target:
    """Runs version 2, should run version 3."""
    return ground.target("MUC-OFF-OLD", vdisk, 2)


def _list(client, query: str = "") -> str:
    return client.get(f"/targets/?{query}").content.decode()


class TestList:
    def test_says_what_runs_from_where_and_whether_it_is_right(self, as_, helpdesk: User, old: Target) -> None:
        page = _list(as_(helpdesk))

        row = page.split("MUC-OFF-OLD")[1].split("</tr>")[0]
        assert "W11-Office <strong>2</strong>" in row
        assert "PVS0" in row
        assert "Runs the old version 2; version 3 is right since the promotion. Restart it to fix this." in row
        assert f"(since {old.verdict_since:%Y-%m-%d %H:%M})" in row

    @pytest.mark.parametrize(
        "text", ["OFF-OLD", "off-old", "00-15-5D-00-00-01", "00155d000001", "00:15:5d", "10.20.0."]
    )
    def test_is_searched_by_name_mac_and_ip(self, as_, helpdesk: User, old: Target, text: str) -> None:
        assert "MUC-OFF-OLD" in as_(helpdesk).get("/targets/", {"text": text}).content.decode()

    def test_says_that_nothing_fits(self, as_, helpdesk: User, old: Target) -> None:
        assert "No target fits." in _list(as_(helpdesk), "text=XYZ")

    def test_is_filtered_by_verdict_with_counts(
        self, as_, helpdesk: User, ground: factories.Ground, vdisk: VDisk, old: Target
    ) -> None:
        ground.targets(3, vdisk, 3)

        page = _list(as_(helpdesk), "verdict=old")

        assert "MUC-OFF-OLD" in page
        assert "MUC-OFF-002" not in page
        assert "right version <strong>3</strong>" in page
        assert "runs an old version <strong>1</strong>" in page

    def test_is_filtered_by_vdisk_and_version(
        self, as_, helpdesk: User, ground: factories.Ground, vdisk: VDisk, old: Target
    ) -> None:
        other = ground.vdisk("W2022")
        factories.version(other, 0)
        ground.target("MUC-CVA-001", other, 0)
        ground.target("MUC-OFF-OFF", vdisk, None)
        client = as_(helpdesk)

        of_vdisk, of_version = _list(client, f"vdisk={vdisk.pk}"), _list(client, f"vdisk={vdisk.pk}&version=2")

        assert "MUC-OFF-OLD" in of_vdisk
        assert "MUC-OFF-OFF" in of_vdisk
        assert "MUC-CVA-001" not in of_vdisk
        assert "MUC-OFF-OLD" in of_version
        assert "MUC-OFF-OFF" not in of_version

    def test_says_which_filter_makes_no_sense_and_uses_the_others(
        self, as_, helpdesk: User, ground: factories.Ground, vdisk: VDisk, old: Target
    ) -> None:
        ground.target("MUC-OFF-GOOD", vdisk, 3)

        page = _list(as_(helpdesk), "vdisk=x&verdict=old&page=w")

        assert "vDisk: Select a valid choice." in page
        assert "MUC-OFF-OLD" in page
        assert "MUC-OFF-GOOD" not in page

    @pytest.mark.parametrize("text", ["x" * 61, "%00"])
    def test_finds_nothing_for_a_text_that_cannot_be_searched(
        self, as_, helpdesk: User, old: Target, text: str
    ) -> None:
        page = _list(as_(helpdesk), f"text={text}")

        assert "MUC-OFF-OLD" not in page
        assert "Search: " in page

    def test_answers_the_live_search_with_the_list_alone(self, as_, helpdesk: User, old: Target) -> None:
        client = as_(helpdesk)

        fragment = client.get("/targets/", {"text": "OLD"}, headers={"HX-Request": "true"}).content.decode()

        assert fragment.startswith('<div id="list"')
        assert "MUC-OFF-OLD" in fragment

    def test_is_one_query_and_a_count_for_thousands(
        self, as_, helpdesk: User, ground: factories.Ground, vdisk: VDisk, django_assert_max_num_queries
    ) -> None:
        ground.targets(2000, vdisk, 3)
        client = as_(helpdesk)

        # the rows, their count, the counts by verdict, two filters; session, user, 2 of rights, 3 of the farm
        with django_assert_max_num_queries(12):
            page = _list(client, "page=7")

        assert page.count('scope="row"') == 50
        assert "Page 7 of 40" in page


class TestOne:
    def _page(self, client, target: Target) -> str:
        return client.get(f"/targets/{target.pk}/").content.decode()

    @pytest.fixture
    def promoted(self, admin: User, vdisk: VDisk) -> ChangeRequest:
        ProductionChange.objects.create(vdisk=vdisk, number=3, before=2, seen_at=timezone.now())
        return ChangeRequest.objects.create(
            vdisk=vdisk,
            version_number=3,
            requested_by=admin,
            reason="Closes the hole in the printer driver",
            ticket="CHG-9",
            state=ChangeState.DONE,
            ended_at=timezone.now(),
            fingerprint="a" * 64,
        )

    def test_says_what_changed_between_what_it_runs_and_what_it_should(
        self, as_, helpdesk: User, old: Target, promoted: ChangeRequest
    ) -> None:
        page = self._page(as_(helpdesk), old)

        assert "What changed between version 2 and version 3" in page
        assert "Updates of June, new VDA" in page
        assert "Closes the hole in the printer driver" in page
        assert "production changed from version 2 to version 3" in page
        assert "/changes/" not in page

    def test_links_the_change_for_those_who_may_see_it(
        self, as_, auditor: User, old: Target, promoted: ChangeRequest
    ) -> None:
        assert f"/changes/{promoted.pk}/" in self._page(as_(auditor), old)

    def test_has_nothing_to_explain_when_it_is_right(
        self, as_, helpdesk: User, ground: factories.Ground, vdisk: VDisk
    ) -> None:
        page = self._page(as_(helpdesk), ground.target("MUC-TST-001", vdisk, 4, type=TargetType.TEST))

        assert "Right: runs version 4." in page
        assert "What changed" not in page

    def test_shows_the_boots_it_saw(self, as_, helpdesk: User, old: Target, vdisk: VDisk) -> None:
        Boot.objects.create(
            target=old,
            vdisk=vdisk,
            vdisk_name="W11-Office",
            number=1,
            server_name="PVS02",
            seen_at=timezone.now() - timedelta(days=9),
            ended_at=timezone.now() - timedelta(days=8),
        )

        page = self._page(as_(helpdesk), old)

        assert page.index("still running") < page.index("W11-Office version 1")

    def test_is_kept_when_pvs_forgets_it(self, as_, helpdesk: User, old: Target) -> None:
        Target.objects.update(gone_at=timezone.now())

        assert "PVS no longer has this target" in self._page(as_(helpdesk), old)
        assert "MUC-OFF-OLD" not in _list(as_(helpdesk))
