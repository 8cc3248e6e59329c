import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.program_names import architecture, normalised, publisher_key

ONE_PROGRAM = [
    (("7-Zip 23.01 (x64)", "23.01"), ("7-Zip 24.05 (x64 edition)", "24.05.00.0")),
    (("Java 8 Update 391 (64-bit)", "8.0.3910.13"), ("Java 8 Update 401 (64-bit)", "8.0.4010.10")),
    (("Mozilla Firefox 115.3.1 ESR (x64 en-US)", "115.3.1"), ("Mozilla Firefox 128.0 ESR (x64 de)", "128.0")),
    (("PuTTY release 0.80 (64-bit)", "0.80.0.0"), ("PuTTY release 0.81 (64-bit)", "0.81.0.0")),
    (("GIMP 2.10.36", "2.10.36"), ("GIMP 2.10.38", "2.10.38")),
    (("VMware Tools™", "12.3"), ("VMware Tools", "12.4")),
    (("Python 3.11.5 (64-bit)", "3.11.5150.0"), ("Python 3.12.1 (64-bit)", "3.12.1150.0")),
    (
        ("Microsoft Visual C++ 2010  x64 Redistributable - 10.0.30319", "10.0.30319"),
        ("Microsoft Visual C++ 2010  x86 Redistributable - 10.0.40219", "10.0.40219"),
    ),
]
TWO_PROGRAMS = [
    (("Microsoft Visual C++ 2010 Redistributable", "10.0"), ("Microsoft Visual C++ 2013 Redistributable", "12.0")),
    (("Microsoft SQL Server 2012 Native Client", "11.4"), ("Microsoft SQL Server 2019 Native Client", "15.0")),
    (("Adobe Acrobat", "24"), ("Adobe Acrobat Reader", "24")),
    (("3", "3"), ("4", "4")),
]


@pytest.mark.parametrize(("one", "other"), ONE_PROGRAM)
def test_two_versions_are_one_program(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert normalised(*one) == normalised(*other)


@pytest.mark.parametrize(("one", "other"), TWO_PROGRAMS)
def test_programs_that_are_installed_side_by_side_stay_two(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert normalised(*one) != normalised(*other)


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


@given(st.text(max_size=60), st.text(max_size=20))
def test_no_name_is_lost_altogether(name: str, version: str) -> None:
    assert bool(normalised(name, version)) is bool(" ".join(name.split()))
