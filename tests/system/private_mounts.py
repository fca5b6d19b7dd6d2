"""Programs that see other files than the machine's: users that it does not have, directories of their own.

The files are bound over the machine's in a mount namespace of the one process, so that nothing outside it changes.
"""
import functools
import os
import subprocess

from harness import Skip, run

# Binds SOURCE over TARGET for each pair before "--", then becomes the command behind it.
BIND = 'set -e; while [ "$1" != -- ]; do mount --bind "$1" "$2"; shift 2; done; shift; exec "$@"'


@functools.cache
def private_namespace():
    """The words that give a process mounts of its own."""
    if subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode == 0:
        return ("unshare", "-m")  # nothing propagates out of it
    # In a chroot that is no mount point unshare cannot promise that. Whether a mount would be seen outside is then
    # tried with one that changes nothing.
    keep = ("unshare", "-m", "--propagation", "unchanged")
    if subprocess.run([*keep, "true"], capture_output=True, check=False).returncode != 0:
        raise Skip("the kernel or the container allows no mount namespaces")
    probe = 'mount --bind /etc/passwd /etc/passwd || exit 3; grep -c " /etc/passwd " "$1"'
    seen = run(*keep, "sh", "-c", probe, "sh", f"/proc/{os.getpid()}/mountinfo", check=False)
    if seen.returncode == 3:
        raise Skip("the kernel or the container allows no mounts")
    if seen.stdout.strip() != "0":
        run("umount", "/etc/passwd", check=False)
        raise Skip("mounts of a namespace would be seen by the whole machine")
    return keep


def bound(pairs):
    """Words before a command: it runs with each source bound over its target."""
    words = [str(word) for pair in pairs for word in pair]
    return (*private_namespace(), "sh", "-c", BIND, "sh", *words, "--")


def account_files(directory, users=(), groups=()):
    """Copies of passwd and group with lines added that the machine lacks, as pairs for bound()."""
    pairs = []
    for name, lines in (("passwd", users), ("group", groups)):
        with open(f"/etc/{name}") as file:
            text = file.read()
        if text and not text.endswith("\n"):
            text += "\n"
        known = {line.split(":")[0] for line in text.splitlines()}
        text += "".join(line + "\n" for line in lines if line.split(":")[0] not in known)
        copy = directory / name
        copy.write_text(text)
        copy.chmod(0o644)
        pairs.append((copy, f"/etc/{name}"))
    return pairs
