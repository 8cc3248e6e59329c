"""``python -m lifecycle.installers PATH NAME`` prints the facts of one file as JSON, under limits of its own."""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

from lifecycle.installers import reading
from lifecycle.installers.facts import Facts, Unreadable

MEMORY_BYTES = 1024 * 1024 * 1024
CPU_SECONDS = 20


def main(path: str, name: str) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        with Path(path).open("rb") as file:
            facts = reading.read(file, name)
    except (Unreadable, MemoryError) as error:
        words = str(error) or "It takes more memory to read than is given."
        facts = Facts(warnings=(words,))
    sys.stdout.write(json.dumps(facts.as_dict()))


if __name__ == "__main__":
    main(*sys.argv[1:3])
