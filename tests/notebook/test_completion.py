"""Tab completion of the magics, requested from a real kernel as a front end does."""

import pytest

from ..kernels import ForkedKernelManager, environment

pytestmark = pytest.mark.xdist_group("complete")


@pytest.fixture(scope="module")
def completions(tmp_path_factory):
    """Return a function that requests the completions at the end of a text."""
    folder = tmp_path_factory.mktemp("complete")
    manager = ForkedKernelManager()
    manager.start_kernel(cwd=str(folder), env=environment(folder))
    client = manager.blocking_client()
    client.start_channels()

    def complete(text):
        return client.complete(text, reply=True, timeout=60)["content"]["matches"]

    try:
        client.wait_for_ready(timeout=60)
        client.execute("%load_ext liangxin_nb", reply=True, timeout=60)
        yield complete
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


@pytest.mark.parametrize(
    ("text", "included", "excluded"),
    [
        ("%%liangxin ", {"z-image", "batch", "--aspect", "--no-wait"}, {"--dry-run"}),
        ("%%liangxin z-im", {"z-image"}, {"flux-2-pro"}),
        ("%%liangxin z-image --s", {"--size", "--seed"}, {"z-image"}),
        ("%%liangxin z-image ", {"--size"}, {"batch", "flux-2-pro"}),
        ("%%liangxin z-image --size squ", {"square", "square_hd"}, {"landscape_16_9"}),
        ("%%liangxin z-image -o ", {"image_size=", "seed="}, {"--size"}),
        ("%%liangxin z-image -o image_size=squ", {"image_size=square_hd"}, set()),
        (
            "%%liangxin batch z-image ",
            {"--dry-run", "--csv", "--concurrency", "flux-2-pro"},
            {"z-image"},
        ),
        ("%%liangxin batch --d", {"--dry-run"}, {"--aspect"}),
        ("%%liangxin batch z-image --aspect 1", {"16:9", "1:1"}, {"4:3"}),
        ("%liangxin re", {"resume", "recover"}, {"tasks"}),
        ("%liangxin ", {"config", "help"}, {"", "z-image"}),
        ("%liangxin models z", {"z-image"}, {"--size"}),
    ],
)
def test_valid_continuations_are_offered(completions, text, included, excluded):
    offered = set(completions(text))
    assert included <= offered
    assert not excluded & offered


def test_variable_name_is_not_completed(completions):
    assert set(completions("%%liangxin --out z")) <= {"z"}


def test_other_lines_are_completed_by_ipython(completions):
    assert completions("import liangxin_n") == ["liangxin_nb"]
