"""`python -m lab accept-runner FILE...`: the digests to pin for new PowerShell texts."""

import sys
from collections.abc import Sequence
from pathlib import Path

from lab.powershell.texts import Bootstrap, Runner


def main(files: Sequence[str]) -> int:
    """Print one line a file: which set of `lab/powershell/accepted.py` it belongs to, and its digest."""
    if not files:
        sys.stderr.write("usage: python -m lab accept-runner FILE...\n")
        return 2
    for name in files:
        text = Path(name).read_bytes().decode("utf-8")
        is_runner = "$Allow = @{" in text
        digest = Runner(text).digest if is_runner else Bootstrap(text).digest
        sys.stdout.write(f'{"RUNNERS" if is_runner else "BOOTSTRAPS"}: "{digest}",  # {name}\n')
    return 0
