"""Tests that every Atlas must pass, run with LocalAtlas and with the HTTP client of a served LocalAtlas.

All tests of the session share the store, like a real Atlas: each test uses a new system.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from uuid import UUID, uuid4

import pytest
from tests.support.served_atlas import TOKEN, served_atlas

from pytest_atlas import atlas as atlas_api
from pytest_atlas.atlas import AtlasClient, Card, CreateCard, CreateRun, CreateStep, Operation, Run, Step, UpdateStep
from pytest_atlas.local import LocalAtlas

R = TypeVar("R")


@dataclass(frozen=True)
class Atlas:
    """The Atlas under test, and its store for data without an endpoint (templates, names)."""

    sender: atlas_api.SyncAtlas
    store: LocalAtlas

    def send(self, op: Operation[R]) -> R:
        return self.sender.send(op)


@dataclass(frozen=True)
class Campaign:
    """A run with a card with a step."""

    run: Run
    card: Card
    step: Step

    @property
    def run_id(self) -> UUID:
        return UUID(self.run.uuid)

    @property
    def card_id(self) -> UUID:
        return UUID(self.card.uuid)

    @property
    def step_id(self) -> UUID:
        return UUID(self.step.uuid)

    def new_step(self, title: str, **more: object) -> CreateStep:
        given = {"run_id": self.run_id, "card_id": self.card_id, "title": title}
        return CreateStep.model_validate(given | more)

    def step_update(self, **changes: object) -> UpdateStep:
        ids = {"run_id": self.run_id, "card_id": self.card_id, "step_id": self.step_id}
        return UpdateStep.model_validate(ids | changes)


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAtlas]:
    with LocalAtlas(tmp_path_factory.mktemp("local") / "atlas.db", create=True) as atlas:
        yield atlas


@pytest.fixture(scope="session")
def over_http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Atlas]:
    directory: Path = tmp_path_factory.mktemp("served")
    with served_atlas(directory) as served, AtlasClient(served.url, TOKEN) as client:
        yield Atlas(client, served.atlas)


@pytest.fixture(params=["directly", "over HTTP"])
def atlas(request: pytest.FixtureRequest, store: LocalAtlas) -> Atlas:
    over_http: Atlas
    if request.param == "directly":
        return Atlas(store, store)
    over_http = request.getfixturevalue("over_http")
    return over_http


@pytest.fixture
def system() -> UUID:
    return uuid4()


@pytest.fixture
def campaign(atlas: Atlas, system: UUID) -> Campaign:
    run = atlas.send(CreateRun(title="Motor Controller Acceptance Test", system_id=system))
    card = atlas.send(CreateCard(run_id=UUID(run.uuid), title="Overvoltage protection"))
    step = atlas.send(CreateStep(run_id=UUID(run.uuid), card_id=UUID(card.uuid), title="Apply 13V to input rail"))
    return Campaign(run, card, step)
