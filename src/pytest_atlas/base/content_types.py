"""What kind of file a name promises, and names that every file system takes. Standard library only, reads no file.

To know one more kind is one more row of TABLE. What stands in no row is looked up in `mimetypes`, in the tables that Python
brings: never in those of the machine, so that the same file has the same type on every bench.
"""

import mimetypes
import re
from functools import cache
from hashlib import sha256
from re import sub
from typing import Literal, NamedTuple
from unicodedata import category, normalize

Source = Literal["IANA", "vendor", "ours"]
"""Who says so: IANA's registry of media types, the documentation of those who made the format, or nobody but us."""


class Row(NamedTuple):
    """One kind of file: its suffixes in lower case, its media type, who says so, and where."""

    suffixes: str
    type: str
    source: Source
    reference: str


UNKNOWN = "application/octet-stream"

TABLE = (
    # Buses and measurement systems of vehicles
    Row(".mf4 .mdf", "application/x-mdf", "ours", "ASAM MDF; ASAM registered no type"),
    Row(".blf", "application/x-blf", "ours", "Vector binary logging format"),
    Row(".asc", "text/plain", "IANA", "RFC 2046; Vector ASCII log of a bus"),
    Row(".trc", "text/plain", "IANA", "RFC 2046; PEAK trace of a bus"),
    Row(".dbc .a2l", "text/plain", "IANA", "RFC 2046; Vector CAN database, ASAM MCD-2 MC"),
    Row(".arxml", "application/xml", "IANA", "RFC 7303; AUTOSAR XML"),
    # Tables and arrays
    Row(".tdms", "application/x-tdms", "ours", "NI TDMS"),
    Row(".h5 .hdf5 .he5", "application/vnd.hdfgroup.hdf5", "IANA", "vnd.hdfgroup.hdf5, registered 2026-03-17"),
    Row(".mat", "application/x-matlab-data", "ours", "MATLAB MAT-file; the type that file(1) and Tika give"),
    Row(".parquet", "application/vnd.apache.parquet", "IANA", "vnd.apache.parquet"),
    Row(".arrow .feather", "application/vnd.apache.arrow.file", "IANA", "vnd.apache.arrow.file; Feather 2 is the same format"),
    Row(".arrows", "application/vnd.apache.arrow.stream", "IANA", "vnd.apache.arrow.stream"),
    Row(".npy", "application/x-npy", "ours", "NumPy array"),
    Row(".npz", "application/x-npz", "ours", "NumPy arrays in a zip"),
    Row(".csv", "text/csv", "IANA", "RFC 7111"),
    Row(".tsv", "text/tab-separated-values", "IANA", "text/tab-separated-values"),
    Row(".json", "application/json", "IANA", "RFC 8259"),
    Row(".jsonl .ndjson", "application/jsonl", "vendor", "https://jsonlines.org proposes it"),
    Row(".plotly.json", "application/vnd.plotly.v1+json", "vendor", "plotly.py's own type for a figure"),
    # Captures, waveforms, recordings
    Row(".pcap .cap", "application/vnd.tcpdump.pcap", "IANA", "vnd.tcpdump.pcap"),
    Row(".pcapng", "application/x-pcapng", "vendor", "Wireshark's own type for it"),
    Row(".vcd", "application/vnd.gtkwave-vcd", "vendor", "GTKWave's own type for IEEE 1364 value change dumps"),
    Row(".sr", "application/vnd.sigrok.session", "IANA", "vnd.sigrok.session"),
    Row(".ulg", "application/x-ulog", "ours", "PX4 ULog"),
    Row(".mcap", "application/x-mcap", "ours", "https://mcap.dev gives no type"),
    Row(".wav", "audio/vnd.wave", "IANA", "RFC 2361"),
    # Firmware
    Row(".s19 .s28 .s37 .srec .mot", "application/x-srecord", "ours", "Motorola S-record"),
    Row(".hex .ihex", "application/x-intel-hex", "ours", "Intel HEX"),
    Row(".elf .axf", "application/x-elf", "ours", "executable and linkable format"),
    # Pictures, films, texts
    Row(".mkv", "video/matroska", "IANA", "RFC 9559"),
    Row(".mp4", "video/mp4", "IANA", "RFC 4337"),
    Row(".png", "image/png", "IANA", "W3C PNG"),
    Row(".jpg .jpeg", "image/jpeg", "IANA", "RFC 2045"),
    Row(".svg", "image/svg+xml", "IANA", "W3C SVG"),
    Row(".pdf", "application/pdf", "IANA", "RFC 8118"),
    Row(".html .htm", "text/html", "IANA", "WHATWG HTML"),
    Row(".xml", "application/xml", "IANA", "RFC 7303"),
    Row(".yaml .yml", "application/yaml", "IANA", "RFC 9512"),
    Row(".toml", "application/toml", "IANA", "application/toml"),
    Row(".md", "text/markdown", "IANA", "RFC 7763"),
    Row(".txt .log .out .err .ini .cfg", "text/plain", "IANA", "RFC 2046"),
    # Outer layers: what is in them is not what they are
    Row(".gz .tgz .svgz", "application/gzip", "IANA", "RFC 6713"),
    Row(".zst", "application/zstd", "IANA", "RFC 8878"),
    Row(".bz2", "application/x-bzip2", "ours", "the type that Python's mimetypes has none for"),
    Row(".xz", "application/x-xz", "ours", "https://tukaani.org/xz registered no type"),
    Row(".zip", "application/zip", "IANA", "application/zip"),
    Row(".tar", "application/x-tar", "ours", "POSIX pax; no registration"),
    Row(".7z", "application/x-7z-compressed", "vendor", "7-Zip's own type"),
)  # fmt: skip

TYPES = {suffix: row.type for row in TABLE for suffix in row.suffixes.split()}


def content_type(file_name: str) -> str:
    """The media type of a file of this name: the longest known suffix decides, in upper case or lower."""
    pieces = file_name.lower().split(".")[1:]
    for first in range(len(pieces)):
        suffix = "." + ".".join(pieces[first:])
        known = TYPES.get(suffix) or _python_knows().get(suffix)
        if known:
            return known
    return UNKNOWN


@cache
def _python_knows() -> dict[str, str]:
    return mimetypes.MimeTypes(filenames=()).types_map[True]


# ── names ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

LONGEST_NAME = 200
"""Most bytes of a safe name in UTF-8, and so most characters: what file systems take (255) with room for a prefix."""

_SUFFIXES = re.compile(r"(\.[A-Za-z0-9_+-]{1,16}){1,3}\Z")
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\ufffe\uffff]')
_INVISIBLE = ("Cc", "Cf", "Cs", "Zl", "Zp")  # controls, direction marks, lone surrogates, line and paragraph separators
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)\s*(\.|\Z)", re.IGNORECASE)
"""Names that Windows takes for devices, whatever suffix follows:
https://learn.microsoft.com/windows/win32/fileio/naming-a-file#naming-conventions"""


def safe_name(name: str) -> str:
    """`name` as a file may be called on every system and an object in S3: one component, visible, 200 bytes at most.

    What can't stand in a name becomes `_`; a long name is cut before its suffixes, with a hash that keeps two of them apart.
    Never empty, never changed by a second call.
    """
    normal = normalize("NFC", name)
    visible = "".join("_" if category(c) in _INVISIBLE else c for c in normal)
    plain = sub(r"\.{2,}", ".", _FORBIDDEN.sub("_", visible)).strip().rstrip(". ")
    if _DEVICE.match(plain):
        plain = "_" + plain
    return _cut(plain or "file", name)


def _cut(plain: str, whole: str) -> str:
    if len(plain.encode()) <= LONGEST_NAME:
        return plain
    found = _SUFFIXES.search(plain)
    suffixes = found[0] if found else ""
    mark = "-" + sha256(whole.encode("utf-8", "backslashreplace")).hexdigest()[:8] + suffixes
    return plain.encode()[: LONGEST_NAME - len(mark)].decode(errors="ignore") + mark
