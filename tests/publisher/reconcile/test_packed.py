from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_atlas.publisher.reconcile import packed
from pytest_atlas.publisher.reconcile.fifo import Fifo
from pytest_atlas.publisher.reconcile.observed import KnownEntity


@given(st.dictionaries(st.text(), st.text(), max_size=5))
def test_unpacked_fields_are_those_that_were_packed(fields: dict[str, str]) -> None:
    assert list(packed.unpack(packed.pack(fields)).items()) == list(fields.items())


def test_any_number_of_combinations_of_names_is_packed_in_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "_NAMES", [])
    fields = [{f"field {n}": "text"} for n in range(1000)]
    assert [packed.unpack(packed.pack(each)) for each in fields] == fields
    assert len(packed._NAMES) == packed._MAX_NAMES


@given(st.uuids())
def test_a_uuid_is_packed_into_16_bytes(uuid: UUID) -> None:
    assert len(packed.pack_id(str(uuid))) == 16
    assert packed.unpack_id(packed.pack_id(str(uuid))) == str(uuid)


@pytest.mark.parametrize("text", ["", "x", "5B0C0A52-93C8-4D0E-A2C4-0F6F4D6D1C11", "5b0c0a5293c84d0ea2c40f6f4d6d1c11"])
def test_another_id_is_kept_as_it_is_written(text: str) -> None:
    assert packed.unpack_id(packed.pack_id(text)) == text


def test_an_entity_keeps_only_what_differs_from_the_default() -> None:
    entity = KnownEntity(order=1000, skipped="too long", unconfirmed=True)
    assert (entity.skipped, entity.unconfirmed, entity.card, entity.size, entity.foreign_text) == (
        "too long",
        True,
        "",
        0,
        None,
    )
    entity.skipped, entity.unconfirmed = "", False
    assert entity.rare is None


def test_a_copy_of_an_entity_is_independent() -> None:
    entity = KnownEntity(id="x", order=1000, shows={"title": "t"}, card="why")
    copy = entity.copy(order=None, foreign_text="text")
    copy.card, copy.shows = "another reason", {}
    assert (entity.id, entity.order, entity.shows, entity.card, entity.foreign_text) == ("x", 1000, {"title": "t"}, "why", None)
    assert (copy.id, copy.order, copy.shows, copy.card, copy.foreign_text) == ("x", None, {}, "another reason", "text")


def test_a_queue_gives_each_key_once_in_the_order_of_its_first_addition() -> None:
    queue = Fifo()
    queue.add(["a", "b", "a"])
    queue.add(["b", "c"])
    assert [queue.pop(), queue.pop()] == ["a", "b"]
    queue.add(["a"])
    assert [queue.pop() for _ in range(len(queue))] == ["c", "a"]
    with pytest.raises(IndexError):
        queue.pop()
