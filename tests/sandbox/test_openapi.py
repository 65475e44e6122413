"""The sandbox keeps to the OpenAPI document that it publishes, whatever is sent to it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from liangxin_nb.sandbox.openapi import document

from ..conftest import start_sandbox
from ..scan import KEY

#: Under KIE a no comes with HTTP 200, so a status cannot show it; the answers' shapes still do.
BLIND = {
    "liangxin": [],
    "kie": ["negative_data_rejection", "ignored_auth", "missing_required_header"],
}
#: Random calls of each operation, beside those of each rule of the document; more in the long form.
EXAMPLES = int(os.environ.get("LIANGXIN_EXAMPLES", "3"))


@pytest.mark.slow
@pytest.mark.parametrize("profile", ["liangxin", "kie"])
def test_schemathesis_finds_no_call_that_is_answered_against_the_document(profile, request):
    sandbox = start_sandbox("--profile", profile, "--speed", "100")
    request.addfinalizer(sandbox.stop)
    # The key is in the environment: a command line can be read by everybody on the machine.
    Path("schemathesis.toml").write_text(
        'headers = { Authorization = "Bearer ${SANDBOX_KEY}" }\n', encoding="utf-8"
    )
    left_out = [f"--exclude-checks={','.join(BLIND[profile])}"] if BLIND[profile] else []
    done = subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"), "run", f"{sandbox.url}/openapi.json",
            "--phases=coverage,fuzzing", f"--max-examples={EXAMPLES}",
            f"--seed={request.config.option.hypothesis_seed}", "--no-color", *left_out,
        ],
        env={**os.environ, "SANDBOX_KEY": KEY}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:]
    assert "No issues found" in done.stdout


def inputs(profile):
    """What each model takes, by the document of a profile; and its paths."""
    paths = document(profile, "http://127.0.0.1:1")["paths"]
    create = paths["/api/v1/jobs/createTask"]["post"]
    wishes = create["requestBody"]["content"]["application/json"]["schema"]["oneOf"]
    return {w["properties"]["model"]["const"]: w["properties"]["input"] for w in wishes}, paths


def test_the_document_of_kie_lists_its_models_and_its_other_endpoints():
    models, paths = inputs("kie")
    assert models["z-image"]["required"] == ["prompt", "aspect_ratio"]
    assert models["google/imagen4"]["properties"]["seed"]["type"] == "string"
    assert "/api/v1/chat/credit" in paths


def test_the_document_of_liangxin_lists_its_models_and_nothing_of_kies():
    models, paths = inputs("liangxin")
    assert models["z-image"]["required"] == ["prompt"]
    assert models["flux-2-pro"]["dependentRequired"] == {"width": ["height"], "height": ["width"]}
    assert list(paths) == ["/api/v1/jobs/createTask", "/api/v1/jobs/recordInfo"]


def test_the_document_names_the_server_and_how_it_wants_the_key():
    told = document("kie", "http://127.0.0.1:1")
    assert told["servers"] == [{"url": "http://127.0.0.1:1"}]
    assert told["components"]["securitySchemes"] == {"key": {"type": "http", "scheme": "bearer"}}
