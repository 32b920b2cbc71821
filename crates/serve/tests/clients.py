"""Tries `kumiki serve` with AWS's own clients, and measures it beside ministack and moto.

    clients.py probes|service|deploy|bench KUMIKI TOOLS [PROJECT]

Starts what it needs on ports of this machine, asks, and ends it. `probes` scores every endpoint by
probes/probes.yaml; `service` creates the service account with `aws` alone; `deploy` is the other way round, `kumiki` as the
client of servers that others wrote; `bench` takes the time of
creating it, or of the largest part of it that a peer manages.
"""

import contextlib
import html
import http.client
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
import urllib.parse
import xml.etree.ElementTree

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
    """One endpoint, asked through one connection, without a client library: what is measured is the
    endpoint."""

    def __init__(self, url):
        self.connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=600)
        self.connection.connect()
        self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, service, method, path, body, **headers):
        scope = f"000000000000/20261124/{REGION}/{service}/aws4_request"
        headers |= {
            # None of them verifies it.
            "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=00",
            "X-Amz-Date": "20261124T000000Z",
        }
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        text = answer.read().decode()
        if answer.status >= 300:
            found = re.search(r"<Message>(.*?)</Message>", text, re.S)
            raise RuntimeError(html.unescape(found[1]) if found else text)
        return text

    def cloudformation(self, action, **fields):
        fields |= {"Action": action, "Version": "2010-05-15"}
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
        return self.ask("cloudformation", "POST", "/", urllib.parse.urlencode(fields), **headers)

    def put(self, path, body):
        self.ask("s3", "PUT", path, body, **{"x-amz-content-sha256": "UNSIGNED-PAYLOAD"})

    def stack(self, name):
        return xml.etree.ElementTree.fromstring(
            re.sub(r'xmlns="[^"]*"', "", self.cloudformation("DescribeStacks", StackName=name))
        ).find(".//Stacks/member")

    def create(self, name, body=None, url=None, parameters={}):
        """The seconds until a stack is created, or nothing when it is not; and the stack, or why."""
        fields = {"StackName": name, "Capabilities.member.1": "CAPABILITY_NAMED_IAM"}
        fields |= {"TemplateBody": body} if url is None else {"TemplateURL": url}
        for number, (key, value) in enumerate(parameters.items(), 1):
            fields[f"Parameters.member.{number}.ParameterKey"] = key
            fields[f"Parameters.member.{number}.ParameterValue"] = value
        started = time.perf_counter()
        try:
            self.cloudformation("CreateStack", **fields)
            while (stack := self.stack(name)).findtext("StackStatus").endswith("_IN_PROGRESS"):
                time.sleep(0.001)
        except Exception as error:
            return None, str(error)[:120]
        seconds = time.perf_counter() - started
        status = stack.findtext("StackStatus")
        return (seconds, stack) if status == "CREATE_COMPLETE" else (None, status)


def values(file, **changed):
    return {it["ParameterKey"]: it["ParameterValue"] for it in json.loads(file.read_text())} | changed


def package(bench, project, templates):
    """Puts every template into a bucket; the root names the others there. The root's own URL."""
    bench.put(
        "/bench-templates",
        '<CreateBucketConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<LocationConstraint>{REGION}</LocationConstraint></CreateBucketConfiguration>",
    )
    root = (project / "stack.yaml").read_text()
    for file in sorted(project.glob("nested/*/*.yaml")):
        bench.put(f"/bench-templates/{file.relative_to(project)}", file.read_bytes())
    root = root.replace("TemplateURL: nested/", f"TemplateURL: {templates}/bench-templates/nested/")
    bench.put("/bench-templates/stack.yaml", root.encode())
    return f"{templates}/bench-templates/stack.yaml"


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
    pages, token = [], {}
    while token is not None:
        page = ours.cloudformation("DescribeStackEvents", StackName="bench", **token)
        page = xml.etree.ElementTree.fromstring(re.sub(r'xmlns="[^"]*"', "", page))
        pages += page.iterfind(".//StackEvents/member")
        token = page.findtext(".//NextToken")
        token = token and {"NextToken": token}
    made = []
    for event in reversed(pages):
        name = event.findtext("LogicalResourceId")
        if event.findtext("ResourceStatus") == "CREATE_COMPLETE" and name in files:
            stack = ours.stack(event.findtext("PhysicalResourceId"))
            made.append((name, files[name].read_text(), pairs(stack, "Parameter"), pairs(stack, "Output")))
    return made


def pairs(stack, what):
    members = stack.iterfind(f"{what}s/member")
    return {it.findtext(f"{what}Key"): it.findtext(f"{what}Value") for it in members}


def one_by_one(bench, stacks):
    """Creates stacks in this order, each with what those before it have put out; those that were
    created, and the seconds that it took."""
    known, managed, total = {}, [], 0.0
    for stack in stacks:
        name, body, given, before = stack
        values = dict(given)
        for old, new in known.items():
            values = {key: value.replace(old, new) for key, value in values.items()}
        seconds, answer = bench.create(f"bench-{name}", body, parameters=values)
        if seconds is None:
            continue
        managed.append(stack)
        total += seconds
        now = pairs(answer, "Output")
        # Short values stand for themselves.
        known |= {old: now[key] for key, old in before.items() if len(old) > 7 and key in now}
    return managed, total


def generated():
    """Stacks that every endpoint can create: 50 of 20 resources."""
    resources = """
  Queue{0}: {{ Type: AWS::SQS::Queue, Properties: {{ QueueName: bench-{1} }} }}
  Topic{0}: {{ Type: AWS::SNS::Topic, Properties: {{ TopicName: bench-{1} }} }}
  Bucket{0}: {{ Type: AWS::S3::Bucket, Properties: {{ BucketName: bench-{1}-bucket }} }}
  Log{0}: {{ Type: AWS::Logs::LogGroup, Properties: {{ LogGroupName: /bench/{1} }} }}
  Parameter{0}: {{ Type: AWS::SSM::Parameter, Properties: {{ Name: /bench/{1}, Type: String, Value: !Ref Topic{0} }} }}"""
    for stack in range(50):
        made = (resources.format(number, f"{stack}-{number}") for number in range(4))
        yield f"Generated{stack}", "Resources:" + "".join(made), {}, {}


def bench(binary, tools, project):
    """Peers keep nothing, so ours is measured with its state in memory too, beside that on the disk."""
    runs = 5
    given = values(project / "parameters/dev.json", **GATES)
    flat = []
    print(f"The service root, and its stacks one by one, through one connection; medians of {runs} runs for ours.\n")
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

    def mine(stacks):
        """How many of these stacks ours creates, and in how many seconds, for each place of its state."""
        for folder in STATES.values():
            times = []
            for _ in range(runs):
                with tempfile.TemporaryDirectory(dir=folder) as state, kumiki(binary, state) as url:
                    managed, seconds = one_by_one(Bench(url), stacks)
                    times.append(seconds)
            yield len(managed), statistics.median(times)

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
            rows = [(nested, flat, *one_by_one(peer, flat))]
            made = list(generated())
            rows.append(("generated", made, *one_by_one(peer, made)))
        for nested, stacks, managed, total in rows:
            row = f"| {name} | {nested} | {len(managed)} of {len(stacks)} | {total:.2f} s |"
            for again, seconds in mine(managed):
                count = "" if again == len(managed) else f" for {again}"
                row += f" {seconds:.2f} s{count}, {total / seconds if seconds else 0:.1f} times |"
            print(row, flush=True)
    return 0


def deploy(binary, tools, project):
    """`kumiki --target aws` against servers that others wrote. None of them takes the nested root, so
    its stacks are deployed one by one, each as a root of its own, with what those before it put out."""
    with tempfile.TemporaryDirectory() as state, kumiki(binary, state) as url:
        ours = Bench(url)
        given = values(project / "parameters/dev.json", **GATES)
        seconds, answer = ours.create("bench", url=package(ours, project, url), parameters=given)
        if seconds is None:
            raise SystemExit(f"kumiki could not create the service root: {answer}")
        flat = parts(ours, project)
    # What every server can do has to be done everywhere, and what ours can do on ours.
    common = list(generated())[:5]
    every = {name for name, *_ in common}
    for peer, start in [
        ("kumiki serve", lambda _: kumiki(binary, folder)),
        ("ministack", ministack),
        ("moto", moto),
    ]:
        with tempfile.TemporaryDirectory() as folder, start(tools) as url:
            managed, refused = deploy_flat(binary, pathlib.Path(folder), url, common + flat)
        count = len(set(managed) - every)
        print(f"{peer}: {count} of {len(flat)} stacks deployed, and planned again without a change")
        for name, why in refused.items():
            print(f"  {name}: {why}")
        if not every <= set(managed) or peer == "kumiki serve" and count < len(flat):
            raise SystemExit("more was expected")
    return 0


def deploy_flat(binary, folder, url, flat):
    """Deploys stacks as roots of a project of their own: those that were, and why others were not."""
    roots = "".join(
        f"""[roots.{name}]
template = "{name}.yaml"
stack-name = "flat-{name}"
region = "{REGION}"
parameters = "{name}.json"
"""
        for name, *_ in flat
    )
    (folder / "kumiki.toml").write_text(roots + "[environments.dev]\n")
    for name, body, given, _ in flat:
        (folder / f"{name}.yaml").write_text(body)
        (folder / f"{name}.json").write_text(json.dumps(given))
    environment = os.environ | {
        "AWS_ACCESS_KEY_ID": "000000000000",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "2",
        "LC_ALL": "C.UTF-8",
    }

    def run(command, name, *more):
        words = [binary, command, "dev", "--root", name, "--project", folder, *more]
        words += ["--target", "aws", "--endpoint-url", url, "--json"]
        done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=120)
        return done.returncode, json.loads(done.stdout or "{}"), done.stderr

    known, managed, refused = {}, [], {}
    for name, _, given, before in flat:
        now = dict(given)
        for old, new in known.items():
            now = {key: value.replace(old, new) for key, value in now.items()}
        (folder / f"{name}.json").write_text(json.dumps(now))
        code, said, error = run("up", name, "--yes")
        # A peer shows resources too whose conditions do not hold; that it does not make them is seen
        # by the plan after it.
        if allow := re.findall(r"--allow \S+[^` ]", " ".join(said.get("help", []))):
            code, said, error = run("up", name, "--yes", *" ".join(allow).split())
        left = []
        if code == 0:
            code, said, error = run("plan", name, "--detailed-exitcode")
            left = [it["logical_id"] for step in said["plan"]["steps"] for it in step["changes"]]
        if code != 0:
            finding = next(iter(said.get("findings", [])), {}).get("message")
            # It said that the stack is complete.
            missing = left and f"complete, and yet to be changed: {', '.join(left)}"
            why = said.get("error") or finding or missing or error or f"exit code {code}"
            refused[name] = re.sub(r"\s+", " ", str(why))[:150]
            continue
        managed.append(name)
        outputs = {it["name"]: it["value"] for it in run("outputs", name)[1]["outputs"]}
        known |= {old: outputs[key] for key, old in before.items() if len(old) > 7 and key in outputs}
    return managed, refused


def main(arguments):
    what, binary, tools, *rest = arguments
    project = pathlib.Path(rest[0] if rest else HERE.parents[2] / "infra/service").resolve()
    if what == "probes":
        return probes(binary, tools)
    if what == "service":
        return service(binary, project)
    if what == "deploy":
        return deploy(binary, tools, project)
    return bench(binary, tools, project)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
