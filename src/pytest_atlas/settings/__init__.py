"""The table of all settings, from which the options, --help and the documentation are generated.

The command line takes precedence over the environment, and the environment over the ini file; an empty text is not a value.
`collect` finds the texts of the settings, and `parsed` parses them if the session is recorded. This module is imported in every
session: it imports only modules that pytest has imported, and has plain classes, because a NamedTuple takes 0.2 ms to create.
"""

import os
import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

Attach = Literal["failed", "all", "none"]
"""The tests tests whose captured output becomes a data file."""

Kind = Literal["text", "list", "flag"]

_UUID = r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}"


LONGEST_RUN_KEY = 200
"""Largest length of a run key."""
SHORTEST_TOKEN = 16
"""Smallest length of a token."""
MOST_OUTPUT_MIB = 1024
"""Largest --atlas-output-limit: the output is in memory while it is written."""


class SettingError(Exception):
    """An invalid setting. The message is one line with the source, the value, the problem and the remedy."""


def uuid(text: str) -> str:
    """Return a UUID in its usual form. Raises ValueError."""
    if not re.fullmatch(_UUID, text.strip(), re.IGNORECASE):
        raise ValueError("is not a UUID. Copy it from Atlas, for example 5b0c0a52-93c8-4d0e-a2c4-0f6f4d6d1c11")
    plain = text.strip().replace("-", "").lower()
    return "-".join((plain[:8], plain[8:12], plain[12:16], plain[16:20], plain[20:]))


def run(text: str) -> str:
    """Return the UUID or the reference of an existing run, or `auto`. Raises ValueError."""
    if text.strip() == "auto" or re.fullmatch(r"TR-\d+", text.strip()):
        return text.strip()
    try:
        return uuid(text)
    except ValueError:
        raise ValueError("is not a run. Give its UUID, its reference (TR-0042), or auto") from None


def run_key(text: str) -> str:
    """Return a run key, which is part of the last line of the run description. Raises ValueError."""
    key = text.strip()
    if len(key) > LONGEST_RUN_KEY or not key.isprintable():
        raise ValueError(f"is not a run key. Give one line of at most {LONGEST_RUN_KEY} printable characters")
    return " ".join(key.split())


def url(text: str) -> str:
    """Return the origin of an Atlas. Raises ValueError for any URL that AtlasClient rejects."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(text.strip())
        host, _ = parts.hostname, parts.port  # reading the port raises ValueError if it is invalid
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https") or parts.query or parts.fragment or re.search(r"[\s@]", text.strip()):
        raise ValueError("is not the URL of an Atlas. Give its origin with the scheme, for example https://atlas.example.com")
    return text.strip()


def unencrypted(address: str) -> str:
    """Return a warning if requests to `address` leave this machine unencrypted; else an empty text."""
    from ipaddress import ip_address
    from urllib.parse import urlsplit

    parts = urlsplit(address)
    host = parts.hostname or ""
    try:
        stays_here = ip_address(host).is_loopback
    except ValueError:
        stays_here = host == "localhost" or host.endswith(".localhost")
    if parts.scheme != "http" or stays_here:
        return ""
    return f"{address} uses plain HTTP: the token and the results are sent unencrypted. Use https:// if possible"


def token(text: str) -> str:
    """Return a bearer token. Raises ValueError; the message does not contain the token."""
    if re.search(r"[^!-~]", text.strip()):
        raise ValueError("has a character that is not allowed in a token, such as a space, a line break or a non-ASCII letter")
    if len(text.strip()) < SHORTEST_TOKEN:
        # A shorter text occurs by chance in names and messages, which would be redacted.
        raise ValueError(f"has fewer than {SHORTEST_TOKEN} characters, so it is not a token of Atlas. Set the complete token")
    return text.strip()


def bucket(text: str) -> str:
    """Return the URL of a bucket and a prefix. Raises ValueError. publisher.files.bucket checks the exact names."""
    if not re.match(r"s3://[A-Za-z0-9][A-Za-z0-9._-]+[A-Za-z0-9](/[^\s?#%]*)?$", text.strip()):
        raise ValueError("is not an S3 URL. Give s3://bucket/prefix, for example s3://bench-data/atlas")
    return text.strip()


def seconds(text: str) -> float:
    """Return a time in seconds. Raises ValueError."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise ValueError("is not a time. Give seconds, 0 or more")
    return value


def ppk(text: str) -> float:
    """Return a required Ppk. Raises ValueError."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 10:
        raise ValueError("is not a Ppk. Give a number above 0 and up to 10, for example 1.67")
    return value


def mebibytes(text: str) -> int:
    """Return the bytes of a size in MiB. Raises ValueError."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= MOST_OUTPUT_MIB:
        raise ValueError(f"is not a size. Give MiB: more than 0, at most {MOST_OUTPUT_MIB}")
    return max(1, int(value * (1 << 20)))


def one_of(*words: str) -> Callable[[str], str]:
    """Return a parser that accepts these words only."""

    def parse(text: str) -> str:
        if text.strip() not in words:
            raise ValueError(f"is not known. Give one of: {', '.join(words)}")
        return text.strip()

    return parse


class Setting:
    """One row of the table. With an empty name, the setting can't be set there."""

    __slots__ = ("default", "env", "help", "ini", "kind", "metavar", "name", "option", "parse")

    def __init__(  # noqa: PLR0917 - a row of the table has its columns in order
        self,
        name: str,
        option: str,
        ini: str,
        env: str,
        parse: Callable[[str], Any],
        help: str,  # noqa: A002 - the text in --help
        kind: Kind = "text",
        metavar: str = "",
        *,
        default: str = "",
    ) -> None:
        """`default`: text for --help and the documentation."""
        self.name = name
        self.option = option
        self.ini = ini
        self.env = env
        self.parse = parse
        self.help = help
        self.kind: Kind = kind
        self.metavar = metavar
        self.default = default

    @property
    def ini_type(self) -> Literal["string", "linelist", "bool"]:
        """The type of the ini key in pytest, so that pyproject.toml can contain lists and booleans."""
        return INI_TYPES[self.kind]


LINKS = ("assets", "issues", "templates")
"""The settings that Atlas accepts only when a run is created."""

INI_TYPES: Mapping[Kind, Literal["string", "linelist", "bool"]] = {"text": "string", "list": "linelist", "flag": "bool"}

SETTINGS = (
    Setting("system", "--atlas-system", "atlas_system", "ATLAS_SYSTEM_ID", uuid,
            "id of the Atlas system under test; turns the plugin on", metavar="UUID"),
    Setting("url", "", "atlas_url", "ATLAS_URL", url,
            "origin of the Atlas, https://…; without one the local Atlas is used. In an ini file, it never receives the token",
            metavar="URL"),
    Setting("token", "", "", "ATLAS_TOKEN", token,
            "token of that Atlas; only from the environment, and sent only to a URL from there"),
    Setting("run", "--atlas-run", "", "ATLAS_RUN_ID", run,
            "record into this run instead of a new one; auto: into the run with the run key, if it exists",
            metavar="{UUID,TR-…,auto}"),
    Setting("overwrite", "--atlas-overwrite", "atlas_overwrite", "", bool,
            "in an existing run, also replace outcomes of steps that a person or a template created", "flag"),
    Setting("run_key", "", "", "ATLAS_RUN_KEY", run_key,
            "key of the run, by which a retried job finds it",
            default="the session id; with auto the key of the CI job"),
    Setting("title", "--atlas-title", "atlas_title", "ATLAS_TITLE", str.strip, "title of the run", metavar="TEXT",
            default="project, branch and commit; in CI repository, branch and number"),
    Setting("description", "--atlas-description", "atlas_description", "ATLAS_DESCRIPTION", str.strip,
            "description of the run; the run summary follows it", metavar="TEXT"),
    Setting("assets", "--atlas-asset", "atlas_asset", "ATLAS_ASSET", uuid, "id of an asset under test", "list", "UUID"),
    Setting("issues", "--atlas-issue", "atlas_issue", "ATLAS_ISSUE", uuid, "id of an issue of the run", "list", "UUID"),
    Setting("templates", "--atlas-template", "atlas_template", "ATLAS_TEMPLATE", uuid,
            "id of a card template to instantiate in the run", "list", "UUID"),
    Setting("offline", "--atlas-offline", "atlas_offline", "", bool,
            "record only; `pytest-atlas push` publishes later", "flag"),
    Setting("skipped", "--atlas-skipped", "atlas_skipped", "", one_of("todo", "exception"),
            "status of the step of a skipped test: todo, or passed_with_exception", metavar="{todo,exception}", default="todo"),
    Setting("bucket", "--atlas-bucket", "atlas_bucket", "ATLAS_BUCKET", bucket,
            "s3://bucket/prefix for data files", metavar="S3URL"),
    Setting("attach", "--atlas-attach", "atlas_attach", "", one_of("failed", "all", "none"),
            "tests whose captured output becomes a data file", metavar="{failed,all,none}", default="failed"),
    Setting("output_limit", "--atlas-output-limit", "atlas_output_limit", "", mebibytes,
            "largest captured output of a test; of more, its beginning and end are recorded", metavar="MIB", default="10"),
    Setting("report", "--atlas-report", "atlas_report", "", bool,
            "request an analysis report at the end, and wait for it", "flag"),
    Setting("report_scope", "--atlas-report-scope", "atlas_report_scope", "", one_of("run", "card", "step"),
            "scope of the report: the run, or the failed cards or steps", metavar="{run,card,step}", default="run"),
    Setting("report_context", "--atlas-report-context", "atlas_report_context", "", str.strip,
            "free text that guides the analysis", metavar="TEXT"),
    Setting("ppk", "", "", "ATLAS_PPK", ppk,
            "required Ppk of measurements, for reports and pages of the local Atlas", default="1.33"),
    Setting("artifacts", "", "atlas_artifacts", "", str.strip,
            "patterns of files in a test's `tmp_path` that become data files, such as *.mf4 *.csv", "list"),
    Setting("summary", "--atlas-summary", "atlas_summary", "", Path,
            "write the job summary to this file, as Markdown (GitHub's job summary gets it without this option)",
            metavar="FILE"),
    Setting("strict", "--atlas-strict", "atlas_strict", "", bool,
            "fail the session if anything is not recorded, not readable or not published", "flag"),
    Setting("timeout_s", "--atlas-timeout", "atlas_timeout", "", seconds,
            "longest time to wait for Atlas at the end, in seconds", metavar="SECONDS", default="60"),
    Setting("atlas_dir", "--atlas-dir", "atlas_dir", "ATLAS_DIR", Path,
            "directory of the sessions and of the local Atlas", metavar="DIR", default="<rootdir>/.atlas"),
    Setting("off", "--no-atlas", "", "", bool, "record nothing in this session, whatever else is set", "flag"),
)  # fmt: skip


INI_FILE = "(ini file)"
"""The end of the source of each value from an ini file. `-o key=value` counts as one: `addopts` in the file can contain it."""


class Given:
    """The text of a setting, and its source."""

    __slots__ = ("source", "text")

    def __init__(self, source: str, text: str) -> None:
        self.source = source
        self.text = text


def not_recorded_strictly(given: Mapping[str, list[Given]], reason: str) -> str:
    """Return the usage error of a strict session that can't be recorded."""
    return f"{given['strict'][0].source}: the session is not recorded: {reason}"


def not_recorded(given: Mapping[str, list[Given]], unknown: Iterable[str] = ()) -> str:
    """Return the reason why a session with Atlas settings, but without a system, is not recorded; empty without any.

    `unknown`: the lines of unknown_names. A variable like ATLAS_REGION can belong to another program: an unknown name counts
    only if it is similar to a known one.
    """
    similar = [line for line in unknown if "; is " in line]
    sources = dict.fromkeys(texts[0].source for name, texts in given.items() if name != "strict")
    if not (given or similar):
        return ""
    unused = f", so these settings have no effect: {', '.join(sources)}" if sources else ""
    reason = f"no system is set{unused}. Give --atlas-system=UUID or set ATLAS_SYSTEM_ID"
    return "; ".join([reason, *similar])


def collect(
    option: Callable[[str], Any], ini: Callable[[str], Any], environment: Mapping[str, str] = os.environ
) -> dict[str, list[Given]]:
    """Return the texts of each setting from the first source that sets it: command line, environment, ini file.

    Raises SettingError if pytest can't convert an ini value to its type.
    """
    given = {}
    for setting in SETTINGS:
        found = _from_option(setting, option) or _from_text(setting.env, environment.get(setting.env, ""))
        found = found or _from_ini(setting, ini)
        if found:
            given[setting.name] = found
    return given


def _from_option(setting: Setting, option: Callable[[str], Any]) -> list[Given]:
    value = option(destination(setting)) if setting.option else None
    if setting.kind == "list":
        return [Given(setting.option, text) for text in value or []]
    if setting.kind == "flag":
        return [Given(setting.option, "true")] if value else []
    return [Given(setting.option, value)] if value else []


def _from_text(source: str, text: str) -> list[Given]:
    return [Given(source, text)] if text.strip() else []


def _from_ini(setting: Setting, ini: Callable[[str], Any]) -> list[Given]:
    if not setting.ini:
        return []
    source = f"{setting.ini} {INI_FILE}"
    try:
        value = ini(setting.ini)
    except ValueError as error:
        raise SettingError(f"{source} can't be read: {error}") from None
    if setting.kind == "flag":
        return [Given(source, "true")] if value else []
    return _from_text(source, "\n".join(value or ()) if setting.kind == "list" else value or "")


def destination(setting: Setting) -> str:
    """Return the name of an option in pytest's config."""
    return setting.option.removeprefix("--").replace("-", "_")


def ini_keys(config: Any) -> list[str]:
    """Return the keys of pytest's ini file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pytest deprecates `inicfg` and offers no other way
        return list(getattr(config, "inicfg", ()))


def unknown_names(environment: Iterable[str], ini: Iterable[str]) -> list[str]:
    """Return one line for each unknown ATLAS_* variable and atlas_* key, with the most similar known name."""
    lines = []
    for kind, prefix, names, real in (
        ("variable", "ATLAS_", environment, [s.env for s in SETTINGS if s.env]),
        ("ini key", "atlas_", ini, [s.ini for s in SETTINGS if s.ini]),
    ):
        for name in sorted({name for name in names if name.startswith(prefix)} - set(real)):
            near = _most_similar(name.removeprefix(prefix), [known.removeprefix(prefix) for known in real])
            lines.append(f"{kind} {name} is unknown to pytest-atlas" + (f"; is {prefix}{near} meant?" if near else ""))
    return lines


def _most_similar(name: str, known: list[str]) -> str:
    import difflib  # 3 ms, only if there is an unknown name

    return next(iter(difflib.get_close_matches(name, known, n=1)), "")


def as_markdown(settings: Iterable[Setting] = SETTINGS) -> str:
    """Return the table of docs/settings.md, or a part of it."""
    rows = ["| option | ini | environment | description | default |", "| --- | --- | --- | --- | --- |"]
    for s in settings:
        option = f"`{s.option}{f'={s.metavar}' if s.metavar else ''}`" if s.option else ""
        more = " (may be given several times)" if s.kind == "list" and s.option else ""
        names = (f"`{name}`" if name else "" for name in (s.ini, s.env))
        cells = (option, *names, s.help + more, s.default.replace("<", "&lt;"))
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows)
