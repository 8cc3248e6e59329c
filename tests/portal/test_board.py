from lifecycle.models import VDisk
from lifecycle.states import Access


def test_shows_each_version_in_its_lane(as_, helpdesk, vdisk: VDisk) -> None:
    page = as_(helpdesk).get("/").content.decode()

    lanes = page.split('<section class="lane')
    assert "no version" in lanes[1]
    assert "Updates of July" in lanes[2]
    assert "Updates of June" in lanes[3]
    assert lanes[3].count("production boots next") == 1


def test_marks_the_override_and_not_the_newer_release(as_, helpdesk, vdisk: VDisk) -> None:
    vdisk.versions.filter(number=2).update(access=Access.OVERRIDE)

    page = as_(helpdesk).get("/").content.decode()

    card = page.split('class="card is-override is-next"')[1].split("</article>")[0]
    assert ">2<" in card
    assert "production boots next" in card
    assert page.count("production boots next") == 1
