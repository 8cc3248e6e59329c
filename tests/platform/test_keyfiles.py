import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from portal import keyfiles


def test_makes_a_key_once_and_keeps_it_for_its_user_alone(tmp_path: Path) -> None:
    first = keyfiles.secret_key(tmp_path / "var")

    assert keyfiles.secret_key(tmp_path / "var") == first
    assert len(first) >= 50
    assert stat.S_IMODE((tmp_path / "var" / "secret_key").stat().st_mode) == 0o600


def test_processes_that_start_together_agree_on_the_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as many:
        keys = {tuple(found) for found in many.map(keyfiles.field_keys, [tmp_path] * 8)}

    assert len(keys) == 1


def test_reads_field_keys_newest_first(tmp_path: Path) -> None:
    (tmp_path / "field_keys").write_text("new\nold\n")

    assert keyfiles.field_keys(tmp_path) == ["new", "old"]
