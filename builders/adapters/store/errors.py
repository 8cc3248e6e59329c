"""What can go wrong with a store, in the family that jobs act on, and as the OSError that a reader of files expects."""

from __future__ import annotations

from builders.adapters import errors


class StoreUnreachable(errors.Unreachable, OSError):
    """No way to it, or the way was lost while reading. Nothing was changed, so asking again does no harm."""


class StoreTimedOut(errors.TimedOut, OSError):
    """Connected, and no answer in the time we allow."""


class StoreRefused(errors.Refused, OSError):
    """It said no: no right to read, or, with ``permanent`` False, not now."""


class StoreLoginFailed(errors.NotAuthenticated, OSError):
    """The account was turned away."""


class FileMissing(errors.NotFound, FileNotFoundError):
    """No file of that name, or the folder or share itself is gone."""
