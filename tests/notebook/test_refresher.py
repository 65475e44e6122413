"""The refresher of live cards: how often each is drawn, how its clock ticks, what is sent."""

import itertools
from types import SimpleNamespace

import ipywidgets
import pytest

from liangxin_nb.core.job_record import JobRecord, JobUpdate
from liangxin_nb.core.request import Request
from liangxin_nb.notebook.widgets import card_factory
from liangxin_nb.notebook.widgets.refresher import INTERVAL, Refresher
from liangxin_nb.session.job import Job

from ..kernels import environment
from ..notebook_kernel import Kernel

#: The limits that the docstring of the class documents.
MAX_DRAWN_PER_ROUND = 6
MAX_TICKED_PER_ROUND = 8
ROUNDS_PER_SECOND = round(1 / INTERVAL)


class Card:
    """A card that counts how often it is drawn and how often its clock ticks."""

    def __init__(self, number=0):
        self.drawn = self.ticked = 0
        self.latest = SimpleNamespace(
            is_final=False, record=SimpleNamespace(created_at=float(number))
        )

    def draw(self):
        self.drawn += 1

    def tick(self):
        self.ticked += 1


class IdleLoop:
    """A loop that runs nothing: the tests run the rounds."""

    def submit(self, work):
        work.close()


LOOP = IdleLoop()


class Rounds:
    """A refresher, and the clock that it uses."""

    def __init__(self):
        self.now = 1000.0
        self.refresher = Refresher(clock=lambda: self.now)

    def add_cards(self, count):
        cards = [Card(number) for number in range(count)]
        for card in cards:
            self.refresher.add(card, LOOP)
        return cards

    def run_one(self):
        self.refresher.refresh()
        self.now += INTERVAL

    def run_for(self, seconds):
        for _ in range(seconds * ROUNDS_PER_SECOND):
            self.run_one()


@pytest.fixture
def rounds():
    return Rounds()


def test_card_is_drawn_once_per_round_however_often_its_state_changes(rounds):
    card = Card()
    for _ in range(12):
        rounds.refresher.request_draw(card, LOOP)
    rounds.run_one()
    assert card.drawn == 1


def test_unchanged_card_is_not_drawn(rounds):
    (card,) = rounds.add_cards(1)
    rounds.run_for(2)
    assert card.drawn == 0


def test_round_draws_limited_number_of_cards(rounds):
    cards = rounds.add_cards(300)
    for card in cards:
        rounds.refresher.request_draw(card, LOOP)
    for number in range(1, 5):
        rounds.run_one()
        assert sum(card.drawn for card in cards) == number * MAX_DRAWN_PER_ROUND


def test_every_changed_card_is_drawn_eventually(rounds):
    cards = rounds.add_cards(300)
    for card in cards:
        rounds.refresher.request_draw(card, LOOP)
    for _ in range(300 // MAX_DRAWN_PER_ROUND):
        rounds.run_one()
    assert {card.drawn for card in cards} == {1}


def test_twenty_clocks_tick_once_a_second(rounds):
    cards = rounds.add_cards(20)
    rounds.run_for(10)
    assert {card.ticked for card in cards} <= {9, 10, 11}


def test_round_sets_limited_number_of_clocks(rounds):
    cards = rounds.add_cards(300)
    before = 0
    for _ in range(40):
        rounds.run_one()
        ticked = sum(card.ticked for card in cards)
        assert ticked - before <= MAX_TICKED_PER_ROUND
        before = ticked


def test_with_many_clocks_newest_tick_each_second_and_others_take_turns(rounds):
    cards = rounds.add_cards(300)
    rounds.run_for(120)
    newest = cards[-10:]
    assert min(card.ticked for card in newest) >= 110
    assert min(card.ticked for card in cards) >= 1


def test_clock_of_ended_card_stops(rounds):
    (card,) = rounds.add_cards(1)
    card.latest.is_final = True
    rounds.run_for(2)
    assert card.ticked == 0


def test_card_that_cannot_be_drawn_does_not_stop_others(rounds):
    broken_card, card = Card(), Card()
    broken_card.draw = lambda: 1 / 0
    for changed_card in (broken_card, card):
        rounds.refresher.request_draw(changed_card, LOOP)
    rounds.run_one()
    assert card.drawn == 1


# ---- the messages of real cards


@pytest.fixture
def sent(monkeypatch):
    """The messages that widgets send, as a list that grows."""
    messages = []
    monkeypatch.setattr(
        ipywidgets.Widget, "_send", lambda self, message, buffers=None: messages.append(message)
    )
    return messages


def live_cards(rounds, count, monkeypatch):
    """Return real cards of tasks that do not end."""
    monkeypatch.setattr(card_factory, "REFRESHER", rounds.refresher)
    session = SimpleNamespace(loop=LOOP, ledger=SimpleNamespace(median_duration=lambda *_: 12.0))
    cards = []
    for n in range(count):
        job = Job(JobRecord.new(Request("z-image", f"lake {n}"), "sandbox", ""), LOOP)
        card, follow = card_factory.make_card(job, session)
        follow(job)
        cards.append(card)
    return cards


def test_100_live_cards_send_limited_number_of_messages(rounds, sent, monkeypatch):
    cards = live_cards(rounds, 100, monkeypatch)
    phases = itertools.cycle(("waiting", "queuing", "generating"))
    for _ in range(10):
        phase = next(phases)
        for card in cards:
            card.update(JobUpdate(card.latest.record, phase))
        sent.clear()
        rounds.run_one()
        assert 0 < len(sent) <= 250 / ROUNDS_PER_SECOND


def test_changed_card_sends_its_parts_once_per_round(rounds, sent, monkeypatch):
    (card,) = live_cards(rounds, 1, monkeypatch)
    rounds.run_one()
    sent.clear()
    for phase in ("waiting", "queuing", "generating"):
        card.update(JobUpdate(card.latest.record, phase))
    rounds.run_one()
    # The state, the reserved space of the picture, the clock, the colour, the buttons.
    assert 1 <= len(sent) <= 5


@pytest.mark.slow
def test_cells_run_while_100_live_cards_are_shown(tmp_path):
    env = environment(tmp_path, LIANGXIN_FRONTEND="live")
    with Kernel(tmp_path, env) as kernel:
        kernel.run(CARDS)
        for _ in range(3):
            kernel.updated_widgets(30)  # of many cards, not always the same few
            assert kernel.run("1 + 1") == ["2"]


#: 100 cards of tasks that do not end; the state of each changes twice a second.
CARDS = """
import asyncio, itertools
from liangxin_nb.session.default import get_session
from liangxin_nb.session.job import Job
from liangxin_nb.notebook.widgets.card_factory import make_card
from liangxin_nb.core.request import Request
from liangxin_nb.core.job_record import JobUpdate, JobRecord

async def change_states(record, on_update):
    for phase in itertools.cycle(("waiting", "queuing", "generating")):
        on_update(JobUpdate(record, phase))
        await asyncio.sleep(0.5)

cards = []
for n in range(100):
    record = JobRecord.new(Request("z-image", f"lake {n}"), "sandbox", "")
    job = Job(record, get_session().loop).start(None, change_states)
    card, follow = make_card(job, get_session())
    follow(job)
    cards.append(card)
"""
