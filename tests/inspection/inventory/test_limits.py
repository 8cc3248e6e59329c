"""No limit is silent: what lies beyond one is a warning, and the report is partial."""

import pytest

from builders.contents import READER_VERSION
from builders.inspection.errors import Damaged
from builders.inspection.inventory import entries, folders, hidden, reading, services, signs, take, tasks, users
from builders.inspection.inventory.report import Report
from builders.inspection.registry import cells, values
from tests.inspection.inventory.made import CONFIG, SERVICES, Windows, program_file

TASKS = r"Windows\System32\Tasks"
TREE = r"Microsoft\Windows NT\CurrentVersion\Schedule\TaskCache\Tree"
RUN = r"Microsoft\Windows\CurrentVersion\Run"
PCI = r"ControlSet002\Enum\PCI"


def warned(report, where, words):
    return any(one["where"] == where and words in one["words"] for one in report.warnings)


def test_more_entries_than_are_read_are_a_warning_and_a_partial_report():
    windows = Windows()
    for number in range(entries.MOST_ENTRIES + 1):
        windows.program(f"{number:05}", DisplayName=f"App {number}", Publisher="Contoso")
    report = take(windows.volumes())
    assert len(report.programs) == entries.MOST_ENTRIES
    where = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall"
    assert warned(report, where, "more than 5,000 entries of programs; the rest was not read")
    assert report.partial is True


def test_as_many_entries_as_are_read_are_all_of_them(monkeypatch):
    monkeypatch.setattr(entries, "MOST_ENTRIES", 2)
    report = take(Windows().program("A", DisplayName="A").program("B", DisplayName="B").volumes())
    assert (len(report.programs), report.warnings, report.partial) == (2, [], False)


def user_entries(windows):
    for name in "ABC":
        windows.program(name, hive=windows.user("anna"), DisplayName=name)
        windows.user("anna").put(rf"Software\Microsoft\Windows\CurrentVersion\Uninstall\{name}", DisplayName=name)


def drivers(windows):
    for name in ("vmbus", "storvsc", "netvsc"):
        windows.system.put(rf"{SERVICES}\{name}", Type=1, Start=0)
        windows.files[rf"Windows\System32\drivers\{name}.sys"] = program_file()


def files(*paths):
    return lambda windows: windows.files.update(dict.fromkeys(paths, b"<Task/>"))


def keys(hive, *paths, **held):
    def put(windows):
        for path in paths:
            getattr(windows, hive).put(path, held)

    return put


LIMITS = [
    # the limit, what is above it with a limit of two, where it is told, what is told
    ((entries, "MOST_ENTRIES"), user_entries, r"Users\anna\NTUSER.DAT\Software\Microsoft\Windows\CurrentVersion"
     r"\Uninstall", "more than 2 entries of programs"),
    ((folders, "MOST_FOLDERS"), files(r"A\x", r"B\x", r"C\x"), "folders", "more than 2 folders"),
    ((hidden, "MOST_OF_A_KIND"), keys("software", RUN, A="a", B="b", C="c"), "programs that start with Windows",
     "more than 2 items"),
    ((users, "MOST_USERS"), lambda windows: [windows.user(name) for name in "abc"], "Users", "more than 2 profiles"),
    ((services, "MOST_VERSIONS"), drivers, "drivers", "more than 2 files of drivers"),
    ((tasks, "MOST_TASKS"), files(*(rf"{TASKS}\{name}" for name in "ABC")), TASKS, "more than 2 tasks"),
    ((tasks, "MOST_DEPTH"), files(rf"{TASKS}\A\B\C\Task"), rf"{TASKS}\A\B\C", "more than 2 folders deep"),
    ((tasks, "MOST_DEPTH"), keys("software", rf"{TREE}\A\B\C", Id="{1}"), rf"SOFTWARE\{TREE}\A\B\C",
     "more than 2 keys"),
    ((tasks, "MOST_KEYS"), keys("software", rf"{TREE}\A", rf"{TREE}\B", rf"{TREE}\C", Id="{1}"), rf"SOFTWARE\{TREE}",
     "more than 2 keys of tasks"),
    ((tasks, "MOST_FILE"), files(rf"{TASKS}\A"), rf"{TASKS}\A", "longer than 2 bytes"),
    ((signs, "MOST_DEVICES"), keys("system", rf"{PCI}\A\1", rf"{PCI}\B\1", rf"{PCI}\C\1"), rf"SYSTEM\{PCI}",
     "more than 2 devices"),
    ((cells, "MOST_BELOW"), keys("software", rf"{TREE}\A", rf"{TREE}\B", rf"{TREE}\C", rf"{TREE}\D", Id="{1}"),
     rf"SOFTWARE\{TREE}", "more than 2 keys below it"),
    ((cells, "MOST_DATA"), keys("software", RUN, A="abc"), rf"SOFTWARE\{RUN}\A", "it says that it holds 8 bytes; 2"),
    ((values, "MOST_LETTERS"), keys("software", RUN, A="abc"), rf"SOFTWARE\{RUN}\A", "only its first 2 letters"),
]  # fmt: skip


@pytest.mark.parametrize(("limit", "make", "where", "words"), LIMITS)
def test_each_limit_is_told(monkeypatch, limit, make, where, words):
    monkeypatch.setattr(*limit, 2)
    windows = Windows()
    make(windows)
    report = take(windows.volumes())
    assert warned(report, where, words), report.warnings
    assert report.partial is True


def test_warnings_that_are_not_listed_are_counted(monkeypatch):
    monkeypatch.setattr(reading, "MOST_WARNINGS", 3)
    windows = Windows()
    windows.files |= {rf"{TASKS}\Broken {number}": b"<Task>" for number in range(6)}
    report = take(windows.volumes())
    assert [warning["where"] for warning in report.warnings] == [rf"{TASKS}\Broken 0", rf"{TASKS}\Broken 1", "warnings"]
    assert report.warnings[-1]["words"] == "4 more are not listed"


UNREADABLE = [
    # a file that is there and cannot be read, or holds what is no such file
    rf"{TASKS}\Broken",
    r"Windows\Panther\unattend.xml",
    r"Windows\System32\drivers\etc\hosts",
    r"Windows\System32\drivers\vmbus.sys",
    r"Users\anna\NTUSER.DAT",
    rf"{CONFIG}\SAM",
]


@pytest.mark.parametrize("path", UNREADABLE)
def test_a_part_that_cannot_be_read_makes_the_report_partial(path):
    windows = Windows()
    windows.system.put(rf"{SERVICES}\vmbus", Type=1, Start=0)
    windows.files[path] = Damaged("its blocks are gone")
    report = take(windows.volumes())
    assert warned(report, path, "its blocks are gone")
    assert report.partial is True


@pytest.mark.parametrize("content", [b"<Task><Actions>", b"", b"no XML at all", b"\xff\xfe<"])
def test_a_broken_task_makes_the_report_partial(content):
    windows = Windows()
    windows.files[rf"{TASKS}\Broken"] = content
    report = take(windows.volumes())
    assert warned(report, rf"{TASKS}\Broken", "the task cannot be read")
    assert report.partial is True


def test_one_number_says_which_reader_it_was():
    assert str(Report().as_dict()["reader_version"]) == READER_VERSION
    assert int(READER_VERSION) >= 2
