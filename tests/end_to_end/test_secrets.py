"""Sessions that print, raise and attach secrets of the environment. No file and no output of pytest-atlas has them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from textwrap import indent
from urllib.parse import quote

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from tests.support.atlases import every_run
from tests.support.events import SYSTEM
from tests.support.inner import Ended, Project
from tests.support.inner import environment as inner_environment
from tests.support.s3 import KEY_ID, ServedS3
from tests.support.served_atlas import ServedAtlas, served_atlas
from tests.support.stand_in import in_place

from pytest_atlas import settings
from pytest_atlas.atlas import AsyncAtlasClient, AtlasClient
from pytest_atlas.base.sanitize import Cleaner
from pytest_atlas.cli.where import Remote
from pytest_atlas.publisher.files.bucket import Bucket
from pytest_atlas.publisher.files.s3 import S3Objects
from pytest_atlas.settings.parsed import parse

TOKEN = "planted-atlas+token/0123="
PLANTED = {
    "ATLAS_TOKEN": TOKEN,
    "AWS_SECRET_ACCESS_KEY": "planted/aws+secret/access/key0123456789A",
    "AWS_SESSION_TOKEN": "planted-session-" + "".join(f"{n:03x}" for n in range(200)),
    "GITHUB_TOKEN": "ghs_planted0123456789abcdefghijklmnop",
    "CI_JOB_TOKEN": "glcbt-64_planted0123456789",
    "CI_REPOSITORY_URL": "https://gitlab-ci-token:planted-in-the-url@gitlab.example.com/bench/hil.git",
    "HTTPS_PROXY": "http://bench:planted-proxy-pw@proxy.example.com:3128",
    "NO_PROXY": "127.0.0.1,localhost",
    "DB_PASSWORD": 'planted "quoted" \\ pass\'word',
    "DEPLOY_KEY": "-----BEGIN KEY-----\nplantedMIIEvQIBADANBgkqhkiG9\nplantedw0BAQEFAASCBKcwggSjAg\n-----END KEY-----",
}
SECRETS = (
    *(PLANTED[name] for name in ("ATLAS_TOKEN", "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "CI_JOB_TOKEN", "DB_PASSWORD")),
    *("planted-in-the-url", "planted-proxy-pw", "plantedMIIEvQIBADANBgkqhkiG9"),
    *("planted-session-", PLANTED["AWS_SESSION_TOKEN"][-40:]),  # other programs cut it in the middle
)


def forms(secret: str) -> set[str]:
    """Return the permitted forms of a secret."""
    in_json = json.dumps(secret)[1:-1]
    return {secret, repr(secret)[1:-1], in_json, json.dumps(in_json)[1:-1], quote(secret, safe="")}


FORMS = {form for secret in SECRETS for form in forms(secret)}

BENCH = """
    import json, logging, os, pytest
    from pathlib import Path
    from urllib.parse import quote

    NAMES = {names}
    SECRETS = [os.environ[name] for name in NAMES]

    def publishers():
        for process in Path("/proc").glob("[0-9]*/cmdline"):
            try: command = process.read_bytes()
            except OSError: continue
            if b"pytest_atlas" in command: yield command.decode()

    def test_echo(): pass

    @pytest.fixture
    def opened():
        yield
        raise RuntimeError("teardown with " + SECRETS[0])

    @pytest.mark.parametrize("secret", SECRETS, ids=NAMES)
    def test_tells(atlas, secret, record_property, subtests, opened, monkeypatch):
        "Docstring."
        kept = {{"also": [secret, secret.encode()]}}
        print("printed", secret, json.dumps(kept, default=str), quote(secret, safe=""))
        logging.getLogger("x").warning("logged %s", secret)
        record_property("secret", secret)
        atlas.exception("excused by " + secret)
        atlas.measure("rail " + secret, 3, unit="V", high=4)
        atlas.attach("told " + secret, name="told.txt")
        atlas.attach(dict(os.environ), name="environment.json")
        known = os.environ["ATLAS_TOKEN"]  # other secrets are not redacted in identities
        with atlas.step("with " + known): pass
        with subtests.test("sub " + known): assert secret == "x", secret
        assert {{"a": secret}} == {{"a": "other"}}, "wrong: " + secret

    @pytest.mark.atlas_card("Card " + SECRETS[0])
    @pytest.mark.atlas_step("Step " + SECRETS[1])
    @pytest.mark.xfail(reason=SECRETS[2])
    def test_marked(): raise ValueError(SECRETS[3])

    @pytest.mark.skip(reason="for " + SECRETS[0])
    def test_skipped(): pass

    def test_processes():
        found = list(publishers())
        Path(os.environ["SEEN"]).write_text(json.dumps(found))
"""


class Echo:
    """Reject the requests for some entities. The response repeats the whole request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.echoed = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)

        async def again() -> Message:
            return {"type": "http.request", "body": body}

        if b"test_echo" in body and scope["method"] == "POST":
            self.echoed += 1
            token = dict(scope["headers"])[b"authorization"].decode()
            words = f"\x1b[31mrefused {PLANTED['GITHUB_TOKEN']} {token}\x1b[0m {quote(token, safe='')}\x07 {'x' * 200} {token}"
            await send({"type": "http.response.start", "status": 422, "headers": []})
            await send({"type": "http.response.body", "body": words.encode()})
            return
        await self._app(scope, again, send)


def environment(served: ServedAtlas, s3: ServedS3, seen: Path) -> dict[str, str]:
    aws = {"AWS_ENDPOINT_URL_S3": s3.url, "AWS_ACCESS_KEY_ID": KEY_ID, "AWS_DEFAULT_REGION": "us-east-1"}
    return {**PLANTED, **aws, "ATLAS_URL": served.url, "ATLAS_BUCKET": "s3://bench/hil", "SEEN": str(seen)}


def found_in(text: str) -> list[str]:
    return [form for form in FORMS if form in text]


def ours(ended: Ended) -> str:
    """Return the lines of pytest-atlas in the header and the terminal summary."""
    return "\n".join(
        [*(line for line in (ended.out + ended.err).splitlines() if line.startswith("atlas:")), *ended.terminal_summary]
    )


def in_files(directory: Path) -> dict[str, list[str]]:
    """Return the secrets in each file below a directory."""
    texts = {
        str(path.relative_to(directory)): path.read_text("utf-8", "replace") for path in directory.rglob("*") if path.is_file()
    }
    assert len(texts) > 3
    return {name: found for name, text in texts.items() if (found := found_in(text))}


MODES = {
    "alone": (
        "-vv",
        "--showlocals",
        "--debug=debug.log",
        "--atlas-strict",
        "--atlas-attach=all",
        "--password=planted-on-the-line",
    ),
    "distributed": ("-n2", "--tb=long", "-rA"),
}


@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked at in /proc")
@pytest.mark.parametrize("options", MODES.values(), ids=MODES)
def test_no_file_output_or_run_contains_a_secret(tmp_path: Path, s3: ServedS3, options: tuple[str, ...]) -> None:
    project = Project(tmp_path / "bench").write("test_it.py", BENCH.format(names=[*PLANTED]))
    project.write("conftest.py", "def pytest_addoption(parser): parser.addoption('--password')")
    echoes: list[Echo] = []
    seen = tmp_path / "seen.json"

    def around(app: ASGIApp) -> ASGIApp:
        echoes.append(Echo(app))
        return echoes[0]

    with served_atlas(tmp_path / "served", token=TOKEN, around=around) as served:
        env = environment(served, s3, seen)
        ended = project.pytest("--atlas-system", SYSTEM, *options, env=env)
        push = [sys.executable, "-m", "pytest_atlas.cli", "push", str(ended.session)]
        pushed = subprocess.run(push, env=inner_environment(**env), capture_output=True, text=True, check=False)
        (run,) = every_run(served.atlas)
    assert ended.code == 1, ended.out + ended.err
    assert echoes[0].echoed > 1
    assert "was not published" in ours(ended)
    assert pushed.returncode == 1
    assert "was not published" in pushed.stdout
    assert in_files(project.root / ".atlas") == {}
    assert found_in(ours(ended)) == []
    assert "\x1b[31mrefused" not in ended.out + pushed.stdout
    assert found_in(pushed.stdout + pushed.stderr) == []
    dump = run.model_dump_json()
    assert "[redacted]" in dump
    assert found_in(dump) == []
    assert "planted-on-the-line" not in dump
    objects = [s3.content(f"s3://bench/{key}").decode("utf-8", "replace") for key in s3.keys("bench") if run.uuid in key]
    assert sum("[redacted]" in content for content in objects) >= len(PLANTED)
    assert [found for content in objects if (found := found_in(content))] == []
    commands = json.loads(seen.read_text())
    assert any("pytest_atlas.publisher" in command for command in commands)
    assert found_in("".join(commands)) == []


DYING = """
import asyncio, os, runpy, sys, threading, warnings
from pytest_atlas.publisher import publish
TOKEN = os.environ["ATLAS_TOKEN"]
def dies(*args, **kwargs):
    print("printed", TOKEN)
    print("half of it: " + TOKEN[:9], end="", flush=True); print(TOKEN[9:])
    warnings.warn("warned of " + TOKEN)
    thread = threading.Thread(target=lambda: {TOKEN: 1}["x" + TOKEN]); thread.start(); thread.join()
    asyncio.get_running_loop().call_exception_handler({"message": "loop with " + TOKEN, "exception": ValueError(TOKEN)})
    raise RuntimeError("dying with " + TOKEN)
publish.Publisher.run = dies
sys.argv[0] = "publisher"
runpy.run_module("pytest_atlas.publisher", run_name="__main__")
"""


def test_traceback_of_the_publisher_contains_no_secret(tmp_path: Path, s3: ServedS3) -> None:
    project = Project(tmp_path / "bench").write("test_it.py", "def test_a(): pass")
    (project.root / "dying.py").write_text("def main():\n" + indent(DYING, "    "))
    project.write("conftest.py", in_place(str(project.root / "dying.py")))
    with served_atlas(tmp_path / "served", token=TOKEN) as served:
        ended = project.pytest("--atlas-system", SYSTEM, "--atlas-strict", env=environment(served, s3, tmp_path / "seen"))
    assert ended.code == 1
    log = (ended.session / "publisher.log").read_text()
    for words in (
        "printed [redacted]",
        "half of it: [redacted]",
        "warned of [redacted]",
        "loop with [redacted]",
        "dying with [redacted]",
    ):
        assert words in log
    assert "KeyError: 'x[redacted]'" in log
    assert in_files(project.root / ".atlas") == {}
    assert "see publisher.log" in ours(ended)
    assert found_in(ours(ended)) == []


@pytest.mark.parametrize("option", ["--atlas-system", "--atlas-bucket", "--atlas-timeout", "--atlas-asset"])
def test_token_as_value_of_another_setting_is_not_shown(tmp_path: Path, option: str) -> None:
    project = Project(tmp_path).write("test_it.py", "def test_a(): pass")
    env = {"ATLAS_TOKEN": TOKEN, "ATLAS_URL": "https://atlas.example.com"}
    ended = project.pytest("--atlas-system", SYSTEM, f"{option}={TOKEN}", env=env)
    assert ended.code == pytest.ExitCode.USAGE_ERROR
    assert option in ended.err
    assert found_in(ended.err) == []


def test_no_repr_shows_a_secret() -> None:
    given = {
        "system": [settings.Given("", SYSTEM)],
        "url": [settings.Given("", "https://a")],
        "token": [settings.Given("", TOKEN)],
    }
    shown = [
        *(repr(client("https://atlas.example.com", TOKEN)) for client in (AtlasClient, AsyncAtlasClient)),
        repr(vars(AtlasClient("https://atlas.example.com", TOKEN))),
        repr(Remote("https://atlas.example.com", TOKEN)),
        repr(parse(given)),
        repr(S3Objects(Bucket("bench"))),
        repr(Cleaner(PLANTED)),
    ]
    assert all(found_in(text) == [] for text in shown), shown


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs /proc")
def test_only_the_owner_can_read_the_environment_of_the_publisher() -> None:
    assert os.stat("/proc/self/environ").st_mode & 0o077 == 0


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX's")
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
@pytest.mark.parametrize("is_there", [False, True], ids=["new", "there already"])
def test_only_the_owner_can_read_the_session(tmp_path: Path, umask: int, *, is_there: bool) -> None:
    project = Project(tmp_path / "bench").write(
        "test_it.py",
        """
        def test_a(atlas, tmp_path):
            atlas.attach("text", name="a.txt")
            atlas.attach({"a": 1}, name="a.json")
            (tmp_path / "big.bin").write_bytes(bytes(2 << 20))
            atlas.attach(tmp_path / "big.bin")
            atlas.path("log.txt").write_text("x")
            atlas.trace("rail", t=[0.0], volts=[1.0])
            atlas.measure("x", 1)
            assert False
        """,
    )
    if is_there:
        (project.root / ".atlas" / "sessions").mkdir(parents=True, mode=0o755)
    before = os.umask(umask)
    try:
        ended = project.pytest("--atlas-system", SYSTEM)
    finally:
        os.umask(before)
    assert ended.terminal_summary[0].startswith("run TR-0001"), ended.out
    atlas_dir = project.root / ".atlas"
    made = [path for path in atlas_dir.rglob("*") if not (is_there and path.name == "sessions")]
    assert len([path for path in made if path.is_file()]) > 14
    open_to_others = {str(path.relative_to(atlas_dir)) for path in made if path.stat().st_mode & 0o077}
    assert open_to_others - {".gitignore"} == set()
    assert is_there or atlas_dir.stat().st_mode & 0o077 == 0
