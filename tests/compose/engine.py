"""A Docker engine for the tests, and the Debian base images where no registry can be reached."""
import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGES = ["docker.io", "docker-compose", "debootstrap", "iptables", "ca-certificates"]


class LeftOut(Exception):
    """Something cannot be checked here, as when there is no engine and none can be started."""


class Failed(Exception):
    """A check found something else than it expects."""


def say(text):
    print(text, flush=True)


def call(*command, check=True, timeout=120, env=None):
    """Runs a command; its output, both streams, as text."""
    done = subprocess.run(command, cwd=ROOT, env=env, timeout=timeout, text=True, errors="replace",
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    if check and done.returncode != 0:
        raise Failed(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout[-8000:]}")
    return done.stdout


def works(*command, timeout=60):
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        return subprocess.run(command, cwd=ROOT, timeout=timeout, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL).returncode == 0
    return False


def expect(condition, text):
    if not condition:
        raise Failed(text)


def wait_until(condition, seconds, what):
    deadline = time.monotonic() + seconds
    while not condition():
        expect(time.monotonic() < deadline, f"{what}: not within {seconds} s")
        time.sleep(0.5)


def install_docker():
    if shutil.which("docker") and (works("docker", "compose", "version") or shutil.which("docker-compose")):
        return
    if os.geteuid() != 0:
        raise LeftOut("Docker or its compose is not installed, and only root can install it")
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    if not works("apt-get", "update", "-qq", timeout=300):
        raise LeftOut("Docker is not installed, and apt-get update failed")
    try:
        call(*install, *PACKAGES, env=environment, timeout=600)
    except Failed as failed:
        raise LeftOut(f"Docker cannot be installed: {failed}") from failed


@contextlib.contextmanager
def engine():
    """A Docker engine that answers; one that was started here ends here."""
    install_docker()
    if works("docker", "info"):
        yield
        return
    if os.geteuid() != 0 or not shutil.which("dockerd"):
        raise LeftOut("no Docker engine answers, and only root can start one")
    with tempfile.NamedTemporaryFile(prefix="lockstep-dockerd.", suffix=".log") as log:
        # In a session of its own: Ctrl-C or a time limit ends this program, which still needs the engine to clean up.
        # And no longer than this program, however that ends.
        daemon = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", "dockerd"], start_new_session=True,
                                  stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + 60
            while not works("docker", "info"):
                if daemon.poll() is not None or time.monotonic() > deadline:
                    tail = pathlib.Path(log.name).read_text(errors="replace").strip().splitlines()[-1:]
                    raise LeftOut(f"dockerd does not start here: {' '.join(tail)}")
                time.sleep(0.5)
            yield
        finally:
            daemon.terminate()
            try:
                daemon.wait(60)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()


# As the slim images have them: what nobody reads in a container stays out.
EXCLUDES = """path-exclude /usr/share/doc/*
path-exclude /usr/share/info/*
path-exclude /usr/share/lintian/overrides/*
path-exclude /usr/share/locale/*
path-exclude /usr/share/man/*
path-include /usr/share/doc/*/copyright
"""


def make_base_image(suite):
    """debian:SUITE-slim from the registry, or from Debian's packages."""
    image = f"debian:{suite}-slim"
    if works("docker", "image", "inspect", image) or works("docker", "pull", "--quiet", image, timeout=120):
        return
    if os.geteuid() != 0:
        raise LeftOut(f"{image} is not there, no registry answers, and only root can make it")
    if not shutil.which("debootstrap"):
        call("apt-get", "update", "-qq", timeout=300)
        call("apt-get", "install", "-y", "-qq", "--no-install-recommends", "debootstrap", timeout=300)
    say(f"making {image} by debootstrap")
    with tempfile.TemporaryDirectory(prefix="lockstep-base.") as directory:
        top = pathlib.Path(directory) / suite
        call("debootstrap", "--variant=minbase", suite, str(top), timeout=600)
        mirror = "http://deb.debian.org"
        # Without the security suite PostgreSQL would be an older one.
        (top / "etc/apt/sources.list").write_text(
            f"deb {mirror}/debian {suite} main\ndeb {mirror}/debian {suite}-updates main\n"
            f"deb {mirror}/debian-security {suite}-security main\n")
        (top / "etc/dpkg/dpkg.cfg.d/docker").write_text(EXCLUDES)
        # What this machine resolves names by is no part of an image.
        for name in ("etc/hostname", "etc/resolv.conf"):
            (top / name).unlink(missing_ok=True)
        for name in ("usr/share/info", "usr/share/locale", "usr/share/man", "var/cache/apt", "var/lib/apt/lists"):
            shutil.rmtree(top / name, ignore_errors=True)
            (top / name).mkdir()
        for path in (top / "usr/share/doc").rglob("*"):
            if path.is_file() and path.name != "copyright":
                path.unlink()
        archive = subprocess.Popen(["tar", "-C", str(top), "-c", "."], stdout=subprocess.PIPE)
        subprocess.run(["docker", "import", "-", image], stdin=archive.stdout, stdout=subprocess.DEVNULL, check=True)
        expect(archive.wait() == 0, f"{image}: tar failed")
