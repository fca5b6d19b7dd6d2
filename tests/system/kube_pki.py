"""Certificates and keys of a Kubernetes API server that a test starts: one authority, a server, an administrator."""
import harness

DAYS = 2  # longer than any test, shorter than anybody could come to rely on
CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")


class Pki:
    """Files in a directory; made once, kept over restarts."""

    def __init__(self, directory, server_names):
        """server_names: as in a certificate, "IP:127.0.0.1", "DNS:kubernetes"."""
        self.directory = directory
        directory.mkdir(exist_ok=True)
        self.ca_certificate, self.ca_key = directory / "ca.crt", directory / "ca.key"
        harness.run("openssl", "req", "-x509", *CURVE, "-nodes", "-days", DAYS, "-subj", "/CN=test cluster",
                    "-keyout", self.ca_key, "-out", self.ca_certificate)
        self.server = self.issue("server", "/CN=kube-apiserver", f"subjectAltName={','.join(server_names)}")
        # Groups are organisations (Kubernetes "X509 Client Certs"); this one may do everything.
        self.administrator = self.issue("admin", "/O=system:masters/CN=admin", "extendedKeyUsage=clientAuth")
        self.account_key = directory / "account.key"  # signs the tokens of service accounts
        # In the old form, "EC PRIVATE KEY": it is the only one of which it also takes the public half.
        harness.run("openssl", "ecparam", "-genkey", "-noout", "-name", "prime256v1", "-out", self.account_key)

    def issue(self, name, subject, extension):
        """A certificate of this authority; returns the paths of it and of its key."""
        certificate, key = self.directory / f"{name}.crt", self.directory / f"{name}.key"
        request, extensions = self.directory / f"{name}.csr", self.directory / f"{name}.ext"
        extensions.write_text(extension + "\n")
        harness.run("openssl", "req", "-new", *CURVE, "-nodes", "-subj", subject, "-keyout", key, "-out", request)
        harness.run("openssl", "x509", "-req", "-in", request, "-CA", self.ca_certificate, "-CAkey", self.ca_key,
                    "-CAcreateserial", "-days", DAYS, "-extfile", extensions, "-out", certificate)
        return certificate, key
