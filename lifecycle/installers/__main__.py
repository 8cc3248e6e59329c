"""``python -m lifecycle.installers PATH NAME`` prints the facts of one file as JSON, under limits of its own."""

from __future__ import annotations

import ctypes.util
import json
import os
import resource
import sys
from pathlib import Path

import landlockpy

from lifecycle.installers import reading
from lifecycle.installers.facts import Facts, Unreadable

MEMORY_BYTES = 256 * 1024 * 1024
CPU_SECONDS = 20
OPEN_FILES = 16


def main(path: str, name: str) -> None:
    try:
        with Path(path).open("rb") as file:
            confine()
            facts = reading.read(file, name)
    except (Unreadable, MemoryError) as error:
        words = str(error) or "It takes more memory to read than is given."
        facts = Facts(warnings=(words,))
    sys.stdout.write(json.dumps(facts.as_dict()))


def confine() -> None:
    """From here on: no writing, no other process, no file but those that are open and the modules of Python."""
    for kind, value in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        most = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (most, most))
    # The library would start a compiler to find the C library that is loaded already.
    ctypes.util.find_library = lambda name: None  # noqa: ARG005  the signature is ctypes'
    if landlockpy.supported():
        with landlockpy.Ruleset() as rules:
            rules.allow_path(os.path.dirname(os.__file__), landlockpy.AccessFS.READ_FILE | landlockpy.AccessFS.READ_DIR)
            rules.restrict()


if __name__ == "__main__":
    main(*sys.argv[1:3])
