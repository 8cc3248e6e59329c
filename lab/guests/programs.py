"""The whole catalogue of programs."""

from lab.guests.applications import APPLICATIONS
from lab.guests.catalogue import Program
from lab.guests.platform_software import PLATFORM
from lab.guests.runtimes import RUNTIMES

PROGRAMS: tuple[Program, ...] = PLATFORM + APPLICATIONS + RUNTIMES
