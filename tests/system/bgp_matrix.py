"""Prints the interoperability matrix, case by peer, out of what the tests said.

Usage: bgp_matrix.py FILE, where FILE holds lines "bgp-matrix: PEER CASE passed|failed|n/a (REASON)|skipped (REASON)".
"""
import re
import sys

LINE = re.compile(r"^bgp-matrix: (\S+) (\S+) (passed|failed|n/a|skipped)(?: \((.*)\))?$")


def main():
    results, notes = {}, {}
    with open(sys.argv[1], errors="replace") as file:
        for line in file:
            if match := LINE.match(line.rstrip("\n")):
                peer, case, result, reason = match.groups()
                results[case, peer] = result
                if reason:
                    notes.setdefault((result, reason), []).append(f"{peer} {case}")
    if not results:
        return
    cases, peers = list(dict.fromkeys(case for case, _ in results)), sorted({peer for _, peer in results})
    title = "bgp interoperability"
    width = max(map(len, [title, *cases]))
    print(title.ljust(width) + "".join(peer.rjust(10) for peer in peers))
    for case in cases:
        print(case.ljust(width) + "".join(results.get((case, peer), "-").rjust(10) for peer in peers))
    for (result, reason), where in notes.items():
        print(f"{result}: {', '.join(where)}: {reason}")


main()
