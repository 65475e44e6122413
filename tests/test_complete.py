"""Tab in a line of ours, asked of a real kernel as a front end asks."""

import pytest
from jupyter_client.manager import start_new_kernel


@pytest.fixture(scope="module")
def offered(tmp_path_factory):
    """What Tab offers at the end of a text."""
    folder = str(tmp_path_factory.mktemp("complete"))
    manager, client = start_new_kernel(cwd=folder)

    def ask(text):
        return client.complete(text, reply=True, timeout=60)["content"]["matches"]

    try:
        client.execute_interactive("%load_ext liangxin_nb", timeout=60)
        yield ask
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


@pytest.mark.parametrize(
    ("typed", "among", "never"),
    [
        ("%%liangxin ", {"z-image", "batch", "--aspect", "--no-wait"}, {"--dry"}),
        ("%%liangxin z-im", {"z-image"}, {"flux-2-pro"}),
        ("%%liangxin z-image --s", {"--size", "--seed"}, {"z-image"}),
        ("%%liangxin z-image ", {"--size"}, {"batch", "flux-2-pro"}),
        ("%%liangxin z-image --size squ", {"square", "square_hd"}, {"landscape_16_9"}),
        ("%%liangxin z-image -o ", {"image_size=", "seed="}, {"--size"}),
        ("%%liangxin z-image -o image_size=squ", {"image_size=square_hd"}, set()),
        ("%%liangxin batch z-image ", {"--dry", "--csv", "--window", "flux-2-pro"}, {"z-image"}),
        ("%%liangxin batch --d", {"--dry"}, {"--aspect"}),
        ("%%liangxin batch z-image --aspect 1", {"16:9", "1:1"}, {"4:3"}),
        ("%liangxin re", {"resume"}, {"tasks"}),
        ("%liangxin models z", {"z-image"}, {"--size"}),
    ],
)
def test_tab_offers_what_may_stand_there(offered, typed, among, never):
    found = set(offered(typed))
    assert among <= found
    assert not never & found


def test_nothing_else_is_offered_and_no_name_after_an_option_of_ones_own(offered):
    assert set(offered("%%liangxin --out z")) <= {"z"}
    assert offered("import liangxin_n") == ["liangxin_nb"]
