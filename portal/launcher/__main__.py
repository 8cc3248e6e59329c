"""`python -m portal.launcher`: runs until Ctrl-C or SIGTERM. Exit code 0: stopped as asked; 1: could not start.

`python -m portal.launcher clean-data` forgets what it keeps in its data folder.
"""

import os
import shutil
import signal
import sys
from types import FrameType

from portal import addresses, embedded
from portal.launcher import grounds
from portal.launcher.children import say
from portal.launcher.plan import KEPT, CannotStart, Plan
from portal.launcher.supervisor import Supervisor


def main(arguments: list[str]) -> int:
    os.umask(0o077)  # logs, keys and the lab's files are nobody else's on this machine
    try:
        plan = Plan.from_environment(os.environ)
        os.environ.pop("PORTAL_DEMO_PASSWORD", None)  # the plan has it; the embedded servers would inherit it
        plan.var.mkdir(parents=True, exist_ok=True)
        claim = grounds.claim(plan)
        grounds.close_to_others(plan)
    except CannotStart as error:
        sys.stderr.write(f"{error}\n")
        return 1
    try:
        return _clean(plan) if arguments == ["clean-data"] else _run(plan)
    except (CannotStart, embedded.EmbeddedServerError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    finally:
        claim.release()


def _run(plan: Plan) -> int:
    grounds.end_leftovers(plan)
    grounds.check_port(plan)
    supervisor = Supervisor(plan, _servers(plan))
    _stop_on_signals(supervisor)
    try:
        supervisor.run()
    finally:
        embedded.detach(plan.var)
        if not embedded.wait_until_stopped(plan.var, seconds=10):
            say("launcher", "the database stays up: another program still uses it")
    say("launcher", "stopped")
    return 0


def _clean(plan: Plan) -> int:
    grounds.end_leftovers(plan)
    embedded.stop(plan.var)
    for name in KEPT:
        thing = plan.var / name
        if thing.is_dir():
            shutil.rmtree(thing)
        else:
            thing.unlink(missing_ok=True)
    say("launcher", f"{plan.var} is empty; the next start begins anew")
    return 0


def _servers(plan: Plan) -> dict[str, str]:
    """Addresses for the children. They do not attach themselves: with the launcher gone they have no work to do."""
    given = {name: name in os.environ or f"{name}_FILE" in os.environ for name in ("DATABASE_URL", "REDIS_URL")}
    if all(given.values()):
        return {}
    say("launcher", f"starting the embedded PostgreSQL and Valkey in {plan.var}")
    embedded.attach(plan.var)
    own = {
        "DATABASE_URL": addresses.database_url(embedded.database(plan.var)),
        "REDIS_URL": embedded.redis_url(plan.var),
    }
    return {name: url for name, url in own.items() if not given[name]}


def _stop_on_signals(supervisor: Supervisor) -> None:
    def asked(number: int, frame: FrameType | None) -> None:
        supervisor.stop_asked.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, asked)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
