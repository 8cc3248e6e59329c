"""What looks like a secret is found in time: however a text is made, reading it through takes as long as it is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lifecycle.secret_patterns import MASK, mask_patterns

ROOT = Path(__file__).parents[2]
OUTER_LIMIT_SECONDS = 60.0
"""What grows with the square of the length takes hours; what does not, a second or two, and longer on a busy machine"""

CHILD = """
import itertools
from lifecycle.secret_patterns import mask_patterns

LENGTH = 200_000
BEGINNINGS = {beginnings!r}
UNITS = {units!r}
for beginning, unit, end in itertools.product(BEGINNINGS, UNITS, ["", " -AsPlainText", ">"]):
    mask_patterns(beginning + unit * (LENGTH // len(unit)) + end)
print("read")
"""


@pytest.mark.parametrize(
    ("beginnings", "units"),
    [
        (['key "', "key '", 'key \\"', "ConvertTo-SecureString"], [" ", "\\"]),
        (["key "], ['"', '" ', 'x "', "' ", "'a", '\\" ', "-AsPlainText ", "x -AsPlainText ", '" -AsPlainText']),
        (["password", "authorization", "-token", "basic", "-----BEGIN ", "x://", "<password"], [" ", "A"]),
        (["password=", "authorization: "], ['"', "\\", "\\ "]),
        (
            ["key "],
            ["-----BEGIN PRIVATE KEY-----x", "<password>x", "x://a:b", "a.", "pass", "token ", "A1B2C-", "key="],
        ),
    ],
    ids=["after a quote", "plain text", "after a name", "a value without an end", "again and again"],
)
def test_a_text_made_to_be_slow_is_read_to_its_end(beginnings: list[str], units: list[str]) -> None:
    program = CHILD.format(beginnings=beginnings, units=units)

    child = subprocess.run(  # noqa: PLW1510  what it says is compared
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=OUTER_LIMIT_SECONDS
    )

    assert (child.stdout, child.stderr) == ("read\n", "")


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("New 'hunter2' -AsPlainText x", "New … -AsPlainText x"),
        ("New 'hun ''ter 2''' -Force -AsPlainText", "New … -Force -AsPlainText"),
        ('New "hun ""ter 2" -asplaintext', "New … -asplaintext"),
        ('New "hunter2 and \\"more\\" of it" -AsPlainText', "New … -AsPlainText"),
        (r'{"x": "New \"hunter 2\" -AsPlainText"}', '{"x": "New … -AsPlainText"}'),
        ('New "hunter2 without an end -AsPlainText', "New … -AsPlainText"),
        ('New "other" hunter2 -AsPlainText', 'New "other" … -AsPlainText'),
        ("New '' 'hunter 2' -AsPlainText", "New '' … -AsPlainText"),
        ("f('hunter 2' -AsPlainText); f('hunter 3'\n\t-AsPlainText)", "f(… -AsPlainText); f(…\n\t-AsPlainText)"),
        (
            "('hunter 2' | ConvertTo-SecureString -AsPlainText -Force)",
            "(… | ConvertTo-SecureString -AsPlainText -Force)",
        ),
        ("ConvertTo-SecureString -AsPlainText -Force hunter2", "ConvertTo-SecureString -AsPlainText -Force …"),
        (f"New '{' ' * 5000}hunter2{' ' * 5000}' -AsPlainText", "New … -AsPlainText"),
        ("ConvertTo-SecureString -AsPlainText", "ConvertTo-SecureString -AsPlainText"),
        ("-AsPlainText", "-AsPlainText"),
    ],
)
def test_what_is_given_as_plain_text_is_masked_alone(text: str, masked: str) -> None:
    expected = masked.replace("…", MASK)

    assert mask_patterns(text) == expected
    assert mask_patterns(expected) == expected
