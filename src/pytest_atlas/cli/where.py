"""The Atlas directory and the Atlas of a command: from its options, the environment and the working directory."""

import os
import sys
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pytest_atlas.base import atlas_directory
from pytest_atlas.base.private_files import is_link, resolve_links
from pytest_atlas.publisher.files.bucket import Bucket
from pytest_atlas.settings import Given, SettingError, collect
from pytest_atlas.settings.parsed import parse

ANY_SYSTEM = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class Remote:
    """A remote Atlas with its credentials."""

    url: str
    token: str = field(repr=False)
    bucket: Bucket | None = None  # for data files


def atlas_dir(arguments: Namespace, environment: Mapping[str, str] = os.environ) -> Path:
    """Return the directory of `find_atlas_dir`, after a warning if other users can change it. Raises SettingError."""
    found = find_atlas_dir(arguments, environment)
    for line in atlas_directory.warnings(found):
        print(f"pytest-atlas: warning: {line}", file=sys.stderr)
    return found


def find_atlas_dir(arguments: Namespace, environment: Mapping[str, str] = os.environ) -> Path:
    """Return the directory that --atlas-dir or ATLAS_DIR names, else the nearest .atlas, else the one to be created here.

    The path is absolute and without links. Raises SettingError if the nearest .atlas is a link: it can come with a checkout.
    """
    found = named_atlas_dir(arguments, environment) or nearest(Path.cwd()) or resolve_links(Path.cwd()) / atlas_directory.NAME
    if is_link(found):
        raise SettingError(f"{found} is a link. Name the directory with --atlas-dir or ATLAS_DIR")
    return found


def named_atlas_dir(arguments: Namespace, environment: Mapping[str, str] = os.environ) -> Path | None:
    """Return the directory that the user named, or None."""
    named = arguments.atlas_dir or environment.get("ATLAS_DIR", "").strip()
    return resolve_links(os.path.expanduser(named)) if named else None  # Path.expanduser raises for a user without a home


def nearest(directory: Path) -> Path | None:
    """Return the `.atlas` in `directory` or in its closest parent that has one."""
    return next((found for place in (directory, *directory.parents) if (found := place / atlas_directory.NAME).is_dir()), None)


def remote(url: str | None = None, environment: Mapping[str, str] = os.environ) -> Remote | None:
    """Return the Atlas that `url` (of --url) or ATLAS_URL names, with ATLAS_TOKEN; None if neither is set.

    Raises SettingError if only one of URL and token is set, or if one is invalid.
    """
    given = collect(lambda _: None, lambda _: None, environment)
    given = {name: given[name] for name in ("url", "token", "bucket") if name in given}
    if url is not None:
        given["url"] = [Given("--url", url)]
    settings = parse({"system": [Given("", ANY_SYSTEM)], **given})
    if settings is None or not settings.url:
        return None
    if not settings.has_token:
        instead = "" if url is not None else ", or unset ATLAS_URL to use the local Atlas"
        raise SettingError(
            f"{given['url'][0].source} names an Atlas, but ATLAS_TOKEN is not set. Set it to your token{instead}"
        )
    bucket = Bucket.parse(settings.bucket) if settings.bucket else None
    return Remote(settings.url, environment["ATLAS_TOKEN"].strip(), bucket)
