"""`python -m lab accept-runner FILE...`: the digests to pin for new PowerShell texts."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from lab.powershell.texts import Bootstrap, Runner


def main(arguments: Sequence[str]) -> int:
    """Print one line a file: which set of `lab/powershell/accepted.py` it belongs to, and its digest.

    Exit code 2: a file that cannot be read is named, and nothing is printed for it or those after it.
    """
    for name in _parser().parse_args(arguments).files:
        try:
            text = Path(name).read_bytes().decode("utf-8")
        except OSError as error:
            sys.stderr.write(f"{name} cannot be read: {error.strerror}\n")
            return 2
        except UnicodeDecodeError:
            sys.stderr.write(f"{name} is not UTF-8 text\n")
            return 2
        is_runner = "$Allow = @{" in text
        digest = Runner(text).digest if is_runner else Bootstrap(text).digest
        sys.stdout.write(f'{"RUNNERS" if is_runner else "BOOTSTRAPS"}: "{digest}",  # {name}\n')
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m lab accept-runner",
        description="Print the digests of PowerShell texts, to pin in lab/powershell/accepted.py.",
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="a runner or a bootstrap, as template or as sent")
    return parser
