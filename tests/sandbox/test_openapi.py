"""The sandbox conforms to the OpenAPI document that it publishes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from liangxin_nb.sandbox.openapi import openapi_document

from ..conftest import start_sandbox
from ..scan import KEY

#: Checks of HTTP statuses: KIE answers errors with HTTP 200. Response schemas are still checked.
EXCLUDED_CHECKS = {
    "liangxin": [],
    "kie": ["negative_data_rejection", "ignored_auth", "missing_required_header"],
}
#: Random calls per operation, in addition to those of the coverage phase.
EXAMPLES = int(os.environ.get("LIANGXIN_EXAMPLES", "3"))


@pytest.mark.slow
@pytest.mark.parametrize("profile", ["liangxin", "kie"])
def test_schemathesis_finds_no_response_that_violates_the_document(profile, request):
    sandbox = start_sandbox("--profile", profile, "--speed", "100")
    request.addfinalizer(sandbox.stop)
    # The key is in the environment: other users can read command lines.
    Path("schemathesis.toml").write_text(
        'headers = { Authorization = "Bearer ${SANDBOX_KEY}" }\n', encoding="utf-8"
    )
    excluded = ",".join(EXCLUDED_CHECKS[profile])
    process = subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"), "run", f"{sandbox.url}/openapi.json",
            "--phases=coverage,fuzzing", f"--max-examples={EXAMPLES}",
            f"--seed={request.config.option.hypothesis_seed}", "--no-color",
            *([f"--exclude-checks={excluded}"] if excluded else []),
        ],
        env={**os.environ, "SANDBOX_KEY": KEY}, capture_output=True, text=True,
    )  # fmt: skip
    assert process.returncode == 0, process.stdout[-6000:]
    assert "No issues found" in process.stdout


def document_models(profile):
    """Return the input schema of each model in a document, and the paths."""
    paths = openapi_document(profile, "http://127.0.0.1:1")["paths"]
    create = paths["/api/v1/jobs/createTask"]["post"]
    requests = create["requestBody"]["content"]["application/json"]["schema"]["oneOf"]
    properties = [request["properties"] for request in requests]
    return {each["model"]["const"]: each["input"] for each in properties}, paths


def test_kie_document_lists_its_models_and_additional_endpoints():
    models, paths = document_models("kie")
    assert models["z-image"]["required"] == ["prompt", "aspect_ratio"]
    assert models["google/imagen4"]["properties"]["seed"]["type"] == "string"
    assert "/api/v1/chat/credit" in paths


def test_liangxin_document_lists_its_models_and_only_the_task_api():
    models, paths = document_models("liangxin")
    assert models["z-image"]["required"] == ["prompt"]
    assert models["flux-2-pro"]["dependentRequired"] == {"width": ["height"], "height": ["width"]}
    assert list(paths) == ["/api/v1/jobs/createTask", "/api/v1/jobs/recordInfo"]


def test_document_contains_server_and_authentication():
    content = openapi_document("kie", "http://127.0.0.1:1")
    assert content["servers"] == [{"url": "http://127.0.0.1:1"}]
    assert content["components"]["securitySchemes"] == {"key": {"type": "http", "scheme": "bearer"}}
