"""Chaos: `python -m bench.chaos [--jobs 1000] [--seed N] [--small]`. Exit code 0: nothing lost, doubled or left over.

1: something was; 2: jobs hang. The seed is printed: with it, the same fates and troubles come in the same order.
"""

from __future__ import annotations

import argparse
import logging
import os
import secrets
import sys
import time
from pathlib import Path

from bench import results
from bench.ground import DURABLE, Ground

SMALL_JOBS = 30


def main() -> int:
    options = _options()
    seed = options.seed if options.seed is not None else secrets.randbelow(10**6)
    _say(f"seed {seed}")
    logging.basicConfig(level=logging.WARNING)
    os.environ[DURABLE] = "1"  # a server that is killed must not lose what it has confirmed
    with Ground() as ground:
        from bench.chaos import run, table  # noqa: PLC0415  Django's models load on prepared ground only

        run.forget_evidence(options.results)
        try:
            outcome = run.run(ground, _sizes(run, options), seed, _say)
        except run.Hanging as hanging:
            _say(f"{hanging}\nwhat was said is kept in {run.keep_evidence(ground, options.results)}")
            return 2
        if not outcome.verdict.is_well:
            _say(f"what was said is kept in {run.keep_evidence(ground, options.results)}")
    figures = table.for_programs(outcome.verdict, outcome.monkey, outcome.about)
    file = results.write("chaos", figures, options.results)
    print(table.for_people(outcome.verdict, outcome.monkey, outcome.attendant.did, outcome.about))
    _say(f"written to {file}")
    return 0 if outcome.verdict.is_well else 1


def _sizes(run, options: argparse.Namespace):  # type: ignore[no-untyped-def]
    if options.small:
        return run.Sizes(
            jobs=options.jobs or SMALL_JOBS,
            vdisks=10,
            workers=2,
            pace=0.9,
            longest_pause=0.4,
            shell_idle=5,
            limit_seconds=400,
            troubles=15,
            is_short=True,
        )
    jobs = options.jobs or 1000
    return run.Sizes(
        jobs=jobs,
        vdisks=max(8, min(48, jobs // 12)),
        workers=3,
        pace=1.5,
        longest_pause=1.5,
        shell_idle=20,
        limit_seconds=600 + 6 * jobs,
        troubles=60,
        is_short=False,
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.chaos", description=__doc__)
    parser.add_argument("--jobs", type=int, default=os.environ.get("JOBS") or None, help="1000, or 30 when small")
    parser.add_argument("--seed", type=int, default=os.environ.get("SEED") or None, help="drawn when not given")
    parser.add_argument("--small", action="store_true", help="fits into the test run")
    parser.add_argument("--results", type=Path, default=results.FOLDER, help="folder for chaos.json")
    return parser.parse_args()


_begun = time.monotonic()


def _say(what: str) -> None:
    print(f"[{time.monotonic() - _begun:4.0f} s] {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
