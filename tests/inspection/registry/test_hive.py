"""Keys and values as they were written, by every kind of list and value, and against other readers."""

import io
import shutil
import struct
import subprocess

import pyregf
import pytest
from regipy.registry import RegistryHive

from builders.inspection.errors import Damaged, Unreadable
from builders.inspection.registry import Hive, was_closed
from tests.conftest import require_extra
from tests.inspection.registry.hive_writer import DWORD, EXPAND, MULTI, SZ, HiveWriter

UNINSTALL = r"Microsoft\Windows\CurrentVersion\Uninstall"


def wide(text):
    return text.encode("utf-16-le")


@pytest.mark.parametrize("lists", ["lh", "lf", "li"])
@pytest.mark.parametrize("leaf", [3, 100])
def test_each_kind_of_list_of_keys_is_followed(lists, leaf):
    writer = HiveWriter(lists=lists, leaf=leaf)
    for number in range(20):
        writer.put(rf"Software\Key{number:02d}", Name=f"value {number}")
    hive = Hive(writer.content())
    assert hive.key("software").names() == [f"Key{number:02d}" for number in range(20)]
    assert hive.key(r"SOFTWARE\kEy17").text("name") == "value 17"
    assert hive.key(r"Software\Key99") is None
    assert hive.problems == []
    assert not hive.is_dirty


def test_a_value_answers_in_the_form_that_is_asked_for_whatever_its_type_is():
    writer = HiveWriter().put(
        "A",
        {
            "": "the default one",
            "text": "plain",
            "expand": (EXPAND, wide("%SystemRoot%\\x\0")),
            "no end": (SZ, wide("no end")),
            "cut": (SZ, wide("cut")[:-1]),
            "narrow": (SZ, b"narrow text\0"),
            "number": 42,
            "number as text": "42",
            "number as hex text": "0x2a",
            "number as bytes": b"\x2a\0\0\0",
            "short number": (DWORD, b"\x2a"),
            "wide number": 1 << 40,
            "list": ["one", "two"],
            "list without end": (MULTI, wide("one\0two")),
            "text that is a list": (SZ, wide("one\0two\0\0")),
            "nothing": (SZ, b""),
            "half a pair": (SZ, b"\x00\xd8A\0B\0"),
            "big": "x" * 40_000,
            "of no known type": (0x7777, b"\1\2\3\4"),
        },
    )
    key = Hive(writer.content()).key("A")
    assert key.text("") == "the default one"
    assert key.text("TEXT") == "plain"
    assert key.text("expand") == r"%SystemRoot%\x"
    assert (key.text("no end"), key.text("cut"), key.text("narrow")) == ("no end", "cu", "narrow text")
    numbers = ["number", "number as text", "number as hex text", "number as bytes", "short number"]
    assert [key.number(name) for name in numbers] == [42] * 5
    assert key.number("wide number") == 1 << 40
    assert key.number("text") is None
    assert key.text("number") == "42"
    assert key.texts("list") == key.texts("list without end") == key.texts("text that is a list") == ["one", "two"]
    assert key.text("list") == "one"
    assert key.text("nothing") == ""
    assert key.text("half a pair") == "\ufffdAB"
    assert key.raw("big") == wide("x" * 40_000 + "\0")
    assert key.text("big") == "x" * 8192
    assert key.number("of no known type") == 0x04030201
    assert (key.text("absent"), key.number("absent"), key.texts("absent"), key.raw("absent")) == ("", None, [], b"")
    assert key.has("List")
    assert not key.has("absent")


def test_a_key_says_when_it_was_written_and_where_it_is():
    key = Hive(HiveWriter().put(r"One\Two", A=1).content()).key(r"one\two")
    assert key.path == r"One\Two"
    assert key.written_at == "2024-03-10T04:00:00Z"


def test_names_outside_of_latin_are_found_in_any_case():
    hive = Hive(HiveWriter().put("Приложения", Имя="ж").put("Größe", Ä="ö").content())
    assert hive.key("ПРИЛОЖЕНИЯ").text("имя") == "ж"
    assert hive.key("GRÖßE").text("ä") == "ö"


def test_a_hive_is_read_in_place_and_only_where_it_is_asked():
    writer = HiveWriter(leaf=500).put(UNINSTALL + r"\App", DisplayName="App")
    for number in range(3000):
        writer.put(rf"Classes\{number:05d}", {"": "some text that fills the pages of the hive" * 4})
    content = writer.content()
    file = Counted(content)
    hive = Hive(file)
    assert hive.key(UNINSTALL + r"\App").text("DisplayName") == "App"
    assert len(content) > 1_000_000
    assert file.taken < len(content) / 4


class Counted(io.BytesIO):
    taken = 0

    def read(self, size=-1, /):
        found = super().read(size)
        self.taken += len(found)
        return found


def test_what_is_no_hive_is_refused_in_words():
    for content in (b"", b"regf", b"MZ" * 4000, bytes(8192)):
        with pytest.raises(Damaged, match=r"SOFTWARE is not a registry hive"):
            Hive(content, name="SOFTWARE")
        assert not was_closed(content[:512])


def test_a_destroyed_root_is_refused_in_words():
    content = bytearray(HiveWriter().put("A").content())
    content[4096 + 32 : 4096 + 200] = b"\xee" * 168
    with pytest.raises(Damaged, match="no root key"):
        Hive(bytes(content))


def test_one_bad_key_costs_that_key_alone():
    writer = HiveWriter()
    for number in range(5):
        writer.put(rf"Apps\App{number}", Name=f"n{number}")
    content = bytearray(writer.content())
    place = content.index(b"App2") - 76
    content[place : place + 2] = b"zz"
    hive = Hive(bytes(content))
    assert hive.key("Apps").names() == ["App0", "App1", "App3", "App4"]
    assert hive.key(r"Apps\App3").text("Name") == "n3"
    assert any("no key at" in words and where == "Apps" for where, words in hive.problems)


def test_one_bad_value_costs_that_value_alone():
    content = bytearray(HiveWriter().put("A", One="1", Two="22", Three="333").content())
    place = content.index(b"Two") - 20
    struct.pack_into("<I", content, place + 8, 0x7FFF0000)
    hive = Hive(bytes(content))
    key = hive.key("A")
    assert [key.text(name) for name in ("One", "Two", "Three")] == ["1", "", "333"]
    assert any("Two" in where for where, _ in hive.problems)


def test_a_list_that_leads_in_a_circle_ends():
    writer = HiveWriter(leaf=2)
    for number in range(6):
        writer.put(f"K{number}")
    content = bytearray(writer.content())
    place = content.index(b"ri\x03\x00")
    itself = place - 4 - 4096
    for at in range(3):
        struct.pack_into("<I", content, place + 4 + at * 4, itself)
    hive = Hive(bytes(content))
    assert len(hive.root.names()) <= 6


def test_a_size_that_the_file_does_not_hold_is_never_believed():
    content = bytearray(HiveWriter().put("A", Long="y" * 3000).content())
    place = content.index(b"Long") - 20
    struct.pack_into("<I", content, place + 4, 0x7FFFFFF0)
    key = Hive(bytes(content)).key("A")
    assert len(key.raw("Long")) < 8192


def test_two_other_readers_find_the_same(tmp_path):
    writer = HiveWriter(leaf=7)
    for number in range(60):
        values = {"DisplayName": f"Program {number} ü", "DisplayVersion": f"1.{number}", "EstimatedSize": number * 7}
        writer.put(rf"{UNINSTALL}\{{{number:08X}}}", values)
    path = tmp_path / "SOFTWARE"
    path.write_bytes(writer.content())
    ours = {
        key.name: (key.text("DisplayName"), key.text("DisplayVersion"), key.number("EstimatedSize"))
        for key in Hive(path.read_bytes()).key(UNINSTALL)
    }
    assert ours == by_regf(path) == by_regipy(path)
    assert len(ours) == 60


def by_regf(path):
    hive = pyregf.file()
    hive.open(str(path))
    found = {
        key.name: (
            key.get_value_by_name("DisplayName").get_data_as_string(),
            key.get_value_by_name("DisplayVersion").get_data_as_string(),
            key.get_value_by_name("EstimatedSize").get_data_as_integer(),
        )
        for key in hive.get_key_by_path("\\" + UNINSTALL).sub_keys
    }
    hive.close()
    return found


def by_regipy(path):
    found = {}
    for key in RegistryHive(str(path)).get_key("\\" + UNINSTALL).iter_subkeys():
        held = {value.name: value.value for value in key.iter_values()}
        found[key.name] = (held["DisplayName"], held["DisplayVersion"], held["EstimatedSize"])
    return found


def test_a_hive_written_by_hivexsh_is_read(tmp_path):
    require_extra("hivexsh", shutil.which("hivexsh") is not None, "apt-get install libhivex-bin")
    path = tmp_path / "hive"
    path.write_bytes(HiveWriter().put("Start").content())
    commands = (
        "add Apps\ncd Apps\nadd One\ncd One\nsetval 2\nDisplayName\nstring:Seven Zip\nNumber\ndword:77\ncd ..\n"
        "add Two\ncd Two\nsetval 1\nDisplayName\nexpandstring:%x%\ncommit\n"
    )
    subprocess.run(["hivexsh", "-w", str(path)], input=commands, text=True, check=True, capture_output=True)
    apps = Hive(path.read_bytes()).key("Apps")
    assert apps.names() == ["One", "Two"]
    assert apps.key("One").text("DisplayName") == "Seven Zip"
    assert apps.key("One").number("Number") == 77
    assert apps.key("Two").text("DisplayName") == "%x%"


def test_a_hive_written_by_reged_is_read(tmp_path):
    require_extra("reged", shutil.which("reged") is not None, "apt-get install chntpw")
    path = tmp_path / "hive"
    path.write_bytes(HiveWriter().put("Apps").content(at_least=16384))
    commands = (
        "cd Apps\nnk One\ncd One\nnv 1 DisplayName\ned DisplayName\nSeven Zip\nnv 4 Number\ned Number\n77\nq\ny\n"
    )
    done = subprocess.run(["reged", "-e", str(path)], input=commands, text=True, capture_output=True, check=False)
    assert done.returncode in (0, 2), done.stdout + done.stderr
    one = Hive(path.read_bytes()).key(r"Apps\One")
    assert one.text("DisplayName") == "Seven Zip"
    assert one.number("Number") == 77


def test_only_errors_of_one_family_leave_the_reader():
    content = HiveWriter().put("A", One="1").content()
    for cut in range(0, len(content), 97):
        try:
            hive = Hive(content[:cut])
            key = hive.key("A")
            assert key is None or key.text("One") in ("", "1")
        except Unreadable:
            continue


@pytest.mark.parametrize("length", [5, 16343, 16344, 16345, 16346, 16347, 16348, 16400, 2 * 16344 + 1, 40000])
def test_a_value_is_read_to_its_last_byte_however_it_is_spread(length: int) -> None:
    value = bytes(number % 251 for number in range(length))
    hive = Hive(HiveWriter().put("A", X=value).content())
    key = hive.key("A")

    assert key is not None
    assert key.raw("X") == value
    assert not hive.problems


def test_a_key_that_says_it_has_more_keys_than_are_listed_is_told():
    content = bytearray(HiveWriter(leaf=10).put(r"A\B").put(r"A\C").content())
    struct.pack_into("<I", content, content.index(b"A\0\0\0\0\0\0\0") - 76 + 20, 3)
    hive = Hive(bytes(content))
    assert hive.key("A").names() == ["B", "C"]
    assert ("A", "it says that it has 3 keys, and 2 are listed") in hive.problems


@pytest.mark.parametrize(("value", "text"), [("Tool\0", True), ("Tool", True), (17, False), (b"\1\2\3", False)])
def test_what_counts_as_text(value, text):
    key = Hive(HiveWriter().put("A", V=value if isinstance(value, int | bytes) else wide(value)).content()).key("A")
    assert key.holds_text("V") is text
    assert (key.text("V") == "Tool") is text
    assert not key.holds_text("absent")
