from enum import StrEnum

import pytest

from common.states import IllegalMove, Moves


class State(StrEnum):
    NEW = "new"
    OPEN = "open"
    DONE = "done"


MOVES = Moves({State.NEW: {State.OPEN, State.DONE}, State.OPEN: {State.DONE}, State.DONE: set()})


@pytest.mark.parametrize("old", State)
@pytest.mark.parametrize("new", State)
def test_every_pair(old, new):
    legal = (old, new) in {(State.NEW, State.OPEN), (State.NEW, State.DONE), (State.OPEN, State.DONE)}

    assert MOVES.allows(old, new) is legal
    assert MOVES.allows(str(old), str(new)) is legal
    if legal:
        MOVES.check(old, new)
    else:
        with pytest.raises(IllegalMove) as refused:
            MOVES.check(old, new)
        assert (refused.value.status, refused.value.code) == (409, "illegal_move")


def test_sources_and_ends():
    assert MOVES.sources(State.DONE) == ("new", "open")
    assert MOVES.sources(State.NEW) == ()
    assert [MOVES.is_final(state) for state in State] == [False, False, True]


def test_state_without_a_row_of_its_own_is_a_mistake():
    with pytest.raises(ValueError, match="nowhere"):
        Moves({"new": {"nowhere"}})


def test_state_that_is_not_in_the_table():
    with pytest.raises(KeyError):
        MOVES.allows("nowhere", "new")
