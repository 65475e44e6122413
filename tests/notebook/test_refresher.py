"""The beat of all live cards: how often each is drawn, how its clock ticks, and what is sent."""

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

#: What the class's text promises.
DRAWN_AT_A_BEAT = 6
TICKED_AT_A_BEAT = 8
PER_SECOND = round(1 / INTERVAL)


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
    """A loop that runs nothing: the tests beat themselves."""

    def submit(self, work):
        work.close()


LOOP = IdleLoop()


class Beats:
    """A ticker, and the clock by which it beats."""

    def __init__(self):
        self.now = 1000.0
        self.ticker = Refresher(clock=lambda: self.now)

    def add(self, count):
        cards = [Card(n) for n in range(count)]
        for card in cards:
            self.ticker.add(card, LOOP)
        return cards

    def beat(self):
        self.ticker.show()
        self.now += INTERVAL

    def beat_for(self, seconds):
        for _ in range(seconds * PER_SECOND):
            self.beat()


@pytest.fixture
def beats():
    return Beats()


def test_a_card_is_drawn_once_a_beat_however_often_its_state_changes(beats):
    card = Card()
    for _ in range(12):
        beats.ticker.request_draw(card, LOOP)
    beats.beat()
    assert card.drawn == 1


def test_a_card_without_news_is_not_drawn(beats):
    (card,) = beats.add(1)
    beats.beat_for(2)
    assert card.drawn == 0


def test_a_beat_draws_a_bounded_number_of_cards(beats):
    cards = beats.add(300)
    for card in cards:
        beats.ticker.request_draw(card, LOOP)
    for n in range(1, 5):
        beats.beat()
        assert sum(card.drawn for card in cards) == n * DRAWN_AT_A_BEAT


def test_every_card_with_news_is_drawn_in_its_turn(beats):
    cards = beats.add(300)
    for card in cards:
        beats.ticker.request_draw(card, LOOP)
    for _ in range(300 // DRAWN_AT_A_BEAT):
        beats.beat()
    assert {card.drawn for card in cards} == {1}


def test_twenty_clocks_tick_once_a_second(beats):
    cards = beats.add(20)
    beats.beat_for(10)
    assert {card.ticked for card in cards} <= {9, 10, 11}


def test_a_beat_sets_a_bounded_number_of_clocks(beats):
    cards = beats.add(300)
    before = 0
    for _ in range(40):
        beats.beat()
        ticked = sum(card.ticked for card in cards)
        assert ticked - before <= TICKED_AT_A_BEAT
        before = ticked


def test_of_many_clocks_the_newest_tick_each_second_and_the_others_in_turn(beats):
    cards = beats.add(300)
    beats.beat_for(120)
    newest = cards[-10:]
    assert min(card.ticked for card in newest) >= 110
    assert min(card.ticked for card in cards) >= 1


def test_the_clock_of_a_card_that_is_over_stands_still(beats):
    (card,) = beats.add(1)
    card.latest.is_final = True
    beats.beat_for(2)
    assert card.ticked == 0


def test_a_card_that_cannot_be_drawn_does_not_stop_the_others(beats):
    broken, card = Card(), Card()
    broken.draw = lambda: 1 / 0
    for one in (broken, card):
        beats.ticker.request_draw(one, LOOP)
    beats.beat()
    assert card.drawn == 1


# ---- what real cards send


@pytest.fixture
def sent(monkeypatch):
    """The messages that widgets send, as a growing list of their content."""
    messages = []
    monkeypatch.setattr(
        ipywidgets.Widget, "_send", lambda self, message, buffers=None: messages.append(message)
    )
    return messages


def live_cards(beats, count, monkeypatch):
    """Real cards of tasks that do not end; they are drawn at the ticker's beats."""
    monkeypatch.setattr(card_factory, "REFRESHER", beats.ticker)
    session = SimpleNamespace(loop=LOOP, ledger=SimpleNamespace(median_duration=lambda *_: 12.0))
    cards = []
    for n in range(count):
        job = Job(JobRecord.new(Request("z-image", f"lake {n}"), "sandbox", ""), LOOP)
        card, followed = card_factory.make_card(job, session)
        followed(job)
        cards.append(card)
    return cards


def test_100_live_cards_send_a_bounded_number_of_messages(beats, sent, monkeypatch):
    cards = live_cards(beats, 100, monkeypatch)
    phases = itertools.cycle(("waiting", "queuing", "generating"))
    for _ in range(10):
        phase = next(phases)
        for card in cards:
            card.update(JobUpdate(card.latest.record, phase))
        sent.clear()
        beats.beat()
        assert 0 < len(sent) <= 250 / PER_SECOND


def test_a_card_whose_state_changes_sends_its_parts_once_a_beat(beats, sent, monkeypatch):
    (card,) = live_cards(beats, 1, monkeypatch)
    beats.beat()
    sent.clear()
    for phase in ("waiting", "queuing", "generating"):
        card.update(JobUpdate(card.latest.record, phase))
    beats.beat()
    # The state, the place for the picture, the clock, the colour, the buttons.
    assert 1 <= len(sent) <= 5


@pytest.mark.slow
def test_cells_run_beside_100_live_cards(tmp_path):
    env = environment(tmp_path, LIANGXIN_FRONTEND="live")
    with Kernel(tmp_path, env) as kernel:
        kernel.run(CARDS)
        for _ in range(3):
            kernel.updated_widgets(30)  # of many cards, not always of the same few
            assert kernel.run("1 + 1") == ["2"]


#: 100 cards of tasks that do not end; each is given another state twice a second.
CARDS = """
import asyncio, itertools
from liangxin_nb.session.default import get_session
from liangxin_nb.session.job import Job
from liangxin_nb.notebook.widgets.card_factory import make_card
from liangxin_nb.core.request import Request
from liangxin_nb.core.job_record import JobUpdate, JobRecord

async def wander(record, tell):
    for phase in itertools.cycle(("waiting", "queuing", "generating")):
        tell(JobUpdate(record, phase))
        await asyncio.sleep(0.5)

cards = []
for n in range(100):
    record = JobRecord.new(Request("z-image", f"lake {n}"), "sandbox", "")
    card, followed = make_card(Job(record, get_session().loop).start(None, wander), get_session())
    followed(card._job)
    cards.append(card)
"""
