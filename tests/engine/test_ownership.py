"""Which session follows a job: leases on a real file system."""

import threading
from concurrent.futures import ThreadPoolExecutor

from liangxin_nb.core.request import Request
from liangxin_nb.engine.ownership import Lease, is_alive

THREADS = 8


def probe_at_once(folder, owner):
    """Probe one lease from several threads at the same moment, as a resumed batch does."""
    barrier = threading.Barrier(THREADS)

    def probe(_):
        barrier.wait()
        return is_alive(folder, owner)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(probe, range(THREADS)))


def test_ended_session_is_never_taken_for_alive_by_simultaneous_probes(tmp_path):
    for n in range(50):
        owner = f"{n}-ended"
        (tmp_path / f"{owner}.lock").touch()  # as left by a process that was killed
        assert probe_at_once(tmp_path, owner) == [False] * THREADS


def test_session_takes_no_lease_when_it_looks_for_others(connect, tmp_path):
    session = connect()
    session.close()
    record = session.ledger.create(Request("z-image", "a lake"), "kie", "").replace(owner="1-x")
    assert not session.is_followed(record)
    assert session.count_owned_elsewhere() == 0
    assert not list(tmp_path.glob("results/.owners/*.lock"))


def test_live_session_is_alive_for_each_probe_until_it_is_released(tmp_path):
    lease = Lease(tmp_path)
    assert probe_at_once(tmp_path, lease.id) == [True] * THREADS
    lease.release()
    assert probe_at_once(tmp_path, lease.id) == [False] * THREADS
