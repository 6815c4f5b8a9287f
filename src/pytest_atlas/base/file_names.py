"""Names of files: safe for every file system and S3, their suffixes, their paths as text. Pure, standard library only."""

import re
from builtins import isinstance, len, str
from hashlib import sha256
from os import PathLike, altsep, fsdecode, fspath, sep
from pathlib import PurePath
from typing import Any
from unicodedata import category, normalize

MAX_NAME_BYTES = 200
"""Limit of a safe name in UTF-8: file systems allow 255 bytes, and pytest-atlas adds a prefix."""

_SUFFIXES = re.compile(r"(\.[A-Za-z0-9_+-]{1,16}){1,3}\Z")
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\ufffe\uffff]')
_DOTS = re.compile(r"\.{2,}")
_INVISIBLE = ("Cc", "Cf", "Cs", "Zl", "Zp")  # controls, direction marks, lone surrogates, line and paragraph separators
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)\s*(\.|\Z)", re.IGNORECASE)
"""Names that Windows reserves for devices, with any suffix:
https://learn.microsoft.com/windows/win32/fileio/naming-a-file#naming-conventions"""


def safe_name(name: str) -> str:
    """Return `name` as a single path component without invisible characters, of at most MAX_NAME_BYTES bytes.

    Forbidden characters are replaced by `_`. A long name is cut before its suffixes and gets a hash of the whole name, so
    that two long names stay distinct. The result is never empty, and `safe_name` doesn't change it again.
    """
    normal = normalize("NFC", name)
    visible = "".join("_" if category(c) in _INVISIBLE else c for c in normal)
    plain = _DOTS.sub(".", _FORBIDDEN.sub("_", visible)).strip().rstrip(". ")
    if _DEVICE.match(plain):
        plain = "_" + plain
    return _shortened(plain or "file", name)


def suffixes(name: str) -> list[str]:
    """Return the suffixes of a file name as `PurePath.suffixes` does, without builtins, which a test can replace."""
    return [] if name.endswith(".") else [f".{part}" for part in name.lstrip(".").split(".")[1:]]


def suffix(name: str) -> str:
    """Return the last suffix of a file name, empty if there is none."""
    return "".join(suffixes(name)[-1:])


def base_name(path: str) -> str:
    """Return the name of a file without its directories."""
    return path.replace(altsep or sep, sep).rstrip(sep).rpartition(sep)[2]


def path_text(path: str | bytes | PathLike[Any]) -> str:
    """Return a path as `os.fsdecode` does, without functions and builtins that a test can replace."""
    if isinstance(path, PurePath):
        return PurePath.__str__(path)
    text = fspath(path)
    return text if isinstance(text, str) else fsdecode(text)


def _shortened(plain: str, original: str) -> str:
    if len(plain.encode()) <= MAX_NAME_BYTES:
        return plain
    match = _SUFFIXES.search(plain)
    ending = "-" + sha256(original.encode("utf-8", "backslashreplace")).hexdigest()[:8] + (match[0] if match else "")
    return plain.encode()[: MAX_NAME_BYTES - len(ending)].decode(errors="ignore") + ending
