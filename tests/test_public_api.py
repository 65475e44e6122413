"""The public names: documented, importable from the root, shown under it, and hard to misuse."""

import copy
import inspect
import pickle
import re

import pytest

import liangxin_nb as lx
from liangxin_nb.errors import LiangxinError

FUNCTIONS = [n for n in lx.__all__ if inspect.isfunction(getattr(lx, n))]
CLASSES = [n for n in lx.__all__ if inspect.isclass(getattr(lx, n))]


def undocumented(function, text):
    """The arguments that a text does not name, in the singular or the plural."""
    names = [n for n in inspect.signature(function).parameters if n not in ("self", "cls")]
    return [n for n in names if not re.search(rf"\b{n.rstrip('s')}", text)]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_docstring_of_a_function_names_each_argument(name):
    text = inspect.getdoc(getattr(lx, name))
    assert len(text.split()) >= 8
    assert undocumented(getattr(lx, name), text) == []


@pytest.mark.parametrize("name", CLASSES)
def test_class_and_its_public_members_have_docstrings(name):
    text = inspect.getdoc(getattr(lx, name))
    assert len(text.split()) >= 3
    for member, value in vars(getattr(lx, name)).items():
        if not member.startswith("_") and (
            inspect.isfunction(value) or isinstance(value, property)
        ):
            assert inspect.getdoc(value), f"{name}.{member} has no docstring"


@pytest.mark.parametrize("name", sorted({*lx.__all__} - {"read_metadata"}))
def test_public_name_shows_the_root_as_its_module(name):
    assert getattr(lx, name).__module__ == "liangxin_nb"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_is_a_method_of_a_session(name):
    if name in ("allow_nested_loops", "read_metadata", "set_session"):
        return  # these concern the process or a file, not a session
    own = [*inspect.signature(getattr(lx, name)).parameters]
    assert [*inspect.signature(getattr(lx.Session, name)).parameters] == ["self", *own]


WRONG_CALLS = {
    "types: reuse": (
        lambda: lx.generate("a", reuse="yes"),
        "takes reuse as True or False or None, not",
    ),
    "types: callback": (lambda: lx.generate("a", callback=5), "takes callback as a text or None"),
    "types: history": (lambda: lx.history("a", limit="x"), "limit as a whole number or None"),
    "types: import": (lambda: lx.import_archive(5), "path as a text or a path, not 5"),
    "types: batch": (lambda: lx.batch(id=5), "takes id as a text, not 5"),
    "models: none": (lambda: lx.batch(["a"], models=None), "models=None does not name models"),
    "models: a part": (lambda: lx.batch(["a"], models=["z-image", None]), "does not name models"),
    "models: both": (
        lambda: lx.batch(["a"], models=["z-image"], model="flux-2-pro"),
        "exclude each other",
    ),
    "models: typo": (lambda: lx.batch(["a"], models=["z-imag"]), "Did you mean z-image?"),
    "models: typo in a row": (
        lambda: lx.batch([{"prompt": "a", "model": "z-imag"}]),
        "Did you mean z-image?",
    ),
    "models: twice": (lambda: lx.batch(["a"], models=["z-image", "Z-Image"]), "a value twice"),
    "seeds: both": (lambda: lx.batch(["a"], seeds=[1, 2], seed=5), "seeds=[1, 2] and seed=5"),
    "seeds: zero": (lambda: lx.batch(["a"], seeds=0), "nor a number from 1"),
    "seeds: text": (lambda: lx.batch(["a"], seeds="12"), "neither a list of seeds"),
    "seeds: negative": (lambda: lx.batch(["a"], seeds=[-1]), "seed -1 is not possible"),
    "concurrency: zero": (lambda: lx.batch(["a"], concurrency=0), "concurrency=0 is not a number"),
    "max_tasks: zero": (lambda: lx.batch(["a"], max_tasks=0), "max_tasks=0 is not a number"),
    "several prompts": (lambda: lx.generate(["a"]), "lx.batch(prompts)"),
    "model by position": (lambda: lx.generate("a", "z-image"), 'model="z-image"'),
    "number of pictures": (lambda: lx.generate("a", n=3), "lx.batch([prompt], seeds=3)"),
    "no model": (lambda: lx.generate("a", model=None), "Leave it out for z-image"),
    "misspelled option": (lambda: lx.generate("a", aspekt="1:1"), "Did you mean 'aspect'?"),
    "no prompt": (lambda: lx.generate(), "lx.generate("),
    "batch of nothing": (lambda: lx.batch(), "lx.batch(prompts)"),
    "batch of a text": (lambda: lx.batch("a lake"), "list of prompts"),
    "two sources": (lambda: lx.batch(["a"], id="0123"), "lx.batch(id=…)"),
    "plan for an earlier batch": (lambda: lx.batch(id="0123", seeds=2), "Leave out"),
    "task id left out": (lambda: lx.attach(), "lx.attach("),
    "something else shown": (lambda: lx.show("a lake"), "a result or a list of them"),
}


@pytest.mark.parametrize("wrong", WRONG_CALLS)
def test_wrong_call_names_the_right_one_in_one_line_and_sends_nothing(wrong, session):
    lx.set_session(session)
    call, expected = WRONG_CALLS[wrong]
    try:
        with pytest.raises(lx.InvalidRequestError) as error:
            call()
    finally:
        lx.set_session(None)
    assert expected in str(error.value)
    assert "\n" not in str(error.value)
    assert session.ledger.list_jobs() == []


def test_misspelled_name_suggests_the_right_one():
    with pytest.raises(AttributeError, match="Did you mean 'generate'"):
        lx.genrate  # noqa: B018


# ---- what users receive


@pytest.fixture(scope="module")
def received(tmp_path_factory):
    """One of everything that users receive, of a session that is closed at the end."""
    with lx.Session(
        profile="sandbox", results=tmp_path_factory.mktemp("received"), speed=50.0
    ) as session:
        job = session.generate("a lake", seed=7, size="square")
        result = job.wait()
        batch = session.batch(["a harbour"], seeds=[1, 2], size="square")
        batch.wait()
        archive = session.export_archive(result.folder / "out.zip", notebooks=False)
        yield {
            "Job": job,
            "Batch": batch,
            "Session": session,
            "Result": result,
            "ResultMetadata": result.metadata,
            "JobRecord": job.record,
            "JobUpdate": job.last_update,
            "Request": job.record.request,
            "Outcome": batch[0],
            "Progress": batch.progress,
            "ContactSheet": batch.sheet(),
            "Estimate": session.batch(["a lake"], dry_run=True),
            "Table": session.history(),
            "ImportReport": session.import_archive(archive, notebooks=False),
            "Settings": session.settings,
        }


RECEIVED = (
    "Batch", "ContactSheet", "Estimate", "ImportReport", "Job", "JobRecord", "JobUpdate", "Outcome",
    "Progress", "Request", "Result", "ResultMetadata", "Session", "Settings", "Table",
)  # fmt: skip


@pytest.mark.parametrize("name", RECEIVED)
def test_received_object_is_of_a_public_class_with_a_repr_of_its_own(received, name):
    assert type(received[name]) is getattr(lx, name)
    assert " object at 0x" not in repr(received[name])


@pytest.mark.parametrize("name", sorted({*RECEIVED} - {"Batch", "Session"}))
def test_received_value_can_be_pickled(received, name):
    assert repr(pickle.loads(pickle.dumps(received[name]))) == repr(received[name])


@pytest.mark.parametrize("name", ["Batch", "Session"])
def test_handle_says_in_one_line_why_it_cannot_be_pickled(received, name):
    with pytest.raises(lx.InvalidRequestError, match=r"cannot be pickled.*lx\.\w+\(") as error:
        pickle.dumps(received[name])
    assert "\n" not in str(error.value)
    assert copy.deepcopy(received[name]) is copy.copy(received[name]) is received[name]


def test_record_of_an_ended_job_is_fresh_from_the_ledger(received):
    job = received["Job"]
    assert job.record.status is lx.JobStatus.SAVED
    assert job.record == received["Session"].ledger.find(job.task_id)
    assert job.status is lx.JobPhase.SAVED


def test_result_gives_its_picture_its_path_and_its_seed(received):
    result = received["Result"]
    assert result.image.size == result.images[0].size == (512, 512)
    assert result.path == result.paths[0]
    assert result.path.is_file()
    assert result.seed == 7


def test_copy_of_a_result_keeps_the_metadata_in_the_file(received, tmp_path):
    result = received["Result"]
    copy = result.save(tmp_path / "copy.png")
    assert copy.read_bytes() == result.path.read_bytes()
    assert lx.read_metadata(copy).prompt == "a lake"
    assert (result.save(tmp_path / "folder") / result.path.name).is_file()


def test_copy_replaces_no_file_unless_told_to(received, tmp_path):
    (tmp_path / "copy.png").write_bytes(b"mine")
    with pytest.raises(lx.InvalidRequestError, match="overwrite=True"):
        received["Result"].save(tmp_path / "copy.png")
    assert (tmp_path / "copy.png").read_bytes() == b"mine"
    received["Result"].save(tmp_path / "copy.png", overwrite=True)
    assert (tmp_path / "copy.png").read_bytes() != b"mine"


def test_copy_under_another_suffix_is_refused_with_the_way_to_convert(received, tmp_path):
    with pytest.raises(lx.InvalidRequestError, match=r"result\.image\.save\('copy\.jpg'\)"):
        received["Result"].save(tmp_path / "copy.jpg")
    assert list(tmp_path.iterdir()) == []


def test_batch_has_outcomes_by_index_and_counts_of_every_state(received):
    batch = received["Batch"]
    assert batch[-1] == batch[1]
    assert batch[:1] == [batch[0]]
    with pytest.raises(IndexError, match="the batch has 2 requests"):
        batch[2]
    assert batch.counts == {
        "saved": 2, "running": 0, "pending": 0, "failed": 0, "rejected": 0, "result_lost": 0,
        "unconfirmed": 0, "detached": 0, "not_fetched": 0, "partly_saved": 0,
    }  # fmt: skip
    assert batch.counts["done"] == 2
    for wrong in (lambda: batch.counts["ready"], lambda: batch["first"], lambda: batch.wait("x")):
        with pytest.raises(lx.InvalidRequestError):
            wrong()


@pytest.mark.parametrize(
    "wrong",
    [lambda job: job.wait("soon"), lambda job: job.wait(seconds=3), lambda job: job.result.save(5)],
)
def test_wrong_argument_of_a_method_is_named_in_one_line(received, wrong):
    with pytest.raises(lx.InvalidRequestError, match=r"Write (job|result)\.") as error:
        wrong(received["Job"])
    assert "\n" not in str(error.value)


def test_done_callback_is_called_once_also_for_a_job_that_has_ended(received):
    called = []
    received["Job"].add_done_callback(called.append)
    assert called == [received["Job"]]


def test_phase_of_a_state_that_no_document_names_keeps_its_name():
    phase = lx.JobPhase("warming-up")
    assert (phase, phase.value, str(phase)) == ("warming-up",) * 3
    assert pickle.loads(pickle.dumps(phase)) == phase


@pytest.mark.anyio
async def test_session_is_an_asynchronous_context_manager(tmp_path):
    async with lx.Session(profile="sandbox", results=tmp_path, speed=50.0) as session:
        result = await session.generate("a lake", size="square")
        assert await session.resume_async() == []
    assert result.path.is_file()


def test_every_error_is_a_liangxin_error():
    names = [n for n in CLASSES if n.endswith("Error")]
    assert len(names) >= 12
    assert all(issubclass(getattr(lx, n), LiangxinError) for n in names)
