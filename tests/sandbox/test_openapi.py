"""The sandbox keeps to the OpenAPI document that it publishes, whatever is sent to it."""

import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from ..conftest import start_sandbox
from ..scan import KEY
from .test_server import call

#: Under KIE a no comes with HTTP 200, so a status cannot show it; the answers' shapes still do.
BLIND = {
    "liangxin": [],
    "kie": ["negative_data_rejection", "ignored_auth", "missing_required_header"],
}
#: Bounded in work, not in time: a busy machine then sees the same calls. Some 25 s of work each.
EXAMPLES = 10


@pytest.fixture(params=["liangxin", "kie"])
def served(request):
    sandbox = start_sandbox("--profile", request.param, "--speed", "100")
    yield request.param, sandbox
    sandbox.stop()


@pytest.mark.slow
def test_schemathesis_finds_no_call_that_is_answered_against_the_document(served, tmp_path):
    profile, sandbox = served
    # The key is in the environment: a command line can be read by everybody on the machine.
    Path("schemathesis.toml").write_text(
        'headers = { Authorization = "Bearer ${SANDBOX_KEY}" }\n', encoding="utf-8"
    )
    left_out = [f"--exclude-checks={','.join(BLIND[profile])}"] if BLIND[profile] else []
    done = subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"), "run", f"{sandbox.url}/openapi.json",
            "--phases=coverage,fuzzing", f"--max-examples={EXAMPLES}", "--seed=7",
            "--no-color", *left_out,
        ],
        env={**os.environ, "SANDBOX_KEY": KEY}, capture_output=True, text=True, timeout=400,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:]
    assert "No issues found" in done.stdout


def test_every_listed_model_is_in_the_document_with_what_it_needs(served):
    profile, sandbox = served
    with urllib.request.urlopen(f"{sandbox.url}/openapi.json") as reply:
        assert reply.headers["content-type"] == "application/json"
    document = call(f"{sandbox.url}/openapi.json")[1]
    create = document["paths"]["/api/v1/jobs/createTask"]["post"]
    wishes = create["requestBody"]["content"]["application/json"]["schema"]["oneOf"]
    inputs = {w["properties"]["model"]["const"]: w["properties"]["input"] for w in wishes}
    if profile == "kie":
        assert inputs["z-image"]["required"] == ["prompt", "aspect_ratio"]
        assert inputs["google/imagen4"]["properties"]["seed"]["type"] == "string"
        assert "/api/v1/chat/credit" in document["paths"]
    else:
        assert inputs["z-image"]["required"] == ["prompt"]
        assert inputs["flux-2-pro"]["dependentRequired"] == {
            "width": ["height"],
            "height": ["width"],
        }
        assert "/api/v1/chat/credit" not in document["paths"]
