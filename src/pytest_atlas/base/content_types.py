"""Media types of data files by the suffix of their names. Standard library only; reads no file.

To add a type, add a row to TABLE. Other suffixes are looked up in the table of Python's `mimetypes`, and never in those of
the machine, so that the same file has the same type on every bench.
"""

import mimetypes
from functools import cache
from typing import Literal, NamedTuple

Source = Literal["IANA", "vendor", "ours"]
"""The origin of a media type: IANA's registry, the documentation of the format, or pytest-atlas (with the prefix `x-`)."""


class Row(NamedTuple):
    """One media type: its suffixes in lower case, its origin, and where the origin can be verified."""

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
    Row(".mat", "application/x-matlab-data", "ours", "MATLAB MAT-file; the type that file(1) and Tika use"),
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
    # Images, videos, texts
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
    # Compressed files and archives, whatever they contain
    Row(".gz .tgz .svgz", "application/gzip", "IANA", "RFC 6713"),
    Row(".zst", "application/zstd", "IANA", "RFC 8878"),
    Row(".bz2", "application/x-bzip2", "ours", "no registration; not in Python's mimetypes"),
    Row(".xz", "application/x-xz", "ours", "https://tukaani.org/xz registered no type"),
    Row(".zip", "application/zip", "IANA", "application/zip"),
    Row(".tar", "application/x-tar", "ours", "POSIX pax; no registration"),
    Row(".7z", "application/x-7z-compressed", "vendor", "7-Zip's own type"),
)  # fmt: skip

TYPES = {suffix: row.type for row in TABLE for suffix in row.suffixes.split()}


def content_type(file_name: str) -> str:
    """Return the media type of a file with this name. The longest known suffix decides; case is ignored."""
    parts = file_name.lower().split(".")[1:]
    for first in range(len(parts)):
        suffix = "." + ".".join(parts[first:])
        known = TYPES.get(suffix) or _types_of_python().get(suffix)
        if known:
            return known
    return UNKNOWN


@cache
def _types_of_python() -> dict[str, str]:
    return mimetypes.MimeTypes(filenames=()).types_map[True]
