"""Tries `kumiki serve` with AWS's own clients, and measures it beside ministack and moto.

    clients.py probes|service|bench KUMIKI TOOLS [PROJECT]

Starts what it needs on ports of this machine, asks, and ends it. `probes` scores every endpoint by
probes/probes.yaml; `service` creates the service account with `aws` alone; `bench` takes the time of
creating it, or of the largest part of it that a peer manages.
"""

import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = pathlib.Path(__file__).parent
REGION = "ap-northeast-1"


def free_port():
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]


@contextlib.contextmanager
def running(command, port, **environment):
    """A program that listens on a port, until the block ends."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, env=os.environ | environment, start_new_session=True
        )
        try:
            ends = time.monotonic() + 60
            while time.monotonic() < ends:
                if process.poll() is not None:
                    log.seek(0)
                    raise SystemExit(f"{command[0]} ended: {log.read().decode()[-500:]}")
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                time.sleep(0.05)
            yield f"http://127.0.0.1:{port}"
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()


def kumiki(binary, state, *more):
    port = free_port()
    command = [binary, "serve", "--port", str(port), "--state", f"{state}/state", *more]
    return running(command, port)


def ministack(tools):
    port = free_port()
    command = [f"{tools}/emulators/bin/ministack"]
    return running(
        command, port, BIND_HOST="127.0.0.1", IOT_MTLS_ENABLED="0", GATEWAY_PORT=str(port), AUTH="true"
    )


def moto(tools):
    port = free_port()
    return running([f"{tools}/clients/bin/moto_server", "-H", "127.0.0.1", "-p", str(port)], port)


def probes(binary, tools):
    with tempfile.TemporaryDirectory() as state, contextlib.ExitStack() as stack:
        ours = stack.enter_context(kumiki(binary, state, "--fail", "StuckQueue:rollback"))
        endpoints = [f"kumiki={ours}", f"ministack={stack.enter_context(ministack(tools))}"]
        # moto reads the bucket from the host or the path of AWS's own URLs only.
        endpoints.append(f"moto={stack.enter_context(moto(tools))}#https://s3.amazonaws.com")
        return subprocess.call([sys.executable, HERE / "probes/probes.py", *endpoints])


def service(binary, project):
    with tempfile.TemporaryDirectory() as state, kumiki(binary, state) as url:
        path = f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"
        return subprocess.call(
            [HERE / "service.sh", url, project, f"{state}/work"], env=os.environ | {"PATH": path}
        )


class Bench:
    """One endpoint, asked by one client."""

    def __init__(self, url):
        import boto3
        import botocore.config

        config = botocore.config.Config(
            retries={"total_max_attempts": 1}, read_timeout=600, s3={"addressing_style": "path"}
        )
        session = boto3.session.Session("000000000000", "kumiki", region_name=REGION)
        self.cloudformation = session.client("cloudformation", endpoint_url=url, config=config)
        self.s3 = session.client("s3", endpoint_url=url, config=config)

    def create(self, name, body=None, url=None, parameters=()):
        """The seconds until a stack is created, or nothing when it is not."""
        template = {"TemplateBody": body} if url is None else {"TemplateURL": url}
        started = time.perf_counter()
        try:
            self.cloudformation.create_stack(
                StackName=name, Parameters=list(parameters), Capabilities=["CAPABILITY_NAMED_IAM"], **template
            )
            while True:
                answer = self.cloudformation.describe_stacks(StackName=name)["Stacks"][0]
                if not answer["StackStatus"].endswith("_IN_PROGRESS"):
                    break
                time.sleep(0.005)
        except Exception as error:
            return None, str(error)[:120]
        seconds = time.perf_counter() - started
        if answer["StackStatus"] != "CREATE_COMPLETE":
            return None, answer["StackStatus"]
        return seconds, answer


def values(file, **changed):
    given = {it["ParameterKey"]: it["ParameterValue"] for it in json.loads(file.read_text())} | changed
    return [{"ParameterKey": name, "ParameterValue": it} for name, it in given.items()]


def package(bench, project, templates):
    """Puts every template into a bucket; the root names the others there. The root's own URL."""
    bucket = "bench-templates"
    bench.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    root = (project / "stack.yaml").read_text()
    for file in sorted(project.glob("nested/*/*.yaml")):
        key = str(file.relative_to(project))
        bench.s3.put_object(Bucket=bucket, Key=key, Body=file.read_bytes())
    root = root.replace("TemplateURL: nested/", f"TemplateURL: {templates}/{bucket}/nested/")
    bench.s3.put_object(Bucket=bucket, Key="stack.yaml", Body=root.encode())
    return f"{templates}/{bucket}/stack.yaml"


STATES = {"on disk": None}
if os.path.isdir("/dev/shm"):
    STATES["in memory"] = "/dev/shm"

GATES = {
    "ServicesEnabled": "false",
    "PinDesiredCount": "true",
    "BootstrapOwner": "true",
    # What is read from roots in other Regions is not asked of a peer.
    "EdgeEnabled": "false",
    "DrEnabled": "false",
}


def parts(ours, project):
    """The stacks under a root that was created, in the order in which they were: name, template,
    parameters and outputs, so that they can be created one by one where nothing can be nested."""
    root = (project / "stack.yaml").read_text()
    nested = r"^  (\w+):\n(?:    .*\n|\n)*?      TemplateURL: (\S+)"
    files = {name: project / file for name, file in re.findall(nested, root, re.M)}
    pages = ours.cloudformation.get_paginator("describe_stack_events").paginate(StackName="bench")
    events = [it for page in pages for it in page["StackEvents"]]
    made = []
    for event in reversed(events):
        name = event["LogicalResourceId"]
        if event["ResourceStatus"] == "CREATE_COMPLETE" and name in files:
            id = event["PhysicalResourceId"]
            answer = ours.cloudformation.describe_stacks(StackName=id)["Stacks"][0]
            given = {it["ParameterKey"]: it["ParameterValue"] for it in answer.get("Parameters", [])}
            made.append((name, files[name].read_text(), given, outputs(answer)))
    return made


def outputs(stack):
    return {it["OutputKey"]: it["OutputValue"] for it in stack.get("Outputs", [])}


def one_by_one(bench, stacks):
    """Creates stacks in this order, each with what those before it have put out; those that were
    created, and the seconds that it took."""
    known, managed, total = {}, [], 0.0
    for stack in stacks:
        name, body, given, before = stack
        values = []
        for key, value in given.items():
            for old, new in known.items():
                value = value.replace(old, new)
            values.append({"ParameterKey": key, "ParameterValue": value})
        seconds, answer = bench.create(f"bench-{name}", body, parameters=values)
        if seconds is None:
            continue
        managed.append(stack)
        total += seconds
        now = outputs(answer)
        # Short values stand for themselves.
        known |= {old: now[key] for key, old in before.items() if len(old) > 7 and key in now}
    return managed, total


def bench(binary, tools, project):
    """Peers keep nothing, so ours is measured with its state in memory too, beside that on the disk."""
    runs = 5
    given = values(project / "parameters/dev.json", **GATES)
    flat = []
    print(f"The service root, and its stacks one by one, created by boto3; medians of {runs} runs for ours.\n")
    for where, folder in STATES.items():
        whole = []
        for _ in range(runs):
            with tempfile.TemporaryDirectory(dir=folder) as state, kumiki(binary, state) as url:
                ours = Bench(url)
                seconds, answer = ours.create("bench", url=package(ours, project, url), parameters=given)
                if seconds is None:
                    raise SystemExit(f"kumiki could not create the service root: {answer}")
                whole.append(seconds)
                flat = flat or parts(ours, project)
        print(f"- kumiki, state {where}: {len(flat) + 1} stacks, nested, in {statistics.median(whole):.3f} s")
    print("\n| Peer | Nested | One by one | Its time |", *(f"kumiki, {it} |" for it in STATES))
    print("|---|---|---:|---:|" + "---:|" * len(STATES))
    for name, start, templates in [
        ("ministack", ministack, None),
        ("moto", moto, "https://s3.amazonaws.com"),
    ]:
        with start(tools) as url:
            peer = Bench(url)
            try:
                root = package(peer, project, templates or url)
                seconds, answer = peer.create("bench", url=root, parameters=given)
            except Exception as error:
                seconds, answer = None, str(error)
            nested = f"{seconds:.2f} s" if seconds else "no: " + re.sub(r"[|\s]+", " ", answer)[:60]
            managed, total = one_by_one(peer, flat)
        row = f"| {name} | {nested} | {len(managed)} of {len(flat)} | {total:.2f} s |"
        for folder in STATES.values():
            times = []
            for _ in range(runs):
                with tempfile.TemporaryDirectory(dir=folder) as state, kumiki(binary, state) as url:
                    again, seconds = one_by_one(Bench(url), managed)
                    times.append(seconds)
            mine = statistics.median(times)
            count = "" if len(again) == len(managed) else f" for {len(again)}"
            row += f" {mine:.2f} s{count}, {total / mine if mine else 0:.1f} times |"
        print(row, flush=True)
    return 0


def main(arguments):
    what, binary, tools, *rest = arguments
    project = pathlib.Path(rest[0] if rest else HERE.parents[2] / "infra/service").resolve()
    if what == "probes":
        return probes(binary, tools)
    if what == "service":
        return service(binary, project)
    return bench(binary, tools, project)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
