"""What is read out of installers that the tests write: honest ones, odd ones, and damaged ones."""

from __future__ import annotations

import io
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from lifecycle.installers import reading
from lifecycle.installers.facts import Facts, Unreadable
from lifecycle.installers.tables import stream_name
from tests import installerfiles as files

SEVEN_ZIP = Facts(
    kind="msi",
    name="7-Zip 24.08 (x64 edition)",
    version="24.08.00.0",
    vendor="Igor Pavlov",
    architecture="x64",
    product_code="{23170F69-40C1-2702-2408-000001000000}",
    upgrade_code="{23170F69-40C1-2702-0000-000004000000}",
)
MUTATIONS = 150


def read(data: bytes, name: str = "setup.msi") -> Facts:
    return reading.read(io.BytesIO(data), name)


# --- Windows Installer packages


def test_streams_bear_the_names_that_windows_gives_them() -> None:
    """As any listing of an .msi shows them."""
    assert stream_name("_StringPool") == "䡀㼿䕷䑬㹪䒲䠯"
    assert stream_name("_StringData") == "䡀㼿䕷䑬㭪䗤䠤"
    assert stream_name("Property") == "䡀䕙䓲䕨䜷"


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"wide": True},
        {"unused": [b"gap", b"", b"", b"x" * 5000]},
        {"unused": [b"y" * 70_000]},
        {"unused": [b"y" * 70_000], "long_in_second": False},
        {"unused": [b"z"] * 300, "wide": True},
    ],
    ids=["plain", "wide references", "gaps", "long string", "long string, other way", "many strings"],
)
def test_reads_a_windows_installer_package(odd: dict) -> None:
    assert read(files.msi(**odd)) == SEVEN_ZIP


@pytest.mark.parametrize(
    ("template", "architecture"),
    [("x64;1033", "x64"), ("Intel;1031,1033", "x86"), (";0", "x86"), ("Arm64;1033", "arm64"), ("AMD64;0", "x64")],
)
def test_takes_the_architecture_from_the_summary(template: str, architecture: str) -> None:
    assert read(files.msi(template=template)).architecture == architecture


def test_says_when_the_architecture_is_unknown() -> None:
    found = read(files.msi(template="Intel64;1033"))

    assert (found.architecture, found.warnings) == (
        "",
        ("Its summary names the platform “intel64”, which the catalogue does not know.",),
    )
    assert "no summary" in read(files.msi(template=None)).warnings[0]


@pytest.mark.parametrize(
    ("code_page", "vendor"), [(65001, "Müller & Søn 株式会社"), (1251, "Яндекс"), (932, "株式会社"), (1252, "Müller")]
)
def test_reads_text_in_its_code_page(code_page: int, vendor: str) -> None:
    assert read(files.msi({**files.PROPERTIES, "Manufacturer": vendor}, code_page=code_page)).vendor == vendor


def test_a_product_code_that_is_none_is_left_out_and_said() -> None:
    found = read(files.msi({**files.PROPERTIES, "ProductCode": "{1234}\nrm -rf"}))

    assert (found.product_code, found.warnings) == ("", ("It names no valid product code.",))


def test_control_characters_and_great_lengths_are_taken_out() -> None:
    found = read(files.msi({**files.PROPERTIES, "ProductName": "a\n\x1b[31mb" + "c" * 9000}))

    assert found.name.startswith("a [31mbc")
    assert len(found.name) == 200


def test_a_compound_file_of_another_kind_is_named_as_such() -> None:
    with pytest.raises(Unreadable, match="no Windows Installer package"):
        read(files.compound({"WordDocument": b"Dear Sir" * 1000}))


def test_a_pool_that_does_not_fit_its_text_is_refused() -> None:
    with pytest.raises(Unreadable, match="do not fit"):
        read(files.msi(extra={stream_name("_StringData"): b"short"}))


def test_a_table_out_of_all_proportion_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lifecycle.installers.msi.MOST_BYTES", 100)

    with pytest.raises(Unreadable, match="larger than"):
        read(files.msi())


# --- programs

TEXTS = {"ProductName": "Notepad++", "ProductVersion": "8.6.9", "CompanyName": "Don HO", "FileDescription": "Setup"}


def test_reads_the_version_resource_of_a_program() -> None:
    assert read(files.program(TEXTS), "setup.exe") == Facts(
        kind="other", name="Notepad++", version="8.6.9", vendor="Don HO"
    )


@pytest.mark.parametrize(("machine", "architecture"), [(0x14C, ""), (0x8664, "x64"), (0xAA64, "arm64")])
def test_only_a_64_bit_program_tells_the_architecture(machine: int, architecture: str) -> None:
    assert read(files.program(TEXTS, machine=machine), "setup.exe").architecture == architecture


def test_a_version_with_commas_is_written_with_dots() -> None:
    assert read(files.program({"FileVersion": "1, 2, 0, 33"}), "setup.exe").version == "1.2.0.33"


@pytest.mark.parametrize(
    ("kind", "made"),
    [
        ("burn", {"sections": [b".wixburn"]}),
        ("nsis", {"image": b"<assembly>Nullsoft.NSIS.exehead"}),
        ("nsis", {"payload": b"\0\0\0\0\xef\xbe\xad\xdeNullsoftInst"}),
        ("inno", {"image": b'name="JR.Inno.Setup"'}),
        ("inno", {"payload": b"..Inno Setup Setup Data (6.2.0)"}),
        ("inno", {"texts": {"Comments": "This installation was built with Inno Setup."}}),
        ("installshield", {"texts": {"ISInternalVersion": "28.0"}}),
        ("installshield", {"payload": b"ISSetupStream\0"}),
        ("other", {"payload": b"Nullsoft"}),
        # what a bundle carries along does not make it
        ("burn", {"sections": [b".wixburn"], "payload": b"\xef\xbe\xad\xdeNullsoftInst"}),
    ],
)
def test_knows_what_made_a_setup_program_by_its_marks(kind: str, made: dict) -> None:
    texts = made.pop("texts", TEXTS)

    assert read(files.program(texts, **made), "setup.exe").kind == kind


@pytest.mark.parametrize(
    ("name", "kind"),
    [("kb.msu", "msu"), ("App.MSIX", "msix"), ("install.ps1", "script"), ("go.cmd", "script"), ("read.me", "other")],
)
def test_knows_other_files_by_their_names(name: str, kind: str) -> None:
    assert read(b"whatever it holds", name) == Facts(kind=kind)


# --- damaged files


def test_damaged_installers_end_in_facts_or_a_sentence() -> None:
    """Bytes changed at random, seeds fixed: the reader never ends in another error."""
    ended = {"facts": 0, "unreadable": 0}
    for name, whole in (("a.msi", files.msi()), ("b.exe", files.program(TEXTS))):
        for seed in range(MUTATIONS):
            dice = random.Random(seed)
            data = bytearray(whole)
            for _ in range(dice.randint(1, 30)):
                data[dice.randrange(8, len(data))] = dice.randrange(256)
            cut = data[: dice.randrange(8, len(data))] if seed % 5 == 0 else data
            try:
                found = read(bytes(cut), name)
            except Unreadable:
                ended["unreadable"] += 1
            else:
                assert len(json.dumps(found.as_dict())) < 10_000
                ended["facts"] += 1
    print(f"{sum(ended.values())} damaged installers: {ended}")
    assert min(ended.values()) > 0


# --- the reader's own process


def _child(path: Path, name: str) -> dict:
    command = [sys.executable, "-m", "lifecycle.installers", str(path), name]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60, cwd=Path(__file__).parents[2])
    return json.loads(done.stdout)


def test_the_reader_in_its_own_process_says_the_same(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(files.msi())

    assert Facts.of(_child(path, "7z.msi")) == SEVEN_ZIP


def test_the_reader_in_its_own_process_says_what_it_could_not_read(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(files.msi()[:600])

    assert "cannot be read" in _child(path, "7z.msi")["warnings"][0]


def test_facts_of_another_release_are_taken_as_far_as_they_fit() -> None:
    assert Facts.of({"kind": "msi", "name": 7, "colour": "red", "warnings": ["w", 3]}) == Facts("msi", warnings=("w",))
