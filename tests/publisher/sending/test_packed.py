import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_atlas.publisher.sending.fifo import Fifo
from pytest_atlas.publisher.sending.packed import Packed


@given(st.dictionaries(st.text(), st.text(), max_size=5))
def test_packed_fields_are_those_of_the_dict(fields: dict[str, str]) -> None:
    packed = Packed(fields)
    assert packed == fields
    assert (dict(packed), list(packed), len(packed)) == (fields, list(fields), len(fields))
    assert hash(packed) == hash(Packed(fields))
    assert packed.get("no such field") is fields.get("no such field")


def test_a_queue_gives_each_key_once_in_the_order_of_its_first_addition() -> None:
    queue = Fifo()
    queue.add(["a", "b", "a"])
    queue.add(["b", "c"])
    assert [queue.pop(), queue.pop()] == ["a", "b"]
    queue.add(["a"])
    assert [queue.pop() for _ in range(len(queue))] == ["c", "a"]
    with pytest.raises(IndexError):
        queue.pop()
