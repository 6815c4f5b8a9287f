"""Every setting in one table: where it comes from, how it is read, what it is. Options, help and docs are made from it.

The command line counts over the environment, the environment over the ini file; an empty text is none. Each value is parsed
once, here; what can't be right is a usage error before the first test. Standard library only, and nothing slow to import.
"""

import os
import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

Attach = Literal["failed", "all", "none"]
"""Whose captured output becomes a data file."""

Kind = Literal["text", "list", "flag"]

_UUID = r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}"


LONGEST_RUN_KEY = 200
"""Most characters of a run's key."""
SHORTEST_TOKEN = 16
"""Fewest characters of a token."""
MOST_OUTPUT_MIB = 1024
"""Largest limit of a test's captured output: it is in memory while it is written."""


class SettingError(Exception):
    """A setting that can't be right, in one line: where it was given, what is wrong with it, what to do."""


def uuid(text: str) -> str:
    """A UUID in its usual form."""
    if not re.fullmatch(_UUID, text.strip(), re.IGNORECASE):
        raise ValueError("is no UUID. Give the one that Atlas shows, for instance 5b0c0a52-93c8-4d0e-a2c4-0f6f4d6d1c11")
    plain = text.strip().replace("-", "").lower()
    return "-".join((plain[:8], plain[8:12], plain[12:16], plain[16:20], plain[20:]))


def run(text: str) -> str:
    """An existing run: its uuid, its reference as Atlas shows it, or `auto`."""
    if text.strip() == "auto" or re.fullmatch(r"TR-\d+", text.strip()):
        return text.strip()
    try:
        return uuid(text)
    except ValueError:
        raise ValueError("is no run. Give its uuid, its reference (TR-0042), or auto") from None


def run_key(text: str) -> str:
    """A run's key: it ends the run's description, in a line of its own."""
    key = text.strip()
    if len(key) > LONGEST_RUN_KEY or not key.isprintable():
        raise ValueError(f"is no run key. Give one line of at most {LONGEST_RUN_KEY} printable characters")
    return " ".join(key.split())


def url(text: str) -> str:
    """The origin of an Atlas: what its client takes, refused before the first test where it would refuse it after the last."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(text.strip())
        host, _ = parts.hostname, parts.port  # the port is parsed only when it is asked for
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https") or parts.query or parts.fragment or re.search(r"[\s@]", text.strip()):
        raise ValueError("is no URL of an Atlas. Give its origin with the scheme, for instance https://atlas.example.com")
    return text.strip()


def unencrypted(address: str) -> str:
    """A line to say where a token would go to `address` for all to read; empty where it does not leave this machine bare."""
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
    return (
        f"{address} is not encrypted: whoever is on the way there can read the token and the results. Use https:// if you can"
    )


def token(text: str) -> str:
    """A bearer token. What is wrong with it is told without showing it."""
    if re.search(r"[^!-~]", text.strip()):
        raise ValueError("has a character that no token can have: a space, a line break, a letter beyond ASCII")
    if len(text.strip()) < SHORTEST_TOKEN:
        # A shorter text occurs by chance in names and messages, which would be redacted.
        raise ValueError(f"has fewer than {SHORTEST_TOKEN} characters, so it is not a token of Atlas. Set the complete token")
    return text.strip()


def bucket(text: str) -> str:
    """A place in S3. What AWS and we allow in it exactly is checked where it is used."""
    if not re.match(r"s3://[A-Za-z0-9][A-Za-z0-9._-]+[A-Za-z0-9](/[^\s?#%]*)?$", text.strip()):
        raise ValueError("is no place in S3. Give s3://bucket/prefix, for instance s3://bench-data/atlas")
    return text.strip()


def seconds(text: str) -> float:
    """A time, in seconds."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise ValueError("is no time. Give seconds, 0 or more")
    return value


def mebibytes(text: str) -> int:
    """A size in MiB, as bytes."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= MOST_OUTPUT_MIB:
        raise ValueError(f"is not a size. Give MiB: more than 0, at most {MOST_OUTPUT_MIB}")
    return max(1, int(value * (1 << 20)))


def one_of(*words: str) -> Callable[[str], str]:
    """One of a few words."""

    def parse(text: str) -> str:
        if text.strip() not in words:
            raise ValueError(f"is not known. Give one of: {', '.join(words)}")
        return text.strip()

    return parse


class Setting(NamedTuple):
    """One row of the table. An empty name says that it can't be set there."""

    name: str
    option: str
    ini: str
    env: str
    parse: Callable[[str], Any]
    help: str
    kind: Kind = "text"
    metavar: str = ""
    default: str = ""  # for people

    @property
    def ini_type(self) -> Literal["string", "linelist", "bool"]:
        """What pytest takes the ini key for: in pyproject.toml a list is a list, and true is true."""
        return INI_TYPES[self.kind]


LINKS = ("assets", "issues", "templates")
"""What a run takes at its creation only."""

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
            "record into this run instead of a new one; auto: into the one with the run's key, if there is one",
            metavar="{UUID,TR-…,auto}"),
    Setting("overwrite", "--atlas-overwrite", "atlas_overwrite", "", bool,
            "in an existing run, replace outcomes of steps that are a person's or a template's, too", "flag"),
    Setting("run_key", "", "", "ATLAS_RUN_KEY", run_key,
            "key by which the run is found again, where a retried job is to find it",
            default="the session's id; with auto the CI job's"),
    Setting("title", "--atlas-title", "atlas_title", "ATLAS_TITLE", str.strip, "title of the run", metavar="TEXT",
            default="project, branch and commit; in CI repository, branch and number"),
    Setting("description", "--atlas-description", "atlas_description", "ATLAS_DESCRIPTION", str.strip,
            "description of the run; the session's digest follows it", metavar="TEXT"),
    Setting("assets", "--atlas-asset", "atlas_asset", "ATLAS_ASSET", uuid, "id of an asset under test", "list", "UUID"),
    Setting("issues", "--atlas-issue", "atlas_issue", "ATLAS_ISSUE", uuid, "id of an issue of the run", "list", "UUID"),
    Setting("templates", "--atlas-template", "atlas_template", "ATLAS_TEMPLATE", uuid,
            "id of a card template to instantiate in the run", "list", "UUID"),
    Setting("offline", "--atlas-offline", "atlas_offline", "", bool,
            "record only; `pytest-atlas push` publishes later", "flag"),
    Setting("skipped", "--atlas-skipped", "atlas_skipped", "", one_of("todo", "exception"),
            "what a skipped test's step becomes", metavar="{todo,exception}", default="todo"),
    Setting("bucket", "--atlas-bucket", "atlas_bucket", "ATLAS_BUCKET", bucket,
            "s3://bucket/prefix for data files", metavar="S3URL"),
    Setting("attach", "--atlas-attach", "atlas_attach", "", one_of("failed", "all", "none"),
            "whose captured output becomes a data file", metavar="{failed,all,none}", default="failed"),
    Setting("output_limit", "--atlas-output-limit", "atlas_output_limit", "", mebibytes,
            "most MiB of a test's captured output; of more, the beginning and the end are kept", metavar="MIB", default="10"),
    Setting("report", "--atlas-report", "atlas_report", "", bool,
            "ask for an analysis at the end, and wait for it", "flag"),
    Setting("report_scope", "--atlas-report-scope", "atlas_report_scope", "", one_of("run", "card", "step"),
            "what it is of: the run, or the cards or steps that failed", metavar="{run,card,step}", default="run"),
    Setting("report_context", "--atlas-report-context", "atlas_report_context", "", str.strip,
            "free text that guides the analysis", metavar="TEXT"),
    Setting("artifacts", "", "atlas_artifacts", "", str.strip,
            "patterns of files in a test's `tmp_path` that become data files, such as *.mf4 *.csv", "list"),
    Setting("summary", "--atlas-summary", "atlas_summary", "", Path,
            "write a summary of the session into this file, as Markdown (in GitHub Actions the job's own gets it by itself)",
            metavar="FILE"),
    Setting("strict", "--atlas-strict", "atlas_strict", "", bool,
            "fail the session if anything is not recorded, not readable or not published", "flag"),
    Setting("timeout_s", "--atlas-timeout", "atlas_timeout", "", seconds,
            "most seconds to wait for Atlas at the end", metavar="SECONDS", default="60"),
    Setting("atlas_dir", "--atlas-dir", "atlas_dir", "ATLAS_DIR", Path,
            "folder of the sessions and of the local Atlas", metavar="DIR", default="<rootdir>/.atlas"),
    Setting("off", "--no-atlas", "", "", bool, "nothing is recorded in this session, whatever else is set", "flag"),
)  # fmt: skip


INI_FILE = "(ini file)"
"""The end of the source of each value from an ini file. `-o key=value` counts as one: `addopts` in the file can contain it."""


class Given(NamedTuple):
    """A setting's value as the user gave it, and where."""

    source: str
    text: str


class Settings(NamedTuple):  # a frozen dataclass would cost sessions that do not use it half a millisecond
    """All settings, parsed."""

    system: str
    url: str = ""
    url_from: str = ""  # the source of the URL
    has_token: bool = False  # a token that may be sent to the URL
    run: str = ""
    overwrite: bool = False
    run_key: str = ""
    title: str = ""
    description: str = ""
    assets: tuple[str, ...] = ()
    issues: tuple[str, ...] = ()
    templates: tuple[str, ...] = ()
    offline: bool = False
    skipped: Literal["todo", "exception"] = "todo"
    bucket: str = ""
    attach: Attach = "failed"
    output_limit: int = 10 << 20  # bytes
    artifacts: tuple[str, ...] = ()
    report: bool = False
    report_scope: Literal["run", "card", "step"] = "run"
    report_context: str = ""
    summary: Path | None = None
    summary_from: str = ""  # where the user named it
    step_summary: str = ""  # the file of GitHub's job summary
    strict: bool = False
    timeout_s: float = 60.0
    atlas_dir: Path | None = None
    atlas_dir_from: str = ""  # where the user named it

    why_records_only: str = ""  # the reason why nothing is sent; "" if the session is published

    @property
    def records_only(self) -> bool:
        """Whether the session is recorded, but not published."""
        return bool(self.why_records_only)


def parse(given: Mapping[str, list[Given]]) -> Settings | None:
    """The settings from what was given for each name; None where the plugin is off. Raises SettingError."""
    if "off" in given:
        return None
    if "system" not in given:
        if "strict" in given:
            raise SettingError(not_recorded_strictly(given, not_recorded(given)))
        return None
    values = {setting.name: _value(setting, given[setting.name]) for setting in SETTINGS if setting.name in given}
    why = _why_records_only(values, given)
    _check_together(values, given, why)
    values["has_token"] = bool(values.pop("token", "")) and not _is_from_ini(given, "url")
    for name in ("url", "atlas_dir", "summary"):
        values[f"{name}_from"] = given[name][0].source if name in given else ""
    return Settings(**values, why_records_only=why)


def _is_from_ini(given: Mapping[str, list[Given]], name: str) -> bool:
    return name in given and given[name][0].source.endswith(INI_FILE)


def _why_records_only(values: Mapping[str, Any], given: Mapping[str, list[Given]]) -> str:
    """The reason why the session is not published; empty if it is."""
    if values.get("offline"):
        return given["offline"][0].source
    if not values.get("url"):
        return ""
    source = given["url"][0].source
    if not values.get("token"):
        return f"{source} is set, but ATLAS_TOKEN is not"
    if _is_from_ini(given, "url"):  # a pull request can change the file: the token would be sent to the URL of its author
        return f"ATLAS_TOKEN is not sent to the URL of {source}. To publish, set ATLAS_URL to the origin of your Atlas"
    return ""


def not_recorded_strictly(given: Mapping[str, list[Given]], reason: str) -> str:
    """Return the usage error of a strict session that can't be recorded."""
    return f"{given['strict'][0].source}: the session is not recorded: {reason}"


def not_recorded(given: Mapping[str, list[Given]], unknown: Iterable[str] = ()) -> str:
    """Return the reason why a session with Atlas settings, but without a system, is not recorded; empty without any.

    `unknown`: the lines of unknown_names. A variable like ATLAS_REGION can belong to another program: an unknown name counts
    only if it is similar to one of ours.
    """
    similar = [line for line in unknown if "; is " in line]
    sources = dict.fromkeys(said[0].source for name, said in given.items() if name != "strict")
    if not (given or similar):
        return ""
    unused = f", so these settings have no effect: {', '.join(sources)}" if sources else ""
    reason = f"no system is set{unused}. Give --atlas-system=UUID or set ATLAS_SYSTEM_ID"
    return "; ".join([reason, *similar])


def _value(setting: Setting, given: list[Given]) -> Any:
    if setting.kind == "list":
        words = (Given(g.source, word) for g in given for word in re.split(r"[\s,]+", g.text) if word)
        return tuple(dict.fromkeys(_parsed(setting, word) for word in words))
    return _parsed(setting, given[0])


def _parsed(setting: Setting, given: Given) -> Any:
    try:
        return setting.parse(given.text)
    except ValueError as error:
        shown = given.text.rpartition("@")[2]  # a password may stand before
        what = "the token" if setting.name == "token" else repr(shown if len(shown) <= 200 else f"{shown[:200]}…")
        raise SettingError(f"{given.source}: {what} {error}") from None


def _check_together(values: Mapping[str, Any], given: Mapping[str, list[Given]], why_records_only: str) -> None:
    if values.get("token") and not values.get("url"):
        raise SettingError(
            "ATLAS_TOKEN is set, but ATLAS_URL is not: the results would go to the local Atlas. "
            "Set ATLAS_URL to the origin of your Atlas, or unset ATLAS_TOKEN"
        )
    links = [given[name][0].source for name in LINKS if name in given]
    if values.get("run", "auto") != "auto" and any(source.startswith("--") for source in links):
        raise SettingError(
            f"{', '.join(links)} with {given['run'][0].source}: a run that exists takes no assets, issues or templates. "
            "Link them to it in Atlas"
        )
    if values.get("strict") and values.get("offline"):
        raise SettingError(
            f"{given['strict'][0].source} with {given['offline'][0].source}: a session that is only recorded is never complete "
            "in Atlas. Leave one of the two out"
        )
    if values.get("strict") and why_records_only:
        raise SettingError(f"{given['strict'][0].source}: {why_records_only}. As it is, nothing can be published")


def collect(
    option: Callable[[str], Any], ini: Callable[[str], Any], environment: Mapping[str, str] = os.environ
) -> dict[str, list[Given]]:
    """What was given for each setting, from the first of command line, environment and ini file that gives something.

    Raises SettingError where pytest itself can't read an ini key as what it is.
    """
    given = {}
    for setting in SETTINGS:
        found = _from_option(setting, option) or _from_text(setting.env, environment.get(setting.env, ""))
        found = found or _from_ini(setting, ini)
        if found:
            given[setting.name] = found
    return given


def _from_option(setting: Setting, option: Callable[[str], Any]) -> list[Given]:
    said = option(destination(setting)) if setting.option else None
    if setting.kind == "list":
        return [Given(setting.option, text) for text in said or []]
    if setting.kind == "flag":
        return [Given(setting.option, "true")] if said else []
    return [Given(setting.option, said)] if said else []


def _from_text(source: str, text: str) -> list[Given]:
    return [Given(source, text)] if text.strip() else []


def _from_ini(setting: Setting, ini: Callable[[str], Any]) -> list[Given]:
    if not setting.ini:
        return []
    source = f"{setting.ini} {INI_FILE}"
    try:
        said = ini(setting.ini)
    except ValueError as error:
        raise SettingError(f"{source} can't be read: {error}") from None
    if setting.kind == "flag":
        return [Given(source, "true")] if said else []
    return _from_text(source, "\n".join(said or ()) if setting.kind == "list" else said or "")


def destination(setting: Setting) -> str:
    """The name of an option's value in pytest's config."""
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
            lines.append(f"{kind} {name} means nothing to pytest-atlas" + (f"; is {prefix}{near} meant?" if near else ""))
    return lines


def _most_similar(name: str, known: list[str]) -> str:
    import difflib  # 3 ms, only if there is an unknown name

    return next(iter(difflib.get_close_matches(name, known, n=1)), "")


def as_markdown(settings: Iterable[Setting] = SETTINGS) -> str:
    """The table of docs/settings.md, or a part of it."""
    rows = ["| option | ini | environment | what | default |", "| --- | --- | --- | --- | --- |"]
    for s in settings:
        option = f"`{s.option}{f'={s.metavar}' if s.metavar else ''}`" if s.option else ""
        more = " (may be given several times)" if s.kind == "list" and s.option else ""
        names = (f"`{name}`" if name else "" for name in (s.ini, s.env))
        cells = (option, *names, s.help + more, s.default.replace("<", "&lt;"))
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows)
