"""`python -m portal.embedded guard|stop DATA_FOLDER`: the guardian itself, and its end by hand."""

import os
import sys
from pathlib import Path


def main(arguments: list[str]) -> int:
    match arguments:
        case ["guard", var]:
            from portal.embedded import guardian  # noqa: PLC0415 - `stop` needs no server code

            # At once: whoever waited for its locks may be looking whether any process is left.
            os._exit(guardian.main(var))
        case ["stop", var]:
            from portal import embedded  # noqa: PLC0415

            return 0 if embedded.stop(Path(var).absolute()) else 1
    sys.stderr.write((__doc__ or "") + "\n")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
