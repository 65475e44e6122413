"""Web pages of strangers attack a running sandbox in Chromium, also by DNS rebinding."""

import json
from urllib.parse import quote, urlsplit

import pytest

from ..sandbox.fault_client import Client
from . import chromium
from .window import SCREENSHOTS

pytestmark = pytest.mark.slow
PROMPT = "a prompt that only its author may read"
#: Each page by its name: the address from which it comes, and the address that it attacks.
PAGES = {
    "rebound": ("http://evil.example:PORT", "http://evil.example:PORT"),
    "cross-site": ("http://evil.example:1", "http://127.0.0.1:PORT"),
    "same-site": ("http://127.0.0.1:1", "http://127.0.0.1:PORT"),
}
#: The page knows the key, the task and the URL of its picture: even then it gets nothing.
ATTACK = """<!doctype html><meta charset="utf-8"><title>attack</title>
<style>body {font: 15px sans-serif; margin: 24px} td {padding: 3px 16px 3px 0; vertical-align: top}
</style><h3></h3><table></table><script>
const {base, key, task, picture} = JSON.parse(decodeURIComponent(location.hash.slice(1)));
document.querySelector("h3").textContent = `${location.origin} attacks ${base}`;
const auth = {headers: {Authorization: `Bearer ${key}`}}, api = `${base}/api/v1/jobs`;
const body = JSON.stringify({model: "z-image", input: {prompt: "by a web page"}});
const faults = JSON.stringify({faults: ["moderated"]});
const read = async (url, options) => {
  const answer = await fetch(url, options);
  return `${answer.status || answer.type}: ${(await answer.text()).slice(0, 400)}`;
};
const load = (tag, url, property = "src") => new Promise(resolve => {
  const element = document.createElement(tag);
  element.onload = element.onloadeddata = () => resolve(`${tag} is loaded`);
  element.onerror = () => resolve(`${tag} is not loaded`);
  element.rel = "stylesheet";
  element.hidden = true;
  element[property] = url;
  document.body.append(element);
});
const frame = url => new Promise(resolve => {
  const element = document.createElement("iframe");
  element.hidden = true;
  element.name = "frame" + Math.random();
  document.body.append(element);  // loads an empty document at once
  element.onload = () => {
    try { resolve(`readable: ${element.contentDocument.body.innerText}`); }
    catch { resolve("the frame is not readable"); }
  };
  if (typeof url === "string") element.src = url; else url(element.name);
});
const post = (action, name, value) => target => {
  const form = document.createElement("form");
  Object.assign(form, {method: "POST", action, target, enctype: "text/plain"});
  form.append(Object.assign(document.createElement("input"), {name, value, type: "hidden"}));
  document.body.append(form);
  form.submit();
};
const socket = () => new Promise(resolve => {
  const socket = new WebSocket(`${base.replace("http", "ws")}/sandbox`);
  socket.onopen = () => resolve("open");
  socket.onerror = () => resolve("the connection failed");
});
const attempts = {
  "read the counters": () => read(`${base}/sandbox`),
  "read the counters with the key": () => read(`${base}/sandbox`, auth),
  "read the task with the key": () => read(`${api}/recordInfo?taskId=${task}`, auth),
  "set faults with the key": () =>
    read(`${base}/sandbox/faults`, {...auth, method: "PUT", body: faults}),
  "create a task with the key": () => read(`${api}/createTask`, {...auth, method: "POST", body}),
  "create a task, no-cors": () =>
    read(`${api}/createTask`, {method: "POST", mode: "no-cors", body}),
  "create a task by a form": () => frame(post(`${api}/createTask`, body.slice(0, -1), "}")),
  "set faults by a form": () => frame(post(`${base}/sandbox/faults`, faults.slice(0, -1), "}")),
  "create a task by sendBeacon": async () =>
    navigator.sendBeacon(`${api}/createTask`, body) ? "queued, no answer" : "not sent",
  "read the API description": () => read(`${base}/openapi.json`),
  "read the picture": () => read(`${base}${picture}`),
  "read the picture, no-cors": () => read(`${base}${picture}`, {mode: "no-cors"}),
  "display the picture": () => load("img", `${base}${picture}`),
  "display it as a video": () => load("video", `${base}${picture}`),
  "frame the picture": () => frame(`${base}${picture}`),
  "frame the counters": () => frame(`${base}/sandbox`),
  "load the counters as a script": () => load("script", `${base}/sandbox`),
  "load the counters as a style": () => load("link", `${base}/sandbox`, "href"),
  "open a WebSocket": socket,
};
(async () => {
  for (const [name, attempt] of Object.entries(attempts)) {
    const row = document.querySelector("table").insertRow();
    row.insertCell().textContent = name;
    row.insertCell().textContent = await attempt().catch(String);
  }
  document.title = "done";
})();
</script>"""
UNREADABLE = {
    "421: This sandbox serves 127.0.0.1:PORT only.", "TypeError: Failed to fetch",
    "the frame is not readable", "img is not loaded", "video is not loaded",
    "script is not loaded", "link is not loaded", "the connection failed", "opaque: ",
    "queued, no answer",
}  # fmt: skip


@pytest.fixture(scope="module")
def strange_browser(chromium_driver):
    """Return a Chromium that resolves the name of a stranger's page to this machine."""
    # The sandbox must reject the requests, also of a browser that lets them pass.
    arguments = (
        "--host-resolver-rules=MAP evil.example 127.0.0.1",
        "--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests",
    )
    with chromium_driver.activate():
        browser = chromium_driver._playwright.chromium.launch(
            executable_path=chromium.find_chromium(), args=[*chromium.CHROMIUM_ARGS, *arguments]
        )
    yield browser
    with chromium_driver.activate():
        browser.close()


@pytest.fixture
def attack(chromium_driver, strange_browser, sandbox):
    """Return a function: run all attempts from an address, and return what came back."""
    client = Client(sandbox)
    task = client.create_id(input={"prompt": PROMPT, "image_size": "square"})
    known = {"key": sandbox.key, "task": task, "picture": client.link(task)}

    def run(page_url, base, screenshot=None):
        with chromium_driver.activate():
            context = strange_browser.new_context(viewport={"width": 1000, "height": 640})
            # The attacker's server: everything else goes to the sandbox.
            context.route(
                "**/attack.html", lambda route: route.fulfill(body=ATTACK, content_type="text/html")
            )
            page = context.new_page()
            page.goto(f"{page_url}/attack.html#{quote(json.dumps({**known, 'base': base}))}")
            page.wait_for_function("document.title === 'done'", timeout=120_000)
            rows = page.locator("tr").evaluate_all(
                "rows => rows.map(row => [...row.cells].map(cell => cell.textContent))"
            )
            if screenshot:
                page.screenshot(path=SCREENSHOTS / f"{screenshot}.png", full_page=True)
            context.close()
        return dict(rows)

    return run


@pytest.mark.parametrize("name", PAGES)
def test_page_of_a_stranger_reads_nothing_and_sets_nothing(attack, sandbox, name):
    port = str(urlsplit(sandbox.url).port)
    page_url, base = (url.replace("PORT", port) for url in PAGES[name])
    before = sandbox.counters()
    answers = attack(page_url, base, f"rebinding-{name}")
    assert set(answers.values()) <= {text.replace("PORT", port) for text in UNREADABLE}
    assert sandbox.counters() == before
    if name == "rebound":  # the browser lets the page read this answer
        assert answers["read the task with the key"].startswith("421: ")


def test_the_attempts_are_valid_requests(attack, sandbox):
    """From the sandbox's own address, which no page of a stranger has, they succeed."""
    created = sandbox.counters()["created"]
    answers = attack(sandbox.url, sandbox.url)
    sandbox.set_faults()
    assert PROMPT in answers["read the task with the key"]
    assert answers["create a task with the key"].startswith("200: ")
    assert answers["display the picture"] == "img is loaded"
    assert "moderated" in answers["set faults with the key"]
    assert sandbox.counters()["created"] == created + 1
