"""Which CI runs this session, and what its variables say. Pure; never a value that may be a secret.

Only the variables of the table in cis.py are read. A value that is empty, longer than 255 characters or not printable in one
line counts as not there; of a link only scheme, host and path are kept, since a password or a token may stand in the rest.
"""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from pytest_atlas.settings import LONGEST_RUN_KEY

from .ci_providers import CIS, Row, variables

LONGEST = 255
"""Most characters of a value; a branch's name can't have more either."""
Environment = Mapping[str, str]


class CI(NamedTuple):
    """What is known of the job that runs the session; empty where nothing is."""

    name: str
    job: str  # what runs again and again: the same for each attempt, and for each build of it
    link: str = ""
    repository: str = ""
    branch: str = ""
    commit: str = ""
    pull_request: str = ""  # "#12", GitLab's "!12"
    number: str = ""
    attempt: str = ""  # "1" is the first
    runner: str = ""
    key: str = ""  # the run's key for --atlas-run=auto: tells the legs of a matrix apart and survives a retry


def ci(environment: Environment, run_key: str = "") -> CI | None:
    """The CI job that `environment` tells of; None outside of the CIs of the table. `run_key`: the user's own, if any."""
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
    """`text` as it can stand in one line; empty where it can't, or is too long to be what it should be."""
    text = text.strip()
    return text if len(text) <= LONGEST and text.isprintable() else ""


def _filled(template: str, value: Callable[[str], str]) -> str:
    """`template` with the values of its variables; empty where one of them is not there."""
    values = {name: value(name) for name in variables(template)}
    return template.format_map(values) if all(values.values()) else ""


def _link(template: str, value: Callable[[str], str]) -> str:
    return _filled(template, lambda name: _safe_url(value(name)) if name.endswith(("URL", "URI")) else quote(value(name)))


def _safe_url(text: str) -> str:
    """Scheme, host and path of a web address, without the slash at its end; empty where `text` is none."""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port  # the port is parsed only when it is asked for
    except ValueError:
        return ""
    place = parts.netloc.rpartition("@")[2]
    if parts.scheme not in ("http", "https") or not host or re.search(r"[^\w.:\[\]-]", place):
        return ""
    return f"{parts.scheme}://{place}{quote(parts.path, safe='/%:@+,;=~!$&()')}".rstrip("/")


def _branch(text: str) -> str:
    """The name without what says that it is one. Jenkins' git plugin calls a branch `origin/main`, and none `detached`."""
    name = re.sub(r"^(refs/(heads|tags)/|origin/)", "", text)
    return "" if name in ("detached", "HEAD") else name


def _pull_request(text: str, mark: str) -> str:
    """Its number, alone, in its link or in its ref."""
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
    """What of the user's key is the same in every run: `hil-bench-a` of `17-hil-bench-a`. Empty where the run is not in it."""
    for run_id in filter(None, run_ids):
        rest, count = re.subn(rf"(?<!\w){re.escape(run_id)}(?!\w)", "", run_key, count=1)
        if count:
            return clean(rest.strip("-_./: "))
    return ""


def _bounded(text: str) -> str:
    """`text`, where it is longer than a key may be with a hash of the whole at its end."""
    if len(text) <= LONGEST_RUN_KEY:
        return text
    from hashlib import sha256

    return f"{text[: LONGEST_RUN_KEY - 17]}-{sha256(text.encode()).hexdigest()[:16]}"
