"""Detect the CI job of this session from its environment variables. Pure. No value can be a secret.

Only the variables in the table of ci_providers.py are read. A value that is empty, not printable or longer than 255 characters
counts as missing. Only scheme, host and path of a link are kept: the rest may contain a password or a token.
"""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from pytest_atlas.settings import LONGEST_RUN_KEY

from .ci_providers import CIS, Row, variables

MAX_LENGTH = 255
"""Largest length of a value; the name of a branch can't be longer."""
Environment = Mapping[str, str]


class CI(NamedTuple):
    """The CI job of a session. Unknown fields are empty."""

    name: str
    job: str  # its name, the same for each attempt and each build
    link: str = ""
    repository: str = ""
    branch: str = ""
    commit: str = ""
    pull_request: str = ""  # "#12", GitLab's "!12"
    number: str = ""
    attempt: str = ""  # "1" is the first
    runner: str = ""
    key: str = ""  # run key for --atlas-run=auto: differs between the legs of a matrix, not between attempts


def ci(environment: Environment, run_key: str = "") -> CI | None:
    """Return the CI job in `environment`; None without a known CI. `run_key`: ATLAS_RUN_KEY, or empty."""
    row = next((row for row in CIS if any(_is_set(environment.get(name, "")) for name in row.known_by)), None)
    return _read(row, environment, run_key) if row else None


def _is_set(text: str) -> bool:
    return text.strip().lower() not in ("", "false", "0")


def _read(row: Row, environment: Environment, run_key: str) -> CI:
    def value(name: str) -> str:
        return clean(environment.get(name, ""))

    def first(templates: tuple[str, ...]) -> str:
        return next(filter(None, (_filled(template, value) for template in templates)), "")

    parts = [row.name, *(_filled(part, value) for part in row.job), _leg(run_key, [value(name) for name in row.run_ids])]
    commit = first(row.commit)
    return CI(
        name=row.name,
        job=_bounded(" / ".join(part for part in parts if part)),
        link=_link(row.link, value),
        repository=first(row.repository),
        branch=_branch(first(row.branch)),
        commit=commit[:10] if re.fullmatch(r"[0-9a-fA-F]{7,64}", commit) else "",  # Buildkite's may be HEAD
        pull_request=_pull_request(first(row.pull_request), row.pull_request_mark),
        number=_filled(row.number, value),
        attempt=_attempt(_filled(row.attempt, value), row.first_attempt),
        runner=first(row.runner),
        key=_key(row, value),
    )


def clean(text: str) -> str:
    """Return `text` without surrounding spaces; empty if it is not printable or too long."""
    text = text.strip()
    return text if len(text) <= MAX_LENGTH and text.isprintable() else ""


def _filled(template: str, value: Callable[[str], str]) -> str:
    """Return `template` with the values of its variables; empty if one of them is missing."""
    values = {name: value(name) for name in variables(template)}
    return template.format_map(values) if all(values.values()) else ""


def _link(template: str, value: Callable[[str], str]) -> str:
    return _filled(template, lambda name: _safe_url(value(name)) if name.endswith(("URL", "URI")) else quote(value(name)))


def _safe_url(text: str) -> str:
    """Return scheme, host and path of a URL, without a slash at the end; empty if `text` is not a URL."""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port  # reading the port raises ValueError if it is invalid
    except ValueError:
        return ""
    place = parts.netloc.rpartition("@")[2]
    if parts.scheme not in ("http", "https") or not host or re.search(r"[^\w.:\[\]-]", place):
        return ""
    return f"{parts.scheme}://{place}{quote(parts.path, safe='/%:@+,;=~!$&()')}".rstrip("/")


def _branch(text: str) -> str:
    """Return the name without a prefix. Jenkins' git plugin reports `origin/main`, and `detached` without a branch."""
    name = re.sub(r"^(refs/(heads|tags)/|origin/)", "", text)
    return "" if name in ("detached", "HEAD") else name


def _pull_request(text: str, mark: str) -> str:
    """Return the number of a pull request from its number, link or ref."""
    found = re.search(r"(?:^|/(?:pull|pulls|pull-requests)/)([0-9]+)(?:/\w+)?/?$", text)
    return f"{mark}{found[1]}" if found and not text.startswith(("refs/heads/", "refs/tags/")) else ""


def _attempt(text: str, first: int) -> str:
    return str(int(text) + 1 - first) if re.fullmatch(r"[0-9]{1,6}", text) else ""


def _key(row: Row, value: Callable[[str], str]) -> str:
    parts = [(_filled(part.rstrip("?"), value), part.endswith("?")) for part in row.key]
    if not parts or not all(text or is_optional for text, is_optional in parts):
        return ""
    return _bounded(re.sub(r"\s+", "-", ":".join([row.short, *(text for text, _ in parts if text)])))


def _leg(run_key: str, run_ids: list[str]) -> str:
    """Return the run key without the id of the CI run: `hil-bench-a` of `17-hil-bench-a`. Empty if it has no such id."""
    for run_id in filter(None, run_ids):
        rest, count = re.subn(rf"(?<!\w){re.escape(run_id)}(?!\w)", "", run_key, count=1)
        if count:
            return clean(rest.strip("-_./: "))
    return ""


def _bounded(text: str) -> str:
    """Return `text`. If it is longer than a key can be, cut it and append a hash."""
    if len(text) <= LONGEST_RUN_KEY:
        return text
    from hashlib import sha256

    return f"{text[: LONGEST_RUN_KEY - 17]}-{sha256(text.encode()).hexdigest()[:16]}"
