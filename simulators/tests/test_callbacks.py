import threading

import pytest
import requests

from simulators.callbacks import COURIERS, Scheduler
from simulators.services.mypayga import callback_hash
from simulators.tests.helpers import SINGPAY_HEADERS, eventually, mypayga_start, singpay_start

SECRET = "demo-callback-secret"


@pytest.fixture
def control(server):
    return f"{server.url}/control/mypayga"


@pytest.fixture
def pay(server, http, listener):
    def start(reference: str) -> None:
        http.post(f"{server.base_url('mypayga')}/payment", json=mypayga_start(reference, listener.url))

    return start


def references(callbacks):
    return [callback["unique_id"] for callback in callbacks]


def is_genuine(callback) -> bool:
    return callback["hash"] == callback_hash(callback, SECRET)


def set_fault(http, control, **body):
    assert http.post(f"{control}/faults", json=body).status_code == 201


def test_lost_callback_never_comes_and_the_next_one_does(http, control, pay, listener):
    set_fault(http, control, fault="lost", count=1)

    pay("r1")
    eventually(lambda: http.get(f"{control}/journal").json()["callbacks"])
    pay("r2")

    assert references(listener.wait_for(1)) == ["r2"]
    (lost, _) = eventually(lambda: len(found := http.get(f"{control}/journal").json()["callbacks"]) == 2 and found)
    assert (lost["body"]["unique_id"], lost["status"], lost["outcome"]) == ("r1", None, "lost")
    payments = http.get(f"{control}/payments").json()["payments"]
    assert [payment["outcome"] for payment in payments] == ["paid", "paid"]


def test_duplicate_sends_the_same_callback_twice(http, control, pay, listener):
    set_fault(http, control, fault="duplicate", count=1)

    pay("r1")
    first, second = listener.wait_for(2)
    pay("r2")

    assert first == second
    assert references(listener.wait_for(3)) == ["r1", "r1", "r2"]


def test_duplicate_sends_as_many_copies_as_asked(http, control, pay, listener):
    set_fault(http, control, fault="duplicate", count=1, times=5)

    pay("r1")

    assert references(listener.wait_for(5)) == ["r1"] * 5


def test_reorder_swaps_the_next_two_callbacks(http, control, pay, listener, server):
    set_fault(http, control, fault="reorder", count=1)

    pay("r1")
    eventually(lambda: server.services["mypayga"].faults.active() == [])
    assert listener.received == []
    pay("r2")
    assert references(listener.wait_for(2)) == ["r2", "r1"]
    pay("r3")

    assert references(listener.wait_for(3)) == ["r2", "r1", "r3"]


def test_reorder_lets_a_lonely_callback_go_after_its_seconds(http, control, pay, listener):
    set_fault(http, control, fault="reorder", count=1, seconds=0.05)

    pay("r1")

    assert references(listener.wait_for(1)) == ["r1"]


def test_reordered_and_doubled_callbacks_all_arrive_the_later_first(http, control, pay, listener, server):
    set_fault(http, control, fault="reorder", count=1)
    set_fault(http, control, fault="duplicate")

    pay("r1")
    eventually(lambda: [fault["fault"] for fault in server.services["mypayga"].faults.active()] == ["duplicate"])
    pay("r2")

    seen = references(listener.wait_for(4))
    assert seen[0] == "r2"
    assert sorted(seen) == ["r1", "r1", "r2", "r2"]


def test_late_callback_is_overtaken_by_the_next(http, control, pay, listener, server):
    set_fault(http, control, fault="late", count=1, seconds=3600)

    pay("r1")
    eventually(lambda: server.services["mypayga"].faults.active() == [])
    pay("r2")

    assert references(listener.wait_for(1)) == ["r2"]


def test_late_callback_comes_after_its_seconds(http, control, pay, listener):
    set_fault(http, control, fault="late", count=1, seconds=0.01)

    pay("r1")

    assert references(listener.wait_for(1)) == ["r1"]


def test_forged_callback_claims_success_with_a_wrong_hash_before_the_right_one(http, control, pay, listener):
    http.post(f"{control}/phones/077123456", json={"behaviour": "refuses"})
    set_fault(http, control, fault="forged", count=1)

    pay("r1")

    forged, right = listener.wait_for(2)
    assert (forged["order_status"], right["order_status"]) == ("200", "400")
    assert (is_genuine(forged), is_genuine(right)) == (False, True)
    assert forged["payment_token"] == right["payment_token"]


def test_forged_singpay_callback_claims_another_amount(server, http, listener):
    http.headers.update(SINGPAY_HEADERS)
    base, control = server.base_url("singpay"), f"{server.url}/control/singpay"
    http.put(f"{base}/portefeuille/api/{SINGPAY_HEADERS['x-wallet']}", json={"callbackURL": listener.url})
    http.post(f"{control}/phones/077123456", json={"behaviour": "wrong_pin"})
    set_fault(http, control, fault="forged", count=1)

    http.post(f"{base}/74/paiement", json=singpay_start("r1"))

    forged, right = listener.wait_for(2)
    assert (forged["transaction"]["result"], forged["transaction"]["amount"]) == ("Success", "10000")
    assert (right["transaction"]["result"], right["transaction"]["amount"]) == ("PasswordError", "1000")


def test_callback_fault_with_a_path_hits_only_payments_started_there(server, http, listener):
    http.headers.update(SINGPAY_HEADERS)
    base, control = server.base_url("singpay"), f"{server.url}/control/singpay"
    http.put(f"{base}/portefeuille/api/{SINGPAY_HEADERS['x-wallet']}", json={"callbackURL": listener.url})
    set_fault(http, control, fault="lost", path="/62")

    http.post(f"{base}/62/paiement", json=singpay_start("moov", client_msisdn="062123456"))
    http.post(f"{base}/74/paiement", json=singpay_start("airtel"))

    assert [callback["transaction"]["reference"] for callback in listener.wait_for(1)] == ["airtel"]


def test_callback_can_come_before_the_answer_to_the_start(server, http, control, listener, pay):
    set_fault(http, control, fault="latency", path="/v1/payment", count=1, seconds=3600)

    def start() -> None:
        with pytest.raises(requests.ConnectionError):
            pay("r1")

    starting = threading.Thread(target=start)
    starting.start()

    assert references(listener.wait_for(1)) == ["r1"]
    assert starting.is_alive()
    server.stop()
    starting.join(timeout=5)


def test_redeliver_sends_copies_at_once_untouched_by_faults(http, control, pay, listener):
    pay("r1")
    (original,) = listener.wait_for(1)
    set_fault(http, control, fault="lost")

    answer = http.post(f"{control}/redeliver/r1", json={"times": 20})

    assert (answer.status_code, answer.json()) == (202, {"scheduled": 20, "delay": 0.0})
    assert listener.wait_for(21) == [original] * 21


def test_redeliver_without_a_body_sends_one_and_knows_the_token_too(http, control, pay, listener):
    pay("r1")
    (original,) = listener.wait_for(1)

    answer = http.post(f"{control}/redeliver/{original['payment_token']}")

    assert answer.status_code == 202
    assert listener.wait_for(2) == [original, original]


def test_redeliver_waits_for_its_delay(http, control, pay, listener):
    pay("r1")
    listener.wait_for(1)

    http.post(f"{control}/redeliver/r1", json={"delay": 3600})
    http.post(f"{control}/redeliver/r1", json={"delay": 0.01})
    listener.wait_for(2)
    pay("r2")

    assert references(listener.wait_for(3)) == ["r1", "r1", "r2"]


def test_redeliver_of_a_lost_callback_brings_it(http, control, pay, listener):
    set_fault(http, control, fault="lost", count=1)
    pay("r1")
    eventually(lambda: http.get(f"{control}/journal").json()["callbacks"])

    http.post(f"{control}/redeliver/r1", json={})

    assert references(listener.wait_for(1)) == ["r1"]


def test_redeliver_of_an_unknown_or_undecided_payment_is_refused(http, control, pay, listener):
    http.post(f"{control}/phones/077123456", json={"behaviour": "silent"})
    pay("r1")

    assert http.post(f"{control}/redeliver/nothing", json={}).status_code == 404
    assert http.post(f"{control}/redeliver/r1", json={}).status_code == 409
    assert http.get(f"{control}/journal").json()["callbacks"] == []


@pytest.mark.parametrize("body", [{"times": 0}, {"times": 1001}, {"times": "2"}, {"delay": -1}, {"unknown": 1}])
def test_redeliver_refuses_bad_input(http, control, pay, listener, body):
    pay("r1")
    listener.wait_for(1)

    assert http.post(f"{control}/redeliver/r1", json=body).status_code == 400


def test_scheduler_keeps_the_order_of_time_and_survives_a_bug(capsys):
    scheduler = Scheduler()
    seen: list[int] = []
    done = threading.Event()
    scheduler.call_later(0.03, done.set)
    scheduler.call_later(0.02, lambda: seen.append(2))
    scheduler.call_later(0.0, lambda: 1 / 0)
    scheduler.call_later(0.01, lambda: seen.append(1))

    assert done.wait(5)
    scheduler.stop()
    assert seen == [1, 2]
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_couriers_work_beside_each_other_up_to_their_number():
    scheduler = Scheduler()
    gate = threading.Barrier(COURIERS + 1)
    for _ in range(COURIERS):
        scheduler.call_in_courier(lambda: gate.wait(5))

    gate.wait(5)
    later = threading.Event()
    scheduler.call_in_courier(later.set)
    assert later.wait(5)
    scheduler.stop()


def test_stopped_scheduler_runs_nothing_more():
    scheduler = Scheduler()
    ran = threading.Event()
    scheduler.call_later(3600, ran.set)
    scheduler.stop()
    scheduler.call_later(0, ran.set)
    scheduler.call_in_courier(ran.set)

    assert "simulators-scheduler" not in [thread.name for thread in threading.enumerate()]
    assert not ran.is_set()
