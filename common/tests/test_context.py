import logging
import threading

import pytest

from common.context import Actor, Context, acting, current, set_actor
from common.logging import ContextFilter


def test_nobody_named_is_the_system_itself():
    assert current() == Context(request_id="", ip="", actor=Actor("system", ""))


def test_acting_ends_with_the_block_also_after_an_exception():
    before = current()
    with acting("command", "import", request_id="r", ip="::1") as context:
        assert current() is context
        assert context == Context("r", "::1", Actor("command", "import"))
        with pytest.raises(LookupError), acting("task", "t"):
            raise LookupError
        assert current() is context

    assert current() == before


def test_events_of_one_block_can_be_found_together():
    with acting("task") as first, acting("task") as second:
        assert first.request_id
        assert first.request_id != second.request_id


def test_actor_named_later_keeps_request_and_address():
    with acting("anonymous", request_id="r", ip="::1"):
        set_actor("user", 7)
        assert current() == Context("r", "::1", Actor("user", "7"))


def test_threads_do_not_share_it():
    seen = []
    with acting("user", "1"):
        thread = threading.Thread(target=lambda: seen.append(current()))
        thread.start()
        thread.join()
    assert seen == [Context()]


def test_log_lines_carry_it():
    record = logging.makeLogRecord({})
    with acting("user", "1", request_id="r"):
        assert ContextFilter().filter(record)
    assert (record.request_id, record.actor) == ("r", "user:1")

    ContextFilter().filter(record)
    assert (record.request_id, record.actor) == (None, "system")
