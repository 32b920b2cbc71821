"""What a project needs to adopt `kumiki check`, in the hands of the programs that it is made for.

`make oracles` runs it, with the binary as KUMIKI and the folder of tools as KUMIKI_TOOLS: reports are
read by a SARIF schema and a JUnit parser, the example workflow by actionlint, the action and the hook
by what GitHub and pre-commit would do with them.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.parse
from pathlib import Path

import jsonschema
import junitparser
import yaml

ROOT = Path(__file__).resolve().parents[3]
KUMIKI = Path(os.environ["KUMIKI"]).resolve()
TOOLS = Path(os.environ["KUMIKI_TOOLS"]).resolve()
PROJECT = ROOT / "crates/kumiki/tests/cmd/formats.in/app"

# The schema of SARIF 2.1.0 (release 4 of Microsoft's errata) comes with its object model in Python.
SCHEMA = ("sarif-om==1.0.4", "cd5f416b3083e00d402a92e449a7ff67af46f11241073eea0461802a3b5aef98")


def run(command, folder, *, fails=None, **more):
    """Runs a command, whose exit code is told by `fails` unless it does not matter."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, **more)
    expected = {None: (0, 1), False: (0,), True: (1,)}[fails]
    assert done.returncode in expected, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr if more.get("env") else done.stdout


def check(folder, *arguments):
    return run([KUMIKI, "check", "--project", "app", *arguments], folder)


def sarif_schema():
    name, digest = SCHEMA
    archive = TOOLS / "sarif" / (name.replace("==", "-").replace("sarif-om", "sarif_om") + ".tar.gz")
    if not archive.exists():
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
        subprocess.run([*pip, "--dest", archive.parent, name], check=True)
    assert hashlib.sha256(archive.read_bytes()).hexdigest() == digest, archive
    with tarfile.open(archive) as files:
        member = next(it for it in files.getnames() if it.endswith("sarif-2.1.0-rtm.4.json"))
        return json.load(files.extractfile(member))


def text_at(folder, location):
    """The text that a SARIF location covers: its columns count characters."""
    place = location["physicalLocation"]
    path = folder / urllib.parse.unquote(place["artifactLocation"]["uri"])
    region = place["region"]
    lines = path.read_text(encoding="utf-8").split("\n")
    if region["startLine"] != region["endLine"]:
        return lines[region["startLine"] - 1][region["startColumn"] - 1 :]
    return lines[region["startLine"] - 1][region["startColumn"] - 1 : region["endColumn"] - 1]


def sarif(folder):
    schema = sarif_schema()
    for language in ("en", "ja"):
        for more in ([], ["--accepted"], ["--severity", "info"], ["--env", "dev"]):
            report = json.loads(check(folder, "--format", "sarif", "--language", language, *more))
            jsonschema.validate(report, schema)
            [one] = report["runs"]
            rules = [it["id"] for it in one["tool"]["driver"]["rules"]]
            for result in one["results"]:
                assert rules[result["ruleIndex"]] == result["ruleId"]
                for location in result["locations"] + result["relatedLocations"]:
                    assert text_at(folder, location), location
            accepted = [it for it in one["results"] if "suppressions" in it]
            assert bool(accepted) == (more == ["--accepted"]), more
    texts = [text_at(folder, it["locations"][0]) for it in one["results"]]
    assert texts == ["!Ref Name"], texts


def fingerprints(folder):
    """A line above moves every finding, and no finding becomes another."""

    def told():
        [one] = json.loads(check(folder, "--format", "sarif", "--severity", "info"))["runs"]
        results = one["results"]
        lines = [it["locations"][0]["physicalLocation"]["region"]["startLine"] for it in results]
        return sorted(it["partialFingerprints"]["kumiki/v1"] for it in results), sorted(lines)

    before, lines = told()
    for path in folder.rglob("*.yaml"):
        path.write_text("# one more line\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    after, moved = told()
    assert before == after and len(set(before)) == len(before), (before, after)
    assert lines != moved


def junit(folder, path):
    for more in ([], ["--accepted"], ["--strict", "--language", "ja"]):
        path.write_text(check(folder, "--format", "junit", *more), encoding="utf-8")
        report = junitparser.JUnitXml.fromfile(str(path))
        cases = [case for suite in report for case in suite]
        failed = [it for it in cases if any(isinstance(r, junitparser.Failure) for r in it.result)]
        assert (report.tests, report.failures) == (len(cases), len(failed)), report
        assert failed and all(it.classname for it in cases)


def github(folder):
    """Workflow commands as the runner reads them: properties first, escapes last."""
    for line in check(folder, "--format", "github").splitlines():
        command, properties, message = re.fullmatch(r"::(\w+) (.*?)::(.*)", line).groups()
        read = dict(it.split("=", 1) for it in properties.split(","))
        path = folder / urllib.parse.unquote(read["file"])
        text = path.read_text(encoding="utf-8").split("\n")[int(read["line"]) - 1]
        assert int(read["col"]) <= int(read["endColumn"]) <= len(text), line
        assert command in ("error", "warning") and message


def action(folder):
    """The example passes actionlint, and the action's own step does what it says."""
    example = ROOT / "docs/examples/github-actions.yml"
    tools = Path(sys.executable).parent
    run([tools / "actionlint", example], ROOT, fails=False)
    schema = [tools / "check-jsonschema", "--builtin-schema"]
    run([*schema, "vendor.github-workflows", example], ROOT, fails=False)
    run([*schema, "vendor.github-actions", ROOT / "action.yml"], ROOT, fails=False)
    step = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))["runs"]["steps"][-1]
    given = {"PROJECT": "app", "ARGUMENTS": "--env prod", "SARIF": "kumiki.sarif"}
    assert set(step["env"]) == set(given)
    bash = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    (folder / "kumiki/bin").mkdir(parents=True)
    (folder / "kumiki/bin/kumiki").symlink_to(KUMIKI)
    environment = {**os.environ, **given, "RUNNER_TEMP": str(folder), "GITHUB_WORKSPACE": str(folder)}
    told = run(bash, folder, fails=True, env=environment)
    assert "::error file=app/nested/保管.yaml,line=" in told, told
    report = json.loads((folder / "kumiki.sarif").read_text(encoding="utf-8"))
    assert len(report["runs"][0]["results"]) == told.count("::error"), told


def hook(folder):
    """pre-commit refuses a commit with findings, and lets one without pass."""
    hooks, project = folder / "hooks", folder / "project"
    git = ["git", "-c", "user.name=K", "-c", "user.email=k@example.com", "-c", "init.defaultBranch=main"]
    hooks.mkdir()
    shutil.copy(ROOT / ".pre-commit-hooks.yaml", hooks)
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "hooks"], ["tag", "v0.1.0"]):
        run([*git, *command], hooks, fails=False)
    shutil.copytree(PROJECT, project)
    config = f"repos:\n  - repo: {hooks}\n    rev: v0.1.0\n    hooks:\n      - id: kumiki-check\n"
    (project / ".pre-commit-config.yaml").write_text(config)
    path = f"{KUMIKI.parent}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PRE_COMMIT_HOME": str(folder / "home"), "LC_ALL": "C.UTF-8"}
    for command in (["git", "init", "-q"], ["git", "add", "."], ["pre-commit", "install"]):
        run(command, project, fails=False, env=environment)
    commit = [*git, "commit", "-m", "templates"]
    told = run(commit, project, fails=True, env=environment)
    assert "kumiki check" in told and "error[name-with-illegal-characters]" in told, told
    for name, wrong, right in (
        ("stack.yaml", '"Facility-', '"facility-'),
        ("parameters/prod.json", "medium", "large"),
    ):
        text = (project / name).read_text(encoding="utf-8")
        (project / name).write_text(text.replace(wrong, right), encoding="utf-8")
    run([*git, "add", "."], project, fails=False)
    told = run(commit, project, fails=False, env=environment)
    assert re.search(r"kumiki check\.+Passed", told), told
    template = project / "stack.yaml"
    right = template.read_text(encoding="utf-8")
    template.write_text(right.replace('"facility-', '"Facility-'), encoding="utf-8")
    run([*git, "add", "."], project, fails=False)
    run(commit, project, fails=True, env=environment)
    template.write_text(right, encoding="utf-8")
    (project / "README.md").write_text("# Templates\n")
    run([*git, "add", "."], project, fails=False)
    told = run([*git, "commit", "-m", "words"], project, fails=False, env=environment)
    assert re.search(r"kumiki check\.+\(no files to check\)Skipped", told), told


def main():
    for test in (sarif, fingerprints, lambda it: junit(it, it / "report.xml"), github, action, hook):
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            shutil.copytree(PROJECT, folder / "app")
            test(folder)
    print("adopting: SARIF, JUnit, workflow commands, the action and the hook work")


main()
