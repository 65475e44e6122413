"""A kernel's look into the mailbox: only while somebody waits, and nothing is missed."""

import asyncio
import subprocess
import sys

import pytest

from liangxin_nb.callbacks.watch import Watch

pytestmark = pytest.mark.anyio


async def test_what_came_earlier_is_told_first_and_what_comes_later_too(mailbox):
    mailbox.put("ticket", "task_1")
    mailbox.put("other", "task_x")
    watch = Watch(mailbox)
    async with asyncio.timeout(5):
        with watch.over("ticket") as news:
            assert await news.get() == "task_1"
            mailbox.put("ticket", "task_2")
            assert await news.get() == "task_2"
            with watch.over("other") as others:
                assert await others.get() == "task_x"
            mailbox.put("ticket", "task_1")
            assert await news.get() == "task_1"
        assert news.empty()


async def test_it_looks_once_for_all_and_no_more_when_nobody_waits(mailbox, monkeypatch):
    looks, hints = [], mailbox.hints
    monkeypatch.setattr(mailbox, "hints", lambda *given: looks.append(given) or hints(*given))
    watch = Watch(mailbox)
    with watch.over("a") as first, watch.over("b") as second:
        mailbox.put("a", "task_1")
        mailbox.put("b", "task_2")
        async with asyncio.timeout(5):
            assert [await first.get(), await second.get()] == ["task_1", "task_2"]
    async with asyncio.timeout(5):
        await watch._looking
    assert len(looks) <= 3


def test_a_receiver_needs_no_jupyter_server_installed(tmp_path):
    code = (
        "import sys\nsys.modules['jupyter_server'] = None\n"
        "import liangxin_nb as lx\nwith lx.receive_callbacks() as made: print(made.url[:17])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "http://127.0.0.1:"
