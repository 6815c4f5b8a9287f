"""Settings come from the command line, the environment or the ini file, in this order, and are parsed before the first test."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.support.events import SYSTEM

from pytest_atlas import settings
from pytest_atlas.settings import SETTINGS, SettingError
from pytest_atlas.settings.parsed import Settings, parse

ON = {"--atlas-system": SYSTEM}
REMOTE = {"ATLAS_URL": "https://atlas.example.com", "ATLAS_TOKEN": "t0ken-nobody-may-see"}


def read(
    options: Mapping[str, Any] | None = None, env: Mapping[str, str] | None = None, ini: Mapping[str, Any] | None = None
) -> Settings | None:
    """Return the settings of a session with these options, variables and ini keys."""
    given = {settings.destination(s): (options or {}).get(s.option) for s in SETTINGS if s.option}
    return parse(settings.collect(given.__getitem__, (ini or {}).get, env or {}))


def on(
    options: Mapping[str, Any] | None = None, env: Mapping[str, str] | None = None, ini: Mapping[str, Any] | None = None
) -> Settings:
    read_ = read({**ON, **(options or {})}, env, ini)
    assert read_ is not None
    return read_


def misuse(
    options: Mapping[str, Any] | None = None, env: Mapping[str, str] | None = None, ini: Mapping[str, Any] | None = None
) -> str:
    with pytest.raises(SettingError) as caught:
        read(options, env, ini)
    return str(caught.value)


def test_without_a_system_the_plugin_is_off() -> None:
    assert read(env=REMOTE, ini={"atlas_offline": True}) is None


@pytest.mark.parametrize(
    ("options", "env", "ini", "title"),
    [
        ({"--atlas-title": "line"}, {"ATLAS_TITLE": "env"}, {"atlas_title": "ini"}, "line"),
        ({}, {"ATLAS_TITLE": "env"}, {"atlas_title": "ini"}, "env"),
        ({}, {}, {"atlas_title": "ini"}, "ini"),
        ({"--atlas-title": ""}, {"ATLAS_TITLE": " "}, {"atlas_title": "ini"}, "ini"),
        ({"--atlas-title": ""}, {"ATLAS_TITLE": ""}, {"atlas_title": ""}, ""),
    ],
    ids=["line over all", "environment over ini", "ini", "empty is unset", "all empty"],
)
def test_precedence(options: dict[str, str], env: dict[str, str], ini: dict[str, str], title: str) -> None:
    assert on(options, env, ini).title == title


def test_no_atlas_turns_off_also_with_invalid_settings() -> None:
    assert read({"--no-atlas": True, "--atlas-system": "nonsense"}, REMOTE) is None


@pytest.mark.parametrize("text", [SYSTEM, SYSTEM.upper(), SYSTEM.replace("-", ""), f" {SYSTEM}\n"])
def test_a_system_is_accepted_in_each_usual_form(text: str) -> None:
    assert on({"--atlas-system": text}).system == SYSTEM


def test_lists_are_separated_in_variables_and_repeated_on_the_command_line() -> None:
    ids = [f"{number:032x}" for number in range(4)]
    usual = tuple(settings.uuid(text) for text in ids)
    assert on({"--atlas-asset": ids}).assets == usual
    assert on(env={"ATLAS_ISSUE": f"{ids[0]}, {ids[1]}\n{ids[2]} {ids[3]}"}).issues == usual
    assert on(ini={"atlas_template": [f"{ids[0]} {ids[1]}", f"{ids[2]},{ids[3]}", ids[0]]}).templates == usual


def test_unset_settings_have_their_default() -> None:
    assert on() == Settings(system=SYSTEM)
    assert (on().timeout_s, on().skipped, on().strict, on().records_only) == (60.0, "todo", False, False)


def test_every_type_of_value_is_parsed() -> None:
    got = on(
        {"--atlas-timeout": "2.5", "--atlas-skipped": "exception", "--atlas-strict": True, "--atlas-dir": "records"},
        {**REMOTE, "ATLAS_RUN_KEY": "job-7"},
        {"atlas_description": "of the bench"},
    )
    assert got == Settings(
        system=SYSTEM,
        url="https://atlas.example.com",
        url_from="ATLAS_URL",
        has_token=True,
        run_key="job-7",
        description="of the bench",
        skipped="exception",
        strict=True,
        timeout_s=2.5,
        atlas_dir=Path("records"),
        atlas_dir_from="--atlas-dir",
    )


@pytest.mark.parametrize("given", ["TR-0042", "auto", SYSTEM.upper()])
def test_a_run_is_a_uuid_a_reference_or_auto(given: str) -> None:
    got = on({"--atlas-run": f" {given} "}, ini={"atlas_asset": [SYSTEM]})
    assert got.run == (SYSTEM if given == SYSTEM.upper() else given)


def test_the_settings_do_not_contain_the_token() -> None:
    assert "t0ken-nobody-may-see" not in repr(on(env=REMOTE))


URL = {"ATLAS_URL": "https://atlas.example.com"}
INI_URL = {"atlas_url": "https://atlas.example.com"}
NOT_SENT = "ATLAS_TOKEN is not sent to the URL of atlas_url (ini file). To publish, set ATLAS_URL to the origin of your Atlas"
RECORDS_ONLY = {  # options, environment, ini file, reason
    "local": ({}, {}, {}, ""),
    "remote": ({}, REMOTE, {}, ""),
    "offline": ({"--atlas-offline": True}, {}, {}, "--atlas-offline"),
    "offline by ini": ({}, REMOTE, {"atlas_offline": True}, "atlas_offline (ini file)"),
    "no token": ({}, URL, {}, "ATLAS_URL is set, but ATLAS_TOKEN is not"),
    "no token for an ini file": ({}, {}, INI_URL, "atlas_url (ini file) is set, but ATLAS_TOKEN is not"),
    "token and url of an ini file": ({}, {"ATLAS_TOKEN": "t0ken-nobody-may-see"}, INI_URL, NOT_SENT),
    "loopback of an ini file": ({}, {"ATLAS_TOKEN": "t0ken-nobody-may-see"}, {"atlas_url": "http://127.0.0.1:8765"}, NOT_SENT),
    "both have the same url": ({}, REMOTE, INI_URL, ""),
    "the environment has another url": ({}, REMOTE, {"atlas_url": "https://other.example.com"}, ""),
    "an empty variable is not set": ({}, {"ATLAS_TOKEN": "t0ken-nobody-may-see", "ATLAS_URL": " "}, INI_URL, NOT_SENT),
}


@pytest.mark.parametrize(("options", "env", "ini", "why"), RECORDS_ONLY.values(), ids=RECORDS_ONLY)
def test_when_a_session_is_only_recorded(options: dict[str, Any], env: dict[str, str], ini: dict[str, Any], why: str) -> None:
    got = on(options, env, ini)
    assert (got.why_records_only, got.records_only) == (why, bool(why))
    assert got.has_token is (bool(env.get("ATLAS_TOKEN")) and why != NOT_SENT)


def test_the_url_of_the_environment_overrides_that_of_an_ini_file() -> None:
    got = on(env=REMOTE, ini={"atlas_url": "https://other.example.com"})
    assert (got.url, got.url_from) == ("https://atlas.example.com", "ATLAS_URL")


NOT_RECORDED = {  # options, environment, ini file, reason
    "nothing": ({}, {}, {}, ""),
    "the variable of another program": ({}, {"ATLAS_REGION": "eu", "PATH": "x"}, {"addopts": "-q"}, ""),
    "run": ({"--atlas-run": "auto"}, {}, {}, "no system is set, so these settings have no effect: --atlas-run. Give"),
    "report": ({"--atlas-report": True}, {}, {}, "no system is set, so these settings have no effect: --atlas-report. Give"),
    "url and token": ({}, REMOTE, {}, "no system is set, so these settings have no effect: ATLAS_URL, ATLAS_TOKEN. Give"),
    "ini keys": ({}, {}, {"atlas_title": "x", "atlas_strict": False}, "have no effect: atlas_title (ini file). Give"),
    "strict": ({"--atlas-strict": True}, {}, {}, "no system is set. Give --atlas-system=UUID or set ATLAS_SYSTEM_ID"),
    "a misspelt variable": (
        {}, {"ATLAS_SYSTM_ID": SYSTEM}, {},
        "set ATLAS_SYSTEM_ID; variable ATLAS_SYSTM_ID is unknown to pytest-atlas; is ATLAS_SYSTEM_ID meant?",
    ),
    "a misspelt ini key": ({}, {}, {"atlas_sistem": SYSTEM}, "ini key atlas_sistem is unknown to pytest-atlas; is"),
}  # fmt: skip


@pytest.mark.parametrize(("options", "env", "ini", "reason"), NOT_RECORDED.values(), ids=NOT_RECORDED)
def test_why_a_session_without_a_system_is_not_recorded(
    options: dict[str, Any], env: dict[str, str], ini: dict[str, Any], reason: str
) -> None:
    given = {settings.destination(s): options.get(s.option) for s in SETTINGS if s.option}
    collected = settings.collect(given.__getitem__, ini.get, env)
    message = settings.not_recorded(collected, settings.unknown_names(env, ini))
    assert reason in message
    assert bool(message) is bool(reason)
    assert "\n" not in message


MISUSES = {
    "system": ({"--atlas-system": "bench-7"}, {}, {}, "--atlas-system: 'bench-7' is not a UUID. Copy"),
    "system by environment": ({}, {"ATLAS_SYSTEM_ID": "bench-7"}, {}, "ATLAS_SYSTEM_ID: 'bench-7' is not a UUID. Copy"),
    "system by ini": ({}, {}, {"atlas_system": "bench-7"}, "atlas_system (ini file): 'bench-7' is not a UUID. Copy"),
    "asset": ({**ON, "--atlas-asset": [SYSTEM, "psu"]}, {}, {}, "--atlas-asset: 'psu' is not a UUID. Copy"),
    "issue": (ON, {"ATLAS_ISSUE": f"{SYSTEM} 42"}, {}, "ATLAS_ISSUE: '42' is not a UUID. Copy"),
    "template": (ON, {}, {"atlas_template": ["x"]}, "atlas_template (ini file): 'x' is not a UUID. Copy"),
    "url without scheme": (ON, {"ATLAS_URL": "atlas.example.com"}, {}, "ATLAS_URL: 'atlas.example.com' is not the URL"),
    "url without host": (ON, {"ATLAS_URL": "https://"}, {}, "ATLAS_URL: 'https://' is not the URL of an Atlas. Give"),
    "url of a file": (ON, {}, {"atlas_url": "file:///atlas"}, "atlas_url (ini file): 'file:///atlas' is not the URL"),
    "url with a query": (ON, {"ATLAS_URL": "https://a.example/?x=1"}, {}, "is not the URL of an Atlas. Give"),
    "url with a wrong port": (ON, {"ATLAS_URL": "https://a.example:http"}, {}, "is not the URL of an Atlas. Give"),
    "invalid token": (ON, {**REMOTE, "ATLAS_TOKEN": "two words"}, {}, "ATLAS_TOKEN: the token has a character"),
    "token without url": (ON, {"ATLAS_TOKEN": "t0ken-nobody-may-see"}, {}, "ATLAS_TOKEN is set, but ATLAS_URL is not"),
    "run": ({**ON, "--atlas-run": "42"}, {}, {}, "--atlas-run: '42' is not a run. Give its UUID, its reference (TR-0042)"),
    "links for an existing run": (
        {**ON, "--atlas-run": "TR-0042", "--atlas-asset": [SYSTEM]}, {}, {"atlas_issue": [SYSTEM]},
        "--atlas-asset, atlas_issue (ini file) with --atlas-run: assets, issues and templates can't be added",
    ),
    "strict and offline": (
        {**ON, "--atlas-strict": True}, {}, {"atlas_offline": True},
        "--atlas-strict with atlas_offline (ini file): an offline session is never complete",
    ),
    "strict without token": (
        {**ON, "--atlas-strict": True}, {"ATLAS_URL": "https://atlas.example.com"}, {},
        "--atlas-strict: ATLAS_URL is set, but ATLAS_TOKEN is not",
    ),
    "strict without system": ({"--atlas-strict": True}, {}, {}, "--atlas-strict: the session is not recorded: no system"),
    "strict by ini without system": (
        {}, REMOTE, {"atlas_strict": True},
        "atlas_strict (ini file): the session is not recorded: no system is set, so these settings have no effect: ATLAS_URL",
    ),
    "strict with a token and the url of an ini file": (
        {**ON, "--atlas-strict": True}, {"ATLAS_TOKEN": "t0ken-nobody-may-see"}, INI_URL,
        f"--atlas-strict: {NOT_SENT}. Nothing can",
    ),
    "timeout": ({**ON, "--atlas-timeout": "soon"}, {}, {}, "--atlas-timeout: 'soon' is not a time. Give seconds"),
    "negative timeout": ({**ON, "--atlas-timeout": "-1"}, {}, {}, "--atlas-timeout: '-1' is not a time. Give seconds"),
    "endless timeout": (ON, {}, {"atlas_timeout": "inf"}, "atlas_timeout (ini file): 'inf' is not a time. Give seconds"),
    "timeout that is not a number": ({**ON, "--atlas-timeout": "nan"}, {}, {}, "--atlas-timeout: 'nan' is not a time"),
    "skipped": ({**ON, "--atlas-skipped": "fail"}, {}, {}, "--atlas-skipped: 'fail' is not known. Give one of: todo, ex"),
}  # fmt: skip


@pytest.mark.parametrize(("options", "env", "ini", "message"), MISUSES.values(), ids=MISUSES)
def test_a_usage_error_is_one_line_with_source_and_remedy(
    options: dict[str, Any], env: dict[str, str], ini: dict[str, Any], message: str
) -> None:
    line = misuse(options, env, ini)
    assert message in line
    assert "\n" not in line


def test_an_invalid_token_is_not_shown() -> None:
    assert "two words" not in misuse(ON, {**REMOTE, "ATLAS_TOKEN": "two words"})


def test_an_ini_key_that_pytest_cannot_read_is_named() -> None:
    def ini(name: str) -> Any:
        if name == "atlas_strict":
            raise ValueError("invalid truth value 'maybe'")

    with pytest.raises(SettingError, match=r"atlas_strict \(ini file\) can't be read: invalid truth value 'maybe'"):
        settings.collect(lambda _: None, ini, {})


@pytest.mark.parametrize(
    ("env", "ini", "line"),
    [
        ("ATLAS_SYSTEM", "", "variable ATLAS_SYSTEM is unknown to pytest-atlas; is ATLAS_SYSTEM_ID meant?"),
        ("ATLAS_TOKN", "", "variable ATLAS_TOKN is unknown to pytest-atlas; is ATLAS_TOKEN meant?"),
        ("", "atlas_titel", "ini key atlas_titel is unknown to pytest-atlas; is atlas_title meant?"),
        ("ATLAS_QQQQQQQQQQQQ", "", "variable ATLAS_QQQQQQQQQQQQ is unknown to pytest-atlas"),
    ],
)
def test_an_unknown_name_has_a_line_with_the_most_similar_one(env: str, ini: str, line: str) -> None:
    assert settings.unknown_names({env: "x"}, [ini]) == [line]


def test_known_and_foreign_names_have_no_line() -> None:
    env = [s.env for s in SETTINGS if s.env]
    ini = [s.ini for s in SETTINGS if s.ini]
    assert settings.unknown_names(dict.fromkeys([*env, "PATH"], "x"), [*ini, "addopts"]) == []


def test_every_setting_has_a_source_and_a_row_in_the_table() -> None:
    rows = settings.as_markdown().splitlines()
    assert len(rows) == len(SETTINGS) + 2
    for setting, row in zip(SETTINGS, rows[2:], strict=True):
        names = [name for name in (setting.option, setting.ini, setting.env) if name]
        assert names
        assert all(name in row for name in names)
    assert len({row.replace("\\|", "").count("|") for row in rows}) == 1


def test_only_the_environment_sets_the_token() -> None:
    (token,) = (s for s in SETTINGS if s.name == "token")
    assert (token.option, token.ini, token.env) == ("", "", "ATLAS_TOKEN")


@pytest.mark.parametrize(
    ("url", "is_bare"),
    [
        ("https://atlas.example.com", False),
        ("http://atlas.example.com", True),
        ("http://10.0.0.7:8080/api/v1", True),
        ("HTTP://atlas", True),
        ("http://localhost:8765", False),
        ("http://atlas.localhost", False),
        ("http://127.0.0.1:8765", False),
        ("http://[::1]:8765", False),
        ("http://localhost.example.com", True),
        ("", False),
    ],
)
def test_an_unencrypted_token_has_a_warning(url: str, is_bare: bool) -> None:
    assert ("sent unencrypted" in settings.unencrypted(url)) is is_bare
