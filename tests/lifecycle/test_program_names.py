import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.program_names import architecture, normalised, publisher_key, without_last_number

ONE_PROGRAM = [
    ("7-Zip 23.01 (x64)", "7-Zip 24.05 (x64 edition)"),
    ("Java 8 Update 391 (64-bit)", "Java 8 Update 401 (64-bit)"),
    ("Mozilla Firefox 115.3.1 ESR (x64 en-US)", "Mozilla Firefox 128 ESR (x64 de)"),
    ("PuTTY release 0.80 (64-bit)", "PuTTY release 0.81 (64-bit)"),
    ("GIMP 2.10.36", "GIMP 2.10.38"),
    ("VMware Tools™", "VMware Tools"),
    ("Python 3.11.5 (64-bit)", "Python 3.11.9 (64-bit)"),
    ("Microsoft .NET Runtime - 8.0.4 (x64)", "Microsoft .NET Runtime - 8.0.11 (x86)"),
    ("Eclipse Temurin JDK with Hotspot 17.0.9+9 (x64)", "Eclipse Temurin JDK with Hotspot 17.0.12+7 (x64)"),
    ("Paint.NET 5.0.13", "Paint.NET 5.1.2"),
    ("SAP GUI for Windows 8.00 (Patch 7)", "SAP GUI for Windows 8.10 (Patch 11, Build 3)"),
    ("Visual Studio 2013 Update 4", "Visual Studio 2013 Update 5"),
    ("Reporter Version 5", "Reporter Version 6"),
    ("Reporter (build 1.2.3)", "Reporter [2.0.1]"),
    ("Reporter 1.2-rc1", "Reporter v1.2"),
    ("Citrix Workspace 2311", "Citrix Workspace 2402 LTSR CU1"),
    ("Citrix 2203 LTSR CU4 - Virtual Delivery Agent", "Citrix 2402 - Virtual Delivery Agent"),
    ("Microsoft 365 Apps for enterprise - en-us", "Microsoft 365 Apps for enterprise - de-de"),
    ("LibreOffice 7.6 Help Pack (English (United States))", "LibreOffice 24.2 Help Pack (German)"),
    (
        "Microsoft Visual C++ 2010  x64 Redistributable - 10.0.30319",
        "Microsoft Visual C++ 2010  x86 Redistributable - 10.0.40219",
    ),
]
TWO_PROGRAMS = [
    ("Microsoft Visual C++ 2010 Redistributable", "Microsoft Visual C++ 2013 Redistributable"),
    ("Microsoft Visual C++ 2013 Redistributable", "Microsoft Visual C++ 2015-2022 Redistributable (x64) - 14.38.33135"),
    ("Microsoft SQL Server 2012 Native Client", "Microsoft SQL Server 2019 Native Client"),
    ("Microsoft ODBC Driver 17 for SQL Server", "Microsoft ODBC Driver 18 for SQL Server"),
    ("Python 3.11.9 (64-bit)", "Python 3.12.1 (64-bit)"),
    (".NET Runtime - 8.0.4", ".NET Runtime - 6.0.29"),
    ("Microsoft Windows Desktop Runtime - 8.0.4 (x64)", "Microsoft Windows Desktop Runtime - 6.0.4 (x64)"),
    ("Java 8 Update 391", "Java 7 Update 80"),
    ("Amazon Corretto 17 (x64)", "Amazon Corretto 21 (x64)"),
    ("Adobe Acrobat", "Adobe Acrobat Reader"),
    ("Lexmark Universal v2 Driver", "Lexmark Universal Driver"),
    ("Excel Add-in", "Excel"),
    ("Contoso Wi-Fi", "Contoso"),
    ("3", "4"),
]
NAMES = [
    ("Lexmark Universal v2 Driver", "lexmark universal v2 driver"),
    ("Level 2 Connector", "level 2 connector"),
    ("Catalyst 9 Client", "catalyst 9 client"),
    ("SAP GUI for Windows 8.00 (Patch 7)", "sap gui for windows"),
    ("Microsoft ODBC Driver 17 for SQL Server", "microsoft odbc driver 17 for sql server"),
    ("Python 3.11.9 Core Interpreter (64-bit)", "python 3.11 core interpreter"),
    (".NET Runtime - 8.0.4 (x64)", ".net runtime - 8.0"),
    ("Java 8 Update 391", "java 8"),
    ("SAP Java Connector 3.1.2", "sap java connector"),
    ("Dell Command | Update 4.9", "dell command | update"),
    ("Microsoft 365", "microsoft 365"),
    ("Reporter (x64, portable)", "reporter (portable)"),
    ("Reporter (1.2.3", "reporter"),
    ("Contoso (de)", "contoso"),
    ("Contoso de-DE 16.0.1 (x64)", "contoso"),
    ("Contoso (zh-Hans-CN)", "contoso"),
    ("Update 5", "update 5"),
    ("Version 1.2", "version 1.2"),
]
WORDS = [
    "Excel Add-in",
    "Wi-Fi",
    "Opt-in",
    "Web-UI",
    "Hi-Fi",
    "Microsoft To-Do",
    "Plug-in Host",
    "Time (HR)",
    "Help (IT)",
]


@pytest.mark.parametrize(("one", "other"), ONE_PROGRAM)
def test_two_versions_are_one_program(one: str, other: str) -> None:
    assert normalised(one) == normalised(other)


@pytest.mark.parametrize(("one", "other"), TWO_PROGRAMS)
def test_programs_that_are_installed_side_by_side_stay_two(one: str, other: str) -> None:
    assert normalised(one) != normalised(other)


@pytest.mark.parametrize(("name", "bare"), NAMES)
def test_leaves_out_the_version_and_nothing_else(name: str, bare: str) -> None:
    assert normalised(name) == bare


@pytest.mark.parametrize("name", WORDS)
def test_words_that_look_like_a_language_stay(name: str) -> None:
    assert normalised(name) == name.casefold()
    assert normalised(f"{name} 2.1 (x64 en-US)") == name.casefold()


@pytest.mark.parametrize(
    ("name", "version", "bare"),
    [
        ("Reporter 23", "23.4.1", "reporter"),
        ("Reporter v5", "5.1", "reporter"),
        ("Reporter 23", "24.0", "reporter 23"),
        ("Reporter 5", "5.1", "reporter 5"),
        ("Microsoft 365", "16.0", "microsoft 365"),
        ("ODBC Driver 17 for SQL Server", "17.10", "odbc driver 17 for sql server"),
        ("23", "23.4", "23"),
        ("Reporter 23", "", "reporter 23"),
    ],
)
def test_a_number_at_the_end_that_begins_the_version_may_go(name: str, version: str, bare: str) -> None:
    assert without_last_number(name, version) == bare


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("VMware, Inc.", "VMware Inc", True),
        ("Microsoft Corporation", "Microsoft", True),
        ("Citrix Systems, Inc.", "Citrix", True),
        ("Contoso GmbH", "Contoso AG", True),
        ("Contoso", "Fabrikam", False),
        ("The Software Company", "", False),
    ],
)
def test_a_publisher_is_known_by_its_name_not_its_form(one: str, other: str, is_same: bool) -> None:
    assert (publisher_key(one) == publisher_key(other)) is is_same


@pytest.mark.parametrize(
    ("name", "bits"), [("A (x64)", "64"), ("A (64-bit)", "64"), ("A x86", "32"), ("A (32 bit)", "32"), ("A", "")]
)
def test_a_name_tells_its_processor(name: str, bits: str) -> None:
    assert architecture(name) == bits


@given(st.text(max_size=60))
def test_no_name_is_lost_altogether(name: str) -> None:
    assert bool(normalised(name)) is bool(" ".join(name.split()))


pieces = st.sampled_from(
    [
        "Foo",
        "2",
        "24",
        "1.2.3",
        "(x64)",
        "(Patch 7)",
        "[1.0]",
        "(a (b) 2.0)",
        "Update 5",
        "en-US",
        "(de)",
        "v2",
        "-",
        "MUI",
    ]
)


@given(st.lists(pieces, min_size=1, max_size=6).map(" ".join))
def test_brackets_come_in_pairs_and_a_bare_name_is_bare(name: str) -> None:
    bare = normalised(name)

    assert bare.count("(") == bare.count(")")
    assert bare.count("[") == bare.count("]")
    assert bare == bare.strip()


def test_a_name_of_any_length_is_read() -> None:
    assert normalised("(" * 100_000 + "1." * 100_000)
    assert normalised("Foo " + "1.2 " * 100_000) == "foo"
