#!/usr/bin/env bash
# Builds kube-apiserver from Debian 12's source package `kubernetes` into a cache, once, and prints where it is.
# usage: build_kube_apiserver.sh [--where]     --where only prints the path, built or not
#
# /etc/apt is read and not touched: deb-src entries are made from its sources in a directory of our own. An interrupted
# build goes on where it was with the next call; a second one at the same time waits for the first.
set -euo pipefail

version=1.20.2  # Debian 12's; the system tests know its API
cache=${XDG_CACHE_HOME:-$HOME/.cache}/trivet
target=$cache/kube-apiserver-$version
program=$target/kube-apiserver
work=$target.building
kubernetes=k8s.io/kubernetes
source_tree=$work/gopath/src/$kubernetes  # where GOPATH mode looks for it
reflect2=/usr/share/gocode/src/github.com/modern-go/reflect2
disk_kib_min=$((4 * 1024 * 1024))  # sources 0.3 GiB, Go's build cache 2 GiB, programs

say() { echo "kube-apiserver: $*" >&2; }
fail() { say "$*"; exit 1; }

check_requirements() {
    local missing=()
    command -v go >/dev/null || missing+=(golang-go)
    command -v dpkg-source >/dev/null || missing+=(dpkg-dev)
    command -v patch >/dev/null || missing+=(patch)
    [ -d "$reflect2" ] || missing+=(golang-github-modern-go-reflect2-dev)
    [ ${#missing[@]} -eq 0 ] || fail "not built, missing packages: ${missing[*]}"
    case $(go env GOVERSION) in
        go1.19*) ;;
        *) fail "not built: it needs Debian 12's Go 1.19, and 'go' is $(go env GOVERSION) at $(command -v go)" ;;
    esac
    local free
    free=$(df --output=avail -k "$cache" | tail -1)
    [ "$free" -ge $disk_kib_min ] ||
        fail "not built: $((disk_kib_min / 1024)) MiB are needed in $cache, $((free / 1024)) are free"
}

# ---- the source ---------------------------------------------------------------------------------
# Entries for sources from those for packages: of each form that apt knows.
write_apt_sources() {
    local file
    rm -rf "$work/apt"
    mkdir -p "$work/apt/sources.list.d" "$work/apt/lists/partial" "$work/apt/cache/archives/partial"
    : >"$work/apt/sources.list"
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ -f "$file" ] && sed -nE 's/^[[:space:]]*deb(-src)?[[:space:]]/deb-src /p' "$file" >>"$work/apt/sources.list"
    done
    sort -u -o "$work/apt/sources.list" "$work/apt/sources.list"
    for file in /etc/apt/sources.list.d/*.sources; do
        [ -f "$file" ] && sed -E 's/^Types:.*/Types: deb-src/' "$file" >"$work/apt/sources.list.d/${file##*/}"
    done
    return 0
}

with_our_sources() {  # with_our_sources COMMAND... of apt-get; as the caller: apt's own user may not enter this directory
    apt-get -q -o Dir::Etc::sourcelist="$work/apt/sources.list" -o Dir::Etc::sourceparts="$work/apt/sources.list.d" \
        -o Dir::State::lists="$work/apt/lists" -o Dir::Cache="$work/apt/cache" -o APT::Sandbox::User="$(id -un)" "$@" >&2
}

described() { compgen -G "$work/download/kubernetes_*.dsc" || true; }

download() {
    [ -n "$(described)" ] && return
    say "fetching the source package"
    write_apt_sources
    rm -rf "$work/download.partial" && mkdir -p "$work/download.partial"
    with_our_sources update || fail "not built: apt could not read the indexes of sources"
    (cd "$work/download.partial" && with_our_sources source --download-only kubernetes) ||
        fail "not built: no source package 'kubernetes' could be fetched with the entries of /etc/apt as deb-src"
    mv "$work/download.partial" "$work/download"
}

unpack() {
    [ -d "$source_tree" ] && return
    local partial=$work/source.partial name
    name=$(basename "$(described)")
    case $name in
        *"$version"*.dsc) ;;
        *) fail "not built: wanted the source of $version, and apt gave $name" ;;
    esac
    say "unpacking"
    rm -rf "$partial" && mkdir -p "${source_tree%/*}"
    # apt has checked the files against the signed index; dpkg-source has no key for the uploader's own signature.
    dpkg-source --no-check -x "$(described)" "$partial" >"$work/unpack.log" 2>&1 ||
        { cat "$work/unpack.log" >&2; fail "not built: the source package cannot be unpacked"; }
    # The vendored 1.0.1 reads the runtime's types as they were before Go 1.18, and crashes.
    rm -rf "$partial/vendor/github.com/modern-go/reflect2"
    cp -r "$reflect2" "$partial/vendor/github.com/modern-go/reflect2"
    mv "$partial" "$source_tree"
}

# ---- the program --------------------------------------------------------------------------------
go_build() {  # go_build OUTPUT PACKAGE [FLAG...]
    local output=$1 package=$2; shift 2
    (cd "$source_tree" && go build -o "$output" "$@" "$package") >&2 || fail "not built: the compiler failed on $package"
}

# The packages that ask for an OpenAPI description, as the Makefile finds them.
described_packages() {
    (
        cd "$source_tree"
        # Vendored packages are links into staging: -R follows them.
        grep -Rl --include='*.go' '^// *+k8s:openapi-gen=' cmd pkg plugin vendor/k8s.io |
            grep -vE '^vendor/k8s.io/(code-generator|sample-apiserver)/' | xargs -n1 dirname | LC_ALL=C sort -u |
            sed "s#^#$kubernetes/#" | paste -sd,
    )
}

generate_openapi() {
    say "generating the description of its API"
    go_build "$work/openapi-gen" ./vendor/k8s.io/kube-openapi/cmd/openapi-gen
    (
        cd "$source_tree"
        "$work/openapi-gen" --logtostderr -i "$(described_packages)" -p $kubernetes/pkg/generated/openapi \
            -O zz_generated.openapi -h vendor/k8s.io/code-generator/hack/boilerplate.go.txt -r "$work/violations"
    ) 2>"$work/openapi.log" || { tail -20 "$work/openapi.log" >&2; fail "not built: openapi-gen failed"; }
}

compile() {
    say "compiling, about ten minutes on two cores"
    local package flags=(-s -w)
    for package in component-base client-go/pkg; do  # the log's version, and the one that /version answers
        package=$kubernetes/vendor/k8s.io/$package/version
        flags+=("-X $package.gitVersion=v$version" "-X $package.gitMajor=1" "-X $package.gitMinor=20")
    done
    go_build "$work/kube-apiserver" ./cmd/kube-apiserver -ldflags "${flags[*]}"
}

install_program() {
    [[ $("$work/kube-apiserver" --version) == *"v$version"* ]] || fail "not built: the new program does not start"
    mkdir -p "$target"
    mv "$work/kube-apiserver" "$program"  # one rename: whoever looks finds all of it or nothing
    rm -rf "$work"
}

main() {
    case ${1:-} in
        --where) echo "$program"; return ;;
        "") ;;
        *) fail "unknown option '$1'" ;;
    esac
    if [ ! -x "$program" ]; then
        mkdir -p "$work"
        exec {lock}>"$cache/kube-apiserver.lock"
        flock "$lock"
    fi
    if [ ! -x "$program" ]; then  # nobody has built it while we waited
        check_requirements
        mkdir -p "$work"
        rm -rf "$work"/go-build*  # the compiler's, of a call that was interrupted
        export GO111MODULE=off GOPATH=$work/gopath GOCACHE=$work/go-cache GOTMPDIR=$work CGO_ENABLED=0 GOFLAGS=
        download
        unpack
        generate_openapi
        compile
        install_program
        say "built: $program"
    fi
    echo "$program"
}

main "$@"
