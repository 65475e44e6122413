"""Large results are saved in bounded memory."""

import pytest

from ..bench import memory


@pytest.mark.slow
def test_large_results_are_saved_in_bounded_memory():
    # The peak of a process does not depend on the load: Linux counts its pages.
    names = ["film of 300 MB", "JPEG of 8192 × 8192", "PNG of 10000 × 9000",
             "PNG of 8192 × 8192, decoded", "WebP of 4096 × 4096, decoded"]  # fmt: skip
    peaks = memory.measure(*names)
    print({name: f"{peak:.0f} MB" for name, peak in peaks.items()})
    assert list(peaks) == names
    for name, peak in peaks.items():
        assert peak <= memory.RESULTS[name][2], name
