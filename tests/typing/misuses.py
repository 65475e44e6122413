"""Wrong calls: `mypy --strict` must report each line that says so. It is never run."""

import liangxin_nb as lx

lx.generate(["a lake", "a harbour"])  # error: arg-type
lx.generate("a lake", "z-image")  # error: call-arg
lx.generate("a lake", model=None)  # error: arg-type
lx.generate("a lake", seed="seven")  # error: arg-type
lx.generate("a lake").wait(timeout="1 minute")  # error: arg-type
lx.batch(["a lake"], dry_run=True).wait()  # error: attr-defined
lx.batch(["a lake"], max_tasks="100")  # error: call-overload
lx.show("a lake")  # error: arg-type
lx.generate("a lake").detach().wait()  # error: func-returns-value
lx.Session(profile="sandbox").generate("a lake").status = "saved"  # error: misc
