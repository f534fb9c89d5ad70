"""Keys, clocks, clusters with a sign-in, TLS and proxies, with the release programs."""
import base64
import json
import time
import urllib.request

from botocore.credentials import Credentials

import proxies
from fleet_run import FleetRun
from operations import program

REGION = "us-east-1"


def run(aws, say) -> dict:
    fleet = aws.fleet("ground")
    work = FleetRun(fleet, aws.folder)
    figures = {"identities": identities(aws, fleet)}
    say(f"  {figures['identities']} kinds of wrong keys and clocks have a message of their own")
    web_identity(aws, fleet)
    say("  web identity works")
    figures["clusters"] = clusters(aws, fleet, say)
    forwarding(fleet)
    say("  the proxy is used, and not where NO_PROXY says so")
    figures |= rotation(aws, say)
    return figures


def session(aws, fleet, role: str, seconds: int = 3600) -> dict[str, str]:
    arn = f"arn:aws:iam::000000000000:role/{fleet.name}-{role}"
    given = aws.client("sts").assume_role(RoleArn=arn, RoleSessionName="test", DurationSeconds=seconds)["Credentials"]
    return {"AWS_ACCESS_KEY_ID": given["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"], "AWS_SESSION_TOKEN": given["SessionToken"]}


def identities(aws, fleet) -> int:
    """`--check` of the worker with good and bad keys and with a wrong clock."""
    base = {k: v for k, v in fleet.worker("ingest-worker").items() if not k.startswith("AWS_CONTAINER")}
    good = session(aws, fleet, "ingest-worker")
    short = session(aws, fleet, "ingest-worker", seconds=1)
    time.sleep(2)
    unknown, wrong, fine = "does not know these credentials", "the secret access key is wrong", "ok    INGEST_QUEUE_URL"
    cases = [
        ("right keys", good, [], 0, fine),
        ("a wrong secret", good | {"AWS_SECRET_ACCESS_KEY": "canary-secret-" + "x" * 26}, [], 69, wrong),
        ("no token", good | {"AWS_SESSION_TOKEN": ""}, [], 69, unknown),
        ("a garbage token", good | {"AWS_SESSION_TOKEN": "canary-token=="}, [], 69, unknown),
        ("an unknown key", good | {"AWS_ACCESS_KEY_ID": "ASIAUNKNOWNUNKNOWN00"}, [], 69, unknown),
        ("an expired token", short, [], 69, "have expired"),
        ("a clock one hour ahead", good, ["faketime", "-f", "+1h"], 0, fine),
        ("a clock one hour behind", good, ["faketime", "-f", "-1h"], 0, fine),
        ("a wrong secret and a wrong clock", good | {"AWS_SECRET_ACCESS_KEY": "canary-secret-" + "x" * 26}, ["faketime", "-f", "+1h"], 69, wrong),
    ]
    for what, keys, before, code, words in cases:
        done = program("ingest-worker", base | keys, "--check", before=before)
        logged = done.stdout + done.stderr
        assert done.returncode == code and words in logged, f"{what}: exit {done.returncode}, logged:\n{logged}"
        for secret in ("canary", keys["AWS_SECRET_ACCESS_KEY"], good["AWS_SESSION_TOKEN"]):
            assert secret not in logged, f"{what}: a secret is logged"
    return len(cases)


def web_identity(aws, fleet) -> None:
    """The role of a service account of Kubernetes: the provider is known to IAM and trusted by the role, the token is in a file."""
    issuer = "oidc.example.test/id/1"
    provider = fleet.iam.create_open_id_connect_provider(Url=f"https://{issuer}", ClientIDList=["sts.amazonaws.com"], ThumbprintList=["0" * 40])["OpenIDConnectProviderArn"]
    condition = {"StringEquals": {f"{issuer}:sub": "system:serviceaccount:fleet:ingest"}}
    statement = {"Effect": "Allow", "Principal": {"Federated": provider}, "Action": "sts:AssumeRoleWithWebIdentity", "Condition": condition}
    role = f"{fleet.name}-ingest-worker"
    trust = fleet.iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
    fleet.iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(trust | {"Statement": trust["Statement"] + [statement]}))

    def token(subject: str) -> str:
        claims = {"iss": f"https://{issuer}", "sub": subject, "aud": "sts.amazonaws.com", "exp": int(time.time()) + 600}
        return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in ({"alg": "RS256"}, claims)) + ".c2ln"

    path = aws.folder / "token"
    base = {k: v for k, v in fleet.worker("ingest-worker").items() if not k.startswith("AWS_CONTAINER")}
    base |= {"AWS_WEB_IDENTITY_TOKEN_FILE": str(path), "AWS_ROLE_ARN": f"arn:aws:iam::000000000000:role/{role}"}
    path.write_text(token("system:serviceaccount:fleet:ingest") + "\n")
    done = program("ingest-worker", base, "--check")
    assert done.returncode == 0, done.stdout + done.stderr
    path.write_text(token("system:serviceaccount:other:ingest"))
    done = program("ingest-worker", base, "--check")
    assert done.returncode == 69 and "STS refused AssumeRoleWithWebIdentity" in done.stdout, done.stdout + done.stderr


def clusters(aws, fleet, say) -> int:
    """`ingestctl` on a cluster that asks for a signature, for a password, and over TLS."""
    keys = Credentials("AKIDCLUSTER", "cluster-canary-secret", "cluster/token==")
    signing = {"AWS_ACCESS_KEY_ID": keys.access_key, "AWS_SECRET_ACCESS_KEY": keys.secret_key, "AWS_SESSION_TOKEN": keys.token}
    basic = {"OPENSEARCH_AUTH": "basic", "OPENSEARCH_USER": "fleet", "OPENSEARCH_PASSWORD": "canary pässword"}
    authority = proxies.Authority(aws.folder / "tls")
    node, count = aws.node.url, 0

    def ask(what: str, server, settings: dict, code: int, words: str = "") -> None:
        nonlocal count
        count += 1
        url = server.url.replace("127.0.0.1", settings.pop("HOST", "127.0.0.1"))
        environment = fleet.operator() | {"OPENSEARCH_URL": url} | settings
        done = program("ingestctl", environment, "status", "--json")
        logged = done.stdout + done.stderr
        assert done.returncode == code and words in logged, f"{what}: exit {done.returncode}, logged:\n{logged}"
        assert "canary" not in logged, f"{what}: a secret is logged"
        if code == 0:
            again = program("ingestctl", environment, "setup")
            assert again.returncode == 0, f"{what}: setup: {again.stderr}"

    for service in ("es", "aoss"):
        with proxies.signature_guard(node, service, REGION, keys) as server:
            ask(f"{service}, right keys", server, signing | {"OPENSEARCH_AUTH": service}, 0)
            ask(f"{service}, wrong secret", server, signing | {"OPENSEARCH_AUTH": service, "AWS_SECRET_ACCESS_KEY": "canary"}, 77, "secret access key is wrong")
            ask(f"{service}, no sign-in", server, {}, 77, "OPENSEARCH_AUTH")
    say("  clusters that verify signatures of es and aoss")
    with proxies.password_guard(node, "fleet", "canary pässword") as server:
        ask("password", server, dict(basic), 0)
        ask("wrong password", server, basic | {"OPENSEARCH_PASSWORD": "canary"}, 77, "OPENSEARCH_PASSWORD")
    own = {"AWS_CA_BUNDLE": str(authority.certificate)}
    with proxies.password_guard(node, "fleet", "canary pässword", authority.issue("good", "IP:127.0.0.1,DNS:localhost")) as server:
        ask("an authority of our own", server, basic | own, 0)
        ask("the same by name", server, basic | own | {"HOST": "localhost"}, 0)
        ask("an unknown authority", server, dict(basic), 69, "AWS_CA_BUNDLE")
    with proxies.password_guard(node, "fleet", "canary pässword", authority.issue("other", "DNS:other.example")) as server:
        ask("another host's certificate", server, basic | own, 69, "certificate")
    with proxies.password_guard(node, "fleet", "canary pässword", authority.issue("expired", "IP:127.0.0.1", ["faketime", "-f", "-9d"])) as server:
        ask("an expired certificate", server, basic | own, 69, "certificate")
    say("  a cluster with a password; TLS of our own authority, of another host, expired")
    return count


def forwarding(fleet) -> None:
    environment = fleet.worker("ingest-worker")
    with proxies.forward_proxy() as proxy:
        through = environment | {"http_proxy": proxy.url}
        done = program("ingest-worker", through, "--check")
        assert done.returncode == 0, done.stdout + done.stderr
        assert any(line.startswith("POST http://") for line in proxy.seen) and any("_cluster" in line or "GET http://" in line for line in proxy.seen), proxy.seen
        assert not any(environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"].split("?")[0] in line for line in proxy.seen), "keys were asked through a proxy"
        proxy.seen.clear()
        done = program("ingest-worker", through | {"NO_PROXY": "127.0.0.1,example.com"}, "--check")
        assert done.returncode == 0 and not proxy.seen, (done.stdout, proxy.seen)


def rotation(aws, say) -> dict:
    """Keys of 3 seconds, through a run of 200 documents."""
    fleet = aws.fleet("rotation")
    work = FleetRun(fleet, aws.folder, {"CONCURRENCY": "2", "POLL_SECONDS": "1"})
    before = credential_fetches(aws)
    work.start("ingest-worker", session_seconds=3)
    work.start("embed-worker", session_seconds=3)
    begun = time.monotonic()
    for number in range(200):
        fleet.put(f"docs/{number}.txt", f"Document {number} of a run in which the keys change.".encode())
        time.sleep(0.05)
    fleet.wait_until_drained(120, alive=work.alive)
    seconds = time.monotonic() - begun
    status = work.status()
    retries = sum(work.metric(name, "ingest_messages_retried_total") for name in work.workers)
    work.stop()
    rotations = credential_fetches(aws) - before
    dead = fleet.depth("events-dead") + fleet.depth("chunks-dead")
    assert status["live"] == 200 and status["rejected"] == 0 and dead == 0, status
    assert rotations >= 6, f"the keys changed only {rotations} times"
    assert retries == 0, f"{retries} messages came late"
    say(f"  200 documents with keys of 3 seconds: {rotations} times new ones, {retries} messages late")
    return {"documents": 200, "rotations": rotations, "late_messages": retries, "seconds": round(seconds, 1)}


def credential_fetches(aws) -> int:
    return len(json.load(urllib.request.urlopen(f"{aws.credentials_url}/issued", timeout=5)))
