"""lb-cloud-controller as a pod runs it: no kubeconfig, the service account where kubelet puts it, and rotates its token."""
import os
import shutil

import harness
import private_mounts
from shim import Shim
from shim_scene import Scene, Trivet

ACCOUNT = "secrets/kubernetes.io/serviceaccount"  # below /var/run


class Account:
    """What kubelet keeps in a pod's /var/run: a link leads to the directory of now, and is replaced at once."""

    def __init__(self, directory, ca_file):
        self.run, self.ca_file, self.number = directory, ca_file, 0
        self.here = self.run / ACCOUNT
        self.here.mkdir(parents=True)
        for name in ("token", "ca.crt"):
            (self.here / name).symlink_to(f"..data/{name}")

    def write(self, token):
        self.number += 1
        data = self.here / f"..{self.number}"
        data.mkdir()
        (data / "token").write_text(token)
        shutil.copy(self.ca_file, data / "ca.crt")
        (self.here / "..new").symlink_to(data.name)
        os.rename(self.here / "..new", self.here / "..data")


def test_the_service_account_is_found_and_its_token_read_again(lab):
    scene = Scene(Trivet(lab))
    account = Account(lab.dir / "run", scene.directory / "double.crt")
    account.write(scene.double.token)
    host, port = scene.double.address
    scene.shim = Shim(scene.trivet.host, None, scene.servers, "c1", "pod", port=scene.shim_port,
                      wrapper=private_mounts.bound([(account.run, "/var/run")]),
                      environment={"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": str(port)})
    with scene:
        scene.create("first")
        scene.wait_shown("first")
        scene.double.token = "the-next-one"  # the one before is refused from now on
        account.write(scene.double.token)
        scene.create("second")
        scene.wait_shown("second")
        scene.double.restart()  # its watches, too, come with the new one
        scene.create("third")
        scene.wait_shown("third")


harness.main(globals())
