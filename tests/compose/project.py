"""The services of docker-compose.yaml as one run of a test."""
import json
import os
import re
import subprocess
import tempfile

from engine import ROOT, call, expect, say, wait_until, works

# Of a run with its containers.
RUN_SECONDS = 240


class Project:
    """The services of docker-compose.yaml under a name of their own; gone at the end, with their volumes."""

    def __init__(self, name, **variables):
        self.name = f"lockstep-test-{os.getpid()}-{name}"
        # Nothing from the caller's environment changes what is tested.
        ours = re.findall(r"\$\{([A-Z_]+)", (ROOT / "docker-compose.yaml").read_text())
        self.environment = {key: value for key, value in os.environ.items() if key not in ours}
        self.environment.update({key: str(value) for key, value in variables.items()})
        compose = ["docker", "compose"] if works("docker", "compose", "version") else ["docker-compose"]
        self.command = [*compose, "--project-name", self.name, "--file", str(ROOT / "docker-compose.yaml")]
        # A file of the caller's (.env) would change it too.
        self.no_variables = tempfile.NamedTemporaryFile(prefix="lockstep-no-variables.")
        self.command += ["--env-file", self.no_variables.name]

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if kind:
            say(self.compose("logs", "--no-color", "--tail", "40", check=False))
        # What failed first is what is told.
        self.compose("down", "--volumes", "--timeout", "30", check=not kind)
        for what in ("container", "volume", "network"):
            every = ["--all"] if what == "container" else []
            left = call("docker", what, "ls", "--quiet", *every, "--filter",
                        f"label=com.docker.compose.project={self.name}").split()
            expect(kind or not left, f"{what} left after down: {left}")

    def compose(self, *arguments, check=True, timeout=RUN_SECONDS):
        return call(*self.command, *arguments, check=check, timeout=timeout, env=self.environment)

    def run(self, *arguments, build="--no-build", timeout=RUN_SECONDS):
        """The documented call, but for --build: its exit code and output."""
        done = subprocess.run([*self.command, "up", build, "--abort-on-container-exit", "--exit-code-from", "verifier",
                               *arguments], cwd=ROOT, env=self.environment, timeout=timeout, text=True,
                              errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              stdin=subprocess.DEVNULL)
        return done.returncode, done.stdout

    def start(self, *arguments):
        self.compose("up", "--no-build", "--detach", *arguments)

    def start_server(self):
        """Alone, and until it answers."""
        self.start("postgres")
        wait_until(lambda: self.health("postgres") == ["healthy"], 60, "postgres is healthy")

    def containers(self, service=None):
        command = ["docker", "ps", "--all", "--quiet", "--filter", f"label=com.docker.compose.project={self.name}"]
        if service:
            command += ["--filter", f"label=com.docker.compose.service={service}"]
        return [json.loads(call("docker", "inspect", each))[0] for each in call(*command).split()]

    def health(self, service):
        return [each["State"].get("Health", {}).get("Status") for each in self.containers(service)]

    def sql(self, statement, role="lockstep"):
        """Through the server's own port, as the role, with the password that the volume has."""
        kind = "owner" if role == "lockstep" else role
        script = (f'PGPASSWORD=$(cat /var/lib/lockstep/{kind}/password) exec psql --no-psqlrc -At -h 127.0.0.1 '
                  f'-U {role} lockstep -c "$1" 2>&1')
        container = self.containers("postgres")[0]["Id"]
        return call("docker", "exec", container, "bash", "-c", script, "psql", statement, check=False).strip()

    def transactions(self):
        """How many the run has begun; 0 while there is no run, or no server."""
        schema = self.sql(r"SELECT nspname FROM pg_namespace WHERE nspname LIKE 'lockstep\_%'")
        number = self.sql(f"SELECT max(transaction_id) FROM {schema}.session")
        return int(number) if number.isdigit() else 0

    def go_on(self, transactions):
        """Returns when so many more have been begun."""
        goal = self.transactions() + transactions
        wait_until(lambda: self.transactions() >= goal, 60, f"{transactions} more transactions")

    def logs(self):
        return self.compose("logs", "--no-color")

    def verdict(self, seconds=RUN_SECONDS):
        """Of a detached run: the verifier's exit code and what it said."""
        container = self.containers("verifier")[0]["Id"]
        code = int(call("docker", "wait", container, timeout=seconds))
        return code, call("docker", "logs", container)
