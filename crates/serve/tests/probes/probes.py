"""Holds an endpoint of CloudFormation against what AWS documents, through boto3.

    probes.py NAME=URL[#TEMPLATES] [NAME=URL ...] [--only WORD] [--json FILE]

What is asked and expected stands in probes.yaml, each probe with the page that it is from. Nothing
here knows which endpoint answers, so all are scored alike; a probe that takes a failure on purpose is
only for the endpoint named `kumiki`. TEMPLATES is where URLs of templates begin, if the endpoint does
not understand its own. Exit code 1 if `kumiki` is among them and fails one.
"""

import json
import pathlib
import re
import sys
import time
import urllib.parse

import boto3
import botocore.config
import botocore.exceptions
import jmespath
import yaml

REGION = "ap-northeast-1"
# Slower than this is as good as never.
PATIENCE = 30


class Failed(Exception):
    """Something is not as documented."""


class Probe:
    def __init__(self, probe, number, endpoint):
        self.probe = probe
        endpoint, _, templates = endpoint.partition("#")
        self.prefix = f"p{number:02}"
        options = botocore.config.Config(
            retries={"total_max_attempts": 1},
            read_timeout=PATIENCE,
            parameter_validation=False,
            s3={"addressing_style": "path"},
        )
        session = boto3.session.Session("000000000000", "kumiki", region_name=REGION)
        self.cloudformation = session.client("cloudformation", endpoint_url=endpoint, config=options)
        self.s3 = session.client("s3", endpoint_url=endpoint, config=options)
        self.bucket = f"{self.prefix}-templates-{int(time.time())}"
        self.values = {"p": self.prefix, "url": f"{templates or endpoint}/{self.bucket}", "region": REGION}

    def fill(self, value):
        """Puts values into the gaps `$name`; a whole text that is one gap becomes the value."""
        if isinstance(value, dict):
            return {self.fill(key): self.fill(it) for key, it in value.items()}
        if isinstance(value, list):
            return [self.fill(it) for it in value]
        if not isinstance(value, str):
            return value
        if value.startswith("@"):
            return self.templates()[value[1:]]
        return re.sub(r"\$([a-z_]+)\b", lambda it: str(self.values.get(it[1], it[0])), value)

    def templates(self):
        made = {}
        for name, text in self.probe.get("templates", {}).items():
            if isinstance(text, dict):
                # A text that is repeated, to make a large template.
                rows = "".join(text["row"].replace("%", str(it)) for it in range(text["times"]))
                text = text["head"] + rows
            made[name] = re.sub(r"\$(p|url|region)\b", lambda it: self.values[it[1]], text)
        return made

    def run(self):
        if self.probe.get("upload"):
            location = {"LocationConstraint": REGION}
            self.s3.create_bucket(Bucket=self.bucket, CreateBucketConfiguration=location)
            for name, text in self.templates().items():
                self.s3.put_object(Bucket=self.bucket, Key=name, Body=text.encode())
        for number, step in enumerate(self.probe["steps"], 1):
            try:
                self.step(step)
            except Failed as error:
                raise Failed(f"step {number}: {error}") from None

    def step(self, step):
        step = dict(step)
        if "settles" in step:
            (stack, wanted), = self.fill(step["settles"]).items()
            status = self.settled(stack)
            if status not in wanted.split("|"):
                raise Failed(f"{stack} ended in {status}, not {wanted}{self.why(stack)}")
            return
        fails, may_fail = step.pop("fails", None), step.pop("may_fail", None)
        gives, save = step.pop("gives", {}), step.pop("save", {})
        (action, arguments), = step.items()
        arguments = self.fill(arguments or {})
        method = re.sub(r"(?<!^)(?=[A-Z])", "_", action).lower()
        try:
            answer = getattr(self.cloudformation, method)(**arguments)
        except botocore.exceptions.ClientError as error:
            found = f"{error.response['Error']['Code']}: {error.response['Error']['Message']}"
            if fails is None and may_fail is None:
                raise Failed(f"{action} was refused: {found}") from None
            if not re.search(self.fill(fails or may_fail), found, re.DOTALL):
                raise Failed(f"{action} was refused with {found!r}") from None
            return
        if fails is not None:
            raise Failed(f"{action} was not refused")
        for path, expected in gives.items():
            found = jmespath.search(self.fill(path), answer)
            if not matches(self.fill(expected), found):
                raise Failed(f"{action}: {path} is {shown(found)}, not {shown(expected)}")
        for name, path in save.items():
            self.values[name] = jmespath.search(self.fill(path), answer)

    def status(self, stack):
        try:
            return self.cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
        except botocore.exceptions.ClientError:
            return "GONE"

    def settled(self, stack):
        """The status in which a stack comes to rest."""
        ends = time.monotonic() + PATIENCE
        pause = 0.005
        while True:
            if "/" in stack:
                stack_name, change_set = stack.split("/")
                answer = self.cloudformation.describe_change_set(
                    StackName=stack_name, ChangeSetName=change_set
                )
                status = answer["Status"]
            else:
                status = self.status(stack)
            working = status.endswith(("_IN_PROGRESS", "_PENDING")) and not status.startswith("REVIEW")
            if not working or time.monotonic() > ends:
                return status
            time.sleep(pause)
            pause = min(pause * 2, 0.5)

    def why(self, stack):
        try:
            events = self.cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
        except (botocore.exceptions.ClientError, KeyError):
            return ""
        reasons = [it.get("ResourceStatusReason", "") for it in events if "FAILED" in it["ResourceStatus"]]
        return f" ({reasons[-1]})" if reasons else ""


def matches(expected, found):
    if isinstance(expected, str) and len(expected) > 1 and expected[0] == expected[-1] == "/":
        return isinstance(found, str) and re.search(expected[1:-1], found, re.DOTALL) is not None
    if isinstance(expected, list):
        return (
            isinstance(found, list)
            and len(expected) == len(found)
            and all(matches(one, other) for one, other in zip(expected, found))
        )
    return expected == found


def shown(value):
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) < 200 else text[:200] + "…"


def outcome(probe, number, name, endpoint):
    if probe.get("fault") and name != "kumiki":
        return "–", "takes a failure on purpose"
    try:
        Probe(probe, number, endpoint).run()
    except Failed as error:
        return "no", str(error)
    except Exception as error:  # An endpoint that breaks is an endpoint that fails.
        return "no", f"{type(error).__name__}: {error}"
    return "yes", ""


def main(arguments):
    endpoints, only, report = {}, "", None
    rest = iter(arguments)
    for argument in rest:
        if argument == "--only":
            only = next(rest)
        elif argument == "--json":
            report = next(rest)
        else:
            name, url = argument.split("=", 1)
            endpoints[name] = url.rstrip("/")
            assert urllib.parse.urlsplit(url).hostname == "127.0.0.1", "only this machine is asked"
    probes = yaml.safe_load((pathlib.Path(__file__).parent / "probes.yaml").read_text())
    chosen = [(number, it) for number, it in enumerate(probes, 1) if only in it["name"]]
    results = {name: [] for name in endpoints}
    print("| Probe | " + " | ".join(endpoints) + " |")
    print("|---|" + ":-:|" * len(endpoints))
    for number, probe in chosen:
        row = []
        for name, endpoint in endpoints.items():
            result, why = outcome(probe, number, name, endpoint)
            results[name].append({"probe": probe["name"], "result": result, "why": why})
            row.append(result)
        print(f"| {probe['name']} | " + " | ".join(row) + " |", flush=True)
    counts = []
    for rows in results.values():
        asked = [it for it in rows if it["result"] != "–"]
        counts.append(f"{sum(it['result'] == 'yes' for it in asked)} of {len(asked)}")
    print("| **passed** | " + " | ".join(counts) + " |")
    if report:
        pathlib.Path(report).write_text(json.dumps(results, indent=1, ensure_ascii=False))
    failed = [it for it in results.get("kumiki", []) if it["result"] == "no"]
    for it in failed:
        print(f"\n{it['probe']}: {it['why']}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
