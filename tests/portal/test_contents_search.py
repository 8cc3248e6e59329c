"""Search across images, kept searches, and what they tell."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from lifecycle import watching
from lifecycle.models import Notice, VDisk, Watch
from lifecycle.searching import Wanted
from tests import factories
from tests.imagecontents import give, program, report, version_of


@pytest.fixture
def client(as_: Callable[[User], Client], helpdesk: User) -> Client:
    return as_(helpdesk)


@pytest.fixture
def known(vdisk: VDisk, ground: factories.Ground) -> VDisk:
    """Version 3 has 7-Zip 22.01 and runs on three targets, version 4 has 24.05."""
    give(version_of(vdisk, 3), report(programs=[program("7-Zip 22.01", "22.01")]))
    give(version_of(vdisk, 4), report(programs=[program("7-Zip 24.05", "24.05")]))
    ground.targets(3, vdisk, 3)
    return vdisk


QUERY = "words=7-zip&comparison=below&version=24"


class TestSearch:
    def test_finds_versions_with_how_many_targets_run_them(self, client: Client, known: VDisk) -> None:
        page = client.get(f"/contents/search/?{QUERY}").content.decode()

        assert "in versions <strong>1</strong>" in page
        assert f'href="/vdisks/{known.pk}/versions/3/contents/?text=7-zip"' in page
        assert f'<a href="/targets/?vdisk={known.pk}&amp;version=3">3 targets</a>' in page
        assert "24.05" not in page

    def test_finds_running_targets(self, client: Client, known: VDisk) -> None:
        page = client.get(f"/contents/search/?{QUERY}&show=targets").content.decode()

        assert "on running targets <strong>3</strong>" in page
        assert "MUC-OFF-001" in page
        assert "7-Zip 22.01 <strong>22.01</strong>" in page

    def test_says_what_it_knows_nothing_about(self, client: Client, known: VDisk) -> None:
        give(version_of(known, 2), report(programs=[program("7-Zip portable")]))

        page = client.get(f"/contents/search/?{QUERY}").content.decode()

        assert "1 more of that name and kind bears no version" in page
        assert "2 versions have not been read; nothing is said about them." in page

    def test_looks_for_programs_where_no_kind_is_named(self, client: Client, known: VDisk) -> None:
        give(
            version_of(known, 2),
            report(programs=[program("7-Zip 21.07", "21.07")], drivers=[{"name": "7-Zip filter", "version": "1"}]),
        )
        blank, programs = (client.get(f"/contents/search/{query}") for query in ("", f"?{QUERY}"))
        anything = client.get(f"/contents/search/?{QUERY}&category=").content.decode()

        assert '<option value="programs" selected>Programs</option>' in blank.content.decode()
        page = programs.content.decode()
        assert '<option value="programs" selected>Programs</option>' in page
        assert "in versions <strong>2</strong>" in page
        assert "7-Zip filter" not in page
        assert "1 more of other kinds than Programs." in page
        assert f'href="?{QUERY.replace("&", "&amp;")}&amp;category="' in page
        assert "in versions <strong>3</strong>" in anything
        assert "7-Zip filter" in anything
        assert "of other kinds" not in anything

    def test_counts_what_bears_no_version_within_the_kind(self, client: Client, known: VDisk) -> None:
        give(version_of(known, 2), report(drivers=[{"name": "7-Zip filter"}]))

        programs, anything = (
            client.get(f"/contents/search/?{QUERY}{more}").content.decode() for more in ("", "&category=")
        )

        assert "bears no version" not in programs
        assert "1 more of that name bears no version" in anything

    def test_says_that_nothing_was_found(self, client: Client, known: VDisk) -> None:
        assert "No version that was read contains it." in client.get("/contents/search/?words=x").content.decode()

    @pytest.mark.parametrize(
        ("query", "words"),
        [
            ("version=24", "Name: Say what to look for"),
            ("words=a&comparison=below", "of: Say which version to compare with"),
            ("words=a&comparison=below&version=new", "has no number in it"),
            ("words=a&comparison=near", "Version: Select a valid choice."),
            ("words=a&vdisk=rubbish", "vDisk: Select a valid choice."),
            ("words=%00&comparison=below&version=1", "Null characters are not allowed."),
        ],
    )
    def test_names_the_field_that_makes_no_sense(self, client: Client, known: VDisk, query: str, words: str) -> None:
        response = client.get(f"/contents/search/?{query}")

        assert response.status_code == 200
        assert words in response.content.decode()

    def test_costs_the_same_for_many(
        self, client: Client, known: VDisk, django_assert_max_num_queries: Callable
    ) -> None:
        client.get(f"/contents/search/?{QUERY}")
        with django_assert_max_num_queries(20) as few:
            client.get(f"/contents/search/?{QUERY}")
        give(version_of(known, 2), report(programs=[program(f"7-Zip {n}", f"9.{n}") for n in range(200)]))

        with django_assert_max_num_queries(len(few)):
            page = client.get(f"/contents/search/?{QUERY}").content.decode()

        assert "Page 1 of 5" in page


class TestKeep:
    def keep(self, client: Client, **values: str) -> str:
        asked = {"words": "7-zip", "comparison": "below", "version": "24"} | values
        return client.post("/contents/watches/keep/", asked, follow=True).content.decode()

    def test_a_search_is_kept_by_a_click(self, client: Client, known: VDisk, helpdesk: User) -> None:
        page = self.keep(client)

        assert "You are told when new contents hold 7-zip below 24." in page
        assert Watch.objects.get().owner == helpdesk
        assert "keep this search</a>" in client.get(f"/contents/search/?{QUERY}&category=").content.decode()
        assert "keep this search</a>" not in client.get(f"/contents/search/?{QUERY}").content.decode()

    def test_one_for_anything_leads_to_a_search_for_anything(self, client: Client, known: VDisk) -> None:
        page = self.keep(client)

        assert 'href="/contents/search/?words=7-zip&amp;comparison=below&amp;version=24&amp;category="' in page

    def test_twice_is_once(self, client: Client, known: VDisk) -> None:
        self.keep(client)

        assert "You keep this search already." in self.keep(client)
        assert Watch.objects.count() == 1

    def test_what_makes_no_sense_comes_back_with_what_was_typed(self, client: Client, known: VDisk) -> None:
        response = client.post("/contents/watches/keep/", {"words": "acrobat", "comparison": "below", "version": "new"})

        assert response.status_code == 422
        page = response.content.decode()
        assert "has no number in it" in page
        assert 'value="acrobat"' in page

    def test_mail_is_offered_where_it_can_be_sent(self, client: Client, settings) -> None:
        settings.PORTAL_MAIL_HOST = ""
        without = client.get("/contents/watches/keep/").content.decode()
        settings.PORTAL_MAIL_HOST = "mail.example.org"

        assert "Also by e-mail" not in without
        assert "Also by e-mail" in client.get("/contents/watches/keep/").content.decode()

    def test_mail_without_an_address_is_refused(self, client: Client, known: VDisk, settings) -> None:
        settings.PORTAL_MAIL_HOST = "mail.example.org"

        assert "Your login has no e-mail address" in self.keep(client, by_mail="on")
        assert not Watch.objects.exists()

    def test_is_dropped_again(self, client: Client, helpdesk: User, known: VDisk) -> None:
        watch = watching.keep(Wanted(words="zip"), by=helpdesk)

        pages = [client.post(f"/contents/watches/{watch.pk}/drop/", follow=True) for _ in range(2)]

        assert [page.status_code for page in pages] == [200, 200]
        assert not Watch.objects.exists()

    def test_anothers_is_not_there(self, client: Client, admin: User, known: VDisk) -> None:
        watch = watching.keep(Wanted(words="secret plans"), by=admin)

        client.post(f"/contents/watches/{watch.pk}/drop/")

        assert client.get(f"/contents/watches/{watch.pk}/drop/").status_code == 404
        assert Watch.objects.get() == watch
        assert "secret plans" not in client.get("/contents/watches/").content.decode()


class TestNotices:
    @pytest.fixture
    def notice(self, known: VDisk, helpdesk: User) -> Notice:
        watching.keep(Wanted(words="zip"), by=helpdesk)
        (notice,) = watching.content_arrived(version_of(known, 4).image.content)
        return notice

    def test_are_counted_in_the_header(self, client: Client, notice: Notice, as_: Callable, admin: User) -> None:
        header = client.get("/").content.decode().split("</header>")[0]
        of_another = as_(admin).get("/").content.decode().split("</header>")[0]

        assert '<span id="badge-contents" class="badge">1<span class="sr"> new findings of kept searches' in header
        assert '<span id="badge-contents" class="badge" hidden>' in of_another

    def test_say_what_was_found_where(self, client: Client, notice: Notice) -> None:
        page = client.get("/contents/watches/").content.decode()

        assert "W11-Office version 4" in page
        assert "7-Zip 24.05 24.05" in page
        assert "1 new" in page

    def test_are_marked_as_seen(self, client: Client, notice: Notice) -> None:
        page = client.post("/contents/watches/seen/", follow=True).content.decode()

        assert "7-Zip 24.05" in page
        assert "Mark 1 as seen" not in page
        assert '<span id="badge-contents" class="badge" hidden>' in page

    def test_looking_alone_marks_nothing(self, client: Client, notice: Notice) -> None:
        client.get("/contents/watches/seen/")

        notice.refresh_from_db()
        assert notice.seen_at is None
