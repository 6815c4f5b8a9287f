"""Where data files go: `s3://bucket/prefix`, parsed once, and the keys of objects in it. Pure; standard library only."""

import re
from dataclasses import dataclass
from typing import Self

EXAMPLE = "Give s3://bucket/prefix, for instance s3://bench-data/atlas"

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]")
"""Today's rules and those of buckets made before 2018:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html"""

_PREFIX = re.compile(r"[A-Za-z0-9!_.*'()=+@,-]+(/[A-Za-z0-9!_.*'()=+@,-]+)*")
"""What a key may hold and every reader of a URL leaves alone: no space, percent, question mark or number sign."""

LONGEST_PREFIX = 512
"""Characters. A key takes 1,024 bytes: the rest is for the run, the place and the file's name."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket and the folder in it that is ours; the prefix is without slashes around it, and may be empty."""

    name: str
    prefix: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `s3://bucket/prefix`. Raises ValueError, saying what to give instead, never showing what was given."""
        scheme, found, rest = text.strip().partition("://")
        name, _, prefix = rest.partition("/")
        prefix = "/".join(piece for piece in prefix.split("/") if piece)
        if scheme.lower() != "s3" or not found or not name:
            raise ValueError(f"is no place in S3. {EXAMPLE}")
        if "@" in name or ":" in name:
            raise ValueError(f"has more than a bucket in its first part; credentials come from AWS's own settings. {EXAMPLE}")
        if not _BUCKET.fullmatch(name) or ".." in name:
            raise ValueError(f"names no bucket that S3 can have. {EXAMPLE}")
        if prefix and (not _PREFIX.fullmatch(prefix) or {".", ".."} & set(prefix.split("/"))):
            raise ValueError(f"has a prefix with characters that not every reader of a URL leaves alone. {EXAMPLE}")
        if len(prefix) > LONGEST_PREFIX:
            raise ValueError(f"has a prefix of more than {LONGEST_PREFIX} characters. {EXAMPLE}")
        return cls(name, prefix)

    def __str__(self) -> str:
        return url_of(self.name, self.prefix)

    def key(self, *, run_id: str, sha256: str, name: str) -> str:
        """`<prefix>/<run id>/<first 16 of sha256>-<name>`; the hash tells apart what the plain name does not."""
        return "/".join(piece for piece in (self.prefix, plain(run_id), f"{sha256[:16]}-{plain(name)}") if piece)

    def holds(self, url: str, *, run_id: str = "") -> bool:
        """Whether `url` is an object below the prefix, and, with `run_id`, one of this run."""
        below = "/".join(piece for piece in (self.prefix, plain(run_id)) if piece)
        return url.startswith(url_of(self.name, f"{below}/" if below else "")) and not url.endswith("/")


def url_of(bucket: str, key: str) -> str:
    """`s3://bucket/key`."""
    return f"s3://{bucket}/{key}"


def split(url: str) -> tuple[str, str]:
    """Bucket and key of an s3:// URL. Raises ValueError where it has none."""
    scheme, _, rest = url.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not bucket or not key:
        raise ValueError(f"{url!r} is no s3:// URL of an object")
    return bucket, key


def beside(key: str, place: str) -> str:
    """The key of an object's copy for one place: in a folder named after that, under the same name."""
    folder, slash, name = key.rpartition("/")
    return f"{folder}{slash}{plain(place)}/{name}"


def plain(name: str) -> str:
    """`name` in characters that every reader of an s3:// URL leaves alone; its suffix stays."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", name)
