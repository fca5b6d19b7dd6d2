#!/usr/bin/env bash
# Proves the include graph of docs/internals/layout.md from the sources: who may include whom.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
declare -A allowed=(
    [core]="core"
    [store]="store core"
    [announce]="announce core"
    [dataplane]="dataplane core"
    [api]="api core"
    [cli]="cli api/model core"
    [cloud]="cloud api/model core"
    [daemon]="daemon core store announce dataplane api"
)
status=0
for folder in "${!allowed[@]}"; do
    while IFS=: read -r file line include; do
        included=${include#*\"}; included=${included%\"*}
        permitted=no
        for prefix in ${allowed[$folder]}; do
            [[ $included == "$prefix"/* ]] && permitted=yes
        done
        # api/model is shared with cli and cloud, so it sees core alone.
        if [[ $file == api/model/* && $included != api/model/* && $included != core/* ]]; then permitted=no; fi
        if [ $permitted = no ]; then
            echo "$file:$line: $folder/ must not include $included" >&2
            status=1
        fi
    done < <(git ls-files "$folder/*.cpp" "$folder/*.hpp" | xargs -r grep -nE '^#include "[a-z_]+/' /dev/null || true)
done
[ $status = 0 ] && echo "layering: every include is allowed"
exit $status
