"""`python -m lab --state DIR` runs the simulated datacentre; `control` and `accept-runner` are its tools."""

import argparse
import logging
import signal
import sys
import threading
from pathlib import Path

from lab.control import cli
from lab.laboratory import Laboratory
from lab.powershell import accept
from lab.wsman.shells import Quotas

FASTEST = 1000
MOST_VDISKS = 999


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["control"]:
        return cli.main(arguments[1:])
    if arguments[:1] == ["accept-runner"]:
        return accept.main(arguments[1:])
    return _run(_parser().parse_args(arguments))


def _run(options: argparse.Namespace) -> int:
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    try:
        laboratory = Laboratory(
            Path(options.state).resolve(),
            wsman_port=options.wsman_port,
            control_port=options.control_port,
            speed=options.speed,
            further_vdisks=options.vdisks,
            quotas=Quotas(shell_idle_seconds=options.shell_idle),
        )
    except OSError as error:  # a port that was asked for is taken, or the folder cannot be written
        sys.stderr.write(f"The lab cannot start: {error}\n")
        return 1
    laboratory.start()
    sys.stdout.write(f"Lab ready: {laboratory.control.url}\n")
    sys.stdout.flush()
    over.wait()
    laboratory.stop()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m lab",
        description="A simulated datacentre on the loopback interface.",
        epilog="Tools: python -m lab control --help, python -m lab accept-runner FILE...",
    )
    parser.add_argument("--state", required=True, help="folder for the state, the certificates and the store files")
    parser.add_argument("--wsman-port", type=int, default=0, help="first port of the servers; 0: free ones")
    parser.add_argument("--control-port", type=int, default=0, help="0: a free one")
    parser.add_argument("--speed", type=_speed, default=1.0, help="divides every duration")
    parser.add_argument("--vdisks", type=_count, default=0, help="so many small vDisks more, in a folder without state")
    parser.add_argument(
        "--shell-idle", type=_seconds, default=Quotas.shell_idle_seconds, help="seconds after which a shell is ended"
    )
    return parser


def _count(text: str) -> int:
    count = int(text)
    if not 0 <= count <= MOST_VDISKS:
        raise argparse.ArgumentTypeError(f"a number from 0 to {MOST_VDISKS}")
    return count


def _seconds(text: str) -> float:
    seconds = float(text)
    if seconds <= 0:
        raise argparse.ArgumentTypeError("a number of seconds above 0")
    return seconds


def _speed(text: str) -> float:
    speed = float(text)
    if not 0 < speed <= FASTEST:
        raise argparse.ArgumentTypeError(f"a number above 0 and at most {FASTEST}")
    return speed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
