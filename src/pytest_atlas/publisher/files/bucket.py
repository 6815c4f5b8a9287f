"""The bucket for data files, `s3://bucket/prefix`, and the keys of objects in it. Pure; standard library only."""

import re
from typing import Self

from pytest_atlas.base.records import dataclass

EXAMPLE = "Use s3://bucket/prefix, for example s3://bench-data/atlas"

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]")
"""The present rules, and those of buckets created before 2018:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html"""

_PREFIX = re.compile(r"[A-Za-z0-9!_.*'()=+@,-]+(/[A-Za-z0-9!_.*'()=+@,-]+)*")
"""Characters that are valid in keys and that URL parsers don't change: no space, percent, question mark or number sign."""

MAX_PREFIX = 512
"""Characters. A key has at most 1,024 bytes: the rest is for the run, the step or card, and the file name."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket and the prefix of our keys, which has no slash at its ends and can be empty."""

    name: str
    prefix: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse `s3://bucket/prefix`. Raises ValueError; its message does not contain the text, which may have a secret."""
        scheme, found, rest = text.strip().partition("://")
        name, _, prefix = rest.partition("/")
        prefix = "/".join(piece for piece in prefix.split("/") if piece)
        if scheme.lower() != "s3" or not found or not name:
            raise ValueError(f"is not an S3 URL. {EXAMPLE}")
        if "@" in name or ":" in name:
            raise ValueError(f"contains a user or a port. Credentials come from the settings of AWS. {EXAMPLE}")
        if not _BUCKET.fullmatch(name) or ".." in name:
            raise ValueError(f"has an invalid bucket name. {EXAMPLE}")
        if prefix and (not _PREFIX.fullmatch(prefix) or {".", ".."} & set(prefix.split("/"))):
            raise ValueError(f"has a prefix with characters that URL parsers may change. {EXAMPLE}")
        if len(prefix) > MAX_PREFIX:
            raise ValueError(f"has a prefix with more than {MAX_PREFIX} characters. {EXAMPLE}")
        return cls(name, prefix)

    def __str__(self) -> str:
        return url_of(self.name, self.prefix)

    def key(self, *, run_id: str, sha256: str, name: str) -> str:
        """`<prefix>/<run id>/<first 16 of sha256>-<name>`; the hash distinguishes files with equal names."""
        return "/".join(piece for piece in (self.prefix, plain(run_id), f"{sha256[:16]}-{plain(name)}") if piece)

    def holds(self, url: str, *, run_id: str = "") -> bool:
        """Return whether `url` is an object below the prefix, and, with `run_id`, one of this run."""
        below = "/".join(piece for piece in (self.prefix, plain(run_id)) if piece)
        return url.startswith(url_of(self.name, f"{below}/" if below else "")) and not url.endswith("/")


def url_of(bucket: str, key: str) -> str:
    """Return `s3://bucket/key`."""
    return f"s3://{bucket}/{key}"


def split(url: str) -> tuple[str, str]:
    """Return bucket and key of an s3:// URL. Raises ValueError if it has none."""
    scheme, _, rest = url.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not bucket or not key:
        raise ValueError(f"{url!r} is not the s3:// URL of an object")
    return bucket, key


def beside(key: str, place: str) -> str:
    """Return the key for a copy of an object for one step or card: in a directory named `place`, with the same name."""
    directory, slash, name = key.rpartition("/")
    return f"{directory}{slash}{plain(place)}/{name}"


def plain(name: str) -> str:
    """Replace characters in `name` that URL parsers may change; the suffix remains."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", name)
