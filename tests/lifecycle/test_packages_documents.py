"""The catalogue as YAML: written, read, compared, saved; and what people write by mistake."""

from __future__ import annotations

from dataclasses import replace

import pytest
import yaml
from django.contrib.auth.models import User
from hypothesis import given
from hypothesis import strategies as some

from lifecycle.errors import NotAllowed, StaleState
from lifecycle.models import AuditEntry, Package
from lifecycle.packages import catalogue, documents, importing, terms, yamltree
from lifecycle.packages.importing import Deed
from lifecycle.packages.terms import File
from tests.lifecycle.packagebox import SEVEN_ZIP, package

SMALL = """\
format: 1
packages:
  - key: notepad
    name: Notepad++
    version: 8.10
    install: npp.exe /S
    files:
      - {name: npp.exe, sha256: %s, size: 5}
""" % ("a" * 64)


def problems(text: str) -> list[str]:
    return [str(each) for each in importing.plan(text).problems]


def field(line: str) -> str:
    """A document with one package that has this line too."""
    return f"packages:\n  - key: p\n    name: P\n    {line}\n"


# --- writing and reading back


def test_a_catalogue_comes_back_as_it_was_written(admin: User) -> None:
    package("vc-redist", admin, owner="", phase="runtime", uninstall_command="", detection_kind="", detection={})
    rule = {"key": "HKLM\\SOFTWARE\\Odd: key", "value": "Version", "data": "1.10"}
    catalogue.make(
        "odd",
        replace(
            SEVEN_ZIP,
            name="Yes: “Odd” #1",
            version="1.10",
            vendor="null",
            notes="One\n\n  two: three\n- four",
            detection_kind="registry-value",
            detection=rule,
            needs=("vc-redist",),
            success_codes=(0, -5),
            reboot_codes=(),
            files=(File("a b.exe", "0" * 64, 7), File("c.cab", "1" * 64, 0)),
        ),
        owner="No",
        by=admin,
    )
    packages = list(Package.objects.select_related("current"))

    text = documents.write(packages)

    read = documents.parse(text)
    assert read.problems == []
    assert {each.key: each.terms for each in read.entries} == {each.key: terms.of(each.current) for each in packages}
    assert {each.key: each.owner or "" for each in read.entries} == {"odd": "No", "vc-redist": ""}
    assert importing.plan(text).does_something is False
    assert yaml.safe_load(text)["packages"][0]["key"] == "odd"


def test_what_is_written_reads_well(admin: User) -> None:
    text = documents.write([catalogue.make("7-zip", replace(SEVEN_ZIP, notes="One\nTwo"), owner="Desktop", by=admin)])

    assert text == (
        "format: 1\n"
        "packages:\n"
        "  - key: 7-zip\n"
        "    owner: Desktop\n"
        "    name: 7-Zip\n"
        "    vendor: Igor Pavlov\n"
        "    version: '24.08'\n"
        "    architecture: x64\n"
        "    phase: app\n"
        "    installer: msi\n"
        '    install: msiexec /i "7z2408-x64.msi" /qn /norestart\n'
        "    uninstall: msiexec /x {23170F69-40C1-2702-2408-000001000000} /qn\n"
        "    detection:\n"
        "      kind: product-code\n"
        "      code: '{23170F69-40C1-2702-2408-000001000000}'\n"
        "    success_codes:\n"
        "      - 0\n"
        "    reboot_codes:\n"
        "      - 1641\n"
        "      - 3010\n"
        "    minutes: 30\n"
        "    files:\n"
        "      - name: 7z2408-x64.msi\n"
        f"        sha256: '{'7' * 64}'\n"
        "        size: 1900000\n"
        "    notes: |-\n"
        "      One\n"
        "      Two\n"
    )


def test_a_version_stays_the_text_that_was_written() -> None:
    assert documents.parse(SMALL).entries[0].terms.version == "8.10"


TEXTS = some.text(some.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"], include_characters="\n\t"), max_size=30)


@given(TEXTS, TEXTS)
def test_any_text_that_a_package_takes_comes_back(name: str, value: str) -> None:
    tree = yamltree.read(yaml.dump({"a": [value, {name: value}]}, Dumper=documents._Dumper, allow_unicode=True))

    assert isinstance(tree, yamltree.Table)
    listing = tree.fields["a"]
    assert isinstance(listing, yamltree.Listing)
    first, second = listing.items
    assert isinstance(first, yamltree.Text)
    assert isinstance(second, yamltree.Table)
    assert (first.value, list(second.fields)) == (value, [name])


# --- mistakes


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Line 1: there is nothing in it."),
        ("just text", "Line 1: this is text; a document has format and packages."),
        ("format: 2\npackages: []", "Line 1: format: this portal reads format 1."),
        ("format: 1\npackages: seven", "Line 1: field “packages” has to be a list of packages."),
        ("format: 1\ncolour: red\npackages: []", "Line 2: field “colour” is not known"),
        ("packages:\n  - a\n", "Line 2: Each package is a table of fields"),
        ("packages:\n  - name: P\n", "Line 2: Package without a key, key: A key has small letters"),
        ("packages:\n  - key: P q\n", "Line 2: Package P q, key: A key has small letters"),
        ("packages:\n  - key: p\n", "Line 2: Package p, name: Say what it is called."),
        (field("naem: x"), "Line 4: Package p, naem: this field is not known"),
        (field("minutes: soon"), "Line 4: Package p, minutes: “soon” is no whole number."),
        (field("minutes: 0"), "Line 4: Package p, minutes: The time limit is"),
        (field("minutes: 99999999999999999999999"), "Line 4: Package p, minutes: “99999"),
        (field("phase: late"), "Line 4: Package p, phase: “late” is not known; it takes driver, runtime"),
        (field("install: [a]"), "Line 4: Package p, install: this has to be text."),
        (field("success_codes: 0"), "Line 4: Package p, success_codes: this has to be a list."),
        (field("success_codes: [0, x]"), "Line 4: Package p, success_codes: “x” is no whole number."),
        (field("detection: service"), "Line 4: Package p, detection: this has to be a table"),
        (field("detection: {kind: service}"), "Line 4: Package p, detection: Service: say what to look for."),
        (field("detection: {kind: guess}"), "Line 4: Package p, detection: “guess” is no kind of rule"),
        (field("detection: {name: x}"), "Line 4: Package p, detection: Say what kind of rule this is."),
        (field("files: [a.msi]"), "Line 4: Package p, files: this has to be a table of fields."),
        (field("files: [{name: a}]"), "Line 4: Package p, files: each file has name, sha256 and size."),
        (field("files: [{name: a, sha256: b, size: 1}]"), "Line 4: Package p, files: A SHA-256 has 64"),
        (field("files: [{name: a, sha256: b, size: big}]"), "Line 4: Package p, files: “big” is no whole"),
        (field("needs: [p]"), "Line 4: Package p, needs: A package cannot name itself."),
        (field("needs: [q]"), "Line 2: Package p, needs: there is no package q, here or in the catalogue."),
        (field("name: P"), "Line 4: “name” stands twice."),
        (field("notes: &a x"), None),
        (field("notes: *a"), "Line 4:"),
        (field("notes: !!python/object/apply:os.system [x]"), "Line 4: tags (what begins with !) are not read."),
        (field("notes: !!str x"), "Line 4: tags"),
        (field("? [a]\n    : b"), "Line 4: the name of a field is plain text."),
        ("packages:\n  - key: p\n\tname: P\n", "Line 3: "),
        ("packages: [", "Line 2: did not find expected node content"),
        ("packages: []\n---\npackages: []\n", "Line 2: a second document begins; only one is read."),
        ("a: \x07", "Line 1: it holds characters that YAML does not take."),
        (SMALL + SMALL.partition("packages:\n")[2], "Line 9: Package notepad, key: it stands in line 3 already."),
    ],
)
def test_a_mistake_is_named_by_its_line_and_field(db: None, text: str, words: str | None) -> None:
    found = problems(text)

    assert [each[: len(words)] for each in found] == [words] if words else found == []


def test_all_mistakes_are_named_at_once(db: None) -> None:
    text = "packages:\n" + "".join(f"  - key: p{n}\n    name: P\n    minutes: x\n" for n in range(3))

    assert [each.partition(":")[0] for each in problems(text)] == ["Line 4", "Line 7", "Line 10"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x" * (yamltree.MOST_BYTES + 1), "larger than 1024 KiB"),
        ("[" * 5000, "nested too deep"),
        ("- a\n" * (yamltree.MOST_NODES + 1), "more than 100000 values"),
        ("a: &x [1]\nb: [" + ",".join(["*x"] * 1000) + "]", "stands for something else"),
    ],
    ids=["large", "deep", "many", "laughs"],
)
def test_a_document_out_of_proportion_is_refused(text: str, words: str) -> None:
    with pytest.raises(yamltree.Unreadable, match=words):
        yamltree.read(text)


def test_more_packages_than_a_catalogue_has_are_refused(db: None) -> None:
    assert problems("packages:\n" + "  - a\n" * 2001) == ["Line 2: there are more than 2000 packages."]


# --- what it would change, and changing it


def test_says_what_it_would_do_and_does_that(admin: User) -> None:
    same, revised, owned = package("same", admin), package("revised", admin), package("owned", admin, owner="A")
    text = documents.write([same, revised, owned]).replace("owner: A", "owner: B")
    text = text.replace("name: revised\n", "name: Revised\n") + SMALL.partition("packages:\n")[2]

    found = importing.plan(text)

    assert found.problems == ()
    assert {each.entry.key: each.deed for each in found.changes} == {
        "same": Deed.SAME,
        "revised": Deed.REVISE,
        "owned": Deed.OWNER,
        "notepad": Deed.NEW,
    }
    assert found.changes[1].differences == (("Name", "revised", "Revised"),)
    assert AuditEntry.objects.filter(action="package.create").count() == 3

    importing.carry_out(text, digest=found.digest, by=admin)

    assert Package.objects.get(key="notepad").current.name == "Notepad++"
    assert Package.objects.get(key="owned").owner == "B"
    assert Package.objects.get(key="owned").current.number == 1
    assert Package.objects.get(key="revised").current.number == 2
    assert Package.objects.get(key="same").current.number == 1
    assert importing.plan(text).does_something is False
    actions = AuditEntry.objects.values_list("action", flat=True)[:3]
    assert set(actions) == {"package.create", "package.revise", "package.owner"}


def test_new_packages_may_name_each_other(admin: User) -> None:
    text = "- {key: a, name: A, needs: [b], conflicts: [c]}\n- {key: b, name: B}\n- {key: c, name: C, conflicts: [a]}\n"

    importing.carry_out(text, digest=importing.plan(text).digest, by=admin)

    assert terms.of(Package.objects.get(key="a").current).needs == ("b",)
    assert terms.of(Package.objects.get(key="c").current).conflicts == ("a",)


def test_is_refused_when_the_catalogue_changed_since_it_was_shown(admin: User) -> None:
    made = package("7-zip", admin)
    text = documents.write([made]).replace("24.08", "25")
    digest = importing.plan(text).digest
    catalogue.revise(made, replace(terms.of(made.current), version="24.09"), based_on=1, by=admin)

    with pytest.raises(StaleState):
        importing.carry_out(text, digest=digest, by=admin)
    made.refresh_from_db()
    assert made.current.number == 2


def test_is_refused_when_the_text_is_another_than_was_shown(admin: User) -> None:
    digest = importing.plan(SMALL).digest

    with pytest.raises(StaleState):
        importing.carry_out(SMALL.replace("npp.exe /S", "evil.exe"), digest=digest, by=admin)
    assert not Package.objects.exists()


def test_a_document_with_a_mistake_changes_nothing(admin: User) -> None:
    text = SMALL + "  - key: bad\n    name: Bad\n    phase: late\n"

    with pytest.raises(StaleState):
        importing.carry_out(text, digest=importing.plan(text).digest, by=admin)
    assert not Package.objects.exists()


def test_a_retired_package_is_not_revised_by_a_document(admin: User) -> None:
    made = package("7-zip", admin)
    text = documents.write([made]).replace("24.08", "25")
    catalogue.retire(made, reason="Old", by=admin)

    assert problems(text) == ["Line 3: Package 7-zip: it is retired; reinstate it first."]


def test_only_admins_import(approver: User) -> None:
    with pytest.raises(NotAllowed):
        importing.carry_out(SMALL, digest=importing.plan(SMALL).digest, by=approver)
