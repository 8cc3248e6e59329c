"""Measure the engine on this machine, print the table, write engine.json: `python -m bench.engine [--small]`."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from bench import machine, results
from bench.engine.sizes import SMALL, Sizes
from bench.ground import Ground


def main() -> None:
    options = _options()
    with Ground() as ground:
        from bench.engine import run, table  # noqa: PLC0415  Django's models load on prepared ground only

        found = run.measure(ground, SMALL if options.small else Sizes(), _say)
        about = machine.description(durable=ground.durable, commit_milliseconds=ground.commit_milliseconds())
        file = results.write("engine", table.for_programs(found), options.results)
        print(table.for_people(found, about))
        _say(f"written to {file}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.engine", description=__doc__)
    parser.add_argument("--small", action="store_true", help="tiny numbers: shows that it works, not how fast")
    parser.add_argument("--results", type=Path, default=results.FOLDER, help="folder for engine.json")
    return parser.parse_args()


_begun = time.monotonic()


def _say(what: str) -> None:
    print(f"[{time.monotonic() - _begun:4.0f} s] {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
