"""All settings of a recorded session, each parsed once. An invalid value is a usage error before the first test."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from . import INI_FILE, LINKS, SETTINGS, Attach, Given, Setting, SettingError, not_recorded, not_recorded_strictly


class Settings(NamedTuple):
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
    ppk: float = 1.33
    summary: Path | None = None
    summary_from: str = ""  # its source
    step_summary: str = ""  # the file of GitHub's job summary
    strict: bool = False
    timeout_s: float = 60.0
    atlas_dir: Path | None = None
    atlas_dir_from: str = ""  # its source

    why_records_only: str = ""  # the reason why the session is only recorded; "" if it is published

    @property
    def records_only(self) -> bool:
        """Whether the session is recorded, but not published."""
        return bool(self.why_records_only)


def parse(given: Mapping[str, list[Given]]) -> Settings | None:
    """Parse the given texts. Return None if the plugin is off. Raises SettingError."""
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


def _value(setting: Setting, given: list[Given]) -> Any:
    if setting.kind == "list":
        words = (Given(g.source, word) for g in given for word in re.split(r"[\s,]+", g.text) if word)
        return tuple(dict.fromkeys(_parsed(setting, word) for word in words))
    return _parsed(setting, given[0])


def _parsed(setting: Setting, given: Given) -> Any:
    try:
        return setting.parse(given.text)
    except ValueError as error:
        shown = given.text.rpartition("@")[2]  # the part before the @ may contain a password
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
            f"{', '.join(links)} with {given['run'][0].source}: assets, issues and templates can't be added to an "
            "existing run. Link them to it in Atlas"
        )
    if values.get("strict") and values.get("offline"):
        raise SettingError(
            f"{given['strict'][0].source} with {given['offline'][0].source}: an offline session is never complete in Atlas. "
            "Remove one of the options"
        )
    if values.get("strict") and why_records_only:
        raise SettingError(f"{given['strict'][0].source}: {why_records_only}. Nothing can be published")
