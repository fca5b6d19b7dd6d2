"""The service's files, and the main job as the README shows it."""
import os
import pathlib
import shutil

import harness
from harness import run

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def test_systemd_analyze_verify_is_clean(lab):
    if shutil.which("systemd-analyze") is None:
        raise harness.Skip("systemd-analyze is not installed (apt package systemd)")
    # The unit names /usr/bin/lbd, which a build tree does not have: verify it with the binary that was built.
    unit = lab.dir / "lbd.service"
    unit.write_text((ROOT / "systemd/lbd.service").read_text().replace("/usr/bin/lbd", os.path.abspath(harness.LBD)))
    done = run("systemd-analyze", "verify", "--man=no", unit, check=False)
    said = (done.stdout + done.stderr).strip()
    assert done.returncode == 0 and said == "", said


def test_the_unit_of_the_shim_is_clean(lab):
    if shutil.which("systemd-analyze") is None:
        raise harness.Skip("systemd-analyze is not installed (apt package systemd)")
    shim = os.environ.get("TRIVET_SHIM", "build/dev/cloud/shim/lb-cloud-controller")
    unit = lab.dir / "lb-cloud-controller.service"
    text = (ROOT / "systemd/lb-cloud-controller.service").read_text()
    unit.write_text(text.replace("/usr/bin/lb-cloud-controller", os.path.abspath(shim)))
    done = run("systemd-analyze", "verify", "--man=no", unit, check=False)
    said = (done.stdout + done.stderr).strip()
    assert done.returncode == 0 and said == "", said


def test_sysusers_and_tmpfiles_are_accepted(lab):
    if shutil.which("systemd-sysusers") is None:
        raise harness.Skip("systemd-sysusers is not installed (apt package systemd)")
    root = lab.dir / "root"
    (root / "etc").mkdir(parents=True)
    run("systemd-sysusers", f"--root={root}", ROOT / "systemd/lbd.sysusers")
    run("systemd-sysusers", f"--root={root}", ROOT / "systemd/lb-cloud-controller.sysusers")
    assert "trivet-cloud:" in (root / "etc/passwd").read_text()
    assert "lbd:" in (root / "etc/passwd").read_text() and "lbd:" in (root / "etc/group").read_text()
    run("systemd-tmpfiles", f"--root={root}", "--create", ROOT / "systemd/lbd.tmpfiles")
    assert (root / "var/lib/lbd").stat().st_mode & 0o777 == 0o700


def test_the_demo_ends_with_0_only_when_the_page_was_fetched(lab):
    done = run("python3", ROOT / "tests/e2e/demo.py", "--lbd", harness.LBD, "--lbctl", harness.LBCTL, "--once",
               check=False, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "192.168.245.100" in done.stdout and "Hello through Trivet" in done.stdout, done.stdout


harness.main(globals())
