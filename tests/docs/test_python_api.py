"""docs/python-api.md: its examples are run, and it lists the errors and functions of the API."""

import re
import subprocess
import sys
from pathlib import Path

from tests.support import pages
from tests.support.inner import environment
from tests.support.served_atlas import served_atlas

from pytest_atlas import atlas as api
from pytest_atlas.atlas import (
    CreateCard,
    CreateRun,
    CreateStep,
    GetRun,
    ListRuns,
    RegisterDataFile,
    UpdateStep,
    iter_steps,
)
from pytest_atlas.local import LocalAtlas

TEXT = (pages.DOCS / "python-api.md").read_text("utf-8")
SYSTEM = "5b0c0a52-93c8-4d0e-a2c4-0f6f4d6d1c11"


def test_the_first_example_records_a_run_over_http(tmp_path: Path) -> None:
    script = pages.project(TEXT, tmp_path / "alone").root / "acceptance.py"
    with served_atlas(tmp_path) as served:
        env = environment(ATLAS_URL=served.url, ATLAS_TOKEN=str(served.token))
        done = subprocess.run([sys.executable, script], env=env, capture_output=True, text=True, check=True)
        (listed,) = served.atlas.send(ListRuns()).items
        run = served.atlas.send(GetRun(run_id=listed.uuid))
    assert done.stdout == f"{run.test_run_id} ['Acceptance']\n"
    assert [(card.title, step.title, step.execution_status) for card, step in iter_steps(run)] == [
        ("Visual inspection", "Labels are readable", "passed")
    ]


def test_the_second_example_downloads_the_files_of_failed_steps(tmp_path: Path) -> None:
    root = pages.project(TEXT, tmp_path / "alone").root
    (root / "trace.csv").write_text("t,y\n")
    with LocalAtlas(root / ".atlas" / "atlas.db", create=True) as atlas:
        run = atlas.send(CreateRun(title="Nightly", system_id=SYSTEM))
        card = atlas.send(CreateCard(run_id=run.uuid, title="Overvoltage"))
        for title, status in (("Apply 13 V", "failed"), ("Apply 12 V", "passed")):
            step = atlas.send(CreateStep(run_id=run.uuid, card_id=card.uuid, title=title))
            ids = {"run_id": run.uuid, "card_id": card.uuid, "step_id": step.uuid}
            atlas.send(UpdateStep.model_validate({**ids, "execution_status": status}))
            file = {"file_name": f"{title}.csv", "s3_url": atlas.objects.put(root / "trace.csv", step.uuid), "file_size": 4}
            place = {"test_step_id": step.uuid}
            atlas.send(RegisterDataFile.model_validate({"run_id": run.uuid, "associate_with": place, **file}))
    command = [sys.executable, "failures.py", run.test_run_id, "downloads"]
    done = subprocess.run(command, cwd=root, env=environment(), capture_output=True, text=True, check=True)
    assert done.stdout == "Overvoltage > Apply 13 V\n  Apply 13 V.csv\n"
    assert (root / "downloads" / "Apply 13 V.csv").read_text() == "t,y\n"


def test_the_table_has_every_error_of_send() -> None:
    errors = {name for name in api.__all__ if isinstance(kind := getattr(api, name), type) and issubclass(kind, api.AtlasError)}
    named = set(re.findall(r"^\| `(\w+)` \|", TEXT.partition("## Errors")[2], re.MULTILINE))
    assert named == errors - {"AtlasError", "ErrorResponse", "RunNotFound"}


def test_the_named_functions_are_public() -> None:
    names = set(re.findall(r"`(?:pytest_atlas\.atlas\.)?([a-z]+(?:_[a-z]+)+)\(", TEXT))
    assert {"find_run", "iter_steps"} <= names
    assert names <= set(api.__all__)
