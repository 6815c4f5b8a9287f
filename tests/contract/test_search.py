from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_atlas.atlas import (
    CreateCard,
    CreateReport,
    CreateRun,
    CreateStep,
    DeleteCard,
    DeleteStep,
    Invalid,
    ListRuns,
    Run,
    SearchResults,
    SearchRuns,
    UpdateCard,
    UpdateRun,
)

from .conftest import Atlas, Campaign


def search(atlas: Atlas, system: UUID, q: str, **more: object) -> SearchResults:
    return atlas.send(SearchRuns.model_validate({"q": q, "system_id": system} | more))


def found(atlas: Atlas, system: UUID, q: str, **more: object) -> set[tuple[str, str]]:
    """The kinds and titles of all components that match."""
    results = search(atlas, system, q, **more).results
    return {(match.component_type, match.component_title) for result in results for match in result.matches}


def run_with_step(atlas: Atlas, system: UUID, title: str, description: str = "") -> Run:
    run = atlas.send(CreateRun(title="A run", system_id=system))
    card = atlas.send(CreateCard(run_id=UUID(run.uuid), title="A card"))
    atlas.send(CreateStep(run_id=UUID(run.uuid), card_id=UUID(card.uuid), title=title, description=description))
    return run


def test_match_has_component_path_and_snippet(atlas: Atlas, campaign: Campaign, system: UUID) -> None:
    text = "Verify shutdown within 100ms after undervoltage event"
    atlas.send(campaign.step_update(description=text))
    results = search(atlas, system, "undervoltage")
    assert results.total_count == 1
    assert results.results[0].test_run == atlas.send(ListRuns(system_id=system)).items[0]
    assert 0 < results.results[0].score < 1
    (match,) = results.results[0].matches
    assert (match.component_type, match.component_id) == ("step", campaign.step.uuid)
    assert match.component_title == "Apply 13V to input rail"
    assert match.path == "Overvoltage protection > Apply 13V to input rail"
    assert (match.snippet, match.match_type) == (text, "fulltext")


def test_every_kind_of_component_is_found_by_its_texts(atlas: Atlas, campaign: Campaign, system: UUID) -> None:
    atlas.send(UpdateRun(run_id=campaign.run_id, description="zebra of the run"))
    atlas.send(UpdateCard(run_id=campaign.run_id, card_id=campaign.card_id, description="zebra of the card"))
    atlas.send(campaign.step_update(execution_status="passed_with_exception", exception="zebra, by ECR-118"))
    atlas.send(CreateReport(run_id=campaign.run_id, scope="step", test_card_id=campaign.card_id, test_step_id=campaign.step_id))
    everything = {
        ("run", "Motor Controller Acceptance Test"),
        ("card", "Overvoltage protection"),
        ("step", "Apply 13V to input rail"),
        ("report", "Apply 13V to input rail – Step Analysis"),
    }
    assert found(atlas, system, "zebra") == everything
    for kind, title in everything:
        assert found(atlas, system, "zebra", component_types=[kind]) == {(kind, title)}
    assert len(found(atlas, system, "zebra", component_types=["card", "step"])) == 2
    assert found(atlas, system, "zebra", component_types=["planet"]) == set()
    paths = {match.component_type: match.path for match in search(atlas, system, "zebra").results[0].matches}
    assert paths["report"] == "Overvoltage protection > Apply 13V to input rail > Apply 13V to input rail – Step Analysis"
    assert (paths["card"], paths["run"]) == ("Overvoltage protection", "Motor Controller Acceptance Test")


def test_changed_or_deleted_texts_are_not_found(atlas: Atlas, campaign: Campaign, system: UUID) -> None:
    atlas.send(campaign.step_update(title="Giraffe"))
    assert found(atlas, system, "rail") == set()
    assert found(atlas, system, "giraffe") == {("step", "Giraffe")}
    atlas.send(DeleteStep(run_id=campaign.run_id, card_id=campaign.card_id, step_id=campaign.step_id))
    assert found(atlas, system, "giraffe") == set()
    atlas.send(DeleteCard(run_id=campaign.run_id, card_id=campaign.card_id))
    assert found(atlas, system, "overvoltage") == set()


@pytest.mark.parametrize(
    "q", ["overvolt", "OVERVOLTAGE", "överVöltage", "prot over", "  protection\tovervoltage ", '"protection"']
)
def test_words_match_in_any_order_case_and_by_their_start(atlas: Atlas, campaign: Campaign, system: UUID, q: str) -> None:
    assert found(atlas, system, q) == {("card", "Overvoltage protection")}


@pytest.mark.parametrize("q", ["voltage", "overvoltage rail", "overvoltages", "xyzzy"])
def test_all_words_must_be_in_one_component(atlas: Atlas, campaign: Campaign, system: UUID, q: str) -> None:
    results = search(atlas, system, q)
    assert (results.results, results.total_count) == ([], 0)


def test_nodeid_finds_its_step(atlas: Atlas, system: UUID) -> None:
    run_with_step(atlas, system, "test_trip[12.5-fast]", "pytest: tests/hil/test_trip.py::TestOver::test_trip[12.5-fast]")
    run_with_step(atlas, system, "test_trip[13.0-fast]", "pytest: tests/hil/test_trip.py::TestOver::test_trip[13.0-fast]")
    nodeid = "tests/hil/test_trip.py::TestOver::test_trip[12.5-fast]"
    assert found(atlas, system, nodeid) == {("step", "test_trip[12.5-fast]")}


@pytest.mark.parametrize(
    "q", ['"', "*", "a AND", "NOT", "(", "a:b", "^x", "-", "NEAR(a b", "🚀", "'", "\0", "a\0b", "{x}:y", '""']
)
def test_every_query_is_valid(atlas: Atlas, campaign: Campaign, system: UUID, q: str) -> None:
    assert search(atlas, system, q).total_count == 0


@given(q=st.text(min_size=1, max_size=30))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_can_be_searched_for(atlas: Atlas, campaign: Campaign, system: UUID, q: str) -> None:
    assert search(atlas, system, q).total_count in (0, 1)


@pytest.mark.parametrize("q", [" ".join(map(str, range(100))), "x" * 1000, "zzz " * 5000])
def test_query_up_to_the_limits_is_carried_out_and_repeated_words_count_once(
    atlas: Atlas, campaign: Campaign, system: UUID, q: str
) -> None:
    assert search(atlas, system, q).total_count == 0


@pytest.mark.parametrize("q", [" ".join(map(str, range(101))), "a-" * 101, "x" * 1001, "a" * 999 + " bc"])
def test_query_that_is_too_long_is_invalid_and_names_the_limits(atlas: Atlas, system: UUID, q: str) -> None:
    with pytest.raises(Invalid, match="at most 100 words and 1000 characters") as caught:
        search(atlas, system, q)
    assert caught.value.status == 422


def test_word_in_a_title_counts_more_than_one_in_a_text(atlas: Atlas, system: UUID) -> None:
    filler = "Some other words that belong to this step"
    in_text = run_with_step(atlas, system, filler, "the zebra")
    in_title = run_with_step(atlas, system, "the zebra", filler)
    for _ in range(5):
        run_with_step(atlas, system, filler, filler)
    results = search(atlas, system, "zebra").results
    assert [result.test_run.uuid for result in results] == [in_title.uuid, in_text.uuid]
    assert results[0].score > results[1].score


def test_pages_are_consecutive_and_have_the_total_count(atlas: Atlas, system: UUID) -> None:
    runs = {run_with_step(atlas, system, f"zebra {n}").uuid for n in range(5)}
    seen = []
    for offset in (0, 2, 4):
        page = search(atlas, system, "zebra", limit=2, offset=offset)
        assert page.total_count == 5
        assert len(page.results) == min(2, 5 - offset)
        seen += [result.test_run.uuid for result in page.results]
    assert sorted(seen) == sorted(runs)
    beyond = search(atlas, system, "zebra", offset=5)
    assert (beyond.results, beyond.total_count) == ([], 5)
    assert search(atlas, system, "zebra", mode="default", sort_by="relevance").total_count == 5


def test_default_limit_is_twenty_runs(atlas: Atlas, system: UUID) -> None:
    for n in range(21):
        atlas.send(CreateRun(title=f"zebra {n}", system_id=system))
    assert len(search(atlas, system, "zebra").results) == 20
    assert len(search(atlas, system, "zebra", limit=100).results) == 21


def test_run_shows_its_ten_best_matches(atlas: Atlas, campaign: Campaign, system: UUID) -> None:
    for n in range(12):
        atlas.send(campaign.new_step(f"zebra {n}", description="x " * n))
    matches = search(atlas, system, "zebra").results[0].matches
    assert [match.component_title for match in matches] == [f"zebra {n}" for n in range(10)]


def test_filters_of_the_list_narrow_the_search(atlas: Atlas, system: UUID) -> None:
    old, new = run_with_step(atlas, system, "zebra"), run_with_step(atlas, system, "zebra")
    run_with_step(atlas, uuid4(), "zebra")
    atlas.send(CreateReport(run_id=UUID(old.uuid), scope="run"))
    assert new.created_at is not None
    tick = timedelta(microseconds=1)
    for given_filter, expected in (
        ({}, {old.uuid, new.uuid}),
        ({"has_reports": True}, {old.uuid}),
        ({"has_reports": False}, {new.uuid}),
        ({"created_after": new.created_at}, {new.uuid}),
        ({"created_before": new.created_at - tick}, {old.uuid}),
    ):
        results = search(atlas, system, "zebra", component_types=["step"], **given_filter)
        assert {result.test_run.uuid for result in results.results} == expected, given_filter
        assert results.total_count == len(expected)
