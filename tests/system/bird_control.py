"""BIRD's control socket, spoken as birdc does: codes of four digits, and blanks for "the same code"."""
import re
import socket

CODED = re.compile(r"\d{4}[- ]")


class Control:
    """One connection, for one command after the other. Raises OSError where nobody listens."""

    def __init__(self, path, timeout=10):
        self.socket = socket.socket(socket.AF_UNIX)
        try:
            self.socket.settimeout(timeout)
            self.socket.connect(str(path))
            self.stream = self.socket.makefile("rw")
            self.stream.readline()  # the greeting
        except OSError:
            self.socket.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.stream.close()
        self.socket.close()

    def ask(self, command):
        """Lines of the answer."""
        self.stream.write(command + "\n")
        self.stream.flush()
        lines = []
        for line in self.stream:
            line = line.rstrip("\n")
            if line.startswith("+"):
                continue  # something asynchronous
            coded = CODED.match(line)
            if coded and line[0] in "89":
                raise AssertionError(f"BIRD: {command}: {line}")
            lines.append(line[5:] if coded else line[1:])
            if coded and line[4] == " ":
                break
        return lines
