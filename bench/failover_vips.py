"""./dev bench failover --vips N: kill -9 of the owner of N VIPs; until all of them are announced again."""
import common


def measure(options):
    raise SystemExit("later")
