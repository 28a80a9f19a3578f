from __future__ import annotations

import sys

import pytest
from monitor_examples import NOW, receiver

from pondscan.monitor.alerts import Alert
from pondscan.monitor.deliver import Command, DeliveryError, Webhook, deliver
from pondscan.monitor.journal import Changes, Journal
from pondscan.monitor.settings import CommandChannel

FEATURES = [
    Alert("growth", "warning", f"Site S{number} grows.", site_id=f"S{number}").feature("2024-02-17T00:00:00Z")
    for number in range(3)
]


@pytest.fixture
def journal(tmp_path):
    journal = Journal(tmp_path / "monitor.sqlite")
    journal.learn(Changes(alerts=[(feature, ("webhook",)) for feature in FEATURES]))
    return journal


@pytest.fixture
def hook():
    with receiver() as server:
        yield server


def webhook(hook, *, attempts=1, timeout_s=5.0, token=None):
    return {"webhook": Webhook(hook.url, token, timeout_s, attempts, 0.01)}


def send(journal, ways, *, later_s=0.0):
    return deliver(journal, ways, clock=lambda: NOW + later_s)


def test_alerts_arrive_once_each_in_order_with_key_and_token(journal, hook):
    assert send(journal, webhook(hook, token="t0ken")) == []  # noqa: S106
    assert hook.taken == FEATURES
    assert hook.keys == [feature["id"] for feature in FEATURES]
    assert set(hook.tokens) == {"Bearer t0ken"}
    assert send(journal, webhook(hook)) == []
    assert hook.n_requests == 3


def test_a_receiver_that_answers_500_gets_them_later(journal, hook):
    hook.answer = 500
    problems = send(journal, webhook(hook, attempts=3))
    assert hook.n_requests == 3  # the first alert three times; the others are spared
    assert problems == [f"alert {FEATURES[0]['id']} not delivered: 127.0.0.1 answered 500; it is sent again"]
    hook.answer = 200
    send(journal, webhook(hook), later_s=30)
    assert hook.taken == FEATURES[1:]  # the first one still waits its minute
    send(journal, webhook(hook), later_s=61)
    assert sorted(hook.keys) == sorted(feature["id"] for feature in FEATURES)
    assert journal.outbox() == []


def test_a_receiver_that_is_down_gets_them_later(journal):
    with receiver() as hook:
        ways = webhook(hook)
    assert len(send(journal, ways)) == 1
    with receiver() as other:
        send(journal, webhook(other), later_s=61)
        assert other.taken == FEATURES


def test_a_slow_receiver_is_given_up_and_gets_them_later(journal, hook):
    hook.delay_s = 0.5
    hook.answer = 503
    assert len(send(journal, webhook(hook, timeout_s=0.1))) == 1
    hook.delay_s, hook.answer = 0.0, 200
    send(journal, webhook(hook), later_s=61)
    assert hook.taken == FEATURES


def test_an_alert_that_is_refused_does_not_hold_up_the_others(journal, hook, monkeypatch):
    hook.answer = 422
    assert len(send(journal, webhook(hook, attempts=3))) == 3
    assert hook.n_requests == 3
    assert [parcel.attempts for parcel in journal.outbox()] == [1, 1, 1]


def test_the_pause_doubles_up_to_an_hour(journal, hook):
    hook.answer = 422
    later_s = 0.0
    pauses = []
    for _ in range(8):
        send(journal, webhook(hook), later_s=later_s)
        pauses.append(journal.outbox()[0].next_at - NOW - later_s)
        later_s += pauses[-1]
    assert pauses == [60, 120, 240, 480, 960, 1920, 3600, 3600]


def test_a_receiver_says_how_long_to_wait(journal, hook):
    hook.answer, hook.headers = 429, {"Retry-After": "500"}
    send(journal, webhook(hook, attempts=3))
    assert hook.n_requests == 1
    assert journal.outbox()[0].next_at == NOW + 500


def test_a_redirection_is_not_followed(journal, hook):
    hook.answer, hook.headers = 302, {"Location": "/elsewhere"}
    assert "answered 302" in send(journal, webhook(hook))[0]


def test_no_secret_of_the_address_is_said(journal, hook):
    hook.answer = 500
    assert "abc" not in send(journal, webhook(hook))[0]


def test_alerts_of_a_way_that_is_no_more_stay(journal):
    assert send(journal, {}) == []
    assert len(journal.outbox()) == 3


def test_an_alert_raised_twice_is_one(journal, hook):
    journal.learn(Changes(alerts=[(FEATURES[0], ("webhook",))]))
    send(journal, webhook(hook))
    journal.learn(Changes(alerts=[(FEATURES[0], ("webhook",))]))
    send(journal, webhook(hook))
    assert hook.taken == FEATURES


def command(*code, timeout_s=20.0):
    return Command(CommandChannel(run=[sys.executable, "-c", *code], timeout_s=timeout_s))


def test_a_command_gets_the_alert_on_its_input_and_no_shell_sees_it(tmp_path):
    target = tmp_path / "got $(touch x).json"
    command("import sys; open(sys.argv[1], 'w').write(sys.stdin.read())", str(target))(FEATURES[0])
    assert FEATURES[0]["id"] in target.read_text()
    assert [path.name for path in tmp_path.iterdir()] == [target.name]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import sys; sys.exit('no route')", "ended with 1: no route"),
        ("import time; time.sleep(60)", "not done after 0.3 s"),
    ],
)
def test_a_command_that_fails_or_hangs_is_tried_again(code, words):
    with pytest.raises(DeliveryError, match=words):
        command(code, timeout_s=0.3 if "sleep" in code else 20.0)(FEATURES[0])


def test_a_command_that_is_not_there_is_named():
    with pytest.raises(DeliveryError, match="none-such: cannot be run"):
        Command(CommandChannel(run=["none-such"]))(FEATURES[0])
