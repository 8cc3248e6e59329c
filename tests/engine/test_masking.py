"""No secret is written down: not a known one in any form, nor what looks like one."""

from __future__ import annotations

import base64
import html
import io
import json
import logging
import re
import urllib.parse
from collections.abc import Callable, Iterator
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection

from builders.adapters.errors import OutcomeUnknown, Refused
from builders.engine import masking
from builders.engine.context import StepContext
from builders.engine.masking import Mask, MaskingFilter
from builders.engine.steps import Done, StepFailed, Wait
from lifecycle.models import Farm, FarmConnection, Job
from lifecycle.secret_patterns import MASK
from lifecycle.secrets import known_secrets
from tests.engine.conftest import Scripted, advance, cancel, due

SECRET = "Tr0ub4dor&3 <'\"$/+ü>"
PLAIN = "correcthorsebattery"


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test begins with a process that knows no secret."""
    monkeypatch.setattr(masking, "_portal", masking.Vault())
    monkeypatch.setattr(masking, "_read_at", None)
    masking._masked_before.cache_clear()


def ps(value: str) -> str:
    return base64.b64encode(value.encode("utf-16-le")).decode()


FORMS: dict[str, Callable[[str], str]] = {
    "as it is": lambda s: s,
    "url": lambda s: urllib.parse.quote(s, safe=""),
    "url, lower case": lambda s: re.sub("%..", lambda found: found[0].lower(), urllib.parse.quote(s, safe="")),
    "query": urllib.parse.quote_plus,
    "path": urllib.parse.quote,
    "base64": lambda s: base64.b64encode(s.encode()).decode(),
    "base64 of utf-16": ps,
    "base64 for urls": lambda s: base64.urlsafe_b64encode(s.encode()).decode(),
    "base64 without padding": lambda s: base64.b64encode(s.encode()).decode().rstrip("="),
    "json": lambda s: json.dumps({"value": s}),
    "json, not ascii": lambda s: json.dumps({"value": s}, ensure_ascii=False),
    "json in json": lambda s: json.dumps(json.dumps(s)),
    "xml": lambda s: f"<x>{escape(s)}</x>",
    "xml attribute": lambda s: f"<x y={quoteattr(s)}/>",
    "html": html.escape,
    "powershell, single quotes": lambda s: "'" + s.replace("'", "''") + "'",
    "python": repr,
    "hex": lambda s: s.encode().hex(),
    "hex, upper case": lambda s: s.encode().hex().upper(),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("secret", [SECRET, PLAIN, "pä55"])
def test_a_known_secret_is_masked_in_every_form(form: str, secret: str) -> None:
    mask = Mask()
    mask.own.remember(secret)
    shown = FORMS[form](secret)

    text = mask.text(f"before {shown} after")

    assert text.startswith("before ")
    assert text.endswith(" after")
    assert MASK in text
    assert shown not in text
    assert secret not in text


@pytest.mark.parametrize("before", range(4))
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
def test_a_secret_inside_something_longer_in_base64_is_masked(before: int, encoding: str) -> None:
    """As in `Basic` or `-EncodedCommand`, where it begins at any place of a group of three bytes."""
    mask = Mask()
    mask.own.remember(PLAIN)
    encoded = base64.b64encode(f"{'u' * before}:{PLAIN}:more".encode(encoding)).decode()

    text = mask.text(f"sent {encoded}!")

    assert MASK in text
    decoded = "".join(part for part in text.removeprefix("sent ").split(MASK))
    assert len(decoded) < len(encoded) - 20


def test_a_short_secret_is_masked_where_it_stands_alone() -> None:
    mask = Mask()
    mask.own.remember("r00t")

    assert mask.text("r00t: 'r00t' is in r00ts") == f"{MASK}: '{MASK}' is in r00ts"


def test_of_two_secrets_that_begin_alike_nothing_is_left_over() -> None:
    mask = Mask()
    mask.own.remember("correct", "correcthorse", "correcthorsebattery")

    assert mask.text("correcthorsebattery correcthorse correct") == f"{MASK} {MASK} {MASK}"


def test_each_line_of_a_key_of_many_lines_is_masked_alone() -> None:
    key = "\n".join(["MIIEvQIBADANBgkqhkiG9w0BAQEFAASC", "BKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj"])
    mask = Mask()
    mask.own.remember(key)

    assert [mask.text(line) for line in key.splitlines()] == [MASK, MASK]
    assert mask.lines(["x", *key.splitlines(), "y"]) == ["x", MASK, "y"]


PATTERNS = {
    "password=hunter2 next": "hunter2",
    "Password: hunter2": "hunter2",
    'AdminPassword = "hunter2 with spaces"': "hunter2",
    "pwd='hunter2''s'": "hunter2",
    '{"password": "hunter2", "user": "svc"}': "hunter2",
    r"{\"password\": \"hunter2\", \"user\": \"svc\"}": "hunter2",
    'password="hunter2 without an end': "hunter2",
    "net use \\\\host\\share /user:svc /pass:hunter2": "hunter2",
    "New-User -Name svc -Password hunter2 -Force": "hunter2",
    "tool --api-key hunter2": "hunter2",
    "client_secret=hunter2&grant_type=x": "hunter2",
    "Authorization: Basic c3ZjOmh1bnRlcjI=": "c3ZjOmh1bnRlcjI",
    "'Authorization': 'Bearer abc.def-ghi'": "abc.def-ghi",
    "Proxy-Authorization: Negotiate YIIGhgYGKwYBBQ": "YIIGhgYGKwYBBQ",
    "got Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIi": "eyJhbGciOiJIUzI1NiJ9",
    "amqp://svc:hunter2@host/vhost": "hunter2",
    "postgresql://svc:hun%74er2@db:5432/x and https://host/": "hun%74er2",
    "ConvertTo-SecureString 'hunter2' -AsPlainText -Force": "hunter2",
    "ConvertTo-SecureString -String hunter2 -AsPlainText -Force": "hunter2",
    "ConvertTo-SecureString -AsPlainText -Force hunter2": "hunter2",
    "$x = ('hunter2' | ConvertTo-SecureString -AsPlainText)": None,
    "New-Thing 'hunter2' -AsPlainText": "hunter2",
    "<AdministratorPassword><Value>hunter2</Value></AdministratorPassword>": "hunter2",
    "<Password>hunter2</Password>": "hunter2",
    "<ProductKey>hunter2</ProductKey>": "hunter2",
    "slmgr /ipk W269N-WFGWX-YVC9B-4J6C9-T83GX now": "W269N-WFGWX-YVC9B-4J6C9-T83GX",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----\nrest": "MIIEow",
    "-----BEGIN PRIVATE KEY-----\nMIIEow and cut off here": "MIIEow",
}


@pytest.mark.parametrize(("text", "secret"), [pair for pair in PATTERNS.items() if pair[1]])
def test_what_looks_like_a_secret_is_masked(text: str, secret: str) -> None:
    masked = Mask().text(text)

    assert secret not in masked
    assert "hunter" not in masked
    assert MASK in masked


@pytest.mark.parametrize(
    "text",
    [
        "Version 4 was created (W11.4.avhdx); a maintenance target can boot it now",
        "PVS01 does not answer at https://pvs01.example.org:5986/wsman",
        "The password was wrong",
        "Authorization failed",
        "user 3f2504e0-4f89-11d3-9a0c-0305e82c3301 on 10.20.30.40:5986",
        "Attempt 1 of 6 failed; the next follows in 2 s.",
    ],
)
def test_what_is_no_secret_is_left_as_it_is(text: str) -> None:
    assert Mask().text(text) == text


@pytest.mark.parametrize("text", list(PATTERNS))
def test_masking_twice_changes_nothing_more(text: str) -> None:
    once = Mask().text(text)

    assert Mask().text(once) == once


def test_a_long_text_does_not_take_for_ever() -> None:
    mask = Mask()
    mask.own.remember(SECRET, PLAIN)

    for unit in ("a", "a.", 'password"', "x:// ", "-----BEGIN ", "Aa0/+", "key=", "'", "A1B2C-"):
        mask.text(unit * (200_000 // len(unit)))


# --- where secrets are known from


@pytest.mark.django_db
def test_every_secret_of_the_database_is_known(job: Job) -> None:
    connect(job.farm, "pvs01", SECRET)
    connect(job.farm, "pvs02", PLAIN)

    assert sorted(known_secrets()) == sorted([SECRET, PLAIN])


@pytest.mark.django_db
def test_a_secret_that_no_key_opens_does_not_hide_the_others(job: Job) -> None:
    broken = connect(job.farm, "pvs01", SECRET)
    connect(job.farm, "pvs02", PLAIN)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE lifecycle_farmconnection SET password = 'enc1$nonsense' WHERE id = %s", [broken.pk])

    assert known_secrets() == [PLAIN]


def test_the_secrets_of_the_settings_are_known(settings: Any) -> None:
    settings.SECRET_KEY_FALLBACKS = ["an older secret key of ours"]
    settings.PORTAL_METRICS_TOKEN = "token-of-the-metrics"
    settings.REDIS_URL = "redis://:pass%20word%21@host/0"

    known = set(masking.secrets_of_settings())

    assert {settings.SECRET_KEY, *settings.PORTAL_FIELD_KEYS} <= known
    assert {"an older secret key of ours", "token-of-the-metrics", "pass%20word%21", "pass word!"} <= known


@pytest.mark.django_db
def test_secrets_are_read_again_after_a_while_and_never_forgotten(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    row = connect(job.farm, "pvs01", PLAIN)
    clock = iter([1000.0, 1030.0, 1061.0, 1200.0])
    monkeypatch.setattr(masking.time, "monotonic", lambda: next(clock))
    shown = f"{PLAIN} and later-password"

    masking.read_known()
    assert Mask().text(shown) == f"{MASK} and later-password"
    row.password = "later-password"
    row.save()
    masking.read_known()
    assert Mask().text(shown) == f"{MASK} and later-password", "half a minute later, nobody has looked again"
    masking.read_known()
    assert Mask().text(shown) == f"{MASK} and {MASK}", "the old one may still be in somebody's answers"


@pytest.mark.django_db
def test_a_password_is_known_from_the_moment_it_is_used(job: Job) -> None:
    from builders.farms import connection_to

    connection_to(connect(job.farm, "pvs01", PLAIN))

    assert Mask().text(PLAIN) == MASK


# --- a job that tries to leak

LEAKED = "k0ntoPa55wort!&"
REGISTERED = "made-by-the-step-7"
UNKNOWN = "hunter2hunter2"
ALL = (LEAKED, REGISTERED, UNKNOWN)


def connect(farm: Farm, name: str, password: str) -> FarmConnection:
    return FarmConnection.objects.create(
        farm=farm, position=farm.connections.count(), host=name, username="svc", password=password, ca_file="/ca.pem"
    )


def leak(*secrets: str) -> str:
    forms = [form(secret) for form in FORMS.values() for secret in secrets or (LEAKED, REGISTERED)]
    return " | ".join([*forms, f"password={UNKNOWN}"])


def leaking(ctx: StepContext) -> None:
    ctx.secret(REGISTERED)
    ctx.log(leak())
    ctx.warn(leak())
    ctx.log_lines([leak(), *leak().split(" | ")])
    ctx.intend(answer=leak(), deep={"list": [{leak(): [leak()]}]})


def done(ctx: StepContext) -> Done:
    leaking(ctx)
    return Done(leak(), {"text": leak(), "deep": {"list": [leak()]}, "outcome": leak()})


def raised(error: Callable[[], BaseException]) -> Callable[[StepContext], Done]:
    def run(ctx: StepContext) -> Done:
        leaking(ctx)
        raise error()

    return run


def waits(ctx: StepContext) -> Wait:
    leaking(ctx)
    return Wait(0, leak())


class Leaky(Scripted):
    def leaves(self, ctx: StepContext) -> str:
        return leak()


WAYS: dict[str, Any] = {
    "done": done,
    "failed": raised(lambda: StepFailed(leak())),
    "refused": raised(lambda: Refused(leak(), words=leak(), remedy=leak(), details=leak(), code=5)),
    "unknown": raised(lambda: OutcomeUnknown(leak())),
    "fault": raised(lambda: ValueError(leak())),
    "waits": waits,
    "undone": lambda ctx: leaking(ctx) or Wait(60, "…"),  # type: ignore[func-returns-value]
}


@pytest.fixture
def worker_log() -> Iterator[io.StringIO]:
    """What a worker process writes to its standard error."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(MaskingFilter())
    logging.getLogger().addHandler(handler)
    yield stream
    logging.getLogger().removeHandler(handler)


def everything() -> str:
    """Every column of every row of every table of ours, as text; the encrypted ones as they are stored."""
    found = []
    with connection.cursor() as cursor:
        for model in apps.get_models():
            cursor.execute(f'SELECT to_jsonb(t)::text FROM "{model._meta.db_table}" t')
            found += [row[0] for row in cursor.fetchall()]
    return "\n".join(found)


@pytest.mark.django_db
@pytest.mark.parametrize("way", WAYS)
def test_a_job_that_tries_to_leak_leaves_no_secret_in_any_row(job: Job, way: str, worker_log: io.StringIO) -> None:
    connect(job.farm, "pvs01", LEAKED)
    step = Leaky(
        "leak",
        WAYS[way],
        undo=lambda ctx: leaking(ctx) or leak(),  # type: ignore[func-returns-value]
        produces={"text": str, "deep": dict},
        title=leak(LEAKED),
        about=lambda: {"undo": leak(LEAKED)},
    )

    job = advance(job, step)
    if way == "undone":
        cancel(job)
        job = advance(job, step)
    if way == "waits":
        due(job)
        advance(job, step)

    written = everything() + worker_log.getvalue()
    assert job.log.count() > len(FORMS)
    assert MASK in written
    for secret in ALL:
        assert secret not in written
    for name, form in FORMS.items():
        for secret in (LEAKED, REGISTERED):
            assert form(secret) not in written, name
            assert json.dumps(form(secret))[1:-1] not in written, name


@pytest.mark.django_db
def test_a_traceback_in_the_workers_log_is_masked(job: Job, worker_log: io.StringIO) -> None:
    connect(job.farm, "pvs01", LEAKED)

    advance(job, Scripted("fault", WAYS["fault"]))

    assert "Traceback" in worker_log.getvalue()
    assert "ValueError" in worker_log.getvalue()
    assert LEAKED not in worker_log.getvalue()
    assert REGISTERED not in worker_log.getvalue()


@pytest.mark.django_db
def test_a_secret_that_a_step_wants_saved_is_told_to_us(job: Job, worker_log: io.StringIO) -> None:
    advance(job, Scripted("save", lambda ctx: ctx.intend(password=ctx.secret(REGISTERED)) or Done()))

    assert "a secret was kept out of what a step wanted saved" in worker_log.getvalue()


def test_arguments_of_a_log_record_are_masked(worker_log: io.StringIO) -> None:
    masking.remember(PLAIN)

    logging.getLogger("anything").warning("said %s to %s", PLAIN, {"host": PLAIN})

    assert PLAIN not in worker_log.getvalue()
    assert worker_log.getvalue().count(MASK) == 2


def test_a_log_record_whose_arguments_do_not_fit_is_written_and_masked(worker_log: io.StringIO) -> None:
    masking.remember(PLAIN)

    logging.getLogger("anything").warning("said %d times", PLAIN)

    assert "said %d times" in worker_log.getvalue()
    assert MASK in worker_log.getvalue()
    assert PLAIN not in worker_log.getvalue()


def test_a_stack_in_the_workers_log_is_masked(worker_log: io.StringIO) -> None:
    masking.remember("in_the_workers_log_is_masked")

    logging.getLogger("anything").warning("here", stack_info=True)

    assert f"test_a_stack_{MASK}" in worker_log.getvalue()
    assert "in_the_workers_log_is_masked" not in worker_log.getvalue()


def test_a_text_that_was_masked_while_a_secret_was_learnt_is_masked_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    def learns(text: str) -> str:
        masking.remember(PLAIN)  # another thread does, after the known values were looked for
        return text

    monkeypatch.setattr(masking, "mask_patterns", learns)
    mask = Mask()

    mask.text(f"said {PLAIN}")

    assert mask.text(f"said {PLAIN}") == f"said {MASK}"


def test_long_texts_are_not_remembered() -> None:
    Mask().text("a" * masking.REMEMBERED_UP_TO)
    Mask().text("a" * (masking.REMEMBERED_UP_TO + 1))

    assert masking._masked_before.cache_info().currsize == 1


def test_a_long_text_is_cut_after_it_was_masked() -> None:
    mask = Mask()
    mask.own.remember(PLAIN)
    text = "a" * (masking.LONGEST - 55) + PLAIN + "b" * 20_000

    cut = mask.text(text)

    assert len(cut) <= masking.LONGEST
    assert "corr" not in cut
    assert re.fullmatch(r"a+\[mask … \((\d+),(\d+) more characters were cut off\)", cut)
    assert mask.text(cut) == cut
    assert mask.value({"answer": text})["answer"] == mask.whole(text)


def test_a_worker_process_guards_its_handlers() -> None:
    from builders import celery

    handler = logging.StreamHandler(io.StringIO())
    logging.getLogger().addHandler(handler)
    try:
        celery.prepare()
        celery.prepare()
        assert [type(found) for found in handler.filters] == [MaskingFilter]
    finally:
        logging.getLogger().removeHandler(handler)
        for other in logging.getLogger().handlers:
            other.filters[:] = [found for found in other.filters if not isinstance(found, MaskingFilter)]
    assert settings.SECRET_KEY


@pytest.mark.django_db
def test_a_password_saved_by_another_process_is_masked_as_soon_as_this_one_reads_it(job: Job) -> None:
    masking.read_known()
    row = connect(job.farm, "pvs01", PLAIN)
    assert Mask().text(PLAIN) == PLAIN, "this process looked before it was saved, and never read it"

    FarmConnection.objects.get(pk=row.pk)

    assert masking.masked(f"the host said {PLAIN}") == f"the host said {MASK}"
